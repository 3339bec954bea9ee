"""Step 7 of the path: what was stored is counted, listed, reported and explained; nothing is decided and nothing changed."""
