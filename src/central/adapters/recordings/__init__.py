"""Recordings as files: the node's spool, a folder or an S3-compatible store to keep them in (path step 4)."""
