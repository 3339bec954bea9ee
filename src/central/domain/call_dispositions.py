"""What an agent says of a call (domain 9.5): a tree of two levels, what may be chosen in it, and what follows. Pure.

Not to be confused with the connection status of a leg, which the evidence gives (``dispositions``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from central.domain.errors import InvalidInput

MOST_CHOICES: Final = 200
MOST_NOTE: Final = 4000
FARTHEST: Final = timedelta(days=90)
"""A call back is agreed for at most so long from now."""

_KEY: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_MOST_NAME: Final = 100
_MOST_RETRY_S: Final = 30 * 86_400


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a tree. ``parent``: the key of the line above it, "" = first level; a line with others below is only a heading.

    contact: the right person was reached; success: the goal was. do_not_call: the number goes to the blacklist. callback: a call at
    an agreed time. retry_after_s: a call after so many seconds, 0 = none.
    """

    key: str
    name: str
    parent: str = ""
    contact: bool = False
    success: bool = False
    do_not_call: bool = False
    callback: bool = False
    retry_after_s: int = 0


def check_choices(choices: Sequence[Choice]) -> None:
    """Tell whether they make a tree.

    Raises InvalidInput ``too_many_dispositions``, ``invalid_disposition_key``, ``duplicate_disposition``, ``invalid_name``,
    ``unknown_parent``, ``too_deep``, ``heading_with_flags``, ``contradicting_flags``, ``invalid_retry``.
    """
    if len(choices) > MOST_CHOICES:
        raise InvalidInput("too_many_dispositions", f"A tree has at most {MOST_CHOICES} lines.")
    lines = {one.key: one for one in choices}
    if len(lines) < len(choices):
        raise InvalidInput("duplicate_disposition", "A key stands in a tree once.", field="key")
    headings = {one.parent for one in choices if one.parent}
    for one in choices:
        _check_line(one)
        if one.parent and one.parent not in lines:
            raise InvalidInput("unknown_parent", f"There is no line {one.parent!r} above {one.key!r}.", key=one.key)
        if one.parent and one.key in headings:
            raise InvalidInput("too_deep", "A tree has two levels.", key=one.key)
        if one.key in headings and _flags(one):
            raise InvalidInput("heading_with_flags", "A heading cannot be chosen, so it has no flags.", key=one.key)


def _check_line(one: Choice) -> None:
    if not _KEY.fullmatch(one.key):
        message = "A key has 1 to 40 small letters, digits, - and _, a letter or digit first."
        raise InvalidInput("invalid_disposition_key", message, key=one.key[:60])
    if not one.name or len(one.name) > _MOST_NAME or one.name != one.name.strip() or not one.name.isprintable():
        raise InvalidInput("invalid_name", f"A name has 1 to {_MOST_NAME} printable characters.", key=one.key)
    if not 0 <= one.retry_after_s <= _MOST_RETRY_S:
        raise InvalidInput("invalid_retry", f"retry_after_s is 0 to {_MOST_RETRY_S}.", key=one.key)
    if one.do_not_call + one.callback + (one.retry_after_s > 0) > 1:
        message = "do_not_call, callback and retry_after_s exclude each other."
        raise InvalidInput("contradicting_flags", message, key=one.key)


def _flags(one: Choice) -> bool:
    return one.contact or one.success or one.do_not_call or one.callback or one.retry_after_s > 0


def chosen(choices: Sequence[Choice], key: str) -> tuple[Choice, tuple[str, ...]]:
    """The line with its names from the first level on. Raises InvalidInput ``unknown_disposition``, ``disposition_is_heading``."""
    lines = {one.key: one for one in choices}
    line = lines.get(key)
    if line is None:
        raise InvalidInput(
            "unknown_disposition", "The call's queue or flow has no such disposition.", field="disposition"
        )
    if any(one.parent == key for one in choices):
        raise InvalidInput("disposition_is_heading", "Choose one of the lines below it.", field="disposition")
    return line, ((lines[line.parent].name, line.name) if line.parent else (line.name,))


def follow_up_time(line: Choice, callback_at: datetime | None, now: datetime) -> datetime | None:
    """When the contact is to be called next, None = nothing of that kind follows.

    Raises InvalidInput ``callback_time_needed``, ``callback_time_unexpected``, ``callback_time_past``, ``callback_time_too_far``.
    """
    if callback_at is not None and not line.callback:
        message = f"Disposition {line.key} has no call back, so it takes no time."
        raise InvalidInput("callback_time_unexpected", message, field="callback_at")
    if line.callback and callback_at is None:
        raise InvalidInput("callback_time_needed", "Say when the contact is to be called back.", field="callback_at")
    if callback_at is not None and callback_at <= now:
        raise InvalidInput("callback_time_past", "The time of the call back is over.", field="callback_at")
    if callback_at is not None and callback_at > now + FARTHEST:
        message = f"A call back is at most {FARTHEST.days} days from now."
        raise InvalidInput("callback_time_too_far", message, field="callback_at")
    return now + timedelta(seconds=line.retry_after_s) if line.retry_after_s else callback_at
