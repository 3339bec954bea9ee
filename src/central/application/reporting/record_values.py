"""A record, its attempts, its calls and their SIP messages as values, also read back by the CLI (path step 7).

Times are aware, durations in milliseconds, money in millionths of ``currency``, phone numbers readable (the API masks).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Reason:
    """A Reason header (RFC 3326): ``protocol`` is Q.850 or SIP, ``name`` what the standard calls the cause."""

    protocol: str
    cause: int
    name: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class SipLine:
    """One SIP message: ``label`` is its method, or its code with phrase; ``delta_ms`` since the message before it.

    ``method`` is the request's, or for a response that of the request it answers. ``repeated`` = sent again (RFC 3261,
    section 17). ``headers`` as they stand, in order; credentials were redacted before they were stored.
    """

    at: datetime
    delta_ms: float
    since_ms: float
    sent: bool
    source: str
    target: str
    label: str
    start_line: str
    method: str
    code: int | None
    cseq: str
    headers: tuple[tuple[str, str], ...]
    body: str
    media: str = ""
    reasons: tuple[Reason, ...] = ()
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class SipTalk:
    """The messages of a leg; ``missing`` copies were lost before they reached us, ``note`` says what to know about that."""

    call_id: str
    messages: tuple[SipLine, ...]
    missing: int = 0
    note: str = ""
    ladder: str = ""


@dataclass(frozen=True, slots=True)
class DigitLine:
    """A key that was pressed on a leg; ``x`` where the flow collects a secret."""

    at: datetime
    digit: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class LegView:
    """One call: ``why`` tells which evidence gave the status, ``carrier`` what the far side's own Reason header said."""

    leg_id: UUID
    attempt: int
    position: int
    role: str
    direction: str
    number_from: str | None
    number_to: str
    trunk: str | None
    node: str
    handed_at: datetime
    ring_at: datetime | None
    connect_at: datetime | None
    end_at: datetime | None
    ring_ms: int | None
    answered_ms: int | None
    status: str | None
    code: int | None
    q850: int | None
    sip_code: int | None
    local: str | None
    phase: str | None
    hangup_by: str | None
    why: str
    carrier: str
    carrier_reason: Reason | None
    cost: int
    sip_call_id: str | None
    digits: tuple[DigitLine, ...] = ()
    engine: Mapping[str, object] = field(default_factory=dict[str, object])
    sip: SipTalk | None = None


@dataclass(frozen=True, slots=True)
class AttemptView:
    """One pass over the record's numbers; ``final`` = no further one follows. ``rule`` and ``sentence`` explain its end."""

    attempt_id: UUID
    number: int
    final: bool
    epoch: int
    node: str
    started_at: datetime
    ended_at: datetime | None
    duration_ms: int | None
    outcome: str | None
    result: str | None
    charged: bool | None
    reserved: int
    cost: int
    policy_id: str
    policy_version: int
    dnd_version: int | None
    blacklist_version: int | None
    rule: str
    sentence: str
    legs: tuple[LegView, ...] = ()


@dataclass(frozen=True, slots=True)
class MessageView:
    """A message that a step sent: ``explanation`` tells why it has its status, ``parts`` is of an SMS.

    What it says is shown by itself (``GET /sms/{id}``, ``GET /emails/{id}``); ``to`` is masked where it came from a secret.
    """

    message_id: UUID
    step: str
    to: str
    sender: str
    status: str
    reason: str | None
    explanation: str
    parts: int | None
    carrier: str | None
    tries: int
    cost: int
    created_at: datetime
    changed_at: datetime
    due_at: datetime | None
    handed_at: datetime | None


@dataclass(frozen=True, slots=True)
class RecordView:
    """A record as a list shows it. ``numbers`` are E.164 digits, or as they were written where none is usable."""

    record_id: UUID
    request_id: UUID
    row: int
    status: str
    record_class: str
    final: bool
    reason: str | None
    numbers: tuple[str, ...]
    client_identifier: str | None
    epoch: int
    attempts_made: int
    attempts_charged: int
    due_at: datetime | None
    expires_at: datetime | None
    changed_at: datetime
    last_connection_status: str | None
    time_zone: str | None
    priority: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordDetail(RecordView):
    """One record with its flow, its variables (secrets masked), its attempts and legs, its messages."""

    request_name: str
    flow_id: str
    flow_name: str
    flow_type: str
    flow_version: int | None
    testing: bool
    currency: str
    variables: Mapping[str, str]
    attempts: tuple[AttemptView, ...]
    held_status: str | None = None
    held_due_at: datetime | None = None
    struck_numbers: tuple[str, ...] = ()
    sms: tuple[MessageView, ...] = ()
    emails: tuple[MessageView, ...] = ()
    dispositions: tuple[Mapping[str, object], ...] = ()
    """What agents said of its calls, in order."""
