"""Rows of an NDJSON list: one JSON object a line, UTF-8 (RFC 8259), with the columns of a CSV as keys.

``numbers`` (a list) may stand for tel1, tel2, ..., and ``variables`` (an object) for the ``$flow.key.`` columns, as in
the API. A line that is not such an object is a faulty row, not a file error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import IO, cast

import msgspec

from central.adapters.files.header import field_of, is_variable, variable_of
from central.adapters.files.opened import opened
from central.adapters.files.scan import measure
from central.adapters.files.shape import FileKind, FileShape, ReadingOptions
from central.domain.errors import InvalidInput
from central.domain.incoming import IncomingRecord, record_of_fields

_MARK = b"\xef\xbb\xbf"
_NOT_GIVEN = frozenset({"start_time", "client_identifier", "time_zone", "priority"})


def ndjson_shape(path: Path, options: ReadingOptions) -> FileShape:
    """Measure the file; InvalidInput ``too_many_rows``, ``record_too_large``, ``file_too_large``."""
    limits = options.limits
    found = measure(path, FileKind.NDJSON, limits, "utf-8")
    rows = found.lines
    if rows > limits.max_rows:
        with opened(path, FileKind.NDJSON, limits) as file:
            rows = sum(1 for _ in _lines(file))
    if rows > limits.max_rows:
        raise InvalidInput("too_many_rows", f"The file holds more than {limits.max_rows} rows.", limit=limits.max_rows)
    return FileShape(FileKind.NDJSON, rows_at_most=rows)


def ndjson_rows(path: Path, options: ReadingOptions) -> Iterator[bytes]:
    """The line of each row; blank lines are no rows."""
    with opened(path, FileKind.NDJSON, options.limits) as file:
        yield from _lines(file)


def ndjson_builder(options: ReadingOptions) -> Callable[[int, bytes], IncomingRecord]:
    """The function that makes a record of a row; it keeps decimal fractions as written, and what each key stands for."""
    decoder = msgspec.json.Decoder(float_hook=Decimal)
    decode = cast("Callable[[bytes], object]", decoder.decode)
    keys: dict[str, str | None] = {}

    def target(key: str) -> str | None:
        if key not in keys and len(keys) < 1024:  # noqa: PLR2004 - hostile keys must not fill the memory
            mapped = options.mapping.get(key, key)
            keys[key] = field_of(mapped, options.variables) if mapped else ""
        return keys.get(key)

    def build(row: int, line: bytes) -> IncomingRecord:
        if len(line) > options.limits.max_row_chars:
            return _faulty(row, "row_too_large", f"The line is longer than {options.limits.max_row_chars} bytes")
        try:
            value = decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return _faulty(row, "not_json", f"The line is not JSON ({error})")
        if not isinstance(value, dict):
            return _faulty(row, "not_an_object", "The line is JSON, but not an object")
        return _record(row, cast("dict[str, object]", value), target)

    return build


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    start = file.read(len(_MARK))
    if start != _MARK:
        file.seek(0)
    return (line for line in file if not line.isspace())


def _faulty(row: int, code: str, sentence: str) -> IncomingRecord:
    return IncomingRecord(row, (), fault=f"{code}: {sentence}.")


def _record(row: int, value: dict[str, object], target: Callable[[str], str | None]) -> IncomingRecord:
    numbers: dict[int, object] = {}
    variables: dict[str, object] = {}
    fields: dict[str, object] = {}
    nested = value.pop("variables", None)
    listed = value.pop("numbers", None)
    if listed is not None:
        if not isinstance(listed, list):
            return _faulty(row, "numbers_not_a_list", 'The key "numbers" does not hold a list')
        numbers.update(enumerate(cast("list[object]", listed), start=1))
    if nested is not None:
        if not isinstance(nested, dict):
            return _faulty(row, "variables_not_an_object", 'The key "variables" does not hold an object')
        variables.update(cast("dict[str, object]", nested))
    for key, held in value.items():
        field = target(key)
        if field is None:
            return _faulty(row, "unknown_key", f'The key "{key[:80]}" is neither a field nor a variable of the flow')
        if not field:
            continue
        place: dict[str, object] = variables if is_variable(field) else fields
        name = variable_of(field) if is_variable(field) else field
        if name in place:
            return _faulty(row, "duplicate_key", f'Two keys stand for "{name}"')
        place[name] = held
    columns = {int(name[3:]): fields.pop(name) for name in [*fields] if name not in _NOT_GIVEN}
    if columns and numbers:
        return _faulty(row, "duplicate_key", 'The key "numbers" and tel1, tel2, ... exclude each other')
    numbers.update(columns)
    tels = [numbers.get(place) for place in range(1, max(numbers, default=0) + 1)]
    return record_of_fields(
        row,
        tels,
        variables,
        start_time=fields.get("start_time"),
        client_identifier=fields.get("client_identifier"),
        time_zone=fields.get("time_zone"),
        priority=fields.get("priority"),
    )
