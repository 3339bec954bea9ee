"""Contact lists as files: CSV, NDJSON, XLSX, and a zip of one CSV, read as a stream of incoming records (intake)."""
