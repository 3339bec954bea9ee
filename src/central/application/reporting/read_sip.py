"""Stored SIP messages as lines that a person reads: direction, method or code, time, headers, body, Reason (path step 7).

Pure. RFC 3261 for the messages, RFC 3326 for Reason, RFC 6026/3261 section 17 for repeats. What cannot be read is shown as
it stands: an explanation must not fail on what a carrier sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from central.application.ports.telephony import SipMessage
from central.application.reporting.cause_names import Q850, SIP
from central.application.reporting.record_values import Reason, SipLine

_NAMES: Final[Mapping[str, Mapping[int, str]]] = {"Q.850": Q850, "SIP": SIP}
_NO_NAMES: Final[Mapping[int, str]] = {}
HIDDEN_BODY: Final = "[keys hidden: the flow collects a secret]"
_STATUS: Final = re.compile(r"SIP/2\.0 (\d{3})(?: (.*))?")
_CAUSE: Final = re.compile(r"cause\s*=\s*(\d{1,3})", re.IGNORECASE)
_TEXT: Final = re.compile(r'text\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;,]*))', re.IGNORECASE)
_BRANCH: Final = re.compile(r"branch=([^;,\s]+)", re.IGNORECASE)
_COMPACT: Final = {
    "v": "via",
    "f": "from",
    "t": "to",
    "i": "call-id",
    "c": "content-type",
    "l": "content-length",
    "m": "contact",
}


def read_sip(messages: Sequence[SipMessage], *, hide_keys: bool = False) -> tuple[SipLine, ...]:
    """Read the messages of one leg, in wire order; ``hide_keys`` blanks the bodies of INFO, which carry pressed keys."""
    lines: list[SipLine] = []
    seen: set[tuple[bool, str, str, str]] = set()
    for message in messages:
        line = _read(message, lines, hide_keys=hide_keys)
        key = (line.sent, line.start_line, line.cseq, _branch(line))
        repeated = key in seen
        seen.add(key)
        lines.append(line if not repeated else _repeated(line))
    return tuple(lines)


def carrier_reason(lines: Sequence[SipLine]) -> Reason | None:
    """The Q.850 cause of the far side's own Reason header: in its last final refusal, or in its BYE or CANCEL."""
    found: Reason | None = None
    for line in lines:
        final = line.code is not None and line.code >= 300 and line.method == "INVITE"  # noqa: PLR2004 - RFC 3261, 7.2
        if not line.sent and (final or (line.code is None and line.method in {"BYE", "CANCEL"})):
            found = next((reason for reason in line.reasons if reason.protocol == "Q.850"), found)
    return found


def _read(message: SipMessage, before: Sequence[SipLine], *, hide_keys: bool) -> SipLine:
    head, _, body = message.text.replace("\r\n", "\n").partition("\n\n")
    start_line, *rest = head.split("\n")
    headers = _headers(rest)
    cseq = _first(headers, "cseq")
    status = _STATUS.match(start_line)
    code = int(status[1]) if status else None
    method = (cseq.split()[-1] if cseq.split() else "") if status else start_line.partition(" ")[0]
    if hide_keys and method == "INFO" and body:
        body = HIDDEN_BODY
    first = before[0].at if before else message.at
    last = before[-1].at if before else message.at
    return SipLine(
        at=message.at,
        delta_ms=round((message.at - last).total_seconds() * 1000, 1),
        since_ms=round((message.at - first).total_seconds() * 1000, 1),
        sent=message.sent,
        source=message.source,
        target=message.target,
        label=f"{code} {status[2] or SIP.get(int(status[1]), '')}".strip() if status else method,
        start_line=start_line,
        method=method,
        code=code,
        cseq=cseq,
        headers=headers,
        body=body,
        media=_media(headers, body),
        reasons=tuple(_reason(value) for name, value in headers if name.lower() == "reason"),
    )


def _headers(lines: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Names and values in order; a folded line belongs to the header before it (RFC 3261, 7.3.1)."""
    found: list[tuple[str, str]] = []
    for line in lines:
        if line[:1] in {" ", "\t"} and found:
            name, value = found[-1]
            found[-1] = (name, f"{value} {line.strip()}")
            continue
        name, colon, value = line.partition(":")
        if colon:
            found.append((name.strip(), value.strip()))
    return tuple(found)


def _first(headers: Sequence[tuple[str, str]], wanted: str) -> str:
    """The first header of a name, compact forms included (RFC 3261, 7.3.3); empty without one."""
    return next((value for name, value in headers if _COMPACT.get(name.lower(), name.lower()) == wanted), "")


def _reason(value: str) -> Reason:
    protocol = value.partition(";")[0].strip()
    cause, text = _CAUSE.search(value), _TEXT.search(value)
    number = int(cause[1]) if cause else 0
    names = _NAMES.get(protocol.upper(), _NO_NAMES)
    said = (text[1] or text[2] or "").strip() if text else ""
    return Reason("Q.850" if protocol.upper() == "Q.850" else protocol, number, names.get(number, ""), said)


def _media(headers: Sequence[tuple[str, str]], body: str) -> str:
    """What the body is, in a word or two: SDP with its direction when it is not both ways, keys, or its content type."""
    kind = _first(headers, "content-type").partition(";")[0].strip().lower()
    if not body.strip():
        return ""
    if kind == "application/sdp":
        held = next((word for word in ("sendonly", "recvonly", "inactive") if f"a={word}" in body), "")
        return f"SDP {held}".strip()
    return "keys" if kind in {"application/dtmf-relay", "application/dtmf"} else kind or "body"


def _branch(line: SipLine) -> str:
    found = _BRANCH.search(_first(line.headers, "via"))
    return found[1] if found else ""


def _repeated(line: SipLine) -> SipLine:
    return SipLine(
        line.at, line.delta_ms, line.since_ms, line.sent, line.source, line.target, line.label, line.start_line, line.method,
        line.code, line.cseq, line.headers, line.body, line.media, line.reasons, repeated=True,
    )  # fmt: skip
