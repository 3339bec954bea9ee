"""What reporting (step 7) needs of the store: stored rows as frozen values, always of one account, pages by key.

Nothing here is worked out: use cases in ``application/reporting`` make views, reports and explanations from these rows.
Times are aware, money is in millionths of the account's currency, phone numbers are unmasked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from central.application.ports.message_reports import EventRow as MessageEventRow
from central.application.ports.message_reports import MessageRow
from central.application.ports.telephony import SipMessage
from central.domain.ids import AccountId, LegId, RecordId, RequestId


class RequestWish(Protocol):
    """Which requests a list shows; None = any. ``status`` is Scheduled, In process or Completed; ``flow`` an id or name."""

    @property
    def status(self) -> str | None: ...  # noqa: D102 - said above
    @property
    def flow(self) -> str | None: ...  # noqa: D102 - said above
    @property
    def created_from(self) -> datetime | None: ...  # noqa: D102 - said above
    @property
    def created_to(self) -> datetime | None: ...  # noqa: D102 - said above


class RecordWish(Protocol):
    """Which records of a request a list shows; None = any. ``record_class`` is valid, invalid, ncpr or pending."""

    @property
    def status(self) -> str | None: ...  # noqa: D102 - said above
    @property
    def reason(self) -> str | None: ...  # noqa: D102 - said above
    @property
    def record_class(self) -> str | None: ...  # noqa: D102 - said above
    @property
    def number(self) -> str | None: ...  # noqa: D102 - said above
    @property
    def client_identifier(self) -> str | None: ...  # noqa: D102 - said above


@dataclass(frozen=True, slots=True)
class RequestRow:
    """A request with its flow, its upload (where it came as a file) and the sums of its tallies by counter."""

    id: RequestId
    name: str
    flow_id: str
    flow_name: str
    flow_type: str
    flow_version: int | None
    testing: bool
    source: str
    control: str
    flow_control: str
    loading: bool
    priority: int
    created_at: datetime
    end_at: datetime | None
    reload_of: UUID | None
    error: Mapping[str, object] | None
    tallies: Mapping[str, int]
    earliest_due: datetime | None
    file_name: str | None
    upload_state: str | None
    rows_done: int | None
    detected: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class RecordRow:
    """A record as lists show it; ``written`` are its numbers as they came in, where none of them is usable."""

    id: RecordId
    request_id: RequestId
    row_number: int
    numbers: Sequence[str]
    client_identifier: str | None
    status: str
    reason: str | None
    epoch: int
    attempts_made: int
    attempts_charged: int
    due_at: datetime | None
    expires_at: datetime | None
    changed_at: datetime
    last_call_status: str | None
    time_zone: str | None
    priority: int
    held_status: str | None
    held_due_at: datetime | None
    struck: int
    variables: Mapping[str, str]
    written: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class RecordSearch:
    """A search within a request, from the record after ``after``; empty tuples and None match everything."""

    after: RecordId | None = None
    statuses: Sequence[str] = ()
    reason: str | None = None
    number: str | None = None
    client_identifier: str | None = None

    @property
    def filters(self) -> bool:
        """Whether records may be passed over."""
        return bool(self.statuses or self.reason or self.number or self.client_identifier)


@dataclass(frozen=True, slots=True)
class ScannedRecords:
    """The records found among the next ones by id; ``last`` is the last one looked at, None = there were no more."""

    found: Sequence[RecordRow]
    last: RecordId | None


@dataclass(frozen=True, slots=True)
class RejectRow:
    """A record that intake refused, with what the deciding check said; ``row`` counts from 1, ``numbers`` as written."""

    row: int
    record_id: RecordId
    status: str
    reason: str
    sentence: str
    client_identifier: str | None
    numbers: Sequence[str]


@dataclass(frozen=True, slots=True)
class RecordHead:
    """What stands above a record: its request, its flow and version, its account."""

    flow_id: str
    flow_name: str
    flow_type: str
    flow_version: int | None
    flow_version_id: UUID
    testing: bool
    request_name: str
    control: str
    flow_control: str
    end_at: datetime | None
    currency: str
    country: str
    started_by: UUID | None = None
    started_why: str = ""
    """The record whose flow started this one."""


@dataclass(frozen=True, slots=True)
class EventRow:
    """A line of the record's history."""

    id: UUID
    at: datetime
    late: bool
    kind: str
    from_status: str | None
    to_status: str | None
    reason: str | None
    actor: str
    data: Mapping[str, object] | None


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One pass over the record's numbers."""

    number: int
    id: UUID
    epoch: int
    node: str
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None
    result: str | None
    charged: bool | None
    reserved: int
    cost: int
    policy_id: str
    policy_version: int
    dnd_version: int | None
    blacklist_version: int | None
    variables: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class LegRow:
    """One call of an attempt; ``digits`` are {digit, at, ms} in order."""

    id: LegId
    attempt_number: int
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
    status: str | None
    code: int | None
    q850: int | None
    sip_code: int | None
    local: str | None
    phase: str | None
    hangup_by: str | None
    answered_ms: int | None
    cost: int
    sip_call_id: str | None
    digits: Sequence[Mapping[str, object]] | None
    engine: Mapping[str, object] | None


@dataclass(frozen=True, slots=True)
class LegTrace:
    """The SIP messages of a leg in wire order; ``dropped`` copies were lost on their way to us."""

    leg_id: LegId
    sip_call_id: str
    messages: Sequence[SipMessage]
    dropped: int


@dataclass(frozen=True, slots=True)
class PushRow:
    """A webhook event of the record that still waits or was parked (``state``), or one try to deliver it (``outcome``)."""

    event_id: UUID
    endpoint: str
    event_type: str
    at: datetime
    state: str | None
    outcome: str | None
    tries: int
    status_code: int | None
    duration_ms: int | None
    error: str | None
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class RecordHistory:
    """Everything stored about one record; ``messages`` are those that its steps sent, in order, each with its history lines."""

    record: RecordRow
    head: RecordHead
    events: Sequence[EventRow]
    attempts: Sequence[AttemptRow]
    legs: Sequence[LegRow]
    traces: Sequence[LegTrace]
    pushes: Sequence[PushRow]
    messages: Sequence[MessageRow] = ()
    message_lines: Sequence[MessageEventRow] = ()


@dataclass(frozen=True, slots=True)
class CallFigures:
    """Sums over a request's attempts and legs; None and 0 where there were none. Durations in milliseconds."""

    attempts: int
    first_claim: datetime | None
    last_end: datetime | None
    legs: int
    answered: int
    answered_ms: int
    ring_ms: int
    rang: int
    cost: int
    peak_per_s: int
    currency: str


class ReportStore(Protocol):
    """Reading of one account's rows; nothing is locked, nothing is written."""

    async def requests(
        self, account_id: AccountId, wanted: RequestWish, before: RequestId | None, limit: int, now: datetime
    ) -> Sequence[RequestRow]:
        """At most ``limit`` requests older than ``before``, newest first."""
        ...

    async def request(self, account_id: AccountId, request_id: RequestId) -> RequestRow | None:
        """One request. The cost does not depend on the number of its records."""
        ...

    async def scan_records(
        self, account_id: AccountId, request_id: RequestId, search: RecordSearch, limit: int, scan: int
    ) -> ScannedRecords:
        """Look at the next ``scan`` records at most and return the first ``limit`` that match, by id."""
        ...

    async def scan_rejects(
        self, account_id: AccountId, request_id: RequestId, after: RecordId | None, scan: int
    ) -> tuple[Sequence[RejectRow], RecordId | None]:
        """The records refused at intake among the next ``scan``, and the last one looked at (None = no more)."""
        ...

    async def history(self, account_id: AccountId, record_id: RecordId, *, traces: bool) -> RecordHistory | None:
        """One record with everything about it, read in one snapshot; ``traces`` False: without SIP, webhooks, message lines."""
        ...

    async def call_figures(self, account_id: AccountId, request_id: RequestId) -> CallFigures:
        """Sums over all attempts and legs of a request: reads each of them once."""
        ...
