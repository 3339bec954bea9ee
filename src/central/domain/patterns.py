"""Regular expressions that account users write, run by RE2: time linear in the text, whatever the pattern (google-re2)."""

from __future__ import annotations

from functools import lru_cache
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


class Finder(Protocol):
    """A compiled pattern that looks for its first match anywhere."""

    def find(self, text: str, /) -> str | None:
        """The first group of the first match, or all of it where the pattern has no group; None without a match."""
        ...


class _Utf8Finder:
    """See ``Finder``."""

    __slots__ = ("_compiled",)

    def __init__(self, compiled: Any) -> None:  # noqa: ANN401 - the library ships no types
        self._compiled = compiled

    def find(self, text: str, /) -> str | None:
        """The first group of the first match, or all of it; None without a match."""
        found: Any = self._compiled.search(text.encode(errors="replace"))
        if found is None:
            return None
        part: bytes | None = found.group(1 if self._compiled.groups else 0)
        return None if part is None else part.decode(errors="replace")


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
    # Nobody asks which part matched, and finding it out takes up to forty times as long.
    compiled = _compiled(pattern, captures=False)
    return None if compiled is None else _Utf8Pattern(compiled)


@lru_cache(1_000)
def compile_finder(pattern: str) -> Finder | None:
    """As ``compile_pattern``, for finding a part of a text; for the few patterns of settings, which are kept."""
    compiled = _compiled(pattern, captures=True)
    return None if compiled is None else _Utf8Finder(compiled)


def _compiled(pattern: str, *, captures: bool) -> Any:  # noqa: ANN401 - the library ships no types
    if len(pattern) > LIMIT_CHARS:
        return None
    options = _engine.Options()
    options.max_mem = _MAX_MEMORY_BYTES
    options.log_errors = False
    options.never_capture = not captures
    try:
        compiled = _engine.compile(pattern.encode(), options)
    except (_engine.error, UnicodeEncodeError):
        return None
    return compiled if compiled.programsize <= LIMIT_PROGRAM else None


def quoted(text: str) -> str:
    """A pattern that matches exactly this text."""
    return str(_engine.escape(text))
