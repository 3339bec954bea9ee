"""Cells of exported files: a value that a spreadsheet would run as a formula is made harmless (section 14)."""

from __future__ import annotations

_STARTERS = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
"""The four signs of section 14, the characters that hide them from a first look, and their fullwidth twins."""


def neutralise(cell: str) -> str:
    """Put an apostrophe before a cell that begins like a formula, blanks aside; every other cell stays as it is."""
    return "'" + cell if cell[:1] in _STARTERS or cell.lstrip()[:1] in _STARTERS else cell
