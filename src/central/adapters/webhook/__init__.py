"""The webhook channel: signs events (Standard Webhooks) and posts them to customers' addresses, never to our own network."""
