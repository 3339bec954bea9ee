"""sms_vs_kannel: short messages a second from the API to the SMSC with receipts stored and told, against Kannel 1.4.5.

As ``sms_vs_jasmin``. Kannel is given the same durability: what waits for a receipt stands in the same PostgreSQL server
(dlr-storage pgsql), its messages in files (store-type spool). Its load is one request a message by 16 connections, with mask 31, so
that it calls back for the SMSC's answer and for the receipt. Both sides count from the first request to the last receipt that was
acknowledged and the last callback.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import Any

from psycopg.conninfo import make_conninfo

from central.settings import read_settings
from examples.carrier.sipp import free_ports
from tests.benchmarks.bench_store import BenchStore, bench_store
from tests.benchmarks.figure import Progress, Size, Spec, median_ratio
from tests.benchmarks.gateway_rates import Rates
from tests.benchmarks.gateway_rates import measure as measure_gateway
from tests.benchmarks.sms_by_central import WINDOW, as_raw, central_rates
from tests.far_ends.judges import Kannel

CALLBACKS = 2
_HOST = "127.0.0.1"


def measure(size: Size, progress: Progress) -> tuple[float, dict[str, Any]]:
    """Runs side by side, in turns; each starts everything anew."""
    messages = size.of(10_000, 2_000)
    ours: list[Rates] = []
    theirs: list[Rates] = []
    (port,) = free_ports(_HOST, 1)
    with bench_store(port) as store:
        for _ in range(size.runs):
            ours.append(central_rates(store, messages))
            theirs.append(_kannel(store, port, messages))
            progress(f"central {ours[-1].settled_per_s:.0f}/s, kannel {theirs[-1].settled_per_s:.0f}/s")
    raw = {"messages": messages, "window": WINDOW, "central": as_raw(ours), "kannel": as_raw(theirs)}
    return median_ratio([one.settled_per_s for one in ours], [one.settled_per_s for one in theirs]), raw


def _kannel(store: BenchStore, store_port: int, messages: int) -> Rates:
    with store.database() as dsn:
        database = make_conninfo(dsn, host=_HOST, port=store_port)  # Kannel's root folder has no socket of the server

        @contextlib.contextmanager
        def start(port: int) -> Generator[Kannel]:
            with Kannel(read_settings().cache_dir / "far-ends", port, database=database) as gateway:
                yield gateway

        return measure_gateway(start, messages, callbacks_each=CALLBACKS, quickack=True)


SPEC = Spec(
    "sms_vs_kannel",
    "SMS a second from the API to the SMSC, receipts stored and told, against Kannel 1.4.5 on PostgreSQL",
    1.5,
    "higher",
    measure,
)
