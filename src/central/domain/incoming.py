"""A contact record as it came in, before any check: what every reader (API body, CSV, NDJSON, XLSX) hands to intake.

Values are text exactly as written; nothing is trimmed or judged here except what makes a row unfit for any judgement:
its limits, NUL characters and text that UTF-8 cannot hold. Such a row ends REJECTED with reason ``invalid_record``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

MAX_NUMBERS = 10
MAX_IDENTIFIER_CHARS = 256
MAX_NAME_CHARS = 64
MAX_VALUE_CHARS = 4096
MAX_RECORD_BYTES = 64 * 1024
MAX_PRIORITY = 9
_PLAIN_DIGITS = 40
"""Decimals up to so many digits are written out; 1e999999999 would fill the memory."""


class IncomingRecord(NamedTuple):
    """One row. A named tuple, not a dataclass: it is made a million times a minute, and this is three times as fast.

    ``row``: 1-based ordinal of the data row. ``numbers``: tel1, tel2, ... as written, position kept (blanks included).
    ``start_time``, ``time_zone``, ``priority``: as written, empty = not given. ``fault``: set by the reader when the row
    could not be read as one (a code such as ``cell_too_large``, a colon, a sentence); such a row is rejected.
    """

    row: int
    numbers: tuple[str, ...]
    start_time: str = ""
    client_identifier: str = ""
    time_zone: str = ""
    priority: str = ""
    variables: Mapping[str, str] = {}
    fault: str = ""


def shape_fault(record: IncomingRecord) -> str | None:
    """Why the row cannot be judged at all, as "code: sentence", or None when it can."""
    if record.fault:
        return record.fault
    if len(record.client_identifier) > MAX_IDENTIFIER_CHARS:
        return f"client_identifier_too_long: The client identifier is longer than {MAX_IDENTIFIER_CHARS} characters."
    values = record.variables.values()
    everything = "\x1f".join((*record.numbers, *record[2:6], *record.variables, *values))
    if "\0" in everything:
        return "nul_character: A value holds a NUL character."
    if len(everything) <= MAX_VALUE_CHARS and everything.isascii():
        return None
    for name, value in record.variables.items():
        if len(value) > MAX_VALUE_CHARS:
            return f'value_too_long: Variable "{name[:64]}" is longer than {MAX_VALUE_CHARS} characters.'
    return _size_fault(everything)


def _size_fault(everything: str) -> str | None:
    try:
        size = len(everything.encode())
    except UnicodeEncodeError:
        return "broken_text: A value holds half of a surrogate pair, which is not text."
    if size > MAX_RECORD_BYTES:
        return f"record_too_large: The record takes {size} bytes; {MAX_RECORD_BYTES} are allowed."
    return None


def text_of(value: object) -> str:
    """A JSON scalar as the text that a CSV cell would hold; ValueError for an object or a list."""
    match value:
        case str():
            return value
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return str(int(value)) if value.is_integer() else repr(value)
        case Decimal():
            return format(value, "f") if abs(value.adjusted()) <= _PLAIN_DIGITS else str(value)
        case _:
            raise ValueError("a value must be text, a number, true, false or null")


def record_of_fields(
    row: int,
    numbers: Iterable[object],
    variables: Mapping[str, object],
    *,
    start_time: object = None,
    client_identifier: object = None,
    time_zone: object = None,
    priority: object = None,
) -> IncomingRecord:
    """Build a row from decoded JSON values; one that is neither text nor a number makes the row a faulty one."""
    try:
        return IncomingRecord(
            row,
            tuple(text_of(number) for number in numbers),
            text_of(start_time),
            text_of(client_identifier),
            text_of(time_zone),
            text_of(priority),
            {name: text_of(value) for name, value in variables.items()},
        )
    except ValueError as error:
        return IncomingRecord(row, (), fault=f"not_a_scalar: In this record {error}.")
