from __future__ import annotations

import contextlib
import socket

import pytest

from tests.strays import StrayCalls


@pytest.mark.parametrize("host", ["192.0.2.1", "127.0.0.1", "::1"])
def test_unit_test_cannot_connect_even_to_loopback(stray_calls: StrayCalls, host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as sock, contextlib.suppress(OSError):
        sock.connect((host, 9))
    assert stray_calls.seen == [f"socket.connect {host}"]
    stray_calls.seen.clear()  # asked for here


def test_unit_test_cannot_look_up_a_name(stray_calls: StrayCalls) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.getaddrinfo("example.test", 80)
    assert stray_calls.seen == ["socket.getaddrinfo example.test"]
    stray_calls.seen.clear()


def test_other_kinds_reach_loopback_only(stray_calls: StrayCalls) -> None:
    stray_calls.allow_loopback = True
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", 9))
        with pytest.raises(ConnectionRefusedError):
            sock.connect(("192.0.2.1", 9))
    assert stray_calls.seen == ["socket.connect 192.0.2.1"]
    stray_calls.seen.clear()
