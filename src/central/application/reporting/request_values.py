"""A request as lists, progress and reports show it: plain values, also read back by the CLI (path step 7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from central.domain.requests import Control, Counts, RequestStatus


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a request is. ``finished`` of ``counts.loaded`` records are final.

    ``per_s`` figures are records finished, or attempts begun, per second over the last 10 and 60 s; None = not yet known
    (the first look at a request), 0 = nothing moved. ``forecast_end`` is None when nothing moves or nothing is pending.
    """

    finished: int
    percent: float
    finished_per_s_10: float | None = None
    finished_per_s_60: float | None = None
    attempts_per_s_10: float | None = None
    forecast_end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Upload:
    """The file that a request was loaded from; kind, encoding and delimiter as they were detected, once it was looked at."""

    file_name: str
    state: str
    rows_done: int
    kind: str | None = None
    encoding: str | None = None
    delimiter: str | None = None


@dataclass(frozen=True, slots=True)
class RequestView:
    """One request: what it is, how it stands, its counts. ``statuses``, ``calls`` and ``reasons`` are numbers by word."""

    request_id: UUID
    name: str
    status: RequestStatus
    control: Control
    flow_id: str
    flow_name: str
    flow_type: str
    flow_version: int | None
    testing: bool
    source: str
    priority: int
    created_at: datetime
    end_at: datetime | None
    counts: Counts
    attempts: int
    progress: Progress
    loading: bool = False
    flow_control: str = "running"
    earliest_due: datetime | None = None
    reload_of: UUID | None = None
    upload: Upload | None = None
    error: Mapping[str, object] | None = None
    statuses: Mapping[str, int] = field(default_factory=dict[str, int])
    calls: Mapping[str, int] = field(default_factory=dict[str, int])
    reasons: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True)
class StatusLine:
    """Records in one flow status: its published class and the bucket in which it counts."""

    status: str
    record_class: str
    counts_as: str
    records: int
    share: float


@dataclass(frozen=True, slots=True)
class CallLine:
    """Legs that ended with one connection status."""

    status: str
    code: int
    connected: bool
    legs: int
    share: float


@dataclass(frozen=True, slots=True)
class ReasonLine:
    """Final records by reason code."""

    reason: str
    records: int


@dataclass(frozen=True, slots=True)
class RequestReport:
    """The report of a request (domain section 17). Durations in seconds, money in millionths of ``currency``.

    ``duration_s`` runs from the first claim to the last end of an attempt. ``answer_ratio`` = answered legs per leg (ASR),
    None without legs; ``mean_talk_s`` and ``mean_ring_s`` per answered and per ringing leg. ``calls_per_s`` is the mean over
    the duration, ``peak_calls_per_s`` the busiest second.
    """

    request: RequestView
    statuses: tuple[StatusLine, ...]
    classes: Mapping[str, int]
    calls: tuple[CallLine, ...]
    reasons: tuple[ReasonLine, ...]
    attempts: int
    attempts_per_record: float | None
    legs: int
    answered: int
    answer_ratio: float | None
    first_claim: datetime | None
    last_end: datetime | None
    duration_s: float | None
    calls_per_s: float | None
    peak_calls_per_s: int
    talk_s: float
    mean_talk_s: float | None
    mean_ring_s: float | None
    cost: int
    currency: str
