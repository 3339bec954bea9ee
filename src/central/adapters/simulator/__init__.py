"""The voice port on a virtual clock: simulated callees for deterministic tests, dry runs and the dispatch benchmark."""
