"""The flow language: documents, widgets, checker and the pure interpreter ``step(run, event) -> (run, commands)``."""
