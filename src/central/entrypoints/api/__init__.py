"""The HTTP API, version 1: health and the home page without a key, everything else behind one."""
