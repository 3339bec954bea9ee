"""What the intake checks know and what they answer: facts of a request, hits in the lists, and the verdict on a row.

Values that exist once a row are named tuples: a million of them are made a minute, three times as fast as dataclasses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from central.domain.incoming import IncomingRecord
from central.domain.start_time import StartTime
from central.domain.statuses import FlowStatus
from central.domain.variable_rules import CompiledRules, RuleFailure

Opening = Callable[[datetime, tuple[str, ...]], datetime | None]
"""The first moment at or after a due time that calling hours permit in all of these zones; None = there is none."""


class Check(StrEnum):
    """The checks in their order (section 7.2); the name is stored as the rule that decided."""

    RECORD_SHAPE = "record_shape"
    START_TIME_FORMAT = "start_time_format"
    START_TIME_NOT_PAST = "start_time_not_past"
    NUMBER_PATTERN = "number_pattern"
    PHONE_BLACKLIST = "phone_blacklist"
    TESTING_WHITELIST = "testing_whitelist"
    INTERNATIONAL = "international"
    VARIABLES = "variables"
    DND_SCRUB = "dnd_scrub"
    DUPLICATE_SWITCH = "duplicate_switch"
    PENDING_CAP = "pending_cap"
    EXPIRY = "expiry"
    ACCEPT = "accept"


@dataclass(frozen=True, slots=True)
class ListVersions:
    """The versions of the lists that a chunk was judged by, as they are stored with a verdict; ``dnd`` names its date."""

    blacklist: str = ""
    whitelist: str = ""
    dnd: str = ""


class ListHit(NamedTuple):
    """What the account's lists hold about one number; a number that no list holds has no hit.

    ``blacklisted``, ``whitelisted``: the entry that matched (a number or a prefix), None = not listed. ``dnd``: the
    preference category registered, None = not registered. ``loaded``: an earlier row of this request has the number.
    """

    blacklisted: str | None = None
    whitelisted: str | None = None
    dnd: str | None = None
    loaded: bool = False


@dataclass(frozen=True, slots=True)
class IntakeFacts:
    """All that the checks depend on besides the row; made once a chunk.

    ``now``: aware. ``country``: the account's, ISO 3166 alpha-2. ``zone``: the flow's. ``testing``: the draft runs.
    ``international``: the account's capability. ``strict``: strict start times. ``registers``: those that the policy scrubs against. ``register_stale``: the do-not-disturb
    data is older than the policy allows. ``opening``: None = always open; called once a row, so cache it.
    ``end_at``: the request's end, if it has one. ``dummy_number``: digits that steps 3 to 6 and 8 let pass.
    """

    now: datetime
    country: str
    zone: ZoneInfo
    rules: CompiledRules
    testing: bool = False
    marketing: bool = False
    international: bool = False
    strict: bool = False
    register_stale: bool = False
    reject_duplicates: bool = False
    registers: tuple[str, ...] = ()
    dummy_number: str = ""
    expires_after: timedelta = timedelta(hours=24)
    end_at: datetime | None = None
    opening: Opening | None = None
    lists: ListVersions = field(default_factory=ListVersions)


class Dropped(NamedTuple):
    """A number that cannot be used, and why. ``position``: 1 for tel1; ``number``: E.164 digits, or as written."""

    position: int
    number: str
    status: FlowStatus
    reason: str
    rule: Check
    sentence: str
    value: str = ""
    list_version: str = ""


class Verdict(NamedTuple):
    """What intake decides about a row.

    ``status``: UNPROCESSED or SCHEDULED = accepted. ``reason``: a stable code. ``rule``: the check that decided.
    ``numbers``: E.164 digits in the order to call, without the ``dropped`` ones. ``due_at``, ``expires_at``: aware, set
    when the row was accepted. ``start``: the start as asked for, None if it was not read. ``zones``: of the callee.
    ``value``: what the deciding check looked at (masked for secrets); ``list_version``: of the list it asked.
    """

    row: int
    status: FlowStatus
    reason: str
    rule: Check
    sentence: str
    numbers: tuple[str, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    start: StartTime | None = None
    due_at: datetime | None = None
    expires_at: datetime | None = None
    zones: tuple[str, ...] = ()
    value: str = ""
    list_version: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether the record will be worked on."""
        return self.due_at is not None


class Prepared(NamedTuple):
    """A row read but not yet judged by lists: ``numbers`` (with their ``positions``) are what the lists are asked about.

    ``verdict`` is set when the row already failed; there is nothing to ask then. ``failure``: the variable rule that it will
    fail at step 7, worked out beforehand because that is heavy and needs no list.
    """

    record: IncomingRecord
    verdict: Verdict | None
    start: StartTime | None = None
    numbers: tuple[str, ...] = ()
    positions: tuple[int, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    warnings: tuple[str, ...] = ()
    priority: int | None = None
    failure: RuleFailure | None = None
