"""submit_vs_smpplib: submit_sm a second of our SMPP client alone, against smpplib, window 50, to the same bare sink.

The sink is one process that answers every submit at once and keeps nothing. Central's side is the whole adapter: room asked,
messages given as the platform has them (alphabet, addresses, validity worked out here), an outcome for each told as news, on
uvloop as in the product. smpplib's side is the shortest window loop that its caller can write, on a blocking socket without
Nagle, and is given octets that are encoded already. Runs stand side by side; the ratio is the median of their ratios.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any, cast

import smpplib.client
import uvloop

from central.adapters.smpp.channel import SmppCarrier
from central.adapters.smpp.config import SmppConfig
from central.adapters.system import SystemClock, SystemIds
from central.application.ports.carriers import PartAnswered, Submission, Taken
from central.domain.ids import MessageId
from tests.benchmarks.figure import Progress, Size, Spec, median_ratio
from tests.fakes.observed import ObservedTelemetry
from tests.fakes.reach import loopback_reach

WINDOW = 50
TEXT = "Your parcel {} arrives today between 10 and 12. Reply STOP to end these messages."
SINK = Path(__file__).resolve().parents[1] / "far_ends" / "smpp_sink.py"


def measure(size: Size, progress: Progress) -> tuple[float, dict[str, Any]]:
    """Runs side by side, after one run each that does not count."""
    messages = size.of(60_000, 6_000)
    ours: list[float] = []
    theirs: list[float] = []
    with _sink() as port:
        for run in range(size.runs + 1):
            own = messages / uvloop.run(_central(port, messages))
            other = messages // 3 / _smpplib(port, messages // 3)
            if run:
                ours.append(own)
                theirs.append(other)
                progress(f"central {own:.0f} submits/s, smpplib {other:.0f} submits/s")
    raw = {
        "messages": messages,
        "window": WINDOW,
        "central_submits_per_s": [round(v) for v in ours],
        "smpplib_submits_per_s": [round(v) for v in theirs],
    }
    return median_ratio(ours, theirs), raw


@contextlib.contextmanager
def _sink() -> Generator[int]:
    command = [sys.executable, str(SINK)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout is None:
                raise RuntimeError("the sink has no output")
            yield int(process.stdout.readline().split()[1].rpartition(":")[2])
        finally:
            process.kill()


async def _central(port: int, count: int) -> float:
    """Seconds from the first submit to the last outcome."""
    ids = SystemIds()
    config = SmppConfig(name="sink", host="127.0.0.1", port=port, system_id="esme", password="secret", window=WINDOW)
    carrier = SmppCarrier(config, SystemClock(), ids, ObservedTelemetry(), loopback_reach())
    waiting = [
        Submission(
            id=MessageId(one),
            to=str(919_700_000_000 + n),
            sender="CENTRAL",
            text=TEXT.format(n),
            encoding="gsm7",
            parts=1,
        )
        for n, one in enumerate(ids.uuids(count))
    ]
    carrier.start()
    begun, given, taken = 0.0, 0, 0
    async for batch in carrier.news():
        begun = begun or time.perf_counter()  # the first news: the bind is up
        taken += sum(1 for news in batch.news if type(news) is PartAnswered and type(news.answer) is Taken)
        await batch.ack()
        if taken == count:
            break
        room = carrier.room()
        await carrier.submit(waiting[given : given + room])
        given += room
    seconds = time.perf_counter() - begun
    await carrier.close(1.0)
    return seconds


def _smpplib(port: int, count: int) -> float:
    """The same by smpplib: seconds."""
    logging.getLogger("smpplib").setLevel(logging.ERROR)
    client = cast("Any", smpplib.client.Client)(
        "127.0.0.1", port, allow_unknown_opt_params=True, logger_name="smpplib.bench"
    )
    client.logger.setLevel(logging.ERROR)
    taken = 0

    def answered(pdu: Any) -> None:
        nonlocal taken
        taken += pdu.status == 0

    client.set_message_sent_handler(answered)
    client.connect()
    client._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.bind_transceiver(system_id="esme", password="secret")
    begun, sent = time.perf_counter(), 0
    while taken < count:
        while sent < count and sent - taken < WINDOW:
            client.send_message(
                source_addr_ton=5, source_addr="CENTRAL", dest_addr_ton=1, dest_addr_npi=1,
                destination_addr=str(919_700_000_000 + sent), short_message=TEXT.format(sent).encode(),
                registered_delivery=True, validity_period="000001000000000R",
            )  # fmt: skip
            sent += 1
        client.read_once()
    seconds = time.perf_counter() - begun
    client.unbind()
    client.disconnect()
    return seconds


SPEC = Spec(
    "submit_vs_smpplib",
    "submit_sm a second of the SMPP client alone, window 50, against smpplib to the same sink",
    2.0,
    "higher",
    measure,
)
