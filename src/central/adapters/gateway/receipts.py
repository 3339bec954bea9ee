"""Receipts that a gateway brings: proved by token or signature, then read by the gateway's tables. Pure."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Final, cast

from central.adapters.gateway.config import GatewayConfig, Hmac, Receipts, StateMeaning, Token
from central.adapters.gateway.finding import Written, at_path, read_document, read_fields
from central.adapters.gateway.translate import hidden, shown
from central.application.ports.carriers import ReceiptCame
from central.application.ports.receipt_calls import ReceiptCall
from central.domain.errors import Forbidden, InvalidInput, NotFound
from central.domain.statuses import SmsStatus

_MOST: Final = 1_000
_MILLISECONDS: Final = 10**11  # seconds since 1970 have so many digits in the year 5138
_UNKNOWN: Final = StateMeaning(status=SmsStatus.OTHER, reason="unknown_state")


def hear(config: GatewayConfig, call: ReceiptCall, at: datetime) -> Sequence[ReceiptCame]:
    """The receipts of a call.

    Raises NotFound ``gateway_not_found``, Forbidden ``receipt_forged``, InvalidInput ``receipt_unreadable``.
    """
    rules = config.receipts
    if rules is None:
        raise NotFound("gateway_not_found", "There is no such gateway that brings receipts.")
    if not is_proved(rules, config.secrets[rules.verify.secret], call, at):
        raise Forbidden("receipt_forged", "The token or signature is missing or wrong.")
    text = call.body.decode("utf-8", errors="replace")
    if call.method == "GET":
        document: object = read_fields(call.query)
    else:
        document = read_document(call.body) if rules.body == "json" else read_fields(text)
    items = _items(document, rules.each)
    news = [_receipt(config, rules, Written(call.headers, text, item), call, at) for item in items]
    if not news or any(one is None for one in news) or len(news) > _MOST:
        raise InvalidInput("receipt_unreadable", "No message id or state stands where the gateway's settings say.")
    return [one for one in news if one is not None]


def _items(document: object, path: str) -> Sequence[object]:
    if not path:
        return [document]
    found = at_path(document, path)
    return cast("list[object]", found[0]) if len(found) == 1 and isinstance(found[0], list) else found


def is_proved(rules: Receipts, secret: str, call: ReceiptCall, at: datetime) -> bool:
    """Whether whoever calls knows the secret; compared in constant time."""
    verify = rules.verify
    if isinstance(verify, Token):
        given = call.token
        if verify.at == "header":
            given = _header(call.headers, verify.name)
        elif verify.at == "query":
            given = str(read_fields(call.query).get(verify.name, ""))
        return hmac.compare_digest(given.encode(errors="replace"), secret.encode())
    return _is_signed(verify, secret, call, at)


def _is_signed(verify: Hmac, secret: str, call: ReceiptCall, at: datetime) -> bool:
    stamp = _header(call.headers, verify.timestamp_header) if verify.timestamp_header else ""
    if verify.timestamp_header:
        if not (stamp.isascii() and stamp.isdigit()):
            return False
        if abs(int(stamp[:15]) - at.timestamp()) > verify.tolerance_s:
            return False
    signed = b""
    rest = verify.signed
    parts = {"{body}": call.body, "{query}": call.query.encode(), "{timestamp}": stamp.encode()}
    while rest:
        begins = next((mark for mark in parts if rest.startswith(mark)), "")
        signed += parts[begins] if begins else rest[0].encode()
        rest = rest[len(begins) or 1 :]
    expected = hmac.digest(secret.encode(), signed, verify.algorithm)
    given = _header(call.headers, verify.header).strip().removeprefix(verify.prefix)
    try:
        told = bytes.fromhex(given) if verify.encoding == "hex" else base64.b64decode(given, validate=True)
    except (ValueError, binascii.Error):
        return False
    return hmac.compare_digest(told, expected)


def _receipt(
    config: GatewayConfig, rules: Receipts, said: Written, call: ReceiptCall, at: datetime
) -> ReceiptCame | None:
    remote_id, state = said.find(rules.id), said.find(rules.state)
    if not remote_id or not state:
        return None
    error = said.find(rules.error)
    meaning = next((row for word, row in rules.states.items() if word.lower() == state.lower()), _UNKNOWN)
    more = rules.errors.get(error) if meaning.status is not SmsStatus.DELIVERED else None
    number = said.find(rules.number)
    return ReceiptCame(
        link=config.name,
        remote_id=remote_id,
        same_ids=(remote_id,),
        status=meaning.status if more is None else more.status,
        state=state,
        reason=(more.reason if more is not None else "") or meaning.reason or state.lower()[:64],
        at=at,
        error=error,
        done_at=_moment(said.find(rules.time), rules.zone_min),
        raw=shown(
            hidden((call.body or call.query.encode()).decode("utf-8", errors="replace"), config.secrets).encode()
        ),
        about=(number,) if number else (),
    )


def _moment(text: str, zone_min: int) -> datetime | None:
    """A time as gateways write it: ISO 8601, or seconds or milliseconds since 1970; None = unreadable."""
    try:
        if text.isascii() and text.isdigit():
            number = int(text[:15])
            return datetime.fromtimestamp(number / 1000 if number >= _MILLISECONDS else number, UTC)
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=timezone(timedelta(minutes=zone_min)))


def _header(headers: Mapping[str, str], wanted: str) -> str:
    return next((value for name, value in headers.items() if name.lower() == wanted.lower()), "")
