"""Messages of the platform as bodies of submit_sm, and what comes in as news of the platform. Pure; time is an argument.

Step 3 of the path (channel). Sources: SMPP v3.4, issue 1.2, sections 4.4.1 (submit_sm), 5.2.5-5.2.7 (addresses), 5.2.12
(esm_class), 7.1.1 (time). What differs between carriers comes from ``config``.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from central.adapters.smpp import pdu as wire
from central.adapters.smpp import receipts, text
from central.adapters.smpp.config import SmppConfig
from central.adapters.smpp.events import Question, Ticket
from central.adapters.smpp.message_ids import MessageIds
from central.adapters.smpp.pdu import DataMessage, Message, ProtocolError, QueryAnswer, c_string, tlv
from central.adapters.smpp.reasons import error_meaning, state_of_number
from central.application.ports.carriers import Cancellation, NotSent, NotTaken, ReceiptCame, Submission
from central.domain.statuses import SmsStatus

_UDHI: Final = 0x40
_INTERNATIONAL: Final = 1  # type of number (section 5.2.5)
_LONGEST_NAME: Final = 11
_LONGEST_NUMBER: Final = 20
_DESTINATIONS: Final = 20_000
_CACHED: Final = 1_000
_MOST_RELATIVE_S: Final = 31 * 86_400
_WORD: Final = 0xFFFF
_CODINGS: Final = {"binary": 4}  # data_coding (section 5.2.19) that no carrier has a setting for
_TIME_TO_LIVE: Final = 0x0017

Parts = list[tuple[Ticket, bytes]]


class References:
    """Numbers that tell the parts of one text from those of another: counted for each destination, where they must differ."""

    def __init__(self) -> None:
        self._last: OrderedDict[str, int] = OrderedDict()

    def next(self, destination: str, begin: int) -> int:
        """The next one of this destination; ``begin`` for a destination that is not remembered."""
        number = (self._last.pop(destination, begin - 1) + 1) & _WORD
        self._last[destination] = number
        if len(self._last) > _DESTINATIONS:
            self._last.popitem(last=False)
        return number


class Writer:
    """Writes one carrier's bodies of submit_sm, or of data_sm where that is what it wants."""

    def __init__(self, config: SmppConfig) -> None:
        self._config = config
        self._data = config.submit == "data_sm"
        self._references = References()
        self._senders: dict[str, bytes] = {}
        self._validities: dict[float, bytes] = {}
        self._service_type = c_string("service_type", config.service_type, 6)
        recipient = config.addresses.recipient
        self._recipient = bytes((recipient.ton, recipient.npi)) + recipient.prefix.encode("ascii")

    def parts(self, message: Submission, now: datetime, *, tlvs: bool) -> Parts | NotTaken | NotSent:
        """A ticket and a body for each PDU of the message, in order; or why nothing of it can be sent."""
        config = self._config
        if message.validity_s <= 0:
            return _local("validity_over", SmsStatus.EXPIRED)
        joining = config.joining if tlvs or config.joining not in {"sar", "payload"} else "udh8"
        reference = self._references.next(message.to, message.id.int & _WORD) if message.parts > 1 else 0
        try:
            encoding, pieces = text.parts(
                message.text, message.encoding, alphabet=config.alphabet, joining=joining, reference=reference
            )
        except text.Unencodable as error:
            return _local("bad_text", SmsStatus.FAILED, str(error))
        begin = self._begin(message)
        if isinstance(begin, NotTaken):
            return begin
        extra = self._extra(message)
        if isinstance(extra, NotTaken):
            return extra
        if (extra or self._data) and not tlvs:
            return NotSent("bind_without_tlvs", "the SMSC told a version that has no optional parameters", alert=True)
        coding = _CODINGS.get(encoding) or (config.gsm7_data_coding if encoding == "gsm7" else config.ucs2_data_coding)
        if self._data:
            middle = bytes((config.registered, coding))
            extra += self._time_to_live(message.validity_s)
        else:
            priority = config.priority if message.priority is None else message.priority
            flags = bytes((config.protocol_id, priority)) + b"\0" + self._validity(message.validity_s, now)
            middle = flags + bytes((config.registered, 0, coding, 0))
        write = _data_body if self._data else _body
        sender, to = message.sender, message.to
        found: Parts = []
        for number, piece in enumerate(pieces, 1):
            ticket = Ticket(message.id, message.tries, number, message.parts if piece.payload else 1, to, sender)
            found.append((ticket, write(begin, middle, piece, extra)))
        return found

    def _begin(self, message: Submission) -> bytes | NotTaken:
        """Service type and addresses."""
        sender = self._senders.get(message.sender)
        if sender is None:
            written = self._sender(message.sender)
            if written is None:
                return _local("bad_sender", SmsStatus.REJECTED, f"{message.sender!r} is no number, short code or name")
            if len(self._senders) >= _CACHED:
                self._senders.clear()
            sender = self._senders[message.sender] = self._service_type + written
        to = message.to
        if not to.isdecimal() or not to.isascii() or len(self._recipient) - 2 + len(to) > _LONGEST_NUMBER:
            return _local("bad_recipient", SmsStatus.INVALID_NUMBER)
        return sender + self._recipient + to.encode("ascii") + b"\0"

    def _sender(self, sender: str) -> bytes | None:
        rules = self._config.addresses
        if not sender:
            return b"\0\0\0"
        if sender.isascii() and sender.isdecimal():
            rule = rules.short_code if len(sender) <= rules.short_up_to else rules.number
            written = rule.prefix + sender
            most = _LONGEST_NUMBER
        else:
            rule, written, most = rules.name, sender, _LONGEST_NAME
        if len(written) > most or not written.isascii() or not written.isprintable():
            return None
        return bytes((rule.ton, rule.npi)) + written.encode("ascii") + b"\0"

    def address_of(self, sender: str) -> tuple[bytes, str]:
        """Type of number and plan, and the address itself, as a submit_sm of that sender told them; all empty for ""."""
        written = self._sender(sender) or b"\0\0\0"
        return written[:2], written[2:-1].decode("ascii")

    def cancel(self, wanted: Cancellation) -> wire.Cancel:
        """cancel_sm (section 4.9.1): service type and addresses as the message was handed over with them."""
        source, sender = self.address_of(wanted.sender)
        prefix = self._config.addresses.recipient.prefix
        return wire.Cancel(
            command=wire.CANCEL_SM, service_type=self._config.service_type, message_id=wanted.remote_id, source_ton=source[0],
            source_npi=source[1], source=sender, dest_ton=self._recipient[0], dest_npi=self._recipient[1], dest=prefix + wanted.to,
        )  # fmt: skip

    def _extra(self, message: Submission) -> bytes | NotTaken:
        found = b""
        for wanted in self._config.tlvs:
            name = wanted.source
            value = name[1:] if name.startswith("=") else message.ids.get(name, "")
            if not value:
                if wanted.required:
                    return _local(
                        "dlt_missing", SmsStatus.FAILED, f"the carrier wants {name!r} (TLV 0x{wanted.tag:04X})"
                    )
                continue
            try:
                octets = value.encode("ascii")
                found += tlv(wanted.tag, octets + b"\0" if wanted.form == "c_string" else octets)
            except (UnicodeEncodeError, ProtocolError):
                return _local("dlt_missing", SmsStatus.FAILED, f"{name!r} is no registration id")
        return found

    def _time_to_live(self, seconds: float) -> bytes:
        """qos_time_to_live (section 5.3.2.9), which data_sm has instead of a validity period."""
        if self._config.validity == "none":
            return b""
        return tlv(_TIME_TO_LIVE, int(max(1.0, min(seconds, self._config.max_validity_s))).to_bytes(4, "big"))

    def _validity(self, seconds: float, now: datetime) -> bytes:
        """validity_period with its NUL (section 7.1.1): relative in days and below, or absolute in UTC."""
        form = self._config.validity
        if form == "none":
            return b"\0"
        seconds = max(1.0, min(seconds, self._config.max_validity_s))
        if form == "absolute":
            return (now.astimezone(UTC) + timedelta(seconds=seconds)).strftime("%y%m%d%H%M%S000+").encode() + b"\0"
        found = self._validities.get(seconds)
        if found is None:
            minutes, rest = divmod(int(min(seconds, _MOST_RELATIVE_S)), 60)
            hours, minutes = divmod(minutes, 60)
            days, hours = divmod(hours, 24)
            found = f"0000{days:02d}{hours:02d}{minutes:02d}{rest:02d}000R\0".encode()
            if len(self._validities) >= _CACHED:
                self._validities.clear()
            self._validities[seconds] = found
        return found


def _data_body(begin: bytes, middle: bytes, piece: text.Part, extra: bytes) -> bytes:
    """data_sm (section 4.7.1): the content is a TLV, whatever its length."""
    esm_class = b"\x40" if piece.header else b"\0"
    told = b"".join([tlv(tag, value) for tag, value in piece.tlvs])
    return begin + esm_class + middle + tlv(text.PAYLOAD, piece.octets) + told + extra


def _body(begin: bytes, middle: bytes, piece: text.Part, extra: bytes) -> bytes:
    esm_class = b"\x40" if piece.header else b"\0"
    if piece.payload:
        return begin + esm_class + middle + b"\0" + tlv(text.PAYLOAD, piece.octets) + extra
    content = bytes((len(piece.octets),)) + piece.octets
    if piece.tlvs:
        extra = b"".join([tlv(tag, value) for tag, value in piece.tlvs]) + extra
    return begin + esm_class + middle + content + extra


def _local(reason: str, status: SmsStatus, detail: str = "") -> NotTaken:
    """Refused by ourselves, before anything was sent."""
    return NotTaken(code="", name="", reason=reason, status=status, detail=detail)


# -- what comes in -------------------------------------------------------------------------------------------------------
class Piece(msgspec.Struct, frozen=True):
    """An inbound text, or one part of it. origin None = it is whole."""

    sender: str
    to: str
    octets: bytes
    data_coding: int
    origin: text.Origin | None


def inbound(
    pdu: Message | DataMessage,
    config: SmppConfig,
    ids: MessageIds,
    link: str,
    at: datetime,
    odd: list[str] | None = None,
) -> ReceiptCame | Piece:
    """What a deliver_sm or data_sm is: a receipt, or a text of a person. ``odd``: where to note what a person should look at."""
    octets = pdu.tlv(text.PAYLOAD)
    if octets is None or (isinstance(pdu, Message) and pdu.short_message):
        octets = pdu.short_message if isinstance(pdu, Message) else b""
    origin, content = text.split_header(octets) if pdu.esm_class & _UDHI else (None, octets)
    shown = content.decode("latin-1").replace("\0", " ")  # no text of ours holds NUL: the store takes none
    kind = receipts.kind_of(pdu, shown, text_anywhere=config.receipt_text_anywhere)
    if kind == "text":
        origin = origin or text.sar_origin(pdu.tlvs)
        sender = pdu.source if pdu.source_ton != _INTERNATIONAL else "+" + pdu.source.lstrip("+")
        return Piece(sender, pdu.dest.lstrip("+"), content, pdu.data_coding, origin)
    told = receipts.read(pdu, shown, zone_min=config.receipt_zone_min, text_first=config.receipts == "text_first")
    if odd is not None and told.differs:
        odd.append("receipt_differs")
    if odd is not None and not told.state.known:
        odd.append("unknown_state")
    meaning = error_meaning(told.error, config.errors)
    status: SmsStatus | None = told.state.status
    reason = told.state.reason
    if meaning is not None and status not in {SmsStatus.DELIVERED, SmsStatus.SENT_TO_QUEUE}:
        status, reason = meaning.status or status, meaning.reason
    if kind != "receipt":
        status = None
    return ReceiptCame(
        link=link,
        remote_id=told.message_id,
        same_ids=ids.forms(told.message_id),
        status=status,
        state=told.state.word if kind != "acknowledgement" else "ACKNOWLEDGED",
        reason=reason if kind != "acknowledgement" else "acknowledged_by_recipient",
        at=at,
        error=told.error,
        done_at=told.done_at,
        raw=raw_of(shown, pdu.tlvs),
        about=(pdu.source, pdu.dest),
    )


def query_news(
    question: Question, status: int | None, answer: QueryAnswer | None, config: SmppConfig, link: str, at: datetime
) -> ReceiptCame:
    """What query_sm told of a message, as if it were a receipt; nothing that could move a status when there is no answer."""
    remote_id = question.message_id
    if answer is None:
        error = "" if status is None else f"0x{status:08X}"
        return ReceiptCame(link, remote_id, (remote_id,), None, "QUERY", "query_failed", at, error)
    state = state_of_number(answer.message_state)
    return ReceiptCame(
        link=link,
        remote_id=remote_id,
        same_ids=(remote_id,),
        status=state.status,
        state=state.word,
        reason=state.reason,
        at=at,
        error=str(answer.error_code) if answer.error_code else "",
        done_at=receipts.date_of(answer.final_date[:12], config.receipt_zone_min),
        raw=f"query_sm_resp state={answer.message_state} error={answer.error_code} final_date={answer.final_date!r}",
    )


def cancel_news(remote_id: str, status: int | None, link: str, at: datetime, detail: str = "") -> ReceiptCame:
    """What cancel_sm was answered with; only a ROK says that the message is not delivered. None = it could not be asked for."""
    if status == 0:
        return ReceiptCame(link, remote_id, (remote_id,), SmsStatus.UNDELIVERED, "CANCEL", "taken_back", at)
    error = "unasked" if status is None else f"0x{status:08X}"
    return ReceiptCame(link, remote_id, (remote_id,), None, "CANCEL", "cancel_failed", at, error, raw=detail)


def raw_of(shown: str, tlvs: wire.Tlvs) -> str:
    """A receipt as it came, for people: the text, then the TLVs; NUL and other control characters escaped."""
    text = shown[:1_000]
    if not text.isprintable():
        text = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)
    parts = [text] if text else []
    parts += [f"0x{tag:04X}={value[:100].hex()}" for tag, value in tlvs[:32]]
    return " ".join(parts)
