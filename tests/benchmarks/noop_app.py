"""A Procrastinate application whose one task does nothing."""

from __future__ import annotations

from procrastinate import App, PsycopgConnector

CONCURRENCY = 10  # of a worker; its default is 1


def noop_app(dsn: str) -> App:
    """An application with one task that does nothing."""
    app = App(connector=PsycopgConnector(conninfo=dsn, max_size=CONCURRENCY))

    @app.task(name="noop", queue="records")
    async def noop(record: str) -> None:
        del record

    return app
