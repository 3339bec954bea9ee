"""Documents about records without the right ``numbers:unmask``: every phone number in them is masked, also inside texts.

A value in the field of a number is masked whole, whatever its form: a malformed number is one as well. Elsewhere a number is
found again as it was written, and by its last digits, with or without its prefix and separators.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, cast

from central.entrypoints.api.presenting import masked

_FIELDS: Final = frozenset(
    {"number", "numbers", "written_numbers", "struck_numbers", "contact_number", "number_to", "number_from", "callee", "dialled"}
)  # fmt: skip
_SIDES: Final = frozenset({"from", "to"})  # of a leg a number, of a step or a status its name
_TEL: Final = re.compile(r"tel([1-9]|10)", re.IGNORECASE)
_GROUP: Final = re.compile(r"\d[\d\s().-]{4,}\d")
_NOT_A_NUMBER: Final = re.compile(
    r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
)
"""Moments and identifiers, which stay as they are."""
_BETWEEN: Final = r"[\s().-]{0,2}"
_FEWEST = 3  # characters of a text that is looked for elsewhere
_FEWEST_DIGITS = 5
_TAIL = 8  # the digits that stay the same whatever stands before: country code, trunk prefix
_LONGEST = 16  # digits; what is longer may stand cut in a sentence


def mask_document(document: Mapping[str, object]) -> Mapping[str, object]:
    """The same document with every number masked: where a key says it is one, and wherever those digits come up again."""
    patterns = {pattern for number in _numbers(document, named=False) for pattern in _patterns(number)}
    found = re.compile("|".join(sorted(patterns, key=len, reverse=True)) or r"(?!)")
    return cast("Mapping[str, object]", _shown(document, found, named=False))


def _is_number(key: str, value: object) -> bool:
    """Whether this field holds numbers of phones."""
    if key in _SIDES:
        return isinstance(value, str) and len(_digits(value)) >= _FEWEST_DIGITS
    return key in _FIELDS or _TEL.fullmatch(key) is not None


def _numbers(value: object, *, named: bool) -> Iterator[str]:
    if isinstance(value, str):
        if named:
            yield value
    elif isinstance(value, Mapping):
        for key, inner in cast("Mapping[object, object]", value).items():
            yield from _numbers(inner, named=_is_number(str(key), inner))
    elif isinstance(value, list | tuple):
        for inner in cast("Sequence[object]", value):
            yield from _numbers(inner, named=named)


def _patterns(number: str) -> Iterator[str]:
    """The forms in which a number may stand in a text."""
    text = number.strip()
    if len(text) >= _FEWEST:
        yield rf"(?<!\w){re.escape(text)}(?!\w)"
    for part in {text, *_GROUP.findall(text)}:
        digits = _digits(part)
        if len(digits) >= _TAIL:
            yield rf"\+?(?:\d{_BETWEEN}){{0,{_TAIL}}}{_BETWEEN.join(digits[-_TAIL:])}"
        elif len(digits) >= _FEWEST_DIGITS:
            yield rf"(?<!\d){_BETWEEN.join(digits)}(?!\d)"
        if len(digits) > _LONGEST:
            yield rf"{digits[:_TAIL]}\d*"


def _digits(text: str) -> str:
    return "".join(str(int(sign)) for sign in text if sign.isdecimal())


def _shown(value: object, found: re.Pattern[str], *, named: bool) -> object:
    if isinstance(value, str):
        if named:
            return masked(value)
        return value if _NOT_A_NUMBER.fullmatch(value) else found.sub(lambda hit: masked(hit.group()), value)
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value).items()
        return {key: _shown(inner, found, named=_is_number(str(key), inner)) for key, inner in items}
    if isinstance(value, list | tuple):
        return [_shown(inner, found, named=named) for inner in cast("Sequence[object]", value)]
    return value
