"""An installation with two voice nodes whose every process and neighbour can be struck, and the account that calls."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx

from examples.carrier.demo import DemoCarrier
from tests.api_client import Api
from tests.installation import Installation, InstallationFailed
from tests.resilience.fault_port import STRUCK
from tests.resilience.load import FLOW
from tests.resilience.plan import LEASE_S, Stroke
from tests.resilience.process import FAULTS, WITHOUT_FENCE
from tests.resilience.push_receiver import PushReceiver
from tests.resilience.up import SECOND

REPOSITORY = Path(__file__).resolve().parents[2]
OPENING = 100_000
PER_MINUTE = 0.6
_DID = "918000000001"
_ENGINES = {"asterisk": "lab", "asterisk-b": "lab-b"}
_ACCOUNT = {"api_per_minute": 1_000_000, "plain_http_webhooks": True}
_SETTINGS = {
    "CENTRAL_LEASE_S": f"{LEASE_S:g}",
    "CENTRAL_SIP_BIND": "127.0.0.1:0",
    "CENTRAL_INTAKE_CHUNK_ROWS": "30",
    "CENTRAL_CHANNELS": "40",
    "CENTRAL_CPS": "20",
    "CENTRAL_WEBHOOK_FIRST_RETRY_S": "0.3",
    "CENTRAL_ALLOW_PRIVATE_WEBHOOKS": "yes",
    "CENTRAL_DISPATCH_ROUND_MS": "100",
    "PYTHONPATH": str(REPOSITORY),
}


@dataclass
class HouseOfChaos:
    """A context manager. ``api``: a client with the account's key. ``fenced`` False: the same program with the fence comparisons taken out of its SQL."""

    asterisk_root: Path
    fenced: bool = True
    central: Installation = field(init=False)
    carrier: DemoCarrier = field(init=False)
    receiver: PushReceiver = field(init=False)
    flow_id: str = ""
    api: Api | None = None
    _stopped: dict[str, list[int]] = field(default_factory=dict[str, list[int]])

    def __post_init__(self) -> None:
        port = _steady_port()
        settings = _SETTINGS | {"CENTRAL_API_PORT": str(port)} | ({} if self.fenced else {WITHOUT_FENCE: "1"})
        self.central = Installation(self.asterisk_root, settings)
        self.central.url = f"http://127.0.0.1:{port}"
        self.faults = self.central.folder / "faults"
        self.faults.mkdir()
        self.central.environment[FAULTS] = str(self.faults)
        self.carrier = DemoCarrier(port=0, digits="info")
        self.receiver = PushReceiver(seed=1)
        self._web = httpx.Client(timeout=2.0, verify=False)  # loopback without TLS; reading certificates is slow

    # -- life ----------------------------------------------------------------------------------------------------------
    def __enter__(self) -> Self:
        try:
            self.carrier.start()
            self.receiver.__enter__()
            self._start()
            self._prepare()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self.release_all()
        self._web.close()
        if self.api is not None:
            self.api.close()
        self.central.stop()
        self.carrier.stop()
        self.receiver.__exit__(None, None, None)
        self.central.remove()

    def _start(self) -> None:
        with self.central.log.open("ab") as log:
            self.central.process = subprocess.Popen(
                [sys.executable, "-m", "tests.resilience.up"],
                env=self.central.environment, cwd=self.central.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self.central.wait_ready()
        money = ("--funds", str(OPENING), "--per-minute", str(PER_MINUTE))
        made = json.loads(self.central.central("init", "--policy", "LAB", *money, "--json"))
        self.central.key, self.central.account_id = made["key"], made["account_id"]

    def _prepare(self) -> None:
        operator = self.central.operator
        operator.patch(f"/operator/accounts/{self.central.account_id}", _ACCOUNT)
        operator.close()
        self.api = api = self.central.api()
        trunk = {"name": "carrier", "host": "127.0.0.1", "port": self.carrier.port, "channel_cap": 80, "cps_cap": 40}
        api.post("/trunks", {**trunk, "tag_calls": True})
        api.post("/dids", {"dids": [{"number": _DID}]})
        self.flow_id = api.send("POST", "/flows", FLOW, "application/yaml")["id"]
        api.put(f"/flows/{self.flow_id}/dids", {"dids": [_DID]})
        api.post(f"/flows/{self.flow_id}/publish", {"note": "resilience"})
        hook = {"name": "receiver", "url": self.receiver.url, "events": ["record.final", "record.status"]}
        api.post("/webhooks", hook)

    # -- blows ---------------------------------------------------------------------------------------------------------
    def strike(self, stroke: Stroke) -> None:
        """Deal one blow; a process that is away already is left alone."""
        match stroke.kind:
            case "order":
                order = {"point": stroke.point, "passes": stroke.passes, "action": stroke.action, "key": stroke.key}
                self._write(f"{stroke.target}.order", json.dumps(order))
            case "cut":
                self._write(f"{stroke.target}.cut", str(stroke.for_s))
            case "kill":
                for pid in self.pids(stroke.target):
                    _signal(pid, signal.SIGKILL)
            case "stop":
                self._stopped[stroke.key] = self.pids(stroke.target)
                for pid in self._stopped[stroke.key]:
                    _signal(pid, signal.SIGSTOP)
            case "end":
                for pid in self.pids(stroke.target):
                    _signal(pid, signal.SIGTERM)
            case "control":
                raise AssertionError  # dealt by the seed's run, which knows the request

    def release(self, stroke: Stroke) -> None:
        """Let go on what stands still because of this stroke."""
        pids = set(self._stopped.get(stroke.key, ()))
        if stroke.kind == "order":
            pids = {int(struck["pid"]) for struck in self.struck() if struck["key"] == stroke.key}
        self._stopped.pop(stroke.key, None)
        for pid in pids:
            _signal(pid, signal.SIGCONT)

    def release_all(self) -> None:
        """Let everything go on that still stands."""
        asleep = {int(struck["pid"]) for struck in self.struck() if struck["action"] == "stand"}
        for pid in asleep.union(*self._stopped.values()):
            if _stands(pid):
                _signal(pid, signal.SIGCONT)
        self._stopped.clear()

    def ordered(self) -> bool:
        """Whether an order still waits to be reached."""
        return any(self.faults.glob("*.order"))

    def withdraw(self, stroke: Stroke) -> bool:
        """Take an order back that was not reached; whether it still stood."""
        order = self.faults / f"{stroke.target}.order"
        stood = order.exists()
        order.unlink(missing_ok=True)
        return stood

    def struck(self) -> list[dict[str, Any]]:
        """The orders that were carried out, in order."""
        file = self.faults / STRUCK
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def pids(self, target: str) -> list[int]:
        """The processes that a target means now."""
        if target == "postgres":
            return _postmaster(self.central.folder / "state")
        if target in _ENGINES:
            return _engine(self.central.folder / "state" / f"asterisk-{_ENGINES[target]}")
        pid = self.central.processes().get(target)
        return [pid] if pid else []

    def wait_mended(self, limit_s: float = 40.0) -> None:
        """Wait until every process that should run does, and both nodes report. Raises InstallationFailed."""
        end = time.monotonic() + limit_s
        while not self._whole():
            if time.monotonic() > end:
                raise InstallationFailed(f"not mended after {limit_s:.0f} s\n{self.central.last_lines()}")
            time.sleep(0.1)

    def _whole(self) -> bool:
        try:
            neighbours = self._web.get(f"{self.central.url}/health/ready").json()["neighbours"]
        except (httpx.HTTPError, ValueError, KeyError):
            return False
        nodes = [one for one in neighbours if one["name"].startswith("voice-node")]
        names = ("api", "dispatcher", "tracker", "publisher", "jobs", "voice-node", SECOND)
        running = self.central.processes()
        return (
            len(nodes) == 2
            and all(one["state"] == "up" for one in neighbours)
            and all(name in running and Path(f"/proc/{running[name]}").exists() for name in names)
        )

    def _write(self, name: str, text: str) -> None:
        half = self.faults / f"{name}.half"
        half.write_text(text)
        half.rename(self.faults / name)


def _steady_port() -> int:
    """A free port below those that the kernel gives to connections: an API that is started again must find it free."""
    for port in range(21_000 + os.getpid() % 4_000, 32_000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise InstallationFailed("no free port on 127.0.0.1")


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _stands(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    except OSError:
        return False


def _postmaster(state: Path) -> list[int]:
    """The child that serves this state folder's data, found by what it was started with."""
    return _started_with("postgres", str(state))


def _engine(folder: Path) -> list[int]:
    return _started_with("asterisk", str(folder))


def _started_with(program: str, argument: str) -> list[int]:
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            named = any(word.rpartition("/")[2] == program for word in words[:4])
            if named and any(word.startswith(argument) for word in words):
                found.append(int(entry.name))
    return found
