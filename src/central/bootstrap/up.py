"""``central up``: everything of one machine in the foreground: the embedded store first, then one process of each kind."""

from __future__ import annotations

import shutil
import sys

from central.adapters.telemetry.metrics import SHARED_FOLDER_VARIABLE, forget_process
from central.application.ports.telemetry import Telemetry
from central.bootstrap.operator import operator_key
from central.bootstrap.process import open_telemetry
from central.bootstrap.schema import embedded_server, prepare_store
from central.bootstrap.workers import ROLES
from central.entrypoints.supervision import Child, Foundation, Supervisor
from central.settings import Settings, child_environment


def children(settings: Settings) -> list[Child]:
    """One process of each kind, as the same program with the same settings."""
    folder = str(settings.state_dir / "metrics")
    more = {SHARED_FOLDER_VARIABLE: folder, "CENTRAL_METRICS_DIR": folder, "CENTRAL_LOG_FORMAT": log_format(settings)}
    environment = child_environment(settings, more)
    commands = [("api", ["serve"]), *((role, ["worker", role]) for role in ROLES), ("voice-node", ["voice-node"])]
    return [
        Child(
            name=name,
            argv=[sys.executable, "-m", "central", *arguments],
            environment=environment,
            drain_s=settings.drain_s + 10,
        )
        for name, arguments in commands
    ]


def log_format(settings: Settings) -> str:
    """The children's lines pass through our standard error: what suits it suits them."""
    if settings.log_format != "auto":
        return settings.log_format
    return "console" if sys.stderr.isatty() else "json"


async def run_up(settings: Settings) -> None:
    """Run until SIGINT or SIGTERM; a second one kills without draining."""
    telemetry = open_telemetry(settings, "up")
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    metrics = settings.state_dir / "metrics"
    shutil.rmtree(metrics, ignore_errors=True)
    metrics.mkdir(parents=True)
    supervisor = Supervisor(
        _foundations(settings, telemetry),
        lambda: children(settings),
        telemetry,
        json_lines=log_format(settings) == "json",
        on_end=lambda pid: forget_process(metrics, pid),
    )
    supervisor.stop_on_signals()
    await supervisor.run()


def _foundations(settings: Settings, telemetry: Telemetry) -> list[Foundation]:
    """The embedded server, or only the migration of somebody else's."""
    server = embedded_server(settings)

    def migrate() -> None:
        operator_key(settings)
        applied = prepare_store(settings)
        telemetry.event("store_ready", steps=applied)

    if server is None:
        return [Foundation("schema", start=migrate, running=lambda: True, stop=lambda: None)]

    def start() -> None:
        server.start()
        migrate()

    return [Foundation("postgres", start=start, running=lambda: server.running, stop=server.stop)]
