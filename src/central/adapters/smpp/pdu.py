"""The PDUs of SMPP as values, to octets and back. Pure; strict in what it writes, lenient in what it reads.

Step 3 of the path (channel). Source: SMPP Protocol Specification v3.4, issue 1.2, sections 4 and 5; ids and lengths from its
tables. Text of C-octet strings is kept as Latin-1, so that every octet has a character and comes back as it was. Parameters
that are optional (TLVs, section 5.3) are kept in order, by number, as octets: whoever knows a number reads it.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final

import msgspec

from central.domain.errors import NeighbourError

HEAD: Final = struct.Struct(">IIII")
HEAD_OCTETS: Final = 16
_TLV: Final = struct.Struct(">HH")

RESPONSE: Final = 0x8000_0000
GENERIC_NACK: Final = 0x8000_0000
BIND_RECEIVER: Final = 0x01
BIND_TRANSMITTER: Final = 0x02
QUERY_SM: Final = 0x03
SUBMIT_SM: Final = 0x04
DELIVER_SM: Final = 0x05
UNBIND: Final = 0x06
REPLACE_SM: Final = 0x07
CANCEL_SM: Final = 0x08
BIND_TRANSCEIVER: Final = 0x09
OUTBIND: Final = 0x0B
ENQUIRE_LINK: Final = 0x15
ALERT_NOTIFICATION: Final = 0x102
DATA_SM: Final = 0x103

# command_status of what we answer ourselves (section 5.1.3); the whole table stands in ``reasons``.
ROK: Final = 0x00
RINVMSGLEN: Final = 0x01
RINVCMDLEN: Final = 0x02
RINVCMDID: Final = 0x03
RINVBNDSTS: Final = 0x04
RMSGQFUL: Final = 0x14
RTHROTTLED: Final = 0x58
RINVTLVSTREAM: Final = 0xC0

Tlvs = tuple[tuple[int, bytes], ...]
_OCTET: Final = 0xFF
_PAIR: Final = 0xFFFF
_QUAD: Final = 0xFFFF_FFFF


class ProtocolError(NeighbourError):
    """What came is no lawful PDU, or what should go out would be none. ``status``: the command_status that names the fault."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__("bad_pdu", message)
        self.status = status


class Pdu(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What all have: command id, sequence number, command_status of a response, and TLVs (number, value) in order."""

    command: int
    sequence: int = 0
    status: int = 0
    tlvs: Tlvs = ()

    def tlv(self, tag: int) -> bytes | None:
        """The value of the first TLV of that number."""
        for number, value in self.tlvs:
            if number == tag:
                return value
        return None


class Bare(Pdu, frozen=True, gc=False):
    """No body: unbind, enquire_link, their responses, generic_nack, responses to cancel_sm and replace_sm."""


class Bind(Pdu, frozen=True, gc=False):
    """bind_transmitter, bind_receiver, bind_transceiver (section 4.1)."""

    system_id: str
    password: str
    system_type: str = ""
    interface_version: int = 0x34
    addr_ton: int = 0
    addr_npi: int = 0
    address_range: str = ""


class BindAnswer(Pdu, frozen=True, gc=False):
    """Their responses; the version of the other side is TLV 0x0210."""

    system_id: str = ""


class Outbind(Pdu, frozen=True, gc=False):
    """The SMSC asks to be bound to (section 4.1.7)."""

    system_id: str = ""
    password: str = ""


class Message(Pdu, frozen=True, gc=False):
    """submit_sm and deliver_sm (sections 4.4.1 and 4.6.1): one layout."""

    service_type: str = ""
    source_ton: int = 0
    source_npi: int = 0
    source: str = ""
    dest_ton: int = 0
    dest_npi: int = 0
    dest: str = ""
    esm_class: int = 0
    protocol_id: int = 0
    priority: int = 0
    schedule: str = ""
    validity: str = ""
    registered: int = 0
    replace: int = 0
    data_coding: int = 0
    default_message: int = 0
    short_message: bytes = b""


class DataMessage(Pdu, frozen=True, gc=False):
    """data_sm (section 4.7.1): its content is TLV 0x0424."""

    service_type: str = ""
    source_ton: int = 0
    source_npi: int = 0
    source: str = ""
    dest_ton: int = 0
    dest_npi: int = 0
    dest: str = ""
    esm_class: int = 0
    registered: int = 0
    data_coding: int = 0


class MessageAnswer(Pdu, frozen=True, gc=False):
    """Responses to submit_sm, deliver_sm, data_sm."""

    message_id: str = ""


class Query(Pdu, frozen=True, gc=False):
    """query_sm and cancel_sm's common beginning (section 4.8)."""

    message_id: str
    source_ton: int = 0
    source_npi: int = 0
    source: str = ""


class QueryAnswer(Pdu, frozen=True, gc=False):
    """query_sm_resp."""

    message_id: str = ""
    final_date: str = ""
    message_state: int = 0
    error_code: int = 0


class Cancel(Pdu, frozen=True, gc=False):
    """cancel_sm (section 4.9)."""

    service_type: str = ""
    message_id: str = ""
    source_ton: int = 0
    source_npi: int = 0
    source: str = ""
    dest_ton: int = 0
    dest_npi: int = 0
    dest: str = ""


class Replace(Pdu, frozen=True, gc=False):
    """replace_sm (section 4.10)."""

    message_id: str
    source_ton: int = 0
    source_npi: int = 0
    source: str = ""
    schedule: str = ""
    validity: str = ""
    registered: int = 0
    default_message: int = 0
    short_message: bytes = b""


class AlertNotification(Pdu, frozen=True, gc=False):
    """alert_notification (section 4.12): a handset is reachable again. It has no response."""

    source_ton: int = 0
    source_npi: int = 0
    source: str = ""
    esme_ton: int = 0
    esme_npi: int = 0
    esme: str = ""


# A field: its name and how many octets a C-octet string of it may take with its NUL; 0 = one octet, -1 = octets behind
# one octet of length.
_Field = tuple[str, int]
_U8: Final = 0
_LONG: Final = -1
_SOURCE: Final[tuple[_Field, ...]] = (("source_ton", _U8), ("source_npi", _U8), ("source", 21))
_DEST: Final[tuple[_Field, ...]] = (("dest_ton", _U8), ("dest_npi", _U8), ("dest", 21))
_CONTENT: Final[tuple[_Field, ...]] = (("default_message", _U8), ("short_message", _LONG))
_BIND: Final[tuple[_Field, ...]] = (
    ("system_id", 65), ("password", 65), ("system_type", 13), ("interface_version", _U8), ("addr_ton", _U8),
    ("addr_npi", _U8), ("address_range", 41),
)  # fmt: skip
"""The standard allows 16 and 9 octets for the log-in; carriers give out longer ones, and ``config`` says whether it may be so."""
_MESSAGE: Final[tuple[_Field, ...]] = (
    ("service_type", 6), *_SOURCE, *_DEST, ("esm_class", _U8), ("protocol_id", _U8), ("priority", _U8),
    ("schedule", 17), ("validity", 17), ("registered", _U8), ("replace", _U8), ("data_coding", _U8), *_CONTENT,
)  # fmt: skip
_MESSAGE_ID: Final[tuple[_Field, ...]] = (("message_id", 65),)

LAYOUTS: Final[Mapping[int, tuple[type[Pdu], tuple[_Field, ...]]]] = {
    GENERIC_NACK: (Bare, ()),
    BIND_RECEIVER: (Bind, _BIND),
    BIND_RECEIVER | RESPONSE: (BindAnswer, (("system_id", 65),)),
    BIND_TRANSMITTER: (Bind, _BIND),
    BIND_TRANSMITTER | RESPONSE: (BindAnswer, (("system_id", 65),)),
    BIND_TRANSCEIVER: (Bind, _BIND),
    BIND_TRANSCEIVER | RESPONSE: (BindAnswer, (("system_id", 65),)),
    OUTBIND: (Outbind, (("system_id", 65), ("password", 65))),
    UNBIND: (Bare, ()),
    UNBIND | RESPONSE: (Bare, ()),
    ENQUIRE_LINK: (Bare, ()),
    ENQUIRE_LINK | RESPONSE: (Bare, ()),
    SUBMIT_SM: (Message, _MESSAGE),
    SUBMIT_SM | RESPONSE: (MessageAnswer, _MESSAGE_ID),
    DELIVER_SM: (Message, _MESSAGE),
    DELIVER_SM | RESPONSE: (MessageAnswer, _MESSAGE_ID),
    DATA_SM: (
        DataMessage,
        (
            ("service_type", 6), ("source_ton", _U8), ("source_npi", _U8), ("source", 65), ("dest_ton", _U8),
            ("dest_npi", _U8), ("dest", 65), ("esm_class", _U8), ("registered", _U8), ("data_coding", _U8),
        ),
    ),
    DATA_SM | RESPONSE: (MessageAnswer, _MESSAGE_ID),
    QUERY_SM: (Query, (*_MESSAGE_ID, *_SOURCE)),
    QUERY_SM | RESPONSE: (
        QueryAnswer,
        (*_MESSAGE_ID, ("final_date", 17), ("message_state", _U8), ("error_code", _U8)),
    ),
    CANCEL_SM: (Cancel, (("service_type", 6), *_MESSAGE_ID, *_SOURCE, *_DEST)),
    CANCEL_SM | RESPONSE: (Bare, ()),
    REPLACE_SM: (
        Replace,
        (*_MESSAGE_ID, *_SOURCE, ("schedule", 17), ("validity", 17), ("registered", _U8), *_CONTENT),
    ),
    REPLACE_SM | RESPONSE: (Bare, ()),
    ALERT_NOTIFICATION: (
        AlertNotification,
        (
            ("source_ton", _U8), ("source_npi", _U8), ("source", 65), ("esme_ton", _U8), ("esme_npi", _U8), ("esme", 65),
        ),
    ),
}  # fmt: skip


def encode(pdu: Pdu) -> bytes:
    """The whole frame. Raises ProtocolError for a value that its field cannot hold."""
    body = encode_body(pdu)
    if not 0 <= pdu.status <= _QUAD or not 0 <= pdu.sequence <= _QUAD:
        raise ProtocolError(RINVCMDLEN, "status or sequence number out of range")
    return HEAD.pack(HEAD_OCTETS + len(body), pdu.command, pdu.status, pdu.sequence) + body


def encode_body(pdu: Pdu) -> bytes:
    """The frame without its header. Raises ProtocolError."""
    kind, fields = _layout(pdu.command)
    if type(pdu) is not kind:
        raise ProtocolError(RINVCMDID, f"{type(pdu).__name__} is no 0x{pdu.command:08X}")
    parts: list[bytes] = []
    for name, most in fields:
        value: object = getattr(pdu, name)
        if isinstance(value, int):
            parts.append(_octet(name, value))
        elif isinstance(value, bytes):
            parts += _octet(f"length of {name}", len(value)), value
        else:
            parts.append(c_string(name, str(value), most))
    parts.extend(tlv(tag, value) for tag, value in pdu.tlvs)
    return b"".join(parts)


def c_string(name: str, text: str, most: int) -> bytes:
    """A C-octet string of at most ``most`` octets with its NUL. Raises ProtocolError."""
    if "\0" in text or len(text) >= most:
        raise ProtocolError(RINVMSGLEN, f"{name}: no text of less than {most} octets without NUL")
    try:
        return text.encode("latin-1") + b"\0"
    except UnicodeEncodeError as error:
        raise ProtocolError(RINVMSGLEN, f"{name}: a character is not in Latin-1") from error


def tlv(tag: int, value: bytes) -> bytes:
    """One optional parameter. Raises ProtocolError."""
    if not 0 <= tag <= _PAIR or len(value) > _PAIR:
        raise ProtocolError(RINVTLVSTREAM, f"TLV 0x{tag:04X} of {len(value)} octets")
    return _TLV.pack(tag, len(value)) + value


def decode(command: int, status: int, sequence: int, body: bytes) -> Pdu:
    """A PDU from its header's values and its body. Raises ProtocolError, whose status is what to answer.

    Lenient: a C-octet string may be longer than the standard says and may lack the NUL at the very end; a response may lack
    any part of its body, as many do that carry an error.
    """
    kind, fields = _layout(command)
    lenient = command >= RESPONSE
    found: dict[str, object] = {}
    at, size = 0, len(body)
    for name, most in fields:
        if at >= size and lenient:
            break
        if most > 0:
            end = body.find(0, at)
            end = size if end < 0 else end
            found[name] = body[at:end].decode("latin-1")
            at = end + 1
        elif at >= size:
            raise ProtocolError(RINVCMDLEN, f"{kind.__name__} ends before {name}")
        elif most == _U8:
            found[name] = body[at]
            at += 1
        else:
            end = at + 1 + body[at]
            if end > size:
                raise ProtocolError(RINVMSGLEN, f"{name} of {body[at]} octets, {size - at - 1} are there")
            found[name] = body[at + 1 : end]
            at = end
    tlvs = read_tlvs(body, at, lenient=lenient) if at < size else ()
    return kind(command=command, status=status, sequence=sequence, tlvs=tlvs, **found)


def read_tlvs(body: bytes, at: int, *, lenient: bool) -> Tlvs:
    """The TLVs from ``at`` to the end; of a lenient reading those before the first broken one. Raises ProtocolError."""
    found: list[tuple[int, bytes]] = []
    size = len(body)
    while at < size:
        if size - at >= _TLV.size:
            tag, length = _TLV.unpack_from(body, at)
            end = at + _TLV.size + length
            if end <= size:
                found.append((tag, body[at + _TLV.size : end]))
                at = end
                continue
        if not lenient:
            raise ProtocolError(RINVTLVSTREAM, f"a TLV is cut off at octet {at} of {size}")
        break
    return tuple(found)


def _layout(command: int) -> tuple[type[Pdu], tuple[_Field, ...]]:
    layout = LAYOUTS.get(command)
    if layout is None:
        raise ProtocolError(RINVCMDID, f"there is no command 0x{command:08X}")
    return layout


def _octet(name: str, value: int) -> bytes:
    if not 0 <= value <= _OCTET:
        raise ProtocolError(RINVMSGLEN, f"{name}: {value} is no octet")
    return bytes((value,))
