"""Builds the program from its settings: the only place that knows all rooms. One module a process."""
