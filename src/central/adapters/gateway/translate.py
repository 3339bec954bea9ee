"""Between messages and a gateway's HTTP, pure: the request of a message, and what an answer to it, or none, means."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from html import escape as xml_escape
from typing import Final
from urllib.parse import quote, quote_plus, urlencode

import msgspec

from central.adapters.gateway.config import Basic, Bearer, GatewayConfig, Meaning
from central.adapters.gateway.filling import Missing, Write, fill, fill_entry, fill_json
from central.adapters.gateway.finding import Place, Written, read_document
from central.adapters.gateway.reasons import CLASSES, NO_ID, NOT_SENT, REFUSED_IN_BODY, Rest, Row, row_of
from central.application.ports.carriers import Answer, NotSent, NotTaken, Submission, Taken, Uncertain
from central.domain.binary_messages import read_binary
from central.domain.statuses import SmsStatus

USER_AGENT: Final = "Central-Gateways/1"
_SHOWN: Final = 200
_LEAST_HIDDEN: Final = 4  # shorter ones stand in words of every kind
_LONGEST_WAIT_S: Final = 86_400.0
_WRITERS: Final[Mapping[str, Write]] = {
    "none": str,
    "xml": lambda text: xml_escape(
        "".join(char for char in text if char.isprintable() or char in "\t\n\r"), quote=True
    ),
    "url": lambda text: quote(text, safe=""),
    "json": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
}


class WireRequest(msgspec.Struct, frozen=True):
    """One HTTP request."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None


class WireAnswer(msgspec.Struct, frozen=True):
    """One HTTP answer; of its body the beginning."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Judged(msgspec.Struct, frozen=True):
    """What one request came to. answers: of its parts, in order. rest: the gateway rests, for ``rest_s`` where it said so."""

    answers: Sequence[Answer]
    rest: Rest = ""
    rest_s: float | None = None


def request_of(message: Submission, config: GatewayConfig) -> WireRequest | NotTaken:
    """The request of a message, or why there can be none."""
    if message.encoding == "binary" and not config.takes_data:
        detail = "The gateway's template has no place for 8-bit data ({data_hex} or {data_base64})."
        return NotTaken("", "", "binary_unsupported", SmsStatus.FAILED, detail=detail)
    asked, values = config.request, _values(message, config)
    try:
        headers = {"user-agent": USER_AGENT, "accept": "*/*", "accept-encoding": "identity"}
        body, kind = _body(config, values)
        if kind:
            headers["content-type"] = kind
        for name, template in asked.headers.items():
            value = fill_entry(template, values)
            if value is not None:
                headers[name.lower()] = value
        headers |= _login(config)
        if asked.idempotency_header:
            headers[asked.idempotency_header.lower()] = values["id"]
        query = {name: fill_entry(template, values) for name, template in asked.query.items()}
        url = fill(asked.url, values, lambda text: quote(text, safe=""))
    except Missing as missing:
        return NotTaken(
            "", "", f"{missing.name.rpartition('.')[2]}_missing", SmsStatus.FAILED, detail="The template needs it."
        )
    pairs = [(name, value) for name, value in query.items() if value is not None]
    if pairs:
        url += ("&" if "?" in url else "?") + urlencode(pairs)
    if not all(value.isprintable() for value in headers.values()):
        return NotTaken("", "", "bad_header", SmsStatus.FAILED, alert=True, detail="A header would not be printable.")
    return WireRequest(asked.method, url, headers, body)


def _values(message: Submission, config: GatewayConfig) -> dict[str, str]:
    seconds = int(message.validity_s)
    binary = message.encoding == "binary"
    header, data = read_binary(message.text) if binary else (b"", b"")
    return {
        "to": config.to_prefix + message.to, "sender": message.sender, "text": "" if binary else message.text, "id": str(message.id),
        "priority": "" if message.priority is None else str(message.priority),
        "data_hex": data.hex(), "data_base64": base64.b64encode(data).decode("ascii"),
        "udh_hex": (bytes((len(header),)) + header).hex() if header else "",
        "parts": str(message.parts), "encoding": config.words.get(message.encoding, message.encoding),
        "validity_s": str(seconds), "validity_min": str(max(1, seconds // 60)),
        **{f"ids.{name}": value for name, value in message.ids.items()},
        **{f"secret.{name}": value for name, value in config.secrets.items()},
    }  # fmt: skip


def _body(config: GatewayConfig, values: Mapping[str, str]) -> tuple[bytes | None, str]:
    asked = config.request
    if asked.json is not msgspec.UNSET:
        return msgspec.json.encode(fill_json(asked.json, values)), "application/json"
    if asked.form is not None:
        filled = {name: fill_entry(template, values) for name, template in asked.form.items()}
        pairs = [(name, value) for name, value in filled.items() if value is not None]
        return urlencode(pairs).encode(), "application/x-www-form-urlencoded"
    if asked.text is not None:
        return fill(asked.text, values, _WRITERS[asked.escape]).encode(), asked.text_type
    return None, ""


def _login(config: GatewayConfig) -> dict[str, str]:
    auth = config.request.auth
    match auth:
        case None:
            return {}
        case Basic(user=user, secret=secret):
            credentials = base64.b64encode(f"{user}:{config.secrets[secret]}".encode()).decode("ascii")
            return {"authorization": f"Basic {credentials}"}
        case Bearer(secret=secret):
            return {"authorization": f"Bearer {config.secrets[secret]}"}
        case _:
            return {auth.name.lower(): config.secrets[auth.secret]}


# -- what comes back ---------------------------------------------------------------------------------------------------
def judge(seen: WireAnswer, parts: int, config: GatewayConfig, at: datetime) -> Judged:
    """What an answer means for the parts of its message (table 3.3)."""
    row = row_of(seen.status)
    said = Written(seen.headers, seen.body.decode("utf-8", errors="replace"), read_document(seen.body))
    detail = said.find(config.answer.detail) or shown(seen.body)
    wait = retry_after(seen.headers, at)
    if row is CLASSES[3]:  # no table of the gateway's turns this into anything else: to follow it would show our log-in
        detail = f"It leads to {said.find(Place(header='location'))}."
    word, meaning = _refusal(said, config, seen.status, row)
    if row.kind == "taken":
        if word:
            row = REFUSED_IN_BODY
        else:
            return Judged(_taken(said, parts, config, seen.status, detail))
    elif row.kind == "uncertain" and meaning is None:
        return Judged([Uncertain(row.reason, f"HTTP {seen.status} {detail}".strip(), alert=row.alert)] * parts)
    answer = _not_taken(row, meaning, f"{seen.status} {word}".strip(), detail, wait)
    rests = row.rest if meaning is None else ""
    return Judged([answer] * parts, rests, wait if rests == "slow" else None)


def _refusal(said: Written, config: GatewayConfig, status: int, row: Row) -> tuple[str, Meaning | None]:
    """The gateway's word of refusal, "" = none, and what its own tables say."""
    rules = config.answer
    if row is CLASSES[3]:
        return "", None
    word = next((one for one in said.find_all(rules.error) if one not in rules.accepted), "")
    return word, rules.refusals.get(word) if word in rules.refusals else rules.statuses.get(str(status))


def _taken(said: Written, parts: int, config: GatewayConfig, status: int, detail: str) -> list[Answer]:
    ids = said.find_all(config.answer.id)
    if not ids:
        return [Uncertain(NO_ID, f"HTTP {status} {detail}".strip(), alert=True)] * parts
    return [Taken(ids[min(part, len(ids) - 1)]) for part in range(parts)]


def _not_taken(row: Row, meaning: Meaning | None, code: str, detail: str, wait: float | None) -> NotTaken:
    if meaning is None:
        return NotTaken(code, row.reason, row.reason, row.status, row.retry, wait or 0.0, row.alert, detail=detail)
    default = row.status or (SmsStatus.FAILED if row.kind == "uncertain" else None)
    return NotTaken(
        code, meaning.reason or row.reason, meaning.reason or row.reason, meaning.status or default, meaning.retry,
        max(meaning.delay_s, wait or 0.0), meaning.alert, detail=detail,
    )  # fmt: skip


def not_begun(reason: str, detail: str) -> Judged:
    """Nothing of the request left us."""
    rest: Rest = "" if reason in {"window_full", "closing"} else "down"
    return Judged([NotSent(reason, detail, alert=NOT_SENT.get(reason, True))], rest)


def retry_after(headers: Mapping[str, str], at: datetime) -> float | None:
    """What Retry-After asks for in seconds (RFC 9110, section 10.2.3: seconds or a date), None when absent or unreadable."""
    value = next((text for name, text in headers.items() if name.lower() == "retry-after"), "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:12]), _LONGEST_WAIT_S)
    try:
        wanted = parsedate_to_datetime(value)
    except ValueError:
        return None
    if wanted.tzinfo is None:
        return None
    return min(max((wanted - at).total_seconds(), 0.0), _LONGEST_WAIT_S)


def hidden(text: str, secrets: Mapping[str, str]) -> str:
    """The text without secrets, also where they stand percent-encoded: what people and logs see must not show them."""
    for secret in sorted({*secrets.values()}, key=len, reverse=True):
        for form in dict.fromkeys((secret, quote(secret, safe=""), quote_plus(secret))):
            if len(form) >= _LEAST_HIDDEN:
                text = text.replace(form, "***")
    return text


def shown(body: bytes) -> str:
    """The beginning of a body as one printable line, for people."""
    text = body[: _SHOWN * 4].decode("utf-8", errors="replace")
    printable = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(printable.split())[:_SHOWN]
