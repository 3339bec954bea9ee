"""Whether a call may be placed at a moment, and when next: flow hours and policy hours, each in its zone (domain 4.5).

Path steps 1, 2 and 5 ask here. A moment is open when *every* rule is open at that moment by the wall clock of the rule's
zone. Daylight saving is exact: an hour that does not exist opens at the change, an hour that comes twice is judged by
the clock on the wall both times.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final, Literal

from central.domain.errors import DefectError
from central.domain.weekly_hours import DAY_MINUTES, WeeklyHours

HORIZON: Final = timedelta(days=14)
_MINUTE: Final = timedelta(minutes=1)

Clock = Literal["callee", "flow"]


@dataclass(frozen=True, slots=True)
class HoursRule:
    """One set of hours in one zone; ``name`` says whose rule it is: ``flow hours``, ``policy IN version 1``."""

    name: str
    hours: WeeklyHours
    zone: tzinfo


Rules = tuple[HoursRule, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer with its reason: ``rule`` names the rule that is closed (None = open), ``opens_at`` is UTC.

    ``opens_at`` is the moment asked for when open, and None when nothing opens within the horizon.
    """

    open: bool
    opens_at: datetime | None
    rule: str | None
    sentence: str


def effective_rules(
    flow_hours: WeeklyHours | None,
    flow_zone: tzinfo,
    policy: tuple[str, WeeklyHours, Clock] | None,
    callee_zones: Iterable[tzinfo],
) -> Rules:
    """Lay flow and policy hours side by side: flow hours in the flow zone, policy hours in *every* callee zone.

    ``policy`` is its name, its hours for the flow's purpose and whose clock counts, or None where it sets no hours.
    Without a callee zone the flow zone stands in (domain 2). Rules that are always open are left out.
    """
    rules: list[HoursRule] = []
    if flow_hours is not None and not flow_hours.is_always:
        rules.append(HoursRule("flow hours", flow_hours, flow_zone))
    if policy is not None and not policy[1].is_always:
        name, hours, clock = policy
        zones = tuple(dict.fromkeys(callee_zones)) if clock == "callee" else ()
        rules += [HoursRule(name, hours, zone) for zone in zones or (flow_zone,)]
    return tuple(rules)


def closed_by(rules: Sequence[HoursRule], at: datetime) -> HoursRule | None:
    """The first rule that forbids a call at this moment, or None when all permit it.

    Raises DefectError ``naive_datetime`` when ``at`` has no offset, as all functions here do.
    """
    moment = _utc(at)
    for rule in rules:
        if not _open(rule, moment):
            return rule
    return None


def open_at(rules: Sequence[HoursRule], at: datetime) -> bool:
    """Tell whether a call may be placed at this moment."""
    return closed_by(rules, at) is None


def next_opening(rules: Sequence[HoursRule], at: datetime, horizon: timedelta = HORIZON) -> datetime | None:
    """The first moment at or after ``at`` at which all rules are open, or None if there is none within the horizon.

    Returns a UTC moment, which is ``at`` itself when open.
    """
    moment = _utc(at)
    limit = moment + horizon
    while (rule := closed_by(rules, moment)) is not None:
        opening = _next_opening_of(rule, moment, limit)
        if opening is None or opening > limit:
            return None
        moment = opening
    return moment


def judge(rules: Sequence[HoursRule], at: datetime, horizon: timedelta = HORIZON) -> Verdict:
    """Tell whether the moment is open, and otherwise which rule closes it and when all rules open next."""
    rule = closed_by(rules, at)
    if rule is None:
        return Verdict(open=True, opens_at=at, rule=None, sentence="Calls are permitted at this moment.")
    opening = next_opening(rules, at, horizon)
    local = at.astimezone(rule.zone)
    then = (
        f"the next opening is {opening:%Y-%m-%dT%H:%M:%SZ}" if opening else f"nothing opens within {horizon.days} days"
    )
    sentence = f"It is {local:%a %Y-%m-%d %H:%M} in {rule.zone}, which is outside the {rule.name}; {then}."
    return Verdict(open=False, opens_at=opening, rule=rule.name, sentence=sentence)


def _utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise DefectError("naive_datetime", "Calling hours are asked about a moment without an offset.")
    return at.astimezone(UTC)


def _open(rule: HoursRule, at: datetime) -> bool:
    local = at.astimezone(rule.zone)
    minute = local.hour * 60 + local.minute
    return any(start <= minute < end for start, end in rule.hours.spans_on(local.date()))


def _next_opening_of(rule: HoursRule, at: datetime, limit: datetime) -> datetime | None:
    """The first moment after ``at`` (which is closed) at which this one rule is open."""
    day = at.astimezone(rule.zone).date()
    last = limit.astimezone(rule.zone).date()
    while day <= last:
        for moment in _candidates(rule, day):
            if moment > at and _open(rule, moment):
                return moment
        day += timedelta(days=1)
    return None


def _candidates(rule: HoursRule, day: date) -> Iterator[datetime]:
    """Every moment of a local date at which the rule may open, ascending: starts of spans, and the clock change."""
    midnight = datetime.combine(day, time(), rule.zone)
    change = _clock_change(midnight)
    starts = [start for start, _ in rule.hours.spans_on(day) if start < DAY_MINUTES]
    moments = {(midnight.replace(tzinfo=None) + start * _MINUTE).replace(tzinfo=rule.zone) for start in starts}
    utc = {moment.astimezone(UTC) for moment in moments}
    if change is not None:
        utc |= {moment.replace(fold=1).astimezone(UTC) for moment in moments} | {change}
    yield from sorted(utc)


def _clock_change(midnight: datetime) -> datetime | None:
    """The UTC moment at which the zone's offset changes on this local date (to the minute), or None."""
    following = (midnight.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=midnight.tzinfo, fold=1)
    before = midnight.utcoffset()
    if following.utcoffset() == before:
        return None
    low, high = midnight.astimezone(UTC), following.astimezone(UTC)
    while high - low > _MINUTE:
        middle = low + (high - low) // 2
        if middle.astimezone(midnight.tzinfo).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high.replace(second=0, microsecond=0)
