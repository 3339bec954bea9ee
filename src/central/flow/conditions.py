"""Conditions of the Decision step: comparisons joined by and/or, total, without evaluation of any code.

    {value: "{{ $flow.key.Amount }}", is: ">=", to: "1000"}
    {all: [condition, ...]}      every one holds
    {any: [condition, ...]}      at least one holds

Two numbers compare as decimals, two dates or times by the flow's formats; anything else is incomparable for < <= > >=, and
an incomparable pair makes the condition false. ``=`` and ``!=`` fall back to the texts, letter by letter. ``regex`` is RE2
against the whole value. Domain specification, section 5.3, row 4.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Final

from central.domain.patterns import Pattern, compile_pattern
from central.flow.configuration import Formats
from central.flow.moments import order_moments, parse_moment
from central.flow.variables import Template

OPERATORS: Final = (
    "=", "!=", "<", "<=", ">", ">=", "contains", "not contains", "in", "regex", "empty", "not empty",
)  # fmt: skip
SPELLINGS: Final = {"≠": "!=", "≤": "<=", "≥": ">=", "==": "=", "in list": "in"}
PATTERN_HINT: Final = "RE2 knows no look-around and no back-references; at most 1,000 characters. Counts such as {1,500} make a pattern big."
WITHOUT_OPERAND: Final = frozenset({"empty", "not empty"})
_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?")


@dataclass(frozen=True, slots=True)
class Comparison:
    """``value`` compared with ``operands``: none for (not) empty, several for ``in``, else one."""

    value: Template
    operator: str
    operands: tuple[Template, ...] = ()


@dataclass(frozen=True, slots=True)
class AllOf:
    """Holds when every part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Holds when at least one part holds."""

    parts: tuple[Condition, ...]


Condition = Comparison | AllOf | AnyOf


@dataclass(frozen=True, slots=True)
class Reader:
    """What a comparison needs to understand texts: how to render a template, the accepted formats and the flow zone.

    text: what has no value is warned of. filled: the same without a warning, where exactly that is the question.
    """

    text: Callable[[Template], str]
    filled: Callable[[Template], str]
    formats: Formats
    zone: tzinfo


def holds(condition: Condition, reader: Reader) -> bool:
    """Whether the condition holds now."""
    match condition:
        case AllOf(parts):
            return all(holds(part, reader) for part in parts)
        case AnyOf(parts):
            return any(holds(part, reader) for part in parts)
        case Comparison(value, operator, operands):
            left = (reader.filled if operator in WITHOUT_OPERAND else reader.text)(value)
            return _compare(left, operator, [reader.text(operand) for operand in operands], reader)


def _compare(left: str, operator: str, rights: list[str], reader: Reader) -> bool:
    right = rights[0] if rights else ""
    match operator:
        case "empty":
            return not left.strip()
        case "not empty":
            return bool(left.strip())
        case "contains":
            return right in left
        case "not contains":
            return right not in left
        case "in":
            return any(_same(left, candidate, reader) for candidate in rights)
        case "regex":
            return matches(right, left)
        case "=":
            return _same(left, right, reader)
        case "!=":
            return not _same(left, right, reader)
        case _:
            return _ordered(_order(left, right, reader), operator)


@lru_cache(maxsize=512)
def compiled(source: str) -> Pattern | None:
    """The expression, None where it cannot be used."""
    return compile_pattern(source)


def matches(source: str, text: str) -> bool:
    """Whether the expression matches the whole text; False where RE2 refuses it, or the text cannot be encoded."""
    pattern = compiled(source)
    try:
        return pattern is not None and pattern.fullmatch(text) is not None
    except UnicodeEncodeError:  # a lone surrogate
        return False


def _same(left: str, right: str, reader: Reader) -> bool:
    return left == right or _order(left, right, reader) == 0


def _ordered(order: int | None, operator: str) -> bool:
    if order is None:
        return False
    wanted = {"<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0}
    return wanted.get(operator, False)


def _order(left: str, right: str, reader: Reader) -> int | None:
    """-1, 0 or 1 for two numbers or two moments, None when the texts cannot be compared."""
    left, right = left.strip(), right.strip()
    if _NUMBER.fullmatch(left) and _NUMBER.fullmatch(right):
        a, b = Decimal(left), Decimal(right)
        return (a > b) - (a < b)
    first = parse_moment(left, reader.formats, reader.zone)
    second = parse_moment(right, reader.formats, reader.zone) if first is not None else None
    if first is None or second is None:
        return None
    return order_moments(first, second)
