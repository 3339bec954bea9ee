"""Log (structlog) and metrics (prometheus-client) behind the port Telemetry."""
