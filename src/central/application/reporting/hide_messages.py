"""What people see of messages: the customer got the whole text, people see what the flow's author lets them see (path step 7). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, cast

from central.application.ports.message_reports import EventRow, MessageRow
from central.domain.variable_rules import MASK

_LEAST_CHARS: Final = 4
"""A shorter text stands by chance in ids and codes."""


def as_seen(row: MessageRow, *, hidden: bool = False) -> MessageRow:
    """The message with the secrets of the flow that sent it masked. hidden: its recipient is known to be one, whatever the row says."""
    hidden = hidden or row.recipient_hidden
    return row.saying(
        text=row.text if row.shown_text is None else row.shown_text,
        recipient=MASK if hidden and row.recipient else row.recipient,
        detail=_without(row.detail, _words(row, hidden=hidden)),
    )


def line_as_seen(line: EventRow, row: MessageRow, *, hidden: bool = False) -> EventRow:
    """A line of its history, of the message as it is stored: far ends quote numbers and texts."""
    words = _words(row, hidden=hidden or row.recipient_hidden)
    return line.saying(_data(line.data, words)) if words and line.data else line


def _words(row: MessageRow, *, hidden: bool) -> Mapping[str, str]:
    """What is not to be seen where far ends are quoted, and what is instead; the longer first."""
    words: dict[str, str] = {}
    if row.shown_text is not None and len(row.text) >= _LEAST_CHARS:
        words[row.text] = row.shown_text
    if hidden and row.recipient:
        words[row.recipient] = MASK
    return words


def _without(text: str, words: Mapping[str, str]) -> str:
    for word, shown in words.items():
        text = text.replace(word, shown)
    return text


def _data(data: Mapping[str, object], words: Mapping[str, str]) -> Mapping[str, object]:
    return {name: _value(value, words) for name, value in data.items()}


def _value(value: object, words: Mapping[str, str]) -> object:
    if isinstance(value, str):
        return _without(value, words)
    if isinstance(value, Mapping):
        return _data(cast("Mapping[str, object]", value), words)
    if isinstance(value, list):
        return [_value(one, words) for one in cast("Sequence[object]", value)]
    return value
