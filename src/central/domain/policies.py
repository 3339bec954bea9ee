"""The policy row of a country as a value: calling hours, scrubbing, number series, abandon cap, ring time, attempt caps.

Regulation is data (domain G5): nothing of this is a constant in code. Rows come from ``policies.toml`` (packaged) or from
the database as JSON, both through ``Policy.parse``. One row per (id, version), never changed once used; each attempt
stores the version that allowed it. A flow may be stricter than its policy, never looser.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Literal, cast

from central.domain.calling_hours import Clock
from central.domain.errors import InvalidInput
from central.domain.policy_document import PolicyDocument
from central.domain.weekly_hours import WeeklyHours


class Purpose(StrEnum):
    """What a flow is for; selects hours, scrubbing, number series and SMS route (domain 4.2)."""

    MARKETING = "marketing"
    TRANSACTIONAL = "transactional"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class PurposeHours:
    """When a purpose may call, and whose clock counts: the callee's (in all of their zones) or the flow's."""

    hours: WeeklyHours
    clock: Clock = "callee"
    source: str = "law"


@dataclass(frozen=True, slots=True)
class Scrub:
    """Which registers a purpose is checked against; data older than ``max_age`` blocks or passes (``on_stale``)."""

    registers: tuple[str, ...]
    channels: tuple[str, ...]
    max_age: timedelta
    on_stale: Literal["block", "pass"] = "block"
    exempt: str | None = None


@dataclass(frozen=True, slots=True)
class AbandonRule:
    """The cap on answered calls that find no agent: share of ``of`` over ``window``; ``after_s`` makes one abandoned."""

    cap: float
    of: str
    window: str
    after_s: float
    source: str
    target: float | None = None
    message: str | None = None
    redial_hold: timedelta | None = None


@dataclass(frozen=True, slots=True)
class AttemptCaps:
    """Attempts per number over all flows of the account: per day, and per rolling window of ``window``."""

    per_day: int | None = None
    per_window: int | None = None
    window: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy row. A purpose without hours is not limited by the policy; its flow's own hours still apply."""

    id: str
    version: int
    effective_from: date
    hours: Mapping[Purpose, PurposeHours] = field(default_factory=dict[Purpose, PurposeHours])
    scrub: Mapping[Purpose, Scrub] = field(default_factory=dict[Purpose, Scrub])
    series: Mapping[Purpose, tuple[str, ...]] = field(default_factory=dict[Purpose, tuple[str, ...]])
    abandon: AbandonRule | None = None
    min_ring_s: float = 0.0
    attempts: AttemptCaps = field(default_factory=AttemptCaps)
    categories: int = 0
    modes: tuple[str, ...] = ()
    bands: tuple[str, ...] = ()
    author: str = ""
    reference: str = ""

    @property
    def name(self) -> str:
        """How sentences name the row: ``policy IN version 1``."""
        return f"policy {self.id} version {self.version}"

    def calling_hours(self, purpose: Purpose) -> tuple[str, WeeklyHours, Clock] | None:
        """The purpose's hours as ``calling_hours.effective_rules`` takes them, or None where the policy sets none."""
        found = self.hours.get(purpose)
        return None if found is None else (f"{purpose} hours of {self.name}", found.hours, found.clock)

    def scrubs(self, purpose: Purpose, channel: str) -> Scrub | None:
        """The scrub rule for a purpose on a channel (``voice``, ``sms``), or None when none applies."""
        found = self.scrub.get(purpose)
        return found if found is not None and channel in found.channels else None

    @classmethod
    def parse(cls, row: Mapping[str, object]) -> Policy:
        """Read one row from TOML or JSON. Raises InvalidInput ``invalid_policy`` that names the field."""
        document = PolicyDocument(row)
        policy = cls(
            id=document.text("id"),
            version=document.whole("version", minimum=1),
            effective_from=document.day("effective_from"),
            hours={Purpose(key): _hours(part) for key, part in document.by_purpose("hours", Purpose)},
            scrub={Purpose(key): _scrub(part) for key, part in document.by_purpose("scrub", Purpose)},
            series=_series(document),
            abandon=_abandon(document),
            min_ring_s=document.number("min_ring_s", default=0.0),
            attempts=_caps(document),
            categories=document.whole("categories", default=0),
            modes=document.texts("modes"),
            bands=document.texts("bands"),
            author=document.text("author", default=""),
            reference=document.text("reference", default=""),
        )
        document.finish()
        return policy


def parse_policies(text: str) -> tuple[Policy, ...]:
    """Read the packaged file's text (``[[policy]]`` rows). Raises InvalidInput ``invalid_policy``."""
    try:
        rows: object = tomllib.loads(text).get("policy", [])
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput("invalid_policy", f"The policy file is no TOML: {error}.") from error
    if not isinstance(rows, list):
        raise InvalidInput("invalid_policy", "The policy file has no [[policy]] rows.")
    policies = tuple(Policy.parse(row) for row in cast("list[Mapping[str, object]]", rows))
    if len({(policy.id, policy.version) for policy in policies}) != len(policies):
        raise InvalidInput("invalid_policy", "Two policy rows have the same id and version.")
    return policies


def in_force(policies: Sequence[Policy], policy_id: str, at: datetime) -> Policy | None:
    """The newest version of a policy that has taken effect by the UTC date of ``at``, or None."""
    today = at.astimezone(UTC).date()
    ready = [policy for policy in policies if policy.id == policy_id and policy.effective_from <= today]
    return max(ready, key=lambda policy: policy.version, default=None)


def _hours(document: PolicyDocument) -> PurposeHours:
    holidays = document.texts("holidays")
    windows = document.lists("windows")
    if not windows:
        days = document.text("days", default="all")
        windows = {days: (f"{document.text('from')}-{document.text('to')}",)}
    clock = document.text("clock", default="callee")
    source = document.text("source", default="law")
    document.finish()
    if clock == "callee":
        return PurposeHours(WeeklyHours.parse(windows, holidays), "callee", source)
    if clock == "flow":
        return PurposeHours(WeeklyHours.parse(windows, holidays), "flow", source)
    raise document.wrong("clock", "callee or flow")


def _scrub(document: PolicyDocument) -> Scrub:
    on_stale = document.text("on_stale", default="block")
    rule = Scrub(
        registers=document.texts("registers"),
        channels=document.texts("channels"),
        max_age=timedelta(hours=document.number("max_age_h")),
        on_stale="pass" if on_stale == "pass" else "block",
        exempt=document.text("exempt", default="") or None,
    )
    if on_stale not in ("block", "pass"):
        raise document.wrong("on_stale", "block or pass")
    document.finish()
    return rule


def _series(document: PolicyDocument) -> dict[Purpose, tuple[str, ...]]:
    lists = document.lists("series")
    for key in lists:
        if key not in tuple(Purpose):
            raise document.wrong(f"series.{key}", f"one of {', '.join(Purpose)}")
    return {Purpose(key): numbers for key, numbers in lists.items()}


def _abandon(document: PolicyDocument) -> AbandonRule | None:
    part = document.part("abandon")
    if part is None:
        return None
    hold = part.number("redial_hold_h", default=0.0)
    rule = AbandonRule(
        cap=part.number("cap"),
        of=part.text("of"),
        window=part.text("window"),
        after_s=part.number("after_s"),
        source=part.text("source"),
        target=part.number("target", default=0.0) or None,
        message=part.text("message", default="") or None,
        redial_hold=timedelta(hours=hold) if hold else None,
    )
    part.finish()
    return rule


def _caps(document: PolicyDocument) -> AttemptCaps:
    part = document.part("attempts")
    if part is None:
        return AttemptCaps()
    window = part.number("window_h", default=0.0)
    caps = AttemptCaps(
        per_day=part.whole("per_day", default=0) or None,
        per_window=part.whole("per_window", default=0) or None,
        window=timedelta(hours=window) if window else None,
    )
    part.finish()
    return caps
