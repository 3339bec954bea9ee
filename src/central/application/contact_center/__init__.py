"""Agents, queues, and who is offered which call (path step 4b)."""
