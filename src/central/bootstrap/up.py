"""``central up``: everything of one machine in the foreground: the embedded store first, then one process of each kind."""

from __future__ import annotations

import shutil
import sys

from central.adapters.telemetry.metrics import SHARED_FOLDER_VARIABLE, forget_process
from central.application.ports.telemetry import Telemetry
from central.bootstrap.process import open_telemetry
from central.bootstrap.store import embedded_server, prepare_store
from central.bootstrap.workers import ROLES
from central.entrypoints.supervision import Child, Foundation, Supervisor
from central.settings import Settings, child_environment


def children(settings: Settings) -> list[Child]:
    """One process of each kind, as the same program with the same settings."""
    folder = str(settings.state_dir / "metrics")
    environment = child_environment(settings, {SHARED_FOLDER_VARIABLE: folder, "CENTRAL_METRICS_DIR": folder})
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
        json_lines=settings.log_format == "json" or (settings.log_format == "auto" and not sys.stderr.isatty()),
        on_end=lambda pid: forget_process(metrics, pid),
    )
    supervisor.stop_on_signals()
    await supervisor.run()


def _foundations(settings: Settings, telemetry: Telemetry) -> list[Foundation]:
    """The embedded server, or only the migration of somebody else's."""
    server = embedded_server(settings)

    def migrate() -> None:
        applied = prepare_store(settings)
        telemetry.event("store_ready", steps=applied)

    if server is None:
        return [Foundation("schema", start=migrate, running=lambda: True, stop=lambda: None)]

    def start() -> None:
        server.start()
        migrate()

    return [Foundation("postgres", start=start, running=lambda: server.running, stop=server.stop)]
