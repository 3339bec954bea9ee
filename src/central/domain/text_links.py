"""Web addresses inside a text, and addresses as a header can carry them. Pure, linear time."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import quote, urlsplit

from central.domain.value_shapes import is_web_address

LONGEST_URL: Final = 2048
_PLAIN: Final = "%/?#:@!$&'()*+,;=~[]"
_ADDRESS: Final = re.compile(r"https?://[^\s<>\"`{}|\\^\x00-\x1f]+", re.IGNORECASE)
_AFTER: Final = ".,;:!?'"
_PAIRS: Final = {")": "(", "]": "["}


def escaped_url(url: str) -> str:
    """Path and query as a header can carry them (RFC 3986, section 2.1); what is escaped already stays."""
    scheme, colon, rest = url.partition("://")
    end = min((i for i in map(rest.find, "/?#") if i >= 0), default=len(rest))
    return f"{scheme}{colon}{rest[:end]}{quote(rest[end:], safe=_PLAIN)}"


def is_linkable(url: str) -> bool:
    """Whether a short link may lead to it."""
    return url.isascii() and len(url) <= LONGEST_URL and is_web_address(url)


def replace_links(text: str, shorten: Callable[[str], str | None], limit: int) -> str:
    """The text with ``shorten(address)`` in place of the first ``limit`` web addresses; None leaves one as it is.

    Punctuation after an address belongs to the sentence, and so does a bracket that the address did not open.
    """
    left = limit

    def replaced(found: re.Match[str]) -> str:
        nonlocal left
        address, after = _split(found[0])
        url = escaped_url(address)
        if left <= 0 or not is_linkable(url):
            return found[0]
        short = shorten(url)
        if short is None:
            return found[0]
        left -= 1
        return short + after

    return _ADDRESS.sub(replaced, text)


def shown_origin(url: str) -> str:
    """Scheme and host alone: what may be shown of an address that may hold a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}/..."


def _split(found: str) -> tuple[str, str]:
    end = len(found)
    while end and (found[end - 1] in _AFTER or _closes_nothing(found[:end])):
        end -= 1
    return found[:end], found[end:]


def _closes_nothing(text: str) -> bool:
    opening = _PAIRS.get(text[-1])
    return opening is not None and text.count(text[-1]) > text.count(opening)
