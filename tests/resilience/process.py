"""One process of Central as ``central ...`` would start it, with a fault port in it: ``python -m tests.resilience.process NAME ARGS``.

The program, its settings and its code are the product's. Different are only: the fault port, a door before the engine's
ARI, waits of a minute that a test has no time for, and, where ``RESILIENCE_WITHOUT_FENCE`` asks for it, SQL in which every
comparison of a fencing token holds.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

FAULTS = "RESILIENCE_FAULTS"
WITHOUT_FENCE = "RESILIENCE_WITHOUT_FENCE"
_COMPARISON = re.compile(r"\b\w+\.fence\s*=\s*\w+\.fence\b")
_LEAST_COMPARISONS = 3  # hand over, finish, extend


def take_fence_out() -> None:
    """From here on every statement is read without its fence comparisons. Raises LookupError when there are none to take."""
    from central.adapters.postgres import statements  # noqa: PLC0415 - before any store reads its statements

    plain: Callable[[str, str], dict[str, bytes]] = statements.parse_statements
    folder = Path(statements.__file__).parent / "queries"
    found = sum(len(_COMPARISON.findall(file.read_text())) for file in folder.glob("*.sql"))
    if found < _LEAST_COMPARISONS:
        raise LookupError(f"only {found} fence comparisons found in {folder}: this mutant would prove nothing")

    def parse(file: str, text: str) -> dict[str, bytes]:
        return plain(file, _COMPARISON.sub("true", text))

    statements.parse_statements = parse


def shorten_waits() -> None:
    """Waits that are right for carriers and operators and only cost time here."""
    from central.adapters.postgres import jobs  # noqa: PLC0415 - after the statements are chosen
    from central.application.dispatch import grant_shares  # noqa: PLC0415
    from central.application.tracking import reap_leases  # noqa: PLC0415
    from central.domain import outcomes  # noqa: PLC0415
    from central.entrypoints.workers import voice_node  # noqa: PLC0415

    setattr(outcomes, "PLATFORM_FAULT_PAUSE", timedelta(seconds=2))  # noqa: B010 - a Final of the product: 60 s
    setattr(grant_shares, "_LEADER_LEASE", timedelta(seconds=3))  # noqa: B010
    setattr(reap_leases, "_LEASE", timedelta(seconds=4))  # noqa: B010
    setattr(voice_node, "_STRAYS_S", 2.0)  # noqa: B010
    for name, seconds in (("_STALLED_S", 5.0), ("_HEARTBEAT_S", 1.0), ("_RECOVER_S", 1.0)):
        setattr(jobs, name, seconds)


def set_door(folder: Path, name: str) -> None:
    """Put a door before the ARI of the engine that this process starts."""
    from central.adapters.asterisk import channel, engine, link  # noqa: PLC0415
    from tests.resilience.fault_port import Gate  # noqa: PLC0415

    gate = Gate(folder, name)

    class GuardedEngine(engine.Engine):
        async def start(self, hep_address: tuple[str, int] | None) -> engine.Access:
            access = await super().start(hep_address)
            port = int(access.url.rpartition(":")[2].partition("/")[0])
            door = await gate.before(port)
            return engine.Access(access.url.replace(f":{port}/", f":{door}/"), access.user, access.password)

    for module in (link, channel):
        setattr(module, "Engine", GuardedEngine)  # noqa: B010


def main() -> None:
    """Prepare, then be the program."""
    name, *arguments = sys.argv[1:]
    folder = Path(os.environ[FAULTS])
    if os.environ.get(WITHOUT_FENCE):
        take_fence_out()
    importlib.import_module("central.bootstrap.workers")  # reads the statements
    from central.cli import main as program  # noqa: PLC0415
    from tests.resilience.fault_port import FaultPort  # noqa: PLC0415

    shorten_waits()
    FaultPort(folder, name).hang_in()
    set_door(folder, name)
    sys.argv = ["central", *arguments]
    program()


if __name__ == "__main__":
    main()
