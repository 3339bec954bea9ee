"""Documents about records without the right ``numbers:unmask``: every phone number in them is masked, also inside texts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import cast

from central.entrypoints.api.presenting import masked

_KEYS = ("number", "numbers", "contact_number", "number_to", "number_from", "from", "to", "callee", "dialled")
_TEL = re.compile(r"tel([1-9]|10)")
_DIGITS = re.compile(r"\d{8,15}")
_SPACED = re.compile(r"\+?\d[\d -]{7,20}\d")


def mask_document(document: Mapping[str, object]) -> Mapping[str, object]:
    """The same document with every number masked: where a key says it is one, and wherever those digits come up again."""
    known: set[str] = set()
    _collect(document, known, named=False)
    if not known:
        return document
    pattern = re.compile("|".join(sorted(map(re.escape, known), key=len, reverse=True)))
    return {key: _replace(value, pattern) for key, value in document.items()}


def _collect(value: object, known: set[str], *, named: bool) -> None:
    if isinstance(value, str):
        if named:
            known.update(_DIGITS.findall(value))
            known.update(found for found in _SPACED.findall(value) if not found.isdigit())
    elif isinstance(value, Mapping):
        for key, inner in cast("Mapping[object, object]", value).items():
            _collect(inner, known, named=key in _KEYS or bool(_TEL.fullmatch(str(key))))
    elif isinstance(value, list | tuple):
        for inner in cast("Sequence[object]", value):
            _collect(inner, known, named=named)


def _replace(value: object, pattern: re.Pattern[str]) -> object:
    if isinstance(value, str):
        return pattern.sub(lambda found: masked(found.group()), value)
    if isinstance(value, Mapping):
        return {key: _replace(inner, pattern) for key, inner in cast("Mapping[object, object]", value).items()}
    if isinstance(value, list | tuple):
        return [_replace(inner, pattern) for inner in cast("Sequence[object]", value)]
    return value
