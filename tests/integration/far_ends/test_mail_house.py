"""The mail house does what its table says: real notices of a real Postfix, a verifier that judges, people who act."""

from __future__ import annotations

import base64
import email
import email.policy
import hashlib
import http.server
import smtplib
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from examples.carrier.mail_house import PASSWORD, USER, MailHouse
from examples.carrier.process import listens

HTML = (
    '<p>hello <a href="https://t.brand.example/u/1" >stop</a> <a style="display:none" href="https://t.brand.example/c/trap">x</a>'
    '<a href="https://t.brand.example/c/1">look</a><img src="https://t.brand.example/o/1.gif"></p>'
)


class _Web(http.server.BaseHTTPRequestHandler):
    asked: list[tuple[str, str]] = []  # noqa: RUF012 - one list of the module's server

    def do_GET(self) -> None:
        self.asked.append((self.command, self.path))
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_POST = do_GET  # noqa: N815 - the names that http.server calls

    def log_message(self, *_: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        return


@pytest.fixture(scope="module")
def house(far_ends_cache: Path) -> Iterator[MailHouse]:
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Web)
    thread = threading.Thread(target=web.serve_forever)
    thread.start()
    try:
        with MailHouse(
            far_ends_cache, web_port=web.server_port, reads_after_s=0.2, backoff_s=1, warn_s=3, lifetime_s=6
        ) as it:
            yield it
    finally:
        web.shutdown()
        web.server_close()
        thread.join()


def _message(to: str, mark: str) -> bytes:
    return (
        f"From: News <news@brand.example>\r\nTo: {to}\r\nSubject: hello\r\nDate: Mon, 23 Nov 2026 12:00:00 +0000\r\nMessage-ID: <{mark}@brand.example>\r\n"
        "List-Unsubscribe: <https://t.brand.example/u/1>\r\nMIME-Version: 1.0\r\n"
        f"Content-Type: text/html; charset=utf-8\r\n\r\n{HTML}\r\n"
    ).encode()


def _send(house: MailHouse, to: str, mark: str, content: bytes = b"", port: int = 0) -> tuple[int, bytes]:
    """Hand a message to the relay with a VERP sender and all notices asked for; the first refusal, or the answer to the dot."""
    with smtplib.SMTP("127.0.0.1", port or house.ports.smtp, "localhost", timeout=20) as relay:
        relay.ehlo()
        dsn = relay.has_extn("dsn")
        relay.mail(f"b+{mark}-77@bounce.brand.example", ["RET=HDRS", f"ENVID={mark}"] if dsn else [])
        answer = relay.rcpt(to, ["NOTIFY=SUCCESS,FAILURE,DELAY"] if dsn else [])
        return answer if answer[0] >= 400 else relay.data(content or _message(to, mark))


def _notices(house: MailHouse, mark: str) -> list[tuple[str, str]]:
    """(Action, Status) of the notices that came to the bounce address, with the checks that hold for each."""
    found: list[tuple[str, str]] = []
    for mail in house.mails(f"b+{mark}-77@bounce.brand.example"):
        message = email.message_from_bytes(mail.content, policy=email.policy.default)
        if message.get_content_type() != "multipart/report" or message.get_param("report-type") != "delivery-status":
            continue
        status = next(part for part in message.walk() if part.get_content_type() == "message/delivery-status")
        groups = cast("list[EmailMessage]", status.get_payload())
        fields = {name.lower(): str(value) for group in groups for name, value in group.items()}
        assert mail.sender == ""
        assert fields.get("original-envelope-id", mark) == mark
        found.append((fields["action"], fields["status"].split()[0]))
    return found


def _wait(condition: Callable[[], Any], limit_s: float = 30) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.05)


def _told_all(house: MailHouse, mark: str, want: list[tuple[str, str]]) -> bool:
    return set(want) <= set(_notices(house, mark))


NOTICES = {
    "delivered@home.example": [("delivered", "2.0.0")],
    "delivered@far.example": [("relayed", "2.0.0")],
    "boxed@box.example": [("delivered", "2.0.0")],
    "list@home.example": [("expanded", "2.0.0")],
    "unknown@home.example": [("failed", "5.1.1")],
    "unknown@far.example": [("failed", "5.1.1")],
    "disabled@far.example": [("failed", "5.2.1")],
    "full@far.example": [("failed", "5.2.2")],
    "full@home.example": [("failed", "5.2.2")],
    "moved@far.example": [("failed", "5.1.6")],
    "policy@far.example": [("failed", "5.7.1")],
    "bare@far.example": [("failed", "5.0.0")],
    "blocked@far.example": [("failed", "5.0.0")],
    "spam@far.example": [("failed", "5.7.1")],
    "content@far.example": [("failed", "5.6.0")],
    "large@home.example": [("failed", "5.3.4")],
    "someone@nowhere.example": [("failed", "5.4.4")],
    "greylisted@far.example": [("relayed", "2.0.0")],
    "deferred@far.example": [("delayed", "4.3.0"), ("failed", "4.3.0")],
    "busy@far.example": [("delayed", "4.5.3"), ("failed", "4.5.3")],
    "later@home.example": [("delayed", "4.3.2"), ("failed", "4.3.2")],
    "cut@far.example": [("delayed", "4.4.2"), ("failed", "4.4.2")],
    "someone@dead.example": [("delayed", "4.4.1"), ("failed", "4.4.1")],
}
DOOR = {
    "unknown": (550, b"5.1.1"),
    "disabled": (550, b"5.2.1"),
    "full": (552, b"5.2.2"),
    "policy": (554, b"5.7.1"),
    "busy": (452, b"4.3.1"),
    "grey": (451, b"4.7.1"),
}


def test_postfix_tells_what_became_of_each(house: MailHouse) -> None:
    marks = {to: f"n{number}" for number, to in enumerate(NOTICES)}
    for to, mark in marks.items():
        assert _send(house, to, mark)[0] == 250
    for to, mark in marks.items():
        _wait(partial(_told_all, house, mark, NOTICES[to]))
        told = _notices(house, mark)
        if to.startswith("greylisted") and told[0] == ("delayed", "4.7.1"):
            del told[0]  # on a machine so busy that the second try comes after the warning
        assert told == NOTICES[to]
    assert house.queue() == []
    for to in ("delivered@home.example", "delivered@far.example", "greylisted@far.example"):
        (mail,) = house.mails(to)
        assert mail.sender == f"b+{marks[to]}-77@bounce.brand.example"
        assert mail.content.endswith(_message(to, marks[to]))
        assert house.received()[to, f"<{marks[to]}@brand.example>"] == 1


@pytest.mark.parametrize("behaviour", DOOR)
def test_the_relay_refuses_at_its_door(house: MailHouse, behaviour: str) -> None:
    code, text = _send(house, f"{behaviour}@door.example", "d")
    assert (code, text.split()[0]) == DOOR[behaviour]


def test_the_relay_refuses_content_and_size_after_the_dot(house: MailHouse) -> None:
    refused = b"Subject: refuse-this-content\r\n\r\nx\r\n"
    assert _send(house, "delivered@home.example", "r", refused) == (550, b"5.7.1 content refused")
    large = b"Subject: x\r\n\r\n" + (b"x" * 900 + b"\r\n") * 30_000
    assert _send(house, "delivered@home.example", "l", large)[0] == 552


def test_the_recipients_server_can_be_spoken_to_directly(house: MailHouse) -> None:
    assert _send(house, "direct@far.example", "x0", port=house.ports.mx)[0] == 250
    assert house.received()["direct@far.example", "<x0@brand.example>"] == 1
    assert _send(house, "full@far.example", "x1", port=house.ports.mx) == (552, b"5.2.2 Mailbox full")
    for behaviour, taken in (("cut", 0), ("taken-then-cut", 1)):
        with pytest.raises(smtplib.SMTPServerDisconnected):
            _send(house, f"{behaviour}@far.example", f"x-{behaviour}", port=house.ports.mx)
        assert house.received()[f"{behaviour}@far.example", f"<x-{behaviour}@brand.example>"] == taken


def test_people_open_click_complain_and_answer(house: MailHouse) -> None:
    _Web.asked.clear()
    for behaviour in ("opens", "clicks", "unsubscribes"):
        _send(house, f"{behaviour}@home.example", behaviour)
    _wait(lambda: len(_Web.asked) == 4)
    assert sorted(_Web.asked) == [("GET", "/c/1"), ("GET", "/o/1.gif"), ("GET", "/o/1.gif"), ("POST", "/u/1")]
    for behaviour in ("complains", "replies", "bounces-oddly", "forges"):
        _send(house, f"{behaviour}@far.example", behaviour)
    heard = {
        "complains": b"Feedback-Type: abuse",
        "replies": b"Auto-Submitted: auto-replied",
        "bounces-oddly": b"qmail-send",
    }
    for behaviour, want in heard.items():
        address = f"b+{behaviour}-77@bounce.brand.example"
        _wait(partial(_heard, house, address, want))
    _wait(lambda: house.mails("b+forges-70@bounce.brand.example"))
    assert {one["status"] for one in house.acts()} <= {200, 250}


def _heard(house: MailHouse, address: str, want: bytes) -> bool:
    return any(want in one.content for one in house.mails(address))


def test_scanners_ask_for_everything_at_once_and_post_nothing(house: MailHouse) -> None:
    _Web.asked.clear()
    _send(house, "scanned@home.example", "scanned")
    _wait(lambda: len(house.acts("scanned@home.example")) == 10)
    assert {method for method, _ in _Web.asked} == {"HEAD", "GET"}
    assert ("GET", "/c/trap") in _Web.asked


def test_opendkim_judges_signatures(house: MailHouse, tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    der = subprocess.run(["openssl", "rsa", "-in", key, "-pubout", "-outform", "DER"], check=True, capture_output=True)
    house.publish("brand.example", "s1", f"v=DKIM1; k=rsa; p={base64.b64encode(der.stdout).decode()}")
    signed = _signed(_message("signed@home.example", "signed"), key)
    _send(house, "signed@home.example", "signed", signed)
    _send(house, "changed@home.example", "changed", signed.replace(b"look", b"loot"))
    for address, verdict in (
        ("signed@home.example", "dkim=pass (2048-bit key)"),
        ("changed@home.example", "dkim=fail"),
    ):
        _wait(partial(house.mails, address))
        assert verdict in house.mails(address)[0].authentication


def _signed(content: bytes, key: Path) -> bytes:
    """A DKIM signature by hand (RFC 6376, simple/simple), so that no library of ours is trusted here."""
    head, _, body = content.partition(b"\r\n\r\n")
    lines = {line.split(b":")[0].lower(): line for line in head.split(b"\r\n")}
    told = base64.b64encode(hashlib.sha256(body).digest()).decode()
    mine = f"DKIM-Signature: v=1; a=rsa-sha256; c=simple/simple; d=brand.example; s=s1; h=from:subject; bh={told}; b=".encode()
    data = b"".join(lines[name] + b"\r\n" for name in (b"from", b"subject")) + mine
    done = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=data, check=True, capture_output=True)
    return mine + base64.b64encode(done.stdout) + b"\r\n" + content


def test_submission_wants_tls_and_a_name(house: MailHouse) -> None:
    context = ssl.create_default_context(cafile=str(house.certificate))
    with smtplib.SMTP("localhost", house.ports.submission, "localhost", timeout=20) as relay:
        assert relay.docmd("MAIL", "FROM:<a@brand.example>")[0] == 530
        relay.starttls(context=context)
        relay.ehlo()
        with pytest.raises(smtplib.SMTPAuthenticationError):
            relay.login(f"{USER}@relay.example", "wrong")
        relay.mail("a@brand.example")
        assert relay.rcpt("delivered@home.example")[0] == 554
        relay.rset()
        relay.login(f"{USER}@relay.example", PASSWORD)
        relay.sendmail("a@brand.example", ["submitted@home.example"], _message("submitted@home.example", "submitted"))
    with smtplib.SMTP_SSL("localhost", house.ports.tls, "localhost", context=context, timeout=20) as relay:
        relay.login(f"{USER}@relay.example", PASSWORD)
        relay.sendmail("a@brand.example", ["submitted@home.example"], _message("submitted@home.example", "tls"))
    _wait(lambda: sum(n for (to, _), n in house.received().items() if to == "submitted@home.example") == 2)


def test_a_killed_relay_delivers_what_it_took_exactly_once(house: MailHouse) -> None:
    with smtplib.SMTP("127.0.0.1", house.ports.smtp, "localhost", timeout=20) as relay:
        for number in range(50):
            relay.sendmail("b+k@bounce.brand.example", [f"kept.{number}@far.example"], _message("k", f"k{number}"))
    house.kill_relay()
    house.start_relay()
    _wait(lambda: not house.queue())
    assert {n for (to, _), n in house.received().items() if to.startswith("kept.")} <= {1, 2}
    assert sum(to.startswith("kept.") for to, _ in house.received()) == 50


def test_nothing_lives_on_when_the_starter_is_killed(far_ends_cache: Path) -> None:
    program = (
        "import sys, pathlib, dataclasses, time; from examples.carrier.mail_house import MailHouse\n"
        "house = MailHouse(pathlib.Path(sys.argv[1])).start()\n"
        "print(*dataclasses.astuple(house.ports), flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", program, str(far_ends_cache)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]) as starter:
        assert starter.stdout is not None
        ports = [int(word) for word in starter.stdout.readline().split()]
        assert sum(listens("127.0.0.1", port) for port in ports) >= 7
        starter.kill()
    _wait(lambda: not any(listens("127.0.0.1", port) for port in ports))


def test_the_sink_takes_what_the_relay_sends(house: MailHouse) -> None:
    _send(house, "load@sink.example", "s")
    _wait(lambda: "to=<load@sink.example>" in house.log() and "status=sent" in house.log())
    house.check()
