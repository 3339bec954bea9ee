"""The explanation of a record: everything that happened to it and the rule behind each status, as values (path step 7).

``timeline`` tells all of it in one order of time; the other parts hold the same facts by their kind. Read back by the CLI.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from central.application.reporting.record_values import RecordDetail


class Kind(StrEnum):
    """What a line of the timeline is about."""

    INPUT = "input"
    CHECK = "check"
    STATUS = "status"
    SCHEDULE = "schedule"
    ATTEMPT = "attempt"
    LEG = "leg"
    SIP = "sip"
    FLOW = "flow"
    DIGITS = "digits"
    WARNING = "warning"
    PUSH = "push"
    MESSAGE = "message"
    LATE = "late"
    GAP = "gap"


@dataclass(frozen=True, slots=True)
class InputRow:
    """The row as it came in: its numbers as written (where that was kept), and what intake made of them.

    ``started_by``: the record whose flow started this one, or with ``started_why`` callback or retry, whose agent asked for it.
    """

    row: int
    written_numbers: tuple[str, ...]
    numbers: tuple[str, ...]
    dropped: tuple[Mapping[str, object], ...]
    start_time: str
    time_zone: str | None
    client_identifier: str | None
    priority: int
    variables: Mapping[str, str]
    warnings: tuple[str, ...] = ()
    started_by: UUID | None = None
    started_why: str = ""


class CheckResult(StrEnum):
    """What came of a check. ``not_reached``: an earlier one decided; ``not_applied``: its condition does not hold here."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_REACHED = "not_reached"
    NOT_APPLIED = "not_applied"


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One check: ``stage`` is intake or the claim of an attempt, ``step`` its number in domain 7.2 (0: the row itself).

    ``rebuilt`` tells that a pass was worked out from the flow version and the stored versions, not read from an event.
    ``version`` names the list or policy that was asked. ``details`` are its parts, one a line.
    """

    at: datetime
    stage: str
    step: int
    check: str
    result: CheckResult
    value: str
    sentence: str
    version: str = ""
    details: tuple[str, ...] = ()
    rebuilt: bool = True


@dataclass(frozen=True, slots=True)
class ScheduleLine:
    """One decision about when: ``due_at`` is what was decided, None = the record waits for nothing any more."""

    at: datetime
    decision: str
    due_at: datetime | None
    rule: str
    sentence: str


@dataclass(frozen=True, slots=True)
class StatusLine:
    """One change of the status, with the rule that set it."""

    at: datetime
    from_status: str | None
    to_status: str
    reason: str | None
    rule: str
    sentence: str
    actor: str
    attempt: int | None = None


@dataclass(frozen=True, slots=True)
class PathStep:
    """One step of the flow that was entered: ``came_by`` is the branch that led to it, ``did`` what happened in it.

    ``flow``: the name of the flow, and ``flow_version`` that of its version, where the call had gone on in another flow than
    the record's; else "".
    """

    at: datetime
    attempt: int
    step: str
    widget: str
    came_from: str
    came_by: str
    did: tuple[str, ...] = ()
    left_by: str = ""
    flow: str = ""
    flow_version: str = ""


@dataclass(frozen=True, slots=True)
class LateLine:
    """News that came too late to matter: kept and shown, not obeyed."""

    at: datetime
    kind: str
    sentence: str
    data: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class PushLine:
    """A webhook event of the record: one try, or the event that waits or was given up."""

    at: datetime
    event_id: UUID
    endpoint: str
    event_type: str
    state: str
    tries: int
    status_code: int | None
    duration_ms: int | None
    due_at: datetime | None
    sentence: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the timeline."""

    at: datetime
    kind: Kind
    title: str
    sentence: str = ""
    attempt: int | None = None
    leg_id: UUID | None = None
    data: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why this record has this status: ``sentence`` answers in one, ``rule`` names the rule that set it."""

    record: RecordDetail
    sentence: str
    rule: str
    meaning: str
    input: InputRow
    checks: tuple[CheckLine, ...]
    schedule: tuple[ScheduleLine, ...]
    statuses: tuple[StatusLine, ...]
    path: tuple[PathStep, ...]
    late: tuple[LateLine, ...]
    pushes: tuple[PushLine, ...]
    timeline: tuple[Entry, ...]
