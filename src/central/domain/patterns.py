"""Regular expressions that account users write, run by RE2: time linear in the text, whatever the pattern (google-re2)."""

from __future__ import annotations

from typing import Any, Final, Protocol

import re2

_engine: Any = re2  # ships no types
_MAX_MEMORY_BYTES = 8 << 20
LIMIT_CHARS: Final = 1_000
LIMIT_PROGRAM: Final = 10_000
"""Instructions of the compiled pattern: a value of 4,096 characters takes some tens of milliseconds at the most."""


class Pattern(Protocol):
    """A compiled pattern."""

    def fullmatch(self, text: str, /) -> object | None:
        """Something true when the whole text matches, else None."""
        ...


class _Utf8Pattern:
    """RE2 on the text's UTF-8: the library's own way with texts works out character offsets, which nobody asks for."""

    __slots__ = ("_compiled",)

    def __init__(self, compiled: Any) -> None:  # noqa: ANN401 - the library ships no types
        self._compiled = compiled

    def fullmatch(self, text: str, /) -> object | None:
        """Something true when the whole text matches, else None."""
        found: object | None = self._compiled.fullmatch(text.encode())
        return found


def compile_pattern(pattern: str) -> Pattern | None:
    """Compile a pattern in RE2 syntax; None when it has an error, uses back-references or look-around, or is too big.

    Linear in the text is not enough: the factor is the size of the compiled pattern, so that is limited too.
    """
    if len(pattern) > LIMIT_CHARS:
        return None
    options = _engine.Options()
    options.max_mem = _MAX_MEMORY_BYTES
    options.log_errors = False
    options.never_capture = True  # nobody asks which part matched, and finding it out takes up to forty times as long
    try:
        compiled = _engine.compile(pattern.encode(), options)
    except (_engine.error, UnicodeEncodeError):
        return None
    return _Utf8Pattern(compiled) if compiled.programsize <= LIMIT_PROGRAM else None


def quoted(text: str) -> str:
    """A pattern that matches exactly this text."""
    return str(_engine.escape(text))
