"""The configuration of a flow as frozen values: calls, accepted formats, variable declarations.

``document.py`` reads them; intake, dispatch and the driver use them (path steps 1, 2 and 4). Business hours are a
``WeeklyHours`` and the reattempt rule a ``ReattemptRule`` of the domain. Domain specification, sections 4.2, 4.5, 6, 8.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from central.domain.date_formats import ISO
from central.domain.reattempts import ReattemptRule

FlowType = Literal["multicast", "inbound", "dialer"]
Purpose = Literal["marketing", "transactional", "service"]
Duplicates = Literal["allow", "reject"]


@dataclass(frozen=True, slots=True)
class Formats:
    """Accepted formats in order: a value that fits several is read by the first."""

    dates: tuple[str, ...] = ("yyyy-MM-dd",)
    times: tuple[str, ...] = ("HH:mm",)

    @property
    def moments(self) -> tuple[str, ...]:
        """Dates, then date-times (each pair of date and time, and ISO-8601), as ``date_formats.read_moment`` takes them."""
        return (*self.dates, *(f"{day} {clock}" for day in self.dates for clock in self.times), ISO)


@dataclass(frozen=True, slots=True)
class CallSettings:
    """The configurator: the reattempt rule and the limits of a call.

    reattempts: of a dialer the customer's budget, and
    agent_reattempts the agent's, of which only attempts and intervals count. short_hangup: a customer who leaves sooner gives SHORT_HANGUP. channel_wait: a call step that found no free channel for
    so long gives Channel Busy. channels and cps (calls per second) cap the flow's own calls, None = no own cap.
    """

    reattempts: ReattemptRule = field(default_factory=ReattemptRule)
    agent_reattempts: ReattemptRule = field(default_factory=ReattemptRule)
    ring_timeout: timedelta = timedelta(seconds=30)
    short_hangup: timedelta = timedelta(seconds=3)
    channel_wait: timedelta = timedelta(seconds=60)
    expires_after: timedelta = timedelta(hours=24)
    strict_start: bool = False
    channels: int | None = None
    cps: float | None = None
    duplicates: Duplicates = "allow"


@dataclass(frozen=True, slots=True)
class VariableRule:
    """One validation rule, as ``domain.variable_rules.compile_rules`` takes it.

    Unknown kinds and missing criteria are kept: they give record statuses 31 and 32 at intake.
    """

    kind: str
    criterion: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True)
class VariableDeclaration:
    """A variable of the record (``$flow.key.<name>``) and its rules in order; the first failure wins."""

    name: str
    mandatory: bool = False
    secret: bool = False
    rules: tuple[VariableRule, ...] = ()
    line: int = 0
