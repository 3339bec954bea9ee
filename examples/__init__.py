"""Flows, lists and the demo carrier."""
