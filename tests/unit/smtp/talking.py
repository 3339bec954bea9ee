"""A session and what the far end says to it, as text, for tests on the level of bytes."""

from __future__ import annotations

from central.adapters.smtp.opening import Opening
from central.adapters.smtp.session import Session
from central.application.ports.carriers import Envelope
from central.domain.ids import MessageId, uuid7

GREETING = b"220 mx.example ESMTP\r\n"
EHLO = b"250-mx.example\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"
PLAIN_EHLO = b"250 mx.example\r\n"
CONTENT = b"Subject: hello\r\n\r\nhello\r\n"


def message_id(number: int) -> MessageId:
    return MessageId(uuid7(1_700_000_000_000, number))


def envelope(
    number: int = 1, *, to: str = "person@example.com", sender: str = "b+1-2@bounce.example", content: bytes = CONTENT
) -> Envelope:
    return Envelope(id=message_id(number), sender=sender, recipient=to, content=content)


def written(session: Session) -> bytes:
    """Everything that is due now."""
    parts: list[bytes] = []
    while part := session.take():
        parts.append(part)
    return b"".join(parts)


def opened(*, ehlo: bytes = EHLO, notices: bool = False, pipelining: bool = True) -> Session:
    """A session that takes messages."""
    session = Session(Opening("us.example", "none"), notices=notices, pipelining=pipelining)
    session.receive(GREETING)
    written(session)
    session.receive(ehlo)
    assert session.state == "ready"
    return session
