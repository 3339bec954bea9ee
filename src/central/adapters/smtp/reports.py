"""What a message that came back says: delivery reports, complaints, automatic replies. Pure, and bounded for hostile input.

Step 3 of the path (channel). Sources: RFC 3462 (multipart/report), RFC 3464 (delivery status), RFC 5965 (complaints), RFC 3834
(Auto-Submitted). Only the first 256 KiB and 10,000 lines are read (reports stand before the message they return), and a message of
more than 40 parts is not taken apart: nested parts cost the parser time for each line and level.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import Message
from email.parser import BytesParser, HeaderParser
from email.policy import compat32
from email.utils import getaddresses, parsedate_to_datetime
from hashlib import sha256
from typing import Final

import msgspec
from flufl.bounce import scan_message  # pyright: ignore[reportUnknownVariableType] - its argument has no type

LIMIT_BYTES: Final = 256 * 1024
LIMIT_LINES: Final = 10_000
LIMIT_PARTS: Final = 40
LIMIT_GROUPS: Final = 20
"""Recipients of one report that are read; ours have one."""

_LIMIT_TYPE: Final = 2000
_LIMIT_VALUE: Final = 1000
_CONTENT_TYPE: Final = re.compile(
    rb"^content-type[ \t]*:[^\r\n]*(?:(?:\r\n|\r|\n)[ \t][^\r\n]*)*", re.IGNORECASE | re.MULTILINE
)
_ASCII: Final = bytes(code if code < 128 else ord("?") for code in range(256))  # noqa: PLR2004 - ASCII
_HEADERS_ONLY: Final = frozenset({"text/rfc822-headers", "message/rfc822-headers", "message/global-headers"})
_WHOLE: Final = frozenset({"message/rfc822", "message/global"})
_ADDRESSED: Final = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "To")
_CONTROL: Final = re.compile(r"[\x00-\x20\x7f-\xa0\ud800-\udfff]+")
_ADDRESS: Final = re.compile(r"[^\s<>,;:\"()]{1,200}@[^\s<>,;:\"()]{1,253}")

logging.getLogger(
    "flufl.bounce"
).disabled = True  # it writes a traceback, with the message's words, for what is caught below


class DeliveryReport(msgspec.Struct, frozen=True):
    """RFC 3464: what became of the message at one recipient. action in lower case; status as it stands, "" = none."""

    recipient: str
    action: str
    status: str
    diagnostic: str
    at: datetime | None


class Complaint(msgspec.Struct, frozen=True):
    """RFC 5965: somebody pressed a button. feedback in lower case, "" = none was told."""

    feedback: str
    recipient: str
    at: datetime | None


class BounceGuess(msgspec.Struct, frozen=True):
    """It follows no standard, and looks like a bounce of these addresses all the same."""

    recipients: tuple[str, ...]


class AutoReply(msgspec.Struct, frozen=True):
    """An automatic answer: somebody is on holiday."""

    subject: str


class Other(msgspec.Struct, frozen=True):
    """Nothing that is understood. why: ``unknown``, ``disposition`` (a read receipt), ``too_complex``."""

    why: str


Item = DeliveryReport | Complaint | BounceGuess | AutoReply | Other


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A message that came in. id: its own Message-ID, else a digest. to: whom it was addressed to. received: hops so far.

    Of the message that it is about: ``senders`` (envelope senders that it names), ``envelope_id``, ``message_id`` without <>.
    """

    id: str
    items: tuple[Item, ...]
    to: tuple[str, ...] = ()
    senders: tuple[str, ...] = ()
    envelope_id: str = ""
    message_id: str = ""
    received: int = 0


def read_report(raw: bytes) -> Report:
    """Take a message apart; never raises for its content."""
    digest = f"sha256:{sha256(raw).hexdigest()}"
    kept = b"".join(raw[:LIMIT_BYTES].splitlines(keepends=True)[:LIMIT_LINES])
    types = _CONTENT_TYPE.findall(kept)
    if len(types) > LIMIT_PARTS or any(len(one) > _LIMIT_TYPE for one in types):
        return Report(id=digest, items=(Other("too_complex"),))
    message = BytesParser(policy=compat32).parsebytes(kept)
    parts = list(message.walk())
    groups = [group for part in parts if part.get_content_type() == "message/delivery-status" for group in _inner(part)]
    original = _original(parts)
    feedback = next(
        (one for part in parts if part.get_content_type() == "message/feedback-report" for one in _inner(part)), None
    )
    items = _delivery(groups) or _complaint(feedback) or _plain(message, kept)
    senders = [*_all(original, "Return-Path"), *_all(feedback, "Original-Mail-From")]
    return Report(
        id=_bare(_first(message, "Message-ID")) or digest,
        items=items,
        to=tuple(one for name in _ADDRESSED for value in _all(message, name) for one in _ADDRESS.findall(value)),
        senders=tuple(found[0] for value in senders if (found := _ADDRESS.search(value))),
        envelope_id=next(
            (value for group in [*groups, feedback] if (value := _first(group, "Original-Envelope-Id"))), ""
        ),
        message_id=_bare(_first(original, "Message-ID")),
        received=len(_all(message, "Received")),
    )


def _delivery(groups: list[Message]) -> tuple[Item, ...]:
    found: list[Item] = []
    for group in groups[: LIMIT_GROUPS + 1]:
        action = _first(group, "Action").lower()
        recipient = _typed(_first(group, "Final-Recipient")) or _typed(_first(group, "Original-Recipient"))
        if not action and not recipient:
            continue  # the fields about the whole message stand first
        date = _date(_first(group, "Last-Attempt-Date"))
        diagnostic = _typed(_first(group, "Diagnostic-Code"))
        found.append(DeliveryReport(recipient, action.split(" ")[0], _first(group, "Status"), diagnostic, date))
    return tuple(found)


def _complaint(feedback: Message | None) -> tuple[Item, ...]:
    if feedback is None:
        return ()
    recipient = _ADDRESS.search(_first(feedback, "Original-Rcpt-To"))
    date = _date(_first(feedback, "Arrival-Date") or _first(feedback, "Received-Date"))
    return (Complaint(_first(feedback, "Feedback-Type").lower(), recipient[0] if recipient else "", date),)


def _plain(message: Message, kept: bytes) -> tuple[Item, ...]:
    if message.get_content_type() == "multipart/report" and "disposition" in _first(message, "Content-Type").lower():
        return (Other("disposition"),)
    bounced = _guessed(message, kept)
    if bounced:
        return (BounceGuess(bounced),)
    submitted = _first(message, "Auto-Submitted").lower()
    automatic = submitted not in {"", "no"} or _first(message, "Precedence").lower() in {"auto_reply", "auto-reply"}
    if automatic or any(name in message for name in ("X-Autoreply", "X-Autorespond", "X-Auto-Reply")):
        return (AutoReply(_first(message, "Subject")),)
    return (Other("unknown"),)


def _guessed(message: Message, kept: bytes) -> tuple[str, ...]:
    """Addresses that bounced, as flufl.bounce knows the ways of many mail servers. It wants ASCII and a From, and trusts both."""
    if not any(address for _, address in getaddresses(_all(message, "From"))):
        return ()
    plain = BytesParser(policy=compat32).parsebytes(kept.translate(_ASCII))
    try:
        found: frozenset[bytes] = scan_message(plain)
    except (LookupError, AttributeError, TypeError, ValueError, AssertionError):
        return ()  # what its detectors raise for messages that are broken in their own way: then it is no bounce they know
    return tuple(sorted(one.decode("ascii", "replace") for one in found)[:LIMIT_GROUPS])


def _original(parts: list[Message]) -> Message | None:
    """The headers of the message that came back."""
    for part in parts:
        kind = part.get_content_type()
        if kind in _WHOLE or (kind in _HEADERS_ONLY and part.is_multipart()):
            return next(_inner(part), None)
        if kind in _HEADERS_ONLY:
            content = part.get_payload(decode=True)
            text = content.decode("utf-8", "replace") if isinstance(content, bytes) else ""
            return HeaderParser(policy=compat32).parsestr(text)
    return None


def _inner(part: Message) -> Iterator[Message]:
    payload: object = part.get_payload()
    if isinstance(payload, list):
        for one in payload:  # pyright: ignore[reportUnknownVariableType] - the parser's own list
            if isinstance(one, Message):
                yield one


def _all(message: Message | None, name: str) -> list[str]:
    if message is None:
        return []
    return [_CONTROL.sub(" ", str(value)).strip()[:_LIMIT_VALUE] for value in message.get_all(name, [])]


def _first(message: Message | None, name: str) -> str:
    return next(iter(_all(message, name)), "")


def _typed(value: str) -> str:
    """``rfc822; a@b`` without its type."""
    kind, semicolon, rest = value.partition(";")
    return rest.strip() if semicolon and kind.strip().replace("-", "").isalnum() else value


def _bare(value: str) -> str:
    return value.strip().removeprefix("<").removesuffix(">")


def _date(value: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(value)
        return at.astimezone(UTC) if at.tzinfo is not None else None
    except (ValueError, TypeError, IndexError, OverflowError):
        return None  # whoever wrote it has no clock that we understand
