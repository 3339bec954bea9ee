"""How deep elements of a document stand inside each other, before a library written in Rust reads it. Pure, linear.

Both mrml 0.2.4 and css-inline 0.24.0 go down into elements by recursion and end the whole process (SIGSEGV) at some ten
thousand levels; a customer's template must not be able to. Counted is what a reader of HTML might keep open at most.
"""

from __future__ import annotations

import re
from typing import Final

from central.adapters.smtp.faults import Unfitting

LIMIT_DEPTH: Final = 256

_TAG: Final = re.compile(r"<(/?)([A-Za-z][^\s/<>\"']{0,40})((?:[^\"'<>]|\"[^\"]*\"|'[^']*')*+)")
_VOID: Final = frozenset({
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr",
})  # fmt: skip
_ENDS_BY_ITSELF: Final = frozenset({
    "body", "colgroup", "dd", "dt", "head", "html", "li", "optgroup", "option", "p", "tbody", "td", "tfoot", "th", "thead", "tr",
})  # fmt: skip
"""Elements that end where the next of their kind begins: they stand inside each other only with another kind in between."""
_FORMATTING: Final = frozenset({
    "a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u",
})  # fmt: skip
"""Elements that HTML opens anew when the element around them ends before they do (WHATWG HTML, 13.2.4.3)."""


def check_depth(document: str, *, mjml: bool) -> None:
    """Refuse elements more than 256 levels deep. Raises Unfitting ``too_deep``. In MJML ``<x/>`` ends at once and all count."""
    opened: list[str] = []
    for tag in _TAG.finditer(document):
        name = tag[2].lower()
        if not mjml and (name in _VOID or name in _ENDS_BY_ITSELF):
            continue
        if tag[1]:
            _close(name, opened)
        elif not (mjml and (tag[3].endswith("/") or name in _VOID)):
            opened.append(name)
            if len(opened) > LIMIT_DEPTH:
                raise Unfitting("too_deep", f"Elements stand more than {LIMIT_DEPTH} levels inside each other.")


def _close(name: str, opened: list[str]) -> None:
    if name not in opened:
        return
    place = len(opened) - 1 - opened[::-1].index(name)
    opened[place:] = [above for above in opened[place + 1 :] if above in _FORMATTING]
