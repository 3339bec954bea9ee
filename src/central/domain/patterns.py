"""Regular expressions that account users write, run by RE2: time linear in the text, whatever the pattern (google-re2)."""

from __future__ import annotations

from typing import Any, Protocol

import re2

_engine: Any = re2  # ships no types
_MAX_MEMORY_BYTES = 8 << 20


class Pattern(Protocol):
    """A compiled pattern."""

    def fullmatch(self, text: str, /) -> object | None:
        """Something true when the whole text matches, else None."""
        ...


def compile_pattern(pattern: str) -> Pattern | None:
    """Compile a pattern in RE2 syntax; None when it has an error, uses back-references or look-around, or is too big."""
    options = _engine.Options()
    options.max_mem = _MAX_MEMORY_BYTES
    options.log_errors = False
    try:
        compiled: Pattern = _engine.compile(pattern, options)
    except (_engine.error, UnicodeEncodeError):
        return None
    return compiled
