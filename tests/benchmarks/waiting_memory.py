"""waiting_memory: the peak memory of API, messenger and publisher while a million short messages wait behind a slow carrier.

All but ten thousand are put into the tables; these come by the API while the carrier works: an SMSC that answers each submit after
200 ms, one bind with a window of 10, so fifty messages a second. Against ten thousand that wait, with all else the same. Beside it
what the server's own processes hold for themselves (without the shared buffers, which have a fixed size).
"""

from __future__ import annotations

import contextlib
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil

from examples.carrier.process import FarEnd
from tests.benchmarks.bench_api import BenchApi, make_endpoint, memory_bytes
from tests.benchmarks.bench_store import BenchStore, bench_store
from tests.benchmarks.figure import Progress, Size, Spec
from tests.benchmarks.gateway_rates import FAR_ENDS, port_of
from tests.benchmarks.message_stock import MessageStock
from tests.benchmarks.sms_by_central import ROLES, SETTINGS, add_carrier, send_sms
from tests.stock import Stock

_MB = 1 << 20
_BY_API = 10_000
_ANSWERS_MS, _WINDOW = 200, 10
_WATCHED_S = 20.0


def measure(size: Size, progress: Progress) -> tuple[float, dict[str, Any]]:
    """Fresh processes and a fresh database for each run."""
    many, few = size.of(1_000_000, 100_000), _BY_API
    large: list[dict[str, int]] = []
    small: list[dict[str, int]] = []
    with bench_store() as store:
        for _ in range(size.runs):
            small.append(_peaks(store, few))
            large.append(_peaks(store, many))
            progress(f"{few} waiting {small[-1]['all'] / _MB:.0f} MB, {many} waiting {large[-1]['all'] / _MB:.0f} MB")
    raw = {"waiting": [few, many]} | {
        f"peak_mb_{n}": {name: [round(run[name] / _MB, 1) for run in runs] for name in runs[0]}
        for n, runs in ((few, small), (many, large))
    }
    return statistics.median(a["all"] / b["all"] for a, b in zip(large, small, strict=True)), raw


def _peaks(store: BenchStore, messages: int) -> dict[str, int]:
    """The highest resident memory of each process, and ``all`` of them, after the carrier was busy for a while."""
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        command: list[str | Path] = [
            sys.executable,
            FAR_ENDS / "smpp_sink.py",
            "--receipts",
            "--answer-ms",
            str(_ANSWERS_MS),
        ]
        sink = FarEnd("sink", command, folder, talks=True)
        opened.callback(sink.end)
        dsn = opened.enter_context(store.database())
        central = opened.enter_context(BenchApi(dsn, ROLES, SETTINGS))
        stock = Stock(dsn)
        account = stock.account_named(central.account_id)
        make_endpoint(stock, central.account_id, "http://127.0.0.1:9/", "sms.received")
        carrier = add_carrier(central, port_of(sink), window=_WINDOW)
        MessageStock(stock, account, carrier).waiting(messages - _BY_API)
        send_sms(central, _BY_API)
        taken = _answered(stock)
        time.sleep(_WATCHED_S)
        waiting = stock.value("select count(*)::int from message where due_at is not null")
        if _answered(stock) <= taken or not isinstance(waiting, int) or waiting < messages * 0.8:
            raise RuntimeError(f"{waiting} wait behind the carrier, which took {taken}, then {_answered(stock)}")
        found = {role[-1]: memory_bytes(central.pid(*role), "VmHWM") for role in ROLES}
        return found | {"all": sum(found.values()), "database_own": _private(store.pid)}


def _private(pid: int) -> int:
    """What a process's children hold for themselves now."""
    found = 0
    for child in psutil.Process(pid).children():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # ended this moment
            found += memory_bytes(child.pid, "RssAnon")
    return found


def _answered(stock: Stock) -> int:
    return int(str(stock.value("select count(*) from message_part")))


SPEC = Spec(
    "waiting_memory",
    "peak memory while 1,000,000 short messages wait behind a slow carrier against 10,000",
    1.3,
    "lower",
    measure,
)
