"""Delivery receipts as carriers write them, into what they say. Pure and total: any octets give an answer, none raises.

Sources: SMPP v3.4, section 5.2.12 (esm_class), sections 5.3.2.26, 5.3.2.31, 5.3.2.35 (TLVs), appendix B (the text, which the
standard leaves to the vendor). The TLVs go before the text; where they differ it is counted.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final, Literal

import msgspec

from central.adapters.smpp.pdu import DataMessage, Message
from central.adapters.smpp.reasons import State, state_of_number, state_of_word

RECEIPTED_ID: Final = 0x001E
MESSAGE_STATE: Final = 0x0427
NETWORK_ERROR: Final = 0x0423

Kind = Literal["text", "receipt", "intermediate", "acknowledgement"]
# esm_class, bits 5-2 (section 5.2.12); 0x18 ends a conversation and is kept like an acknowledgement.
_KINDS: Final[dict[int, Kind]] = {
    0x00: "text", 0x04: "receipt", 0x08: "acknowledgement", 0x10: "acknowledgement", 0x18: "acknowledgement",
    0x20: "intermediate",
}  # fmt: skip
_KIND_BITS: Final = 0x3C

_NAMES: Final = r"(?:id|sub|dlvrd|submit[ _]?date|done[ _]?date|stat|err|text)"
_KEY: Final = re.compile(
    rf"(?:^|(?<=[\s;,|]))({_NAMES})[ \t]*[:=](?:[ \t]*(?!{_NAMES}[ \t]*[:=]))?([^\s;,|]*)", re.IGNORECASE
)
_DIGITS_OF_DATES: Final = (10, 12, 14)
_SHOWN: Final = 255


class Told(msgspec.Struct, frozen=True):
    """What a receipt says. message_id "" = it names none. differs: TLV and text do not agree. done_at: None = no or a bad date."""

    message_id: str
    state: State
    error: str = ""
    done_at: datetime | None = None
    differs: bool = False


def kind_of(pdu: Message | DataMessage, text: str, *, text_anywhere: bool) -> Kind:
    """What an inbound PDU is. A receipted_message_id makes a receipt of it whatever its flag says."""
    kind = _KINDS.get(pdu.esm_class & _KIND_BITS, "text")
    if kind == "text" and (pdu.tlv(RECEIPTED_ID) or (text_anywhere and {"id", "stat"} <= text_fields(text).keys())):
        return "receipt"
    return kind


def read(pdu: Message | DataMessage, text: str, *, zone_min: int, text_first: bool = False) -> Told:
    """What TLVs and text say together."""
    fields = text_fields(text)
    by_tlv, by_text = pdu.tlv(MESSAGE_STATE), fields.get("stat", "")
    told = state_of_number(by_tlv[0]) if by_tlv else None
    read_text = state_of_word(by_text) if by_text else None
    tlv_id = (pdu.tlv(RECEIPTED_ID) or b"").split(b"\0", 1)[0].decode("latin-1").strip()
    text_id = fields.get("id", "")
    state = ((read_text or told) if text_first else (told or read_text)) or state_of_word("")
    message_id = ((text_id or tlv_id) if text_first else (tlv_id or text_id))[:_SHOWN].replace("\0", "")
    return Told(
        message_id=message_id,
        state=state,
        error=_error(pdu.tlv(NETWORK_ERROR), fields.get("err", "")),
        done_at=date_of(fields.get("done", ""), zone_min),
        differs=bool(
            (told and read_text and told.status is not read_text.status) or (tlv_id and text_id and tlv_id != text_id)
        ),
    )


def text_fields(text: str) -> dict[str, str]:
    """Fields of a receipt's text in any order and case; the first of a name counts, so that quoted text cannot replace it."""
    fields: dict[str, str] = {}
    for found in _KEY.finditer(text):
        key = found.group(1).lower()
        fields.setdefault(key[:4] if key.startswith("done") else key, found.group(2))
    return fields


def _error(by_tlv: bytes | None, by_text: str) -> str:
    """The text's code, else that of network_error_code: one octet of network, two of code."""
    if by_text:
        return by_text[:16]
    if by_tlv is not None and len(by_tlv) >= 3:  # noqa: PLR2004 - section 5.3.2.31
        return f"{int.from_bytes(by_tlv[1:3], 'big'):03d}"
    return ""


@lru_cache(maxsize=1024)  # receipts come in bursts, and tell the minute
def date_of(digits: str, zone_min: int) -> datetime | None:
    """YYMMDDhhmm, with seconds or with the century; None for anything else."""
    if len(digits) not in _DIGITS_OF_DATES or not digits.isascii() or not digits.isdigit():
        return None
    pattern = {10: "%y%m%d%H%M", 12: "%y%m%d%H%M%S", 14: "%Y%m%d%H%M%S"}[len(digits)]
    try:
        naive = datetime.strptime(digits, pattern)  # noqa: DTZ007 - the zone is the carrier's and set below
        return naive.replace(tzinfo=timezone(timedelta(minutes=zone_min))).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
