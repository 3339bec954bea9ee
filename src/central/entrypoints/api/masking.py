"""Documents about records without the right ``numbers:unmask``: every phone number in them is masked, also inside texts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from central.entrypoints.api.presenting import masked

_KEYS = ("number", "numbers", "contact_number", "number_to", "number_from", "from", "to", "callee", "dialled")
_TEL = re.compile(r"tel([1-9]|10)")
_DIGITS = re.compile(r"\d{8,15}")
_SPACED = re.compile(r"\+?\d[\d -]{7,20}\d")


def mask_document(document: Mapping[str, object]) -> Mapping[str, object]:
    """The same document with every number masked: where a key says it is one, and wherever those digits come up again."""
    known: set[str] = set()
    _collect(document, known, named=False)
    pattern = re.compile("|".join(sorted(map(re.escape, known), key=len, reverse=True))) if known else None
    replaced = _replace(document, pattern)
    return replaced if isinstance(replaced, Mapping) else {}


def _collect(value: object, known: set[str], *, named: bool) -> None:
    match value:
        case Mapping():
            for key, inner in value.items():
                _collect(inner, known, named=key in _KEYS or bool(_TEL.fullmatch(str(key))))
        case str():
            if named:
                known.update(_DIGITS.findall(value))
                known.update(found for found in _SPACED.findall(value) if len(found) > len(_DIGITS.findall(found)))
        case Sequence():
            for inner in value:
                _collect(inner, known, named=named)
        case _:
            pass


def _replace(value: object, pattern: re.Pattern[str] | None) -> object:
    match value:
        case _ if pattern is None:
            return value
        case Mapping():
            return {key: _replace(inner, pattern) for key, inner in value.items()}
        case str():
            return pattern.sub(lambda found: masked(found.group()), value)
        case bytes():
            return value
        case Sequence():
            return [_replace(inner, pattern) for inner in value]
        case _:
            return value
