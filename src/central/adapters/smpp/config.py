"""What can be set about one carrier by SMPP: a typed value, read from a data file or a table's JSON and checked when it is made.

Every carrier is a little different: what differs between carriers stands here, and nowhere in the code. Section numbers are
those of SMPP v3.4, issue 1.2. ``msgspec.convert(document, SmppConfig)`` refuses unknown keys and values that cannot be.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from central.domain.statuses import SmsStatus

Octet = Annotated[int, Meta(ge=0, le=255)]
Seconds = Annotated[float, Meta(ge=0)]
Patience = Annotated[float, Meta(ge=0, le=60)]
Some = Annotated[int, Meta(ge=1)]
Rate = Annotated[float, Meta(gt=0)]
Pem = Annotated[str, Meta(max_length=200_000)]
Alphabet = Literal["gsm7", "latin1", "ascii"]
Mode = Literal["trx", "pair", "tx", "rx"]
Submit = Literal["submit_sm", "data_sm"]
Joining = Literal["udh8", "udh16", "sar", "payload"]
IdForm = Literal["learn", "exact", "same", "hex_then_decimal", "decimal_then_hex"]

_SHORT_SYSTEM_ID: Final = 15
_SHORT_PASSWORD: Final = 8
_LONG_LOGIN: Final = 64
_SYSTEM_TYPE: Final = 12
_SERVICE_TYPE: Final = 5
_RANGE: Final = 40
_PREFIX: Final = 5


class Tls(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TLS of the connection. verify off accepts any certificate (laboratories). Certificates are texts (PEM), never names of files.

    authorities: those that may vouch for the carrier, "" = the system's. server_name "" = the host. certificate: our own, with
    those between it and its authority, where the carrier wants one; its key is the secret ``tls_key``.
    """

    verify: bool = True
    authorities: Pem = ""
    server_name: str = ""
    certificate: Pem = ""


class Address(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Type of number and numbering plan (section 5.2.5, 5.2.6), and what stands before the digits ("" or "+" or "00")."""

    ton: Octet
    npi: Octet
    prefix: str = ""


class Addresses(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How senders and recipients are written. short_up_to: digits up to this many are a short code."""

    name: Address = Address(ton=5, npi=0)
    number: Address = Address(ton=1, npi=1)
    short_code: Address = Address(ton=3, npi=0)
    short_up_to: int = 8
    recipient: Address = Address(ton=1, npi=1)


class ExtraTlv(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A TLV that the carrier wants on every submit_sm, as for the registrations of India's DLT.

    source: a name in the message's ids (``entity``, ``template``), or ``=text`` for a constant. form: ``c_string`` ends in NUL.
    required: without the id the message is not sent.
    """

    tag: Annotated[int, Meta(ge=0, le=0xFFFF)]
    source: str
    form: Literal["c_string", "octets"] = "c_string"
    required: bool = True


class Override(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """This carrier's meaning of a command_status; what is left out stays as in the common table."""

    reason: str = ""
    status: SmsStatus | None = None
    retry: bool | None = None
    alert: bool | None = None


class ErrorMeaning(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """This carrier's meaning of a receipt's error code. status only where it must replace the one of the state."""

    reason: str
    status: SmsStatus | None = None


class Timers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All in seconds (section 7.2); what is waited for when a bind ends is at most a minute.

    response: for an answer to any request. enquire: silence before enquire_link. inactivity: a bind without any message for
    so long is made anew (None = never). reconnect: first and longest wait before the next bind. unbind: patience for
    unbind_resp. join: how long the parts of an inbound text are waited for.
    """

    connect: Patience = 10.0
    response: Patience = 10.0
    enquire: Seconds = 30.0
    inactivity: Seconds | None = None
    reconnect: tuple[Seconds, Seconds] = (1.0, 60.0)
    unbind: Patience = 5.0
    join: Patience = 5.0


class Throttling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ESME_RTHROTTLED and ESME_RMSGQFUL do. pause: first and longest rest of the bind (s), doubling.

    growth: the rate grows by this share each second until it is the old one. queue_delay: first and longest wait (s) of a
    message whose recipient's queue is full, doubling with its tries. queue_recipients: so many different recipients with a
    full queue within 10 s mean that the carrier's own queue is full.
    """

    pause: tuple[Seconds, Seconds] = (1.0, 60.0)
    growth: Rate = 0.1
    queue_delay: tuple[Seconds, Seconds] = (5.0, 300.0)
    queue_recipients: Some = 3


class SmppConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One carrier.

    mode: ``trx`` (falls back to a pair where the SMSC knows no transceiver), ``pair`` (transmitter and receiver), ``tx``,
    ``rx``. binds: so many of them. window: requests without an answer, each bind. rate: submits a second of each bind, and
    account_rate of all together, sender_rate of one sender over all of them (None = no limit); burst: seconds' worth of rate that
    may go at once (at most 1).
    without_version: what an SMSC that tells no version understands, TLVs or not. alphabet: what data_coding 0 is to it.
    submit: the operation that messages go by; data_sm needs TLVs and tells priority and protocol_id to nobody.
    joining: how the parts of a long text are told. ucs2_data_coding, gsm7_data_coding: where a carrier wants others.
    validity: form of validity_period; ``none`` sends none. max_validity_s: it is cut to this.
    registered: registered_delivery. receipt_zone_min: offset of the dates in receipts from UTC. ids: how message ids differ
    between the answer and the receipt. receipt_text_anywhere: a text of a receipt's form is one without its flag, too
    (anybody could forge it: only where a carrier sends them so). held: inbound PDUs that wait to be stored, each bind.
    refusals: log-in refusals in a row until the bind gives up. silent: submits in a row without an answer until the link
    counts as dead. ahead: messages taken beyond open windows, for carriers far away from a slow store.
    """

    name: str
    host: str
    port: Annotated[int, Meta(ge=1, le=65535)] = 2775
    tls: Tls | None = None
    tls_key: Pem = ""
    system_id: str
    password: str = ""
    system_type: str = ""
    address_range: str = ""
    interface_version: Octet = 0x34
    long_login: bool = False
    mode: Mode = "trx"
    binds: Annotated[int, Meta(ge=1, le=64)] = 1
    window: Annotated[int, Meta(ge=1, le=10_000)] = 10
    rate: Rate | None = None
    account_rate: Rate | None = None
    sender_rate: Rate | None = None
    burst: Annotated[float, Meta(gt=0, le=1)] = 0.1
    ahead: Annotated[int, Meta(ge=0, le=10_000)] = 0
    timers: Timers = Timers()
    throttling: Throttling = Throttling()
    refusals: Some = 3
    silent: Some = 3
    without_version: Literal["tlvs", "no_tlvs"] = "tlvs"
    service_type: str = ""
    addresses: Addresses = Addresses()
    alphabet: Alphabet = "gsm7"
    gsm7_data_coding: Octet = 0
    ucs2_data_coding: Octet = 8
    submit: Submit = "submit_sm"
    joining: Joining = "udh8"
    protocol_id: Octet = 0
    priority: Octet = 0
    registered: Octet = 1
    validity: Literal["relative", "absolute", "none"] = "relative"
    max_validity_s: Annotated[float, Meta(ge=60)] = 7 * 86_400.0
    tlvs: tuple[ExtraTlv, ...] = ()
    ids: IdForm = "learn"
    receipt_zone_min: Annotated[int, Meta(ge=-840, le=840)] = 0
    receipt_text_anywhere: bool = False
    receipts: Literal["tlv_first", "text_first"] = "tlv_first"
    held: Annotated[int, Meta(ge=1, le=20_000)] = 2_000
    statuses: dict[int | str, Override] = {}
    errors: dict[str, ErrorMeaning] = {}

    def __post_init__(self) -> None:
        """Refuse what cannot work. Raises ValueError."""
        user, word = (_LONG_LOGIN,) * 2 if self.long_login else (_SHORT_SYSTEM_ID, _SHORT_PASSWORD)
        if not self.name or not self.host or not self.system_id:
            raise ValueError("name, host and system_id are needed")
        if len(self.system_id) > user or len(self.password) > word:
            raise ValueError(f"system_id has at most {user} characters, password {word} (long_login allows more)")
        texts = (self.system_id, self.password, self.system_type, self.service_type, self.address_range)
        rules = self.addresses
        prefixes = [rule.prefix for rule in (rules.name, rules.number, rules.short_code, rules.recipient)]
        if not all(text.isascii() and text.isprintable() for text in (*texts, *prefixes)):
            raise ValueError("what goes into a bind or an address is printable ASCII")
        if (
            len(self.system_type) > _SYSTEM_TYPE
            or len(self.service_type) > _SERVICE_TYPE
            or len(self.address_range) > _RANGE
        ):
            raise ValueError("system_type has at most 12 characters, service_type 5, address_range 40")
        if max(map(len, prefixes)) > _PREFIX:
            raise ValueError(f"a prefix of addresses has at most {_PREFIX} characters")
        if bool(self.tls_key) != bool(self.tls is not None and self.tls.certificate):
            raise ValueError("tls.certificate and the secret tls_key belong together")
        if self.tls is not None and not (self.tls.authorities + self.tls.certificate + self.tls_key).isascii():
            raise ValueError("certificates and keys are texts in PEM")
        self.overrides()
        if self.timers.reconnect[0] > self.timers.reconnect[1] or self.throttling.pause[0] > self.throttling.pause[1]:
            raise ValueError("the first wait is longer than the longest")

    def overrides(self) -> dict[int, Override]:
        """``statuses`` by number; keys may be text (``"0x45"``, ``"69"``), as JSON has no others. Raises ValueError."""
        return {key if isinstance(key, int) else int(key, 0): own for key, own in self.statuses.items()}

    def __repr__(self) -> str:
        """Without the password."""
        return f"SmppConfig(name={self.name!r}, host={self.host!r}, port={self.port}, system_id={self.system_id!r})"

    __str__ = __repr__
