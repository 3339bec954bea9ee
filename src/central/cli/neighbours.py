"""``central doctor`` and ``central voice install``: what this machine needs, and how to mend what is missing."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from cyclopts import App

from central.adapters.asterisk.install import install
from central.adapters.postgres.binaries import find_binaries
from central.adapters.postgres.server_files import is_served
from central.bootstrap.schema import schema_behind
from central.cli.operate import Json
from central.cli.output import print_json, print_rows, say
from central.domain.errors import CentralError
from central.settings import Settings, read_settings

voice = App(name="voice", help="The voice engine of this machine.")


@dataclass(frozen=True, slots=True)
class Finding:
    """One neighbour: how it is, and what to do when it is not well."""

    neighbour: str
    state: str
    detail: str
    mend: str = ""


def doctor(*, json: Json = False) -> None:
    """Check each neighbour of this machine and say how to mend it; exit status 1 when one that is needed is missing."""
    found = list(_examine(read_settings()))
    if json:
        print_json(found)
    else:
        colours = {"ok": "green", "missing": "red", "idle": "yellow"}
        for finding in found:
            mark = (f"{finding.state:>10}", colours[finding.state])
            say(mark, (f"  {finding.neighbour:<14} ", "bold"), finding.detail)
            if finding.mend:
                say(" " * 27, ("mend: ", "dim"), finding.mend)
    if any(finding.state == "missing" for finding in found):
        raise SystemExit(1)


def _examine(settings: Settings) -> Iterator[Finding]:
    yield _store(settings)
    yield _engine(settings)
    for program, package, needed in (
        ("flite", "flite", True), ("espeak-ng", "espeak-ng", True), ("sox", "sox", True), ("sipp", "sip-tester", False),
        ("baresip", "baresip-core", False),
    ):  # fmt: skip
        path = shutil.which(program)
        state = "ok" if path else "missing" if needed else "idle"
        use = "speech" if needed else "demo and tests only"
        yield Finding(program, state, path or f"not installed ({use})", "" if path else f"apt-get install {package}")
    yield asyncio.run(_api(settings))
    yield _port(settings)


def _store(settings: Settings) -> Finding:
    if settings.database_url is None and not is_served(settings.postgres_folder):
        try:
            binaries = find_binaries(settings.pg_bin)
        except CentralError as error:
            return Finding(
                "postgresql", "missing", error.message, "pip install 'central[embedded]', or set CENTRAL_DATABASE_URL"
            )
        return Finding("postgresql", "idle", f"embedded, not running; binaries in {binaries}", "central up")
    try:
        waiting = schema_behind(settings)
    except CentralError as error:
        detail = error.message.splitlines()[0]
        return Finding("postgresql", "missing", detail, "check CENTRAL_DATABASE_URL and the server's log")
    if waiting:
        return Finding("postgresql", "missing", f"schema behind: {', '.join(waiting)}", "central db migrate")
    return Finding("postgresql", "ok", "answers, schema current")


def _engine(settings: Settings) -> Finding:
    if settings.asterisk_url is not None:
        return Finding("asterisk", "ok", f"by URL {settings.asterisk_url} (its state shows in /health/ready)")
    root = settings.private_asterisk_root
    if (root / "usr/sbin/asterisk").exists():
        return Finding("asterisk", "ok", f"private root {root}")
    return Finding("asterisk", "missing", f"no private root at {root}", "central voice install")


async def _api(settings: Settings) -> Finding:
    url = f"{settings.api_address}/health/ready"
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as session, session.get(url) as answer:
            document = await answer.json()
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return Finding("api", "idle", f"nothing answers at {settings.api_address}", "central up")
    states = ", ".join(f"{n['name']} {n['state']}" for n in document.get("neighbours", []))
    return Finding(
        "api", "ok" if answer.ok else "missing", f"{settings.api_address}: {states}", "" if answer.ok else "see the log"
    )


def _port(settings: Settings) -> Finding:
    host, port = settings.sip_address
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, port))
        except OSError as error:
            return Finding(
                "sip port",
                "idle",
                f"{host}:{port} is in use ({error.strerror}): by our Asterisk, or by another program",
            )
    return Finding("sip port", "ok", f"{host}:{port} is free")


@voice.command(name="install")
def install_engine(*, root: Path | None = None, offline: bool = False, json: Json = False) -> None:
    """Put Asterisk from Debian's packages into a private root; nothing is installed on the system itself.

    Parameters
    ----------
    root
        where to; by default where central up looks for it.
    offline
        use the kept packages, download nothing.
    json
        print JSON.
    """
    settings = read_settings()
    target = root or settings.private_asterisk_root
    if (target / "usr/sbin/asterisk").exists():
        say(f"already there: {target}")
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    report = install(
        target,
        settings.cache_dir / "asterisk-debs",
        offline=offline,
        report=lambda line: say((line, "dim")),
    )
    if json:
        print_json(report)
        return
    say(f"installed {target}")
    if report.drifted:
        rows = [{"package": name} for name in report.drifted]
        print_rows("packages that differ from the tested ones", rows, ("package",), as_json=False)
        say(
            "Run the voice acceptance (make acceptance) before calls to customers: these packages were not tested with this release."
        )
