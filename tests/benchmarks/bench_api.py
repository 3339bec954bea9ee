"""Central's API and job worker as processes of their own on a benchmark's database, with one account and a published flow."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
import psutil

from tests.api_client import Api
from tests.stock import Stock

FLOW = Path("examples/appointment-reminder.yaml")
_READY_S = 150.0  # on a machine that does other things too
_STOP_S = 30.0


@dataclass
class BenchApi:
    """A context manager; ``roles`` are arguments of the command line, each a process. ``account_id`` owns ``flow``.

    ``trunk_port``: a far end for every number; then ``push_url`` hears of every final record.
    """

    dsn: str
    roles: tuple[tuple[str, ...], ...] = (("serve",), ("worker", "jobs"))
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    trunk_port: int = 0
    push_url: str = ""
    folder: Path = field(init=False)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list[subprocess.Popen[bytes]], init=False)
    flow: str = "appointment_reminder"
    account_id: str = ""
    api: Api = field(init=False)

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="central-bench-api-"))
        port = _free_port()
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("CENTRAL_")} | {
            "CENTRAL_DATABASE_URL": self.dsn,
            "CENTRAL_STATE_DIR": str(self.folder / "state"),
            "CENTRAL_CACHE_DIR": str(self.folder / "cache"),
            "CENTRAL_API_PORT": str(port),
            "CENTRAL_LOG_FORMAT": "json",
            "CENTRAL_LOG_LEVEL": "warning",
            **self.settings,
        }
        made = json.loads(self._central("init", "--policy", "LAB", "--json"))
        self.account_id = made["account_id"]
        self.api = Api(f"http://127.0.0.1:{port}", made["key"])
        _prepare(Stock(self.dsn), self.account_id, self.flow)
        if self.trunk_port:  # before the node starts: it knows all trunks from its first call on
            _make_trunk(Stock(self.dsn), self.account_id, self.trunk_port)
            make_endpoint(Stock(self.dsn), self.account_id, self.push_url, "record.final")
        self.processes = [
            subprocess.Popen([sys.executable, "-m", "central", *role], env=self.environment, cwd=self.folder)
            for role in self.roles
        ]
        try:
            self._wait_ready(f"http://127.0.0.1:{port}/health/live")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.api.close()
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def intake(self, csv: Path, rows: int) -> float:
        """Upload a file and wait until every row is stored; the seconds from the first byte."""
        begun = time.monotonic()
        with csv.open("rb") as body:
            accepted = self.api.call(
                "POST",
                "/requests/upload",
                content=body,
                headers={"Content-Type": "text/csv", "Content-Length": str(csv.stat().st_size)},
                params={"flow": self.flow, "allow_repeat": True},
                timeout=600,
            )
        while (found := self.api.get(f"/requests/{accepted['request_id']}"))["loading"]:
            time.sleep(0.1)
        seconds = time.monotonic() - begun
        if found["counts"]["loaded"] != rows:
            raise RuntimeError(f"{found['counts']} for {rows} rows")
        return seconds

    def peak_memory_bytes(self) -> int:
        """The highest resident memory so far of all its processes together, with the judges that they started."""
        own = [psutil.Process(process.pid) for process in self.processes]
        judges = [child for process in own for child in process.children()]
        return sum(memory_bytes(process.pid, "VmHWM") for process in own + judges)

    def pid(self, *role: str) -> int:
        """The process of a role."""
        return self.processes[self.roles.index(role)].pid

    def _central(self, *arguments: str) -> str:
        argv = [sys.executable, "-m", "central", *arguments]
        done = subprocess.run(argv, env=self.environment, cwd=self.folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"central {' '.join(arguments)}: {done.stderr or done.stdout}")
        return done.stdout

    def _wait_ready(self, url: str) -> None:
        end = time.monotonic() + _READY_S
        while time.monotonic() < end:
            if any(process.poll() is not None for process in self.processes):
                raise RuntimeError("a process of Central ended by itself")
            try:
                if httpx.get(url, timeout=2).status_code == httpx.codes.OK.value:
                    return
            except httpx.HTTPError:
                time.sleep(0.1)
        raise RuntimeError("the API did not start")


def _make_trunk(stock: Stock, account_id: str, port: int) -> None:
    """A trunk to a far end on loopback for every number."""
    trunk_id = stock.ids.uuid()
    stock.run(
        "insert into trunk (account_id, id, name, host, port, channel_cap, cps_cap) "
        "values (%s, %s, 'far', '127.0.0.1', %s, 10000, 10000)",
        account_id,
        trunk_id,
        port,
    )
    stock.run("insert into trunk_route (account_id, trunk_id) values (%s, %s)", account_id, trunk_id)


def make_endpoint(stock: Stock, account_id: str, url: str, event: str) -> None:
    """A webhook endpoint on loopback that hears of every event of this kind."""
    stock.run("update account set plain_http_webhooks = true where id = %s", account_id)
    stock.run(
        "insert into webhook_endpoint (account_id, id, name, url, events, secrets) "
        "values (%s, %s, 'hook', %s, array[%s], '{whsec_YmVuY2htYXJrYmVuY2htYXJrYmVuY2htYXJr}')",
        account_id,
        stock.ids.uuid(),
        url,
        event,
    )


def memory_bytes(pid: int, word: str = "VmRSS") -> int:
    """A process's memory by a word of its status (proc(5)): VmRSS = resident now, VmHWM = the most so far.

    Raises ProcessLookupError: it has ended and nobody has asked for its end yet (its status tells no memory then).
    """
    _, told, rest = Path(f"/proc/{pid}/status").read_text().partition(f"{word}:")
    if not told:
        raise ProcessLookupError(f"process {pid} tells no {word}")
    return int(rest.split()[0]) * 1024


def _prepare(stock: Stock, account_id: str, name: str) -> None:
    """A published flow with a DID, caps out of the way, fresh registers and lists with entries."""
    flow_id, version_id = stock.flow(stock.account_named(account_id), FLOW.read_bytes())
    stock.run("update flow_version set number = 1 where id = %s", version_id)
    stock.run("update flow set name = %s, production_version = 1 where id = %s", name, flow_id)
    stock.run("update account set pending_cap = 100000000, api_per_minute = 1000000")
    stock.run(
        "insert into list_version (account_id, list, version, fresh_at) "
        "select %s::uuid, list, 1, now() from unnest('{dnd,blacklist,whitelist}'::text[]) as list",
        account_id,
    )
    stock.run(
        "insert into list_entry (account_id, list, number) "
        "select %s::uuid, 'blacklist', (919000000000 + n * 7919::bigint)::text from generate_series(1, 20000) as n",
        account_id,
    )
    stock.run(
        "insert into dnd_entry (account_id, number) "
        "select %s::uuid, (919000000000 + n * 104729::bigint)::text from generate_series(1, 50000) as n",
        account_id,
    )
    stock.run("analyze")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
