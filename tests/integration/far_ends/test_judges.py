"""The foreign judges work: Kannel speaks to the scripted SMSC, tshark reads the wire and finds what is broken."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from examples.carrier.sms_center import SmsCenter, number_for
from tests.far_ends.judges import Kannel, Wire, callbacks
from tests.far_ends.raw_smpp import Link, tlv

# What Kannel 1.4.5 makes of receipts and refusals: 1 delivered, 2 failed, 4 buffered, 8 accepted, 16 refused, 32 intermediate.
KINDS = {
    "delivered": {8, 1},
    "expired": {8, 34},
    "undeliverable": {8, 2},
    "accepted_only": {8, 4},
    "rejected_later": {8, 2},
    "invalid_number": {16},
    "refused": {16},
}


class _Callback(http.server.BaseHTTPRequestHandler):
    paths: list[str] = []  # noqa: RUF012 - one list of the module's server

    def do_GET(self) -> None:
        self.paths.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        return


@pytest.fixture
def web() -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Callback)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def center(far_ends_cache: Path) -> Iterator[SmsCenter]:
    with SmsCenter(far_ends_cache) as running:
        yield running


def test_a_foreign_client_agrees_with_the_sms_center(far_ends_cache: Path, center: SmsCenter, web: int) -> None:
    with Wire(far_ends_cache, center.port) as wire, Kannel(far_ends_cache, center.port) as kannel:
        _wait(kannel.online)
        for behaviour in KINDS:
            kannel.send(number_for(behaviour, 1), "hi", f"http://127.0.0.1:{web}/?code={behaviour}&kind=%d")
        _wait(lambda: callbacks(_Callback.paths) == KINDS)
        verdict = wire.judge()
    assert verdict.bad == ()
    assert verdict.commands[4] == len(KINDS)
    assert set(center.accepted().values()) == {1}


def test_the_wire_is_read_and_broken_frames_are_found(far_ends_cache: Path, center: SmsCenter) -> None:
    with Wire(far_ends_cache, center.port) as wire, Link(center.port) as link:
        link.bind()
        for number in range(3):
            assert link.submitted(number_for("delivered", number))[0] == 0
        link.until(lambda: len(link.news) == 3)
        # a TLV that is longer than its PDU
        link.submit(number_for("delivered", 9), tlvs=tlv(0x0424, b"x")[:3] + b"\x09x")
        verdict = wire.judge()
    assert verdict.commands[4] == 4
    assert len(verdict.bad) == 1


def _wait(condition: Callable[[], bool], limit_s: float = 30) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, f"it did not come true: {callbacks(_Callback.paths)}"
        time.sleep(0.05)
