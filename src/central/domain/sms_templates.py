"""Whether a text is what a registry knows: its template with ``{#var#}`` filled in. Pure.

Source: the registration rules of India's operators (DLT): a variable stands for at most 30 characters.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from central.domain.patterns import Pattern, compile_pattern, quoted

VARIABLE: Final = "{#var#}"
_FILLED: Final = "(?s:.{0,30})"


def matches_template(template: str, text: str) -> bool:
    """Tell whether the text is the template with its variables filled in; one that cannot be compiled matches nothing."""
    pattern = _compiled(template)
    return pattern is not None and pattern.fullmatch(text.strip()) is not None


def is_usable(template: str) -> bool:
    """Tell whether texts can be compared with it."""
    return _compiled(template) is not None


@lru_cache(maxsize=1024)
def _compiled(template: str) -> Pattern | None:
    return compile_pattern(_FILLED.join(quoted(part) for part in template.strip().split(VARIABLE)))
