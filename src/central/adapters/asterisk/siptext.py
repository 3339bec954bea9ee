"""SIP messages as text: what they prove about a call, and their redaction before anybody sees them. Pure.

Step 3 of the path (channel). Input are the copies that the engine sends over HEP; only what evidence needs is parsed, with a
few regular expressions on bytes, because every call passes here. RFC 3261 for the messages, RFC 3326 for Reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

_STATUS = re.compile(rb"SIP/2\.0 (\d{3})")
_CSEQ = re.compile(rb"^CSeq[ \t]*:[ \t]*\d+[ \t]+([A-Z]+)", re.MULTILINE | re.IGNORECASE)
_FROM_TAG = re.compile(rb"^(?:From|f)[ \t]*:[^\r\n]*;[ \t]*tag=([^;\s]+)", re.MULTILINE | re.IGNORECASE)
_REASON = re.compile(rb"^Reason[ \t]*:[^\r\n]*Q\.850[ \t]*;[^\r\n]*?cause=(\d{1,3})", re.MULTILINE | re.IGNORECASE)
_SECRET = re.compile(r"^((?:Proxy-)?Authorization[ \t]*:)[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*", re.MULTILINE | re.IGNORECASE)

_OUTSIDE = re.compile(rb"^CSeq[ \t]*:[ \t]*\d+[ \t]+(?:REGISTER|OPTIONS)\b", re.MULTILINE | re.IGNORECASE)

RINGING_CODES = range(180, 200)
FINAL_CODES = range(200, 700)


@dataclass(frozen=True, slots=True)
class WireFacts:
    """What the copied messages of one call prove; most of it of calls that we placed.

    complete: our INVITE was seen, so that "nothing was received" is a fact and not a gap. final_code: the last final
    response to our INVITE (a challenge that we answered is superseded). q850: cause of the other side's Reason header, in
    its final response or its BYE. cancelled: we sent CANCEL; crossed_cancel: the other side answered 2xx after that.
    """

    complete: bool = False
    received_any: bool = False
    ringing: bool = False
    answered: bool = False
    cancelled: bool = False
    crossed_cancel: bool = False
    final_code: int | None = None
    q850: int | None = None
    bye_from: Literal["us", "them"] | None = None


def outside_calls(message: bytes) -> bool:
    """Whether it registers a phone, or asks whether somebody is there: of no call, and not to be kept."""
    return _OUTSIDE.search(message) is not None


def from_tag(message: bytes) -> bytes:
    """The tag of the From header; empty without one."""
    found = _FROM_TAG.search(message)
    return found[1] if found else b""


def is_sent(message: bytes, caller_tag: bytes, *, inbound: bool = False) -> bool:
    """Whether we sent it: the caller's requests and the responses to them carry the caller's tag in From (RFC 3261, 8.2.6.2)."""
    by_caller = message.startswith(b"SIP/2.0 ") != (from_tag(message) == caller_tag)
    return by_caller != inbound


def reason_q850(message: bytes) -> int | None:
    """The Q.850 cause of the Reason header (RFC 3326); None without one."""
    if b"q.850" not in message.lower():  # most messages: the search costs ten times as much
        return None
    found = _REASON.search(message)
    return int(found[1]) if found else None


def facts(messages: Iterable[bytes], *, inbound: bool = False) -> WireFacts:
    """Read the messages of one call in wire order; of a call that came in only ``bye_from`` and ``q850`` say something."""
    caller_tag = b""
    complete = received = ringing = answered = crossed = cancelled = False
    final: int | None = None
    q850: int | None = None
    bye_from: Literal["us", "them"] | None = None
    for message in messages:
        if not caller_tag:
            complete = message.startswith(b"INVITE ")
            caller_tag = from_tag(message)
        sent = is_sent(message, caller_tag, inbound=inbound)
        received = received or not sent
        status = _STATUS.match(message)
        if status is None:
            cancelled = cancelled or (sent and message.startswith(b"CANCEL "))
            if message.startswith(b"BYE ") and bye_from is None:
                bye_from = "us" if sent else "them"
                q850 = q850 if sent else reason_q850(message)
            continue
        method, code = _CSEQ.search(message), int(status[1])
        if sent or method is None or method[1] != b"INVITE":
            continue
        ringing = ringing or code in RINGING_CODES
        if code in FINAL_CODES and not answered:
            final, answered = code, code < 300  # noqa: PLR2004 - 2xx, RFC 3261 section 7.2
            crossed = crossed or (answered and cancelled)
            q850 = reason_q850(message)
    return WireFacts(
        complete=complete, received_any=received, ringing=ringing, answered=answered, cancelled=cancelled,
        crossed_cancel=crossed, final_code=final, q850=q850, bye_from=bye_from,
    )  # fmt: skip


def redact(text: str) -> str:
    """The message without its credentials: Authorization and Proxy-Authorization lose their value, folded lines too."""
    if "authorization" not in text.lower():  # most messages: the search costs ten times as much
        return text
    return _SECRET.sub(r"\1 [redacted]", text)
