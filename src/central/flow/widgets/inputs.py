"""Fields that hold a value or a variable: durations, whole numbers, phone numbers, names (domain 5.3: every input may be one).

What the document says is checked when it is read. What a variable gives is read when the step is entered: an unreadable
duration or number gives way to the field's default with the warning ``input_unreadable``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from central.domain.numbers import normalise
from central.flow.durations import parse_duration, show_duration
from central.flow.media import Media
from central.flow.program import Failed
from central.flow.variables import MASK, Template
from central.flow.walk import Walk
from central.flow.widgets.spoken import Spoken
from central.flow.widgets.widget import Fields

_SECOND: Final = timedelta(seconds=1)
_WHOLE: Final = re.compile(r"[0-9]{1,9}")
NAME_OF_A_THING: Final = re.compile(r"[^\x00-\x1f\x7f]{1,64}")
"""Queues, agents, flows: what people call them."""


@dataclass(frozen=True, slots=True)
class DurationInput:
    """A duration within bounds."""

    field: str
    given: Template | None
    default: timedelta
    low: timedelta
    high: timedelta

    def seconds(self, walk: Walk) -> float:
        """Its value now."""
        if self.given is None:
            return self.default / _SECOND
        rendered = walk.render(self.given)
        value = self.read(rendered.text)
        if value is None:
            walk.warn("input_unreadable", field=self.field, detail=f"{self.field}: {rendered.shown[:40]!r}")
            value = self.default
        return value / _SECOND

    def read(self, text: str) -> timedelta | None:
        """A text as such a duration; a bare number counts seconds."""
        text = text.strip()
        value = parse_duration(f"{text}s" if _WHOLE.fullmatch(text) else text)
        return value if value is not None and self.low <= value <= self.high else None


def read_duration(fields: Fields, name: str, default: timedelta, low: timedelta, high: timedelta) -> DurationInput:
    """Read a duration field."""
    found = DurationInput(name, fields.template(name), default, low, high)
    if found.given is not None and found.given.literal is not None and found.read(found.given.literal) is None:
        message = f"{name!r} must be a duration from {show_duration(low)} to {show_duration(high)}."
        hint = "Write a number with its unit, such as 30s or 5m."
        fields.find("field_out_of_range", message, line=fields.line(name), hint=hint)
    return found


@dataclass(frozen=True, slots=True)
class WholeInput:
    """A whole number within bounds."""

    field: str
    given: Template | None
    default: int
    low: int
    high: int

    def value(self, walk: Walk) -> int:
        """Its value now."""
        if self.given is None:
            return self.default
        rendered = walk.render(self.given)
        value = self.read(rendered.text)
        if value is None:
            walk.warn("input_unreadable", field=self.field, detail=f"{self.field}: {rendered.shown[:40]!r}")
            return self.default
        return value

    def read(self, text: str) -> int | None:
        """A text as such a number."""
        text = text.strip()
        return int(text) if _WHOLE.fullmatch(text) and self.low <= int(text) <= self.high else None


def read_whole(fields: Fields, name: str, default: int, low: int, high: int) -> WholeInput:
    """Read a field with a whole number."""
    found = WholeInput(name, fields.template(name), default, low, high)
    if found.given is not None and found.given.literal is not None and found.read(found.given.literal) is None:
        message = f"{name!r} must be a whole number from {low} to {high}."
        fields.find("field_out_of_range", message, line=fields.line(name), hint="Write digits only.")
    return found


def read_number(fields: Fields, name: str, *, required: bool = False) -> Template | None:
    """Read a field with a phone number; one that the document says must be a number, for an account of any country."""
    found = fields.template(name, required=required)
    if found is not None and found.literal is not None and normalise(found.literal.strip() or "-", "") is None:
        message = f"{found.literal[:40]!r} is no phone number."
        hint = "Country code first, 8 to 15 digits, such as 919800000001."
        fields.find("number_invalid", message, line=fields.line(name), hint=hint)
    return found


def number_of(walk: Walk, given: Template) -> tuple[str, str] | Failed:
    """A number now, as E.164 digits, and as it may be shown (domain, section 2)."""
    rendered = walk.render(given)
    text = rendered.text.strip()
    if not text:
        return Failed("number_missing", "There is no number.")
    number = normalise(text, walk.facts.country)
    if number is None:
        return Failed("number_invalid", f"{rendered.shown[:40]!r} is no phone number.")
    return number, number if rendered.shown == rendered.text else MASK


def read_name(fields: Fields, name: str, *, required: bool = False) -> Template | None:
    """Read a field that names a queue, an agent or a flow."""
    found = fields.template(name, required=required)
    if found is not None and found.literal is not None and not NAME_OF_A_THING.fullmatch(found.literal.strip()):
        message = f"{name!r} cannot be {found.literal[:40]!r}."
        fields.find(
            "name_invalid", message, line=fields.line(name), hint="A name of at most 64 characters in one line."
        )
    return found


def name_of(walk: Walk, what: str, given: Template) -> str | Failed:
    """A name now."""
    rendered = walk.render(given)
    text = rendered.text.strip()
    if not NAME_OF_A_THING.fullmatch(text):
        why = f"{rendered.shown[:40]!r} cannot be its name." if text else "Its name is empty."
        return Failed(f"{what}_invalid", f"There is no such {what}. {why}")
    return text


def whisper_of(walk: Walk, spoken: Spoken | None) -> Media | None:
    """What the called party alone hears; what cannot be said is left out with a warning."""
    media = None if spoken is None else spoken.media(walk, "whisper")
    if isinstance(media, Failed):
        walk.warn(media.code, detail=media.detail)
        return None
    return media
