"""The far ends of acceptance calls: one SIPp process a behaviour, a TLS front, and the numbers that lead to each.

Numbers are Indian mobile numbers ``91 90 FFF NNNNN``: FFF picks the trunk by prefix route, NNNNN is free.
"""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from examples.carrier import CALLEES, Carrier, Invite
from examples.carrier.sipp import free_ports
from tests.integration.asterisk.fronts import Front

_OWN = 500  # the first FFF of trunks that only one file has
_LOG_IN = {"auth_407": {"username": "central", "password": "secret"}}


def prefix_of(place: int) -> str:
    """The route prefix of FFF = ``place``."""
    return f"9190{place:03d}"


def place_of(behaviour: str) -> int:
    """FFF of a behaviour of the laboratory carrier."""
    return list(CALLEES).index(behaviour)


def number(place: int, serial: int) -> str:
    """The ``serial``-th number (0-99999) of FFF = ``place``."""
    return f"{prefix_of(place)}{serial:05d}"


class TrunkPlan:
    """Which trunks an account has and which numbers lead to them: plain ones by behaviour, and its own by name."""

    def __init__(self, own: Iterable[Mapping[str, Any]]) -> None:
        self.own = {str(trunk["name"]): dict(trunk) for trunk in own}
        named = [trunk for trunk in self.own.values() if "takes" not in trunk]
        self._places = {str(trunk["name"]): _OWN + n for n, trunk in enumerate(named)}

    def knows(self, name: str) -> bool:
        """Whether the word means a far end (else it is a number as it stands)."""
        return name in self._places or name in CALLEES

    def place(self, name: str) -> int:
        """FFF of a name."""
        return self._places[name] if name in self._places else place_of(name)


class FarEnds:
    """Everything that can be called; a context manager."""

    def __init__(self, behaviours: Iterable[str], folder: Path) -> None:
        self._carrier = Carrier(sorted(set(behaviours)))
        self._folder = folder
        self._closed_port = free_ports("127.0.0.1", 1)[0]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._secure: Carrier | None = None
        self._front: Front | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        self._carrier.start()
        self._start_tls()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._carrier.stop()
        if self._secure is not None:
            self._secure.stop()
        if self._front is not None:
            asyncio.run_coroutine_threadsafe(self._front.stop(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def invites(self) -> list[Invite]:
        """The INVITE transactions that arrived anywhere."""
        secure = [] if self._secure is None else self._secure.invites()
        return self._carrier.invites() + secure

    def complaints(self, behaviour: str) -> str:
        """What SIPp found wrong in one behaviour."""
        return self._carrier.errors(behaviour)

    def trunk(self, behaviour: str) -> dict[str, Any]:
        """The API's body for the plain trunk to a behaviour."""
        body = {"name": behaviour, "host": "127.0.0.1", "port": self._carrier.port(behaviour), "tag_calls": True}
        return body | _LOG_IN.get(behaviour, {}) | {"routes": [{"prefix": prefix_of(place_of(behaviour))}]}

    def own_trunk(self, plan: TrunkPlan, trunk: Mapping[str, Any]) -> dict[str, Any]:
        """The API's body for a trunk that a case file describes (its keys: ``FORMAT.md`` of tests/cases)."""
        body = {k: v for k, v in trunk.items() if k not in {"far_end", "takes", "priority"}}
        behaviour = str(trunk.get("far_end", ""))
        port = self._closed_port
        if trunk.get("transport") == "tls":
            port = self._front.port if self._front else 0
        elif behaviour:
            port = self._carrier.port(behaviour)
        route = {
            "prefix": prefix_of(plan.place(str(trunk.get("takes", trunk["name"])))),
            "priority": trunk.get("priority", 1),
        }
        return {"host": "127.0.0.1", "port": port, "tag_calls": True} | body | {"routes": [route]}

    def _start_tls(self) -> None:
        public, key = _certificate(self._folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(public, key)
        port = free_ports("127.0.0.1", 1)[0]
        self._secure = Carrier(
            ["answer"], transport="tcp", contacts={"answer": f"127.0.0.1:{port};transport=tls"}
        ).start()
        self._front = Front(self._secure.port("answer"), context)
        asyncio.run_coroutine_threadsafe(self._front.start(port), self._loop).result(5)


def _certificate(folder: Path) -> tuple[Path, Path]:
    key, public = folder / "far.key", folder / "far.crt"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1"]
    subprocess.run([*command, "-keyout", str(key), "-out", str(public)], check=True, capture_output=True)
    return public, key
