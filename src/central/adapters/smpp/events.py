"""What a session tells its shell, and what it is given to send. Values only."""

from __future__ import annotations

import msgspec

from central.adapters.smpp.pdu import DataMessage, Message, Pdu
from central.domain.ids import MessageId

Token = tuple[int, int, int]
"""An inbound request that waits for its answer: which connection, command, sequence number."""


class Ticket(msgspec.Struct, frozen=True, gc=False):
    """Whose a submit_sm is. part: from 1; parts: how many of the message this PDU carries (all, where it is one payload)."""

    id: MessageId
    tries: int
    part: int
    parts: int
    recipient: str
    sender: str


class Question(msgspec.Struct, frozen=True, gc=False):
    """Whose a query_sm, cancel_sm or replace_sm is."""

    message_id: str


class Connect(msgspec.Struct, frozen=True):
    """Open a connection now; then ``connected`` or ``lost``."""


class Close(msgspec.Struct, frozen=True):
    """Send what is left, close the connection; then ``lost``."""

    reason: str


class Up(msgspec.Struct, frozen=True):
    """Bound. version: sc_interface_version, None = the SMSC told none."""

    version: int | None


class Refused(msgspec.Struct, frozen=True):
    """The bind was refused. stopped: it is not tried again. no_transceiver: the SMSC knows no bind_transceiver."""

    status: int
    stopped: bool
    no_transceiver: bool = False


class Down(msgspec.Struct, frozen=True):
    """The connection is gone, or there was none to be had (was_bound False)."""

    reason: str
    was_bound: bool


class Answered(msgspec.Struct, frozen=True, gc=False):
    """The answer to a submit_sm. delay_s: how long a refused message should wait. late: it was told as unsure before."""

    ticket: Ticket
    status: int
    message_id: str
    latency_s: float
    delay_s: float = 0.0
    late: bool = False


class Unsure(msgspec.Struct, frozen=True):
    """They left us and no answer came: they may have been taken."""

    tickets: list[Ticket]
    reason: str


class Unsent(msgspec.Struct, frozen=True):
    """No octet of them left us."""

    tickets: list[Ticket]
    reason: str


class Replied(msgspec.Struct, frozen=True):
    """The end of a question. pdu None = there was no answer, or none of the kind; status says what was answered."""

    question: Question
    command: int
    status: int | None
    pdu: Pdu | None


class Arrived(msgspec.Struct, frozen=True):
    """deliver_sm or data_sm; it is answered with ``answer`` only after it is stored."""

    token: Token
    pdu: Message | DataMessage


class PaceMoved(msgspec.Struct, frozen=True):
    """The bind was slowed down by the SMSC, or is as fast again as before."""

    slow: bool
    detail: str = ""


class Enquired(msgspec.Struct, frozen=True):
    """The SMSC answered an enquire_link after so many seconds."""

    round_trip_s: float


class Odd(msgspec.Struct, frozen=True):
    """Something that no lawful peer does; survived, and counted under ``word``."""

    word: str
    detail: str = ""


Event = (
    Connect | Close | Up | Refused | Down | Answered | Unsure | Unsent | Replied | Arrived | PaceMoved | Enquired | Odd
)  # fmt: skip
