"""The header of a list: which column is which field of the record (section 14), and building records from cells."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

from central.domain.errors import InvalidInput
from central.domain.incoming import IncomingRecord

_NUMBER_COLUMN = re.compile(r"tel([1-9]\d?)", re.ASCII | re.IGNORECASE)
_FLOW_PREFIX = "$flow.key."
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)
_FIELDS = ("start_time", "client_identifier", "time_zone", "priority")

Builder = Callable[[int, list[str]], IncomingRecord]


@dataclass(frozen=True, slots=True)
class Layout:
    """Column positions. ``numbers[0]`` is tel1's; -1 = there is no such column. ``unnamed``: columns without a name."""

    width: int
    numbers: tuple[int, ...]
    fields: Mapping[str, int]
    variables: Mapping[str, int]
    unnamed: tuple[int, ...] = ()

    def builder(self) -> Builder:
        """The function that makes a record from a row number and the row's cells; it never raises for a bad row."""
        return _builder(self)


def read_header(cells: Sequence[str], variables: Collection[str], mapping: Mapping[str, str]) -> Layout:
    """Assign each column; names match without regard to case, declared variables exactly where two differ only by case.

    Raises InvalidInput: ``unknown_column``, ``duplicate_column``, ``missing_tel1``, ``unknown_mapping``.
    """
    chosen: dict[str, int] = {}
    unnamed: list[int] = []
    mapped = {_clean(column).lower(): field for column, field in mapping.items()}
    for index, cell in enumerate(cells):
        written = _clean(cell)
        if not written:
            unnamed.append(index)
            continue
        name = mapped.pop(written.lower(), written)
        if not name:
            continue
        field = field_of(name, variables)
        if field is None:
            raise InvalidInput(
                "unknown_column",
                f'The column "{written[:80]}" is neither a field nor a variable of the flow; map it or leave it out.',
                column=written[:80],
            )
        if field in chosen:
            raise InvalidInput("duplicate_column", f'Two columns stand for "{field}".', column=field)
        chosen[field] = index
    if mapped:
        raise InvalidInput(
            "unknown_mapping", "The mapping names columns that the file does not have.", columns=[*mapped]
        )
    if "tel1" not in chosen:
        raise InvalidInput(
            "missing_tel1", 'The file has no column "tel1".', columns=[_clean(c)[:80] for c in cells[:50]]
        )
    return _layout(len(cells), chosen, unnamed)


def field_of(name: str, variables: Collection[str]) -> str | None:
    """The field that a name stands for: tel1..., one of the fixed fields, or ``$flow.key.X``; None if unknown."""
    lowered = name.lower()
    number = _NUMBER_COLUMN.fullmatch(name)
    if number or lowered in _FIELDS:
        return lowered
    if lowered.startswith(_FLOW_PREFIX):
        plain = name[len(_FLOW_PREFIX) :]
        if not _VARIABLE_NAME.fullmatch(plain):
            return None
        return _FLOW_PREFIX + (_declared(plain, variables) or plain)
    declared = _declared(name, variables)
    return _FLOW_PREFIX + declared if declared else None


def variable_of(field: str) -> str:
    """The variable's name in a field ``$flow.key.X``."""
    return field[len(_FLOW_PREFIX) :]


def is_variable(field: str) -> bool:
    """Whether a field is a variable."""
    return field.startswith(_FLOW_PREFIX)


def known_columns(cells: Sequence[str], variables: Collection[str], mapping: Mapping[str, str]) -> int:
    """How many cells of a supposed header name something; tel1 outweighs all, so that it decides the delimiter."""
    names = {_clean(cell).lower() for cell in cells}
    mapped = {_clean(column).lower() for column in mapping}
    known = sum(1 for name in names if name in mapped or (name and field_of(name, variables)))
    return known + (1000 if "tel1" in names or mapped & names else 0)


def _clean(cell: str) -> str:
    return cell.strip(" \t\r\n\u00a0\ufeff")


def _declared(name: str, variables: Collection[str]) -> str | None:
    if name in variables:
        return name
    alike = [declared for declared in variables if declared.lower() == name.lower()]
    return alike[0] if len(alike) == 1 else None


def _layout(width: int, chosen: Mapping[str, int], unnamed: Sequence[int]) -> Layout:
    numbers = {int(name[3:]): index for name, index in chosen.items() if _NUMBER_COLUMN.fullmatch(name)}
    return Layout(
        width,
        tuple(numbers.get(place, -1) for place in range(1, max(numbers) + 1)),
        {name: index for name, index in chosen.items() if name in _FIELDS},
        {variable_of(name): index for name, index in chosen.items() if is_variable(name)},
        tuple(unnamed),
    )


def _builder(layout: Layout) -> Builder:
    """Bind the positions once. A blank cell is appended to each row, so that position -1 reads as "not given"."""
    start, client, zone, priority = (layout.fields.get(name, -1) for name in _FIELDS)
    numbers, names, width, unnamed = layout.numbers, tuple(layout.variables), layout.width, layout.unnamed
    first, single = numbers[0], len(numbers) == 1
    values = itemgetter(*layout.variables.values()) if len(names) > 1 else None
    only = next(iter(layout.variables.values()), -1)
    make = IncomingRecord

    def build(row: int, cells: list[str]) -> IncomingRecord:
        if len(cells) != width and not _fits(cells, width):
            count = len(cells)
            return make(row, (), fault=f"wrong_cell_count: The row has {count} cells; the header has {width}.")
        if unnamed and any(cells[index] for index in unnamed):
            return make(row, (), fault="cell_without_column: A cell stands in a column that has no name.")
        cells.append("")
        if values is not None:
            variables = dict(zip(names, values(cells), strict=True))
        else:
            variables = {names[0]: cells[only]} if names else {}
        tels = (cells[first],) if single else tuple([cells[index] for index in numbers])
        return make(row, tels, cells[start], cells[client], cells[zone], cells[priority], variables)

    return build


def _fits(cells: list[str], width: int) -> bool:
    """Cut blank cells behind the last column (a delimiter too many at the end of a line); False if cells are missing."""
    if len(cells) < width or any(cells[width:]):
        return False
    del cells[width:]
    return True
