from __future__ import annotations

import base64
import hmac
from typing import Literal

import pytest

from central.adapters.smtp.opening import Offer, Opening
from central.adapters.smtp.session import Ended, Happening, Opened, Refused, Session, UpgradeNow
from tests.unit.smtp.talking import EHLO, GREETING, written


def as_ann(tls: Literal["none", "implicit"], login: Literal["", "PLAIN", "LOGIN"] = "") -> Opening:
    return Opening("us.example", tls, "ann", "pä ss", login)


def b64(text: str) -> bytes:
    return base64.b64encode(text.encode())


def talk(opening: Opening, *said: bytes) -> tuple[Session, list[Happening], bytes]:
    session, news, sent = Session(opening), list[Happening](), b""
    for data in said:
        news += session.receive(data)
        sent += written(session)
    return session, news, sent


def test_what_a_relay_offers_is_read() -> None:
    _, news, sent = talk(
        Opening("us.example", "none"),
        GREETING,
        b"250-mx\r\n250-size 77\r\n250-DSN\r\n250-AUTH PLAIN login\r\n250 AUTH=CRAM-MD5\r\n",
    )
    assert sent == b"EHLO us.example\r\n"
    assert news == [Opened(Offer(dsn=True, size=77, logins=frozenset({"PLAIN", "LOGIN", "CRAM-MD5"})))]


@pytest.mark.parametrize("size", [b"SIZE", b"SIZE -1", b"SIZE x", b"SIZE 0", b"SIZE " + b"9" * 5000])
def test_a_senseless_size_is_none(size: bytes) -> None:
    session, _, _ = talk(Opening("us.example", "none"), GREETING, b"250-mx\r\n250 " + size[:500] + b"\r\n")
    assert session.offer.size == 0


def test_who_knows_no_ehlo_is_greeted_with_helo_once() -> None:
    session, news, sent = talk(Opening("us.example", "none"), GREETING, b"500 what?\r\n", b"250 mx\r\n")
    assert sent == b"EHLO us.example\r\nHELO us.example\r\n"
    assert news == [Opened(Offer())]
    assert session.wants() == 1
    session, news, _ = talk(Opening("us.example", "none"), GREETING, b"500 what?\r\n", b"500 what?\r\n")
    assert [type(one) for one in news] == [Refused, Ended]


@pytest.mark.parametrize("greeting", [b"554 no\r\n", b"421 later\r\n", b"SSH-2.0-OpenSSH\r\n", b"354 go\r\n"])
def test_a_relay_may_refuse_at_the_door(greeting: bytes) -> None:
    session, news, sent = talk(Opening("us.example", "none"), greeting)
    assert isinstance(news[0], Refused)
    assert (news[0].stage, news[0].reason) == ("connect", "greeting_refused")
    assert (session.state, sent) == ("closed", b"")


def test_starttls_forgets_what_was_offered_in_clear() -> None:
    session, news, sent = talk(
        Opening("us.example", "starttls"), GREETING, b"250-mx\r\n250-STARTTLS\r\n250 PIPELINING\r\n", b"220 go\r\n"
    )
    assert sent == b"EHLO us.example\r\nSTARTTLS\r\n"
    assert news == [UpgradeNow()]
    assert session.encrypted() == []
    assert written(session) == b"EHLO us.example\r\n"
    assert session.receive(b"250 mx\r\n") == [Opened(Offer())]


@pytest.mark.parametrize("behind", [b"250 AUTH PLAIN\r\n", b"250-AU", b"2"])
def test_clear_text_behind_starttls_is_an_attack(behind: bytes) -> None:
    offer = b"250-mx\r\n250 STARTTLS\r\n"
    session, news, _ = talk(Opening("us.example", "starttls"), GREETING, offer, b"220 go\r\n" + behind)
    assert news == [Refused("login", "clear_text_after_starttls", None), Ended("clear_text_after_starttls")]
    assert session.state == "closed"


@pytest.mark.parametrize(
    ("said", "reason"),
    [((b"250 mx\r\n",), "no_starttls"), ((b"250-mx\r\n250 STARTTLS\r\n", b"454 no\r\n"), "starttls_refused")],
)
def test_tls_that_is_demanded_is_not_done_without(said: tuple[bytes, ...], reason: str) -> None:
    _, news, _ = talk(Opening("us.example", "starttls", "ann", "secret"), GREETING, *said)
    assert isinstance(news[0], Refused)
    assert (news[0].stage, news[0].reason) == ("login", reason)


def test_logins() -> None:
    offer = b"250-mx\r\n250 AUTH CRAM-MD5 LOGIN PLAIN\r\n"
    _, news, sent = talk(as_ann("implicit"), GREETING, offer, b"235 ok\r\n")
    assert sent.endswith(b"AUTH PLAIN " + b64("\0ann\0pä ss") + b"\r\n")
    assert isinstance(news[-1], Opened)
    _, news, sent = talk(
        as_ann("implicit", "LOGIN"),
        GREETING,
        offer,
        b"334 VXNlcm5hbWU6\r\n",
        b"334 UGFzc3dvcmQ6\r\n",
        b"235 ok\r\n",
    )
    assert sent.endswith(b"AUTH LOGIN\r\n" + b64("ann") + b"\r\n" + b64("pä ss") + b"\r\n")
    assert isinstance(news[-1], Opened)
    _, news, sent = talk(as_ann("none"), GREETING, offer, b"334 " + b64("<1@mx>") + b"\r\n", b"235 ok\r\n")
    digest = hmac.new("pä ss".encode(), b"<1@mx>", "md5").hexdigest()
    assert sent.endswith(b"AUTH CRAM-MD5\r\n" + b64(f"ann {digest}") + b"\r\n")
    assert isinstance(news[-1], Opened)


@pytest.mark.parametrize(
    ("login", "tls", "said", "reason"),
    [
        ("", "implicit", (b"250 mx\r\n",), "no_common_login"),
        ("PLAIN", "none", (b"250-mx\r\n250 AUTH PLAIN\r\n",), "login_needs_tls"),
        ("", "implicit", (b"250-mx\r\n250 AUTH PLAIN\r\n", b"535 5.7.8 bad\r\n"), "login_refused"),
        ("", "implicit", (b"250-mx\r\n250 AUTH LOGIN\r\n", b"535 5.7.8 bad\r\n"), "login_refused"),
        ("", "implicit", (b"250-mx\r\n250 AUTH LOGIN\r\n", b"334 a\r\n", b"535 5.7.8 bad\r\n"), "login_refused"),
        ("", "implicit", (b"250-mx\r\n250 AUTH CRAM-MD5\r\n", b"334 !!!\r\n"), "not_smtp"),
    ],
)
def test_logins_that_fail(
    login: Literal["", "PLAIN"], tls: Literal["none", "implicit"], said: tuple[bytes, ...], reason: str
) -> None:
    session, news, _ = talk(as_ann(tls, login), GREETING, *said)
    assert isinstance(news[0], Refused)
    assert (news[0].stage, news[0].reason, session.state) == ("login", reason, "closed")


def test_a_password_never_shows() -> None:
    assert "pä ss" not in repr(as_ann("none"))


def test_a_link_may_be_lost_at_any_step() -> None:
    said = (GREETING, b"250-mx\r\n250-STARTTLS\r\n250 X\r\n", b"220 go\r\n")
    for count in range(len(said) + 1):
        session, _, _ = talk(Opening("us.example", "starttls"), *said[:count])
        news = session.lost("reset by peer")
        assert [type(one) for one in news] == [Refused, Ended]
        assert session.lost("again") == []
    session, _, _ = talk(Opening("us.example", "none"), GREETING, EHLO)
    assert [type(one) for one in session.lost("reset by peer")] == [Ended]
