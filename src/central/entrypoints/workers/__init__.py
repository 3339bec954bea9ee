"""The loops of the worker processes: start, heartbeat, drain, stop. What a round does stands in application/."""
