"""calls_vs_bare_ari: the whole path of a call, with all that is stored, against the shortest loop on the same engine.

Ours is a whole installation (``CallHouse``, which the other figures of the voice node use too): claims, flow, legs, ledger,
timeline, outbox, SIP messages. The bare loop, ``python -m tests.benchmarks.calls_vs_bare_ari JSON``, starts an Asterisk of the
same root with the same configuration, but without copies of messages, and does three things: originate, hang up what was
answered, count what ended. Both call the same SIPp.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import aiohttp
import psutil
import uvloop

from central.adapters.asterisk.config import AsteriskConfig, OwnEngine
from central.adapters.asterisk.engine import Engine
from central.adapters.asterisk.install import install
from central.adapters.asterisk.outgoing import dial_string, trunk_objects
from central.application.ports.telephony import Trunk
from central.domain.ids import TrunkId
from central.settings import read_settings
from examples.carrier import Carrier
from examples.carrier.sipp import free_ports
from tests.api_client import Api
from tests.benchmarks.figure import Progress, Size, Spec, median_ratio
from tests.installation import Installation

FLOW = """\
flow: bench
type: multicast
purpose: service
calls: {attempts: 1, ring_timeout: 30s, channel_wait: 60s}
steps:
  start: {widget: start, next: call}
  call: {widget: make_call, on: {connected: bye, busy: end, no_answer: end, failed: end}}
  bye: {widget: hang_up}
"""
SETTINGS = {"CENTRAL_CHANNELS": "200", "CENTRAL_CPS": "10000", "CENTRAL_ALLOW_PRIVATE_WEBHOOKS": "yes"}
MOST_RECORDS = 500  # of one JSON request
AT_ONCE = 40  # calls of the bare loop at a time: more made it slower
_DID = "918000000001"
_ACCOUNT = {
    "name": "bench", "policy_id": "LAB", "opening_balance": "1000000", "api_per_minute": 600_000, "pending_cap": 10_000_000,
    "rate_plan": {"name": "bench", "voice": [{"prefix": "", "pulse_s": 60, "per_pulse": 1_000}]}, "channel_cap": 10_000,
    "plain_http_webhooks": True,
}  # fmt: skip
_TRUNK = {"name": "sipp", "host": "127.0.0.1", "channel_cap": 10_000, "cps_cap": 10_000, "tag_calls": True}
_TRIES = 40
_CALM_S = 2.0  # SIP messages are stored a second after their call, webhooks are sent meanwhile


def asterisk_root() -> Path:
    """The private Asterisk root of this machine, unpacked on first use."""
    settings = read_settings()
    return install(settings.private_asterisk_root, settings.cache_dir / "asterisk-debs").root


class CallHouse:
    """One installation with an account, a flow, a trunk to a far end and a webhook endpoint; a context manager."""

    def __init__(
        self, port: int, settings: Mapping[str, str] | None = None, *, flow: str = FLOW, cps: int = 10_000
    ) -> None:
        self.installation = Installation(asterisk_root(), SETTINGS | dict(settings or {}))
        self.api: Api
        self._port, self._flow_text, self._cps = port, flow, cps
        self._hook = Hook()
        self._serial = itertools.count()
        self._flow = ""

    def __enter__(self) -> Self:
        try:
            self._hook.start()
            self.installation.start(first_account=False)
            self._prepare()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.installation.stop()
        self.installation.remove()
        self._hook.stop()

    def call(self, count: int, limit_s: float = 120.0) -> dict[str, Any]:
        """Call so many contacts, at most ``MOST_RECORDS``, and wait; the report. Raises RuntimeError unless all answered."""
        request_id = self.submit(count)
        self.wait(request_id, limit_s)
        self.check_answered(request_id)
        report: dict[str, Any] = self.api.get(f"/requests/{request_id}/report")
        return report

    def check_answered(self, request_id: str) -> None:
        """Every contact had one call, and it was answered; else the figure means nothing. Raises RuntimeError."""
        request = self.api.get(f"/requests/{request_id}")
        if request["calls"] != {"Connected": request["counts"]["loaded"]}:
            raise RuntimeError(f"calls that were not answered: {request['calls']}, {request['statuses']}")

    def submit(self, count: int) -> str:
        """A request of so many contacts with numbers of their own; its id."""
        records = [{"numbers": [f"9190{next(self._serial):08d}"]} for _ in range(count)]
        made = self.api.post("/requests", {"flow": self._flow, "records": records})
        if made["accepted"] != count:
            raise RuntimeError(f"intake refused {made['refused']} of {count} records: {made['records'][-1]}")
        return str(made["request_id"])

    def wait(self, request_id: str, limit_s: float) -> None:
        """Wait until a request is completed. Raises TimeoutError."""
        until = time.monotonic() + limit_s
        while (request := self.api.get(f"/requests/{request_id}"))["status"] != "Completed":
            if time.monotonic() > until:
                raise TimeoutError(f"not completed after {limit_s:.0f} s: {request['statuses']}")
            time.sleep(0.25)

    def processes(self) -> dict[str, psutil.Process]:
        """Every process of the installation by its role; the store's parent stands for the store."""
        found = {name: psutil.Process(pid) for name, pid in self.installation.processes().items()}
        found["asterisk"] = found["voice-node"].children()[0]
        if (up := self.installation.process) is not None:
            known = {one.pid for one in found.values()}
            found["postgres"] = next(one for one in psutil.Process(up.pid).children() if one.pid not in known)
        return found

    def cpu_s(self) -> dict[str, float]:
        """Processor seconds by role so far."""
        roles = self.processes()
        return {
            name: _cpu_s(one) + sum(map(_cpu_s, one.children() if name == "postgres" else ()))
            for name, one in roles.items()
        }

    def rss_mb(self) -> dict[str, float]:
        """Memory of the voice node's Python process and of its Asterisk."""
        roles = self.processes()
        return {name: round(roles[name].memory_info().rss / 2**20, 1) for name in ("voice-node", "asterisk")}

    def _prepare(self) -> None:
        operator = self.installation.operator
        account = operator.post("/operator/accounts", _ACCOUNT | {"cps_cap": self._cps})
        issued = operator.post(f"/operator/accounts/{account['id']}/keys", {"name": "bench", "role": "owner"})
        operator.close()
        self.api = api = self.installation.api(issued["secret"])
        api.post("/trunks", _TRUNK | {"port": self._port})
        api.post("/dids", {"dids": [{"number": _DID}]})
        self._flow = api.send("POST", "/flows", self._flow_text.encode(), "application/yaml")["id"]
        api.put(f"/flows/{self._flow}/dids", {"dids": [_DID]})
        api.post(f"/flows/{self._flow}/publish", {"note": "bench"})
        api.post("/webhooks", {"name": "bench", "url": self._hook.url, "events": ["record.final"]})
        for tries_left in reversed(range(_TRIES)):  # the node hears of a new trunk within a second or two
            try:
                self.call(3)
                break
            except RuntimeError:
                if not tries_left:
                    raise


class Hook:
    """Answers every webhook with 204 and looks at none."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.url = ""

    def start(self) -> None:
        """Listen on loopback."""
        self._thread.start()
        server = asyncio.run_coroutine_threadsafe(asyncio.start_server(_answer, "127.0.0.1", 0), self._loop).result(5)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"

    def stop(self) -> None:
        """Answer no more."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0))
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            await writer.drain()


def _cpu_s(process: psutil.Process) -> float:
    used = process.cpu_times()
    return float(used.user + used.system)


class BareLoop:
    """The bare loop as a child process with an engine of its own; ``call`` answers what it printed."""

    def __init__(self, port: int) -> None:
        plan = {"root": str(asterisk_root()), "port": port, "at_once": AT_ONCE}
        argv = [sys.executable, "-m", "tests.benchmarks.calls_vs_bare_ari", json.dumps(plan)]
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def call(self, count: int) -> dict[str, float]:
        """Place so many calls: seconds, and processor milliseconds a call of the loop and of its engine."""
        process = self._process
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the bare loop has no pipes")
        process.stdin.write(f"{count}\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise RuntimeError("the bare loop ended")
        told: dict[str, float] = json.loads(line)
        return told

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(30)


async def run_bare(plan: Mapping[str, Any]) -> None:
    """The bare loop's process: an engine, a trunk, and for each line a number of calls."""
    state = Path(tempfile.mkdtemp(prefix="central-bare-"))
    media = free_ports("127.0.0.1", 1)[0] % 1000 + 40_000  # far from the installation's range
    config = AsteriskConfig(
        engine=OwnEngine(root=Path(plan["root"]), state_dir=state, strict_rtp=False, rtp_ports=(media, media + 998))
    )
    assert isinstance(config.engine, OwnEngine)
    engine = Engine(config, config.engine, secrets.token_urlsafe)
    trunk = Trunk(TrunkId(uuid4()), "sipp", "127.0.0.1", plan["port"])
    try:
        access = await engine.start(None)
        async with aiohttp.ClientSession(access.url + "/", headers=access.headers) as http:
            for thing in trunk_objects(trunk, "bare", 60):
                await http.put(thing.path[1:], json=dict(thing.body))
            async with http.ws_connect("events", params={"app": "bare"}) as socket:
                wanted = {"allowed": [{"type": "StasisStart"}, {"type": "ChannelDestroyed"}]}
                await http.put("applications/bare/eventFilter", json=wanted)
                me, asterisk = psutil.Process(), psutil.Process(engine.pid)
                while line := await asyncio.to_thread(sys.stdin.readline):
                    count, begun, used = int(line), time.monotonic(), (_cpu_s(me), _cpu_s(asterisk))
                    await _bare_calls(http, socket, dial_string(trunk, "bare", "919000000000"), count, plan["at_once"])
                    told = {
                        "seconds": time.monotonic() - begun,
                        "python_ms": (_cpu_s(me) - used[0]) * 1000 / count,
                        "asterisk_ms": (_cpu_s(asterisk) - used[1]) * 1000 / count,
                    }
                    sys.stdout.write(json.dumps(told) + "\n")
                    sys.stdout.flush()
    finally:
        await engine.stop()
        shutil.rmtree(state, ignore_errors=True)


async def _bare_calls(
    http: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse, endpoint: str, count: int, at_once: int
) -> None:
    """The shortest originate loop there is: no more than ``at_once`` calls at a time, each hung up when it is answered."""
    free = asyncio.Semaphore(at_once)

    async def hear() -> None:
        left = count
        while left:
            event = await socket.receive_json()
            if event["type"] == "StasisStart":
                tasks.create_task(http.delete(f"channels/{event['channel']['id']}"))
            else:
                left -= 1
                free.release()

    body = {"endpoint": endpoint, "app": "bare", "callerId": _DID}
    async with asyncio.timeout(120), asyncio.TaskGroup() as tasks:
        tasks.create_task(hear())
        for _ in range(count):
            await free.acquire()
            tasks.create_task(http.post("channels", json=body))


def measure(size: Size, progress: Progress) -> tuple[float, dict[str, Any]]:
    """Rounds side by side, first with the tap and then without: ours, then the bare loop."""
    count = size.of(400, 100)
    raw: dict[str, Any] = {
        "calls_a_round": count,
        "bare_calls_at_once": AT_ONCE,
        "channels": int(SETTINGS["CENTRAL_CHANNELS"]),
    }
    ratios: dict[str, float] = {}
    with Carrier(["answer"]) as carrier:
        port = carrier.port("answer")
        for name, trace in (("with_tap", "yes"), ("without_tap", "no")):
            with CallHouse(port, {"CENTRAL_SIP_TRACE": trace}) as house, BareLoop(port) as bare:
                ratios[name], raw[name] = _rounds(house, bare, count, size.runs, _named(progress, name))
    raw["ratio_without_tap"] = round(ratios["without_tap"], 4)
    return ratios["with_tap"], raw


def _named(progress: Progress, name: str) -> Progress:
    return lambda line: progress(f"{name}: {line}")


def _rounds(
    house: CallHouse, bare: BareLoop, count: int, rounds: int, progress: Progress
) -> tuple[float, dict[str, Any]]:
    ours: list[float] = []
    theirs: list[float] = []
    spent: list[dict[str, float]] = []
    bare_spent: list[dict[str, float]] = []
    for _ in range(rounds + 1):
        before = house.cpu_s()
        report = house.call(count)
        time.sleep(_CALM_S)
        after = house.cpu_s()
        spent.append({name: round((after[name] - before[name]) * 1000 / count, 2) for name in after})
        ours.append(count / report["duration_s"])
        told = bare.call(count)
        theirs.append(count / told["seconds"])
        bare_spent.append({name: round(told[name], 2) for name in ("python_ms", "asterisk_ms")})
        progress(
            f"central {ours[-1]:.0f} calls/s, bare loop {theirs[-1]:.0f} calls/s; cpu ms a call {spent[-1]}, {bare_spent[-1]}"
        )
    raw = {
        "central_calls_per_s": [round(v, 1) for v in ours[1:]],  # the first round warms both up
        "bare_calls_per_s": [round(v, 1) for v in theirs[1:]],
        "central_median": round(statistics.median(ours[1:]), 1),
        "bare_median": round(statistics.median(theirs[1:]), 1),
        "central_cpu_ms_per_call": spent[1:],
        "bare_cpu_ms_per_call": bare_spent[1:],
    }
    return median_ratio(ours[1:], theirs[1:]), raw


SPEC = Spec(
    "calls_vs_bare_ari",
    "call set-ups/s to SIPp, answer and hang up, against the shortest asyncio ARI loop on the same Asterisk",
    0.5,
    "higher",
    measure,
)

if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run_bare(json.loads(sys.argv[1])))
