"""How a connection to a relay is opened: greeting, EHLO, STARTTLS, log-in. Pure: a dialogue that yields what to do.

Step 3 of the path (channel). Sources: RFC 5321 section 4.1.1.1 (EHLO, HELO once after 5xx), RFC 3207 (STARTTLS: what was said
before it counts no more), RFC 4954 (AUTH), RFC 4616 (PLAIN), RFC 2195 (CRAM-MD5), RFC 1870 (SIZE).
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Final, Literal

from central.adapters.smtp.replies import Reply

Stage = Literal["connect", "login", "mail", "rcpt", "data", "dot"]
_CONTINUE: Final = 334
_BEST_FIRST: Final = ("PLAIN", "LOGIN", "CRAM-MD5")
_CLEAR: Final = frozenset({"PLAIN", "LOGIN"})


class StartTls:
    """The connection becomes a TLS one now; the dialogue goes on, with no reply, when it is."""


Deed = bytes | StartTls
"""What the dialogue wants done next: bytes to send ("" = only wait for the next reply), or TLS."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What the relay offers (its last EHLO). size 0 = it names no limit."""

    pipelining: bool = False
    eight_bit: bool = False
    utf8: bool = False
    dsn: bool = False
    starttls: bool = False
    size: int = 0
    logins: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Opening:
    """What we want. hello: our own host name. tls: ``implicit`` connections are encrypted already.

    login "" = the best one that is offered. clear_login lets a password go over a connection without TLS.
    """

    hello: str
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)
    login: Literal["", "PLAIN", "LOGIN", "CRAM-MD5"] = ""
    clear_login: bool = False


class NotOpened(Exception):
    """The relay is not usable. stage: ``connect`` or ``login``. reply None = the fault is not in one reply."""

    def __init__(self, stage: Stage, reason: str, reply: Reply | None = None) -> None:
        super().__init__(reason)
        self.stage: Stage = stage
        self.reason = reason
        self.reply = reply


Dialogue = Generator[Deed, Reply, Offer]


def open_dialogue(opening: Opening) -> Dialogue:
    """The whole opening; returns the offer that holds from then on. Raises NotOpened."""
    greeting = yield b""
    if not greeting.good:
        raise NotOpened("connect", "greeting_refused", greeting)
    offer = yield from _hello(opening)
    encrypted = opening.tls == "implicit"
    if opening.tls == "starttls":
        if not offer.starttls:
            raise NotOpened("login", "no_starttls")
        reply = yield b"STARTTLS\r\n"
        if reply.code != 220:  # noqa: PLR2004 - RFC 3207, section 4
            raise NotOpened("login", "starttls_refused", reply)
        yield StartTls()
        encrypted = True
        offer = yield from _hello(opening)
    if opening.user:
        yield from _log_in(opening, offer, encrypted=encrypted)
    return offer


def _hello(opening: Opening) -> Dialogue:
    reply = yield f"EHLO {opening.hello}\r\n".encode("ascii")
    if reply.good:
        return read_offer(reply)
    if reply.code // 100 == 5:  # noqa: PLR2004 - 5xx: it knows no EHLO
        reply = yield f"HELO {opening.hello}\r\n".encode("ascii")
        if reply.good:
            return Offer()
    raise NotOpened("connect", "hello_refused", reply)


def read_offer(reply: Reply) -> Offer:
    """The extensions that an EHLO reply names; unknown ones are passed over."""
    words = [line.upper().replace("=", " ").split() for line in reply.lines[1:]]
    named = {word[0]: word[1:] for word in words if word}
    size = named.get("SIZE", [])
    return Offer(
        pipelining="PIPELINING" in named,
        eight_bit="8BITMIME" in named,
        utf8="SMTPUTF8" in named,
        dsn="DSN" in named,
        starttls="STARTTLS" in named,
        size=int(size[0]) if size and size[0].isascii() and size[0].isdigit() and len(size[0]) <= 20 else 0,  # noqa: PLR2004
        logins=frozenset(one for word in words if word and word[0] == "AUTH" for one in word[1:]),
    )


def _log_in(opening: Opening, offer: Offer, *, encrypted: bool) -> Generator[Deed, Reply, None]:
    lawful = [one for one in _BEST_FIRST if encrypted or opening.clear_login or one not in _CLEAR]
    wanted = [one for one in lawful if one in offer.logins and opening.login in {"", one}]
    if not wanted:
        unsafe = not lawful or (opening.login in _CLEAR and opening.login not in lawful)
        raise NotOpened("login", "login_needs_tls" if unsafe else "no_common_login")
    match wanted[0]:
        case "PLAIN":
            secret = _base64(f"\0{opening.user}\0{opening.password}")
            reply = yield b"AUTH PLAIN " + secret + b"\r\n"
        case "LOGIN":
            yield from _asked((yield b"AUTH LOGIN\r\n"))
            yield from _asked((yield _base64(opening.user) + b"\r\n"))
            reply = yield _base64(opening.password) + b"\r\n"
        case _:
            challenge = yield b"AUTH CRAM-MD5\r\n"
            yield from _asked(challenge)
            reply = yield _cram_md5(opening, challenge) + b"\r\n"
    if not reply.good:
        raise NotOpened("login", "login_refused", reply)


def _asked(reply: Reply) -> Generator[Deed, Reply, None]:
    if reply.code != _CONTINUE:
        raise NotOpened("login", "login_refused", reply)
    yield from ()


def _base64(text: str) -> bytes:
    return base64.b64encode(text.encode("utf-8"))


def _cram_md5(opening: Opening, challenge: Reply) -> bytes:
    try:
        asked = base64.b64decode("".join(challenge.lines), validate=True)
    except (binascii.Error, ValueError) as error:
        raise NotOpened("login", "not_smtp", challenge) from error
    digest = hmac.new(opening.password.encode("utf-8"), asked, "md5").hexdigest()
    return _base64(f"{opening.user} {digest}")
