"""Short messages by the whole of Central: bulk requests to its API, PostgreSQL, messenger, SMSC; receipts stored, webhooks told.

Messages go in by ``POST /sms``, 2,000 in a request, as a customer sends a list of them. Each ends with the receipt of the common
sink, which is acknowledged once it is stored, and with one webhook ``sms.status`` to the common receiver of callbacks.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Generator
from dataclasses import asdict
from typing import Any
from uuid import UUID

from central.application.ports.carriers import CarrierId
from tests.benchmarks.bench_api import BenchApi, make_endpoint
from tests.benchmarks.bench_store import BenchStore
from tests.benchmarks.gateway_rates import Laboratory, Load, Rates, Sent, warm_run
from tests.stock import Stock

WINDOW = 50
"""As many submits without an answer as Kannel is given."""
ROLES = (("serve",), ("worker", "messenger"), ("worker", "publisher"))
SETTINGS = {"CENTRAL_ALLOW_PRIVATE_WEBHOOKS": "yes"}
_TEXT = "Your parcel {} arrives today between 10 and 12. Reply STOP to end these messages."
_FIRST = 919_700_000_000
_BULK = 2_000
_LIMIT_S = 60.0


def central_rates(store: BenchStore, messages: int, *, callbacks: bool = True) -> Rates:
    """One run on a fresh database and processes, after a tenth of the messages to warm it up."""
    with Laboratory(quickack=True) as laboratory, store.database() as dsn:
        told = f"http://127.0.0.1:{laboratory.callback_port}/" if callbacks else ""
        with sending_central(dsn, laboratory.smsc_port, told) as load:
            return warm_run(laboratory, load, messages, int(callbacks), receipts=True)


@contextlib.contextmanager
def sending_central(dsn: str, smsc_port: int, callback_url: str = "") -> Generator[Load]:
    """Central with one bind to that SMSC. callback_url: who hears of every change of status, "" = nobody."""
    with BenchApi(dsn, ROLES, SETTINGS) as central:
        if callback_url:
            make_endpoint(Stock(dsn), central.account_id, callback_url, "sms.status")
        add_carrier(central, smsc_port, window=WINDOW)
        yield lambda messages: send_sms(central, messages)


def add_carrier(central: BenchApi, smsc_port: int, **settings: Any) -> CarrierId:
    """A carrier for every number; returns its id once it is bound. RuntimeError when it is not within a minute."""
    given = {"host": "127.0.0.1", "port": smsc_port, "system_id": "esme"} | settings
    body = {"name": "sink", "kind": "smpp", "settings": given, "secrets": {"password": "secret"}}
    carrier = CarrierId(UUID(central.api.post("/carriers", body)["id"]))
    end = time.monotonic() + _LIMIT_S
    while central.api.get(f"/carriers/{carrier}")["state"] != "up":
        if time.monotonic() > end:
            raise RuntimeError("the carrier is not bound")
        time.sleep(0.1)
    return carrier


def send_sms(central: BenchApi, messages: int) -> Sent:
    """Bulk requests, one after the other; each message's text and number differ."""
    codes: Counter[str] = Counter()
    begun = time.monotonic()
    for start in range(0, messages, _BULK):
        numbers = range(start, min(start + _BULK, messages))
        wanted = [{"to": str(_FIRST + n), "text": _TEXT.format(n), "sender": "CENTRAL"} for n in numbers]
        answer = central.api.call("POST", "/sms", json={"messages": wanted}, timeout=600)
        codes.update(one["status"] for one in answer["messages"])
    return Sent(begun, time.monotonic(), dict(codes))


def as_raw(runs: list[Rates]) -> dict[str, Any]:
    """The figures of some runs, one list a rate."""
    rows = [asdict(run) for run in runs]
    return {name: [round(row[name]) for row in rows] for name in ("accepted_per_s", "submitted_per_s", "settled_per_s")}
