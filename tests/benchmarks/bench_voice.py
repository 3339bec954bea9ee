"""Central's voice path on a real Asterisk of the benchmark's own, so that others can place calls on the same one."""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from central.adapters.asterisk.config import AsteriskConfig, OwnEngine
from central.adapters.asterisk.engine import Access, Engine
from central.adapters.asterisk.install import install
from central.adapters.system import SystemIds
from central.domain.ids import AccountId, FlowId, RecordId, RequestId
from tests.benchmarks.bench_api import BenchApi
from tests.stock import Stock

ROLES = (("serve",), ("worker", "dispatcher"), ("worker", "tracker"), ("worker", "publisher"), ("voice-node",))
CHANNELS = 200
_PATIENCE_S = 1200.0
_POLL_S = 0.02
FLOW = b"""
flow: f
type: multicast
purpose: service
calls: {attempts: 1, ring_timeout: 60s, short_hangup: 0s}
steps:
  start: {widget: start, next: call}
  call: {widget: make_call, on: {connected: bye, busy: end, no_answer: end, failed: end}}
  bye: {widget: hang_up}
"""


@dataclass(frozen=True, slots=True)
class BenchEngine:
    """A running Asterisk. ``hep_port`` 0 = it copies no SIP messages."""

    access: Access
    pid: int
    hep_port: int
    sip_port: int = 0


@contextlib.asynccontextmanager
async def bench_engine(*, tap: bool) -> AsyncGenerator[BenchEngine]:
    """Start an Asterisk from the private root (CENTRAL_TEST_ASTERISK_ROOT, or the tests' own), with or without HEP copies."""
    given = os.environ.get("CENTRAL_TEST_ASTERISK_ROOT")
    root = Path(given) if given else Path("var") / "asterisk-root"
    root = install(root.absolute(), root.absolute().with_name(f"{root.name}.cache")).root
    with tempfile.TemporaryDirectory(prefix="central-bench-engine-") as folder:
        port = free_udp_port() if tap else 0
        own = OwnEngine(root=root, state_dir=Path(folder), strict_rtp=False, max_calls=2 * CHANNELS + 50)
        engine = Engine(AsteriskConfig(engine=own), own, SystemIds().secret)
        access = await engine.start(("127.0.0.1", port) if tap else None)
        try:
            yield BenchEngine(access, engine.pid or 0, port, engine.sip_port)
        finally:
            await engine.stop()


def settings_of(engine: BenchEngine, channels: int = CHANNELS) -> dict[str, str]:
    """Settings of a node on this engine."""
    return {
        "CENTRAL_ASTERISK_URL": engine.access.url,
        "CENTRAL_ASTERISK_USER": engine.access.user,
        "CENTRAL_ASTERISK_PASSWORD": engine.access.password,
        "CENTRAL_HEP_PORT": str(engine.hep_port),
        "CENTRAL_SIP_TRACE": "yes" if engine.hep_port else "no",
        "CENTRAL_CHANNELS": str(channels),
        "CENTRAL_CPS": "1000",
        "CENTRAL_NODE_NAME": "bench",
        "CENTRAL_RTP_TIMEOUT_S": "0",
        "CENTRAL_ALLOW_PRIVATE_WEBHOOKS": "yes",
    }


@dataclass(slots=True)
class Caller:
    """Loads calls to one trunk straight into the tables and waits until they are over."""

    stock: Stock
    central: BenchApi
    cps: int = 1000
    account_id: AccountId = field(init=False)
    flow: tuple[FlowId, UUID] = field(init=False)

    def prepare(self, document: bytes = FLOW) -> None:
        """A flow (it hangs up once connected) and an account whose caps are out of the way; waits for the node."""
        stock = self.stock
        self.account_id = AccountId(UUID(self.central.account_id))
        self.flow = stock.flow(self.account_id, document)
        stock.run("update account set channel_cap = 100000, cps_cap = %s", self.cps)
        stock.run("update balance set balance = 1000000000000000")
        self.wait_node()

    def load(self, numbers: Sequence[str]) -> tuple[RequestId, list[RecordId]]:
        """Store a request that may begin at once; its id and its records'."""
        request_id = self.stock.request(self.account_id, self.flow, open=False)
        records = self.stock.records(self.account_id, request_id, [[number] for number in numbers])
        self.stock.run("update request set open = true where id = %s", request_id)
        return request_id, records

    def wait_closed(self, request_id: RequestId) -> None:
        """Wait until the request is done."""
        end = time.monotonic() + _PATIENCE_S
        with self.stock.connect() as connection:
            query = "select open from request where id = %s"
            while connection.execute(query, [request_id]).fetchone() != (False,):
                if time.monotonic() > end:
                    raise RuntimeError(f"calls that do not end: {self.stock.statuses(request_id)}")
                time.sleep(_POLL_S)

    def wait_node(self) -> None:
        """Wait until the voice node is there."""
        end = time.monotonic() + 60
        while self.stock.value("select count(*) from node where healthy") == 0:
            if time.monotonic() > end:
                raise RuntimeError("the voice node did not come up")
            time.sleep(0.1)

    def connected(self, request_id: RequestId) -> int:
        """How many of its calls were answered."""
        return self.stock.tally(request_id).get("call:Connected", 0)


def free_udp_port() -> int:
    """A port that nobody has now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
