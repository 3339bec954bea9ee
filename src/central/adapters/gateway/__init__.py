"""Gateways of short messages by HTTP: a request from a template, an answer and receipts by tables, all of it settings."""
