"""Links of a rendered message become ours: each has a number, and its target stays behind in a table. Pure.

Left as they are: what is not http or https, what leads to our own link address already, and links marked ``data-untracked``.
A picture of one pixel tells of opening; a link that no person sees (not shown, not reachable by keyboard, not read out) tells
machines that follow everything.
"""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape, unescape
from typing import Final

from central.adapters.smtp.faults import Unfitting
from central.adapters.smtp.html_text import attributes_of
from central.domain.ids import MessageId
from central.domain.mail_tokens import LIMIT_LINKS, TokenKeys, TokenKind, make_token
from central.domain.value_shapes import is_web_address

_LINK: Final = re.compile(r"<(?:a|area|v:roundrect)(?=\s)((?:[^\"'<>]|\"[^\"]*\"|'[^']*')*+)>", re.IGNORECASE)
_HREF: Final = re.compile(r"(\s)href\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s\"'=<>`]+)", re.IGNORECASE)
_BODY_END: Final = re.compile(r"</(?:body|BODY)\s*>")
_LIMIT_TAG_CHARS: Final = 8_000  # longer than any address that works
_PIXEL_STYLE: Final = "display:block;border:0;width:1px;height:1px"


class LinkMaker:
    """Addresses under one link address, signed with the keys."""

    def __init__(self, keys: TokenKeys, link_address: str) -> None:
        self._keys = keys
        self._base = link_address.rstrip("/") + "/"

    def address(self, kind: TokenKind, message: MessageId, number: int = 0) -> str:
        """Where something of a message is asked for."""
        return self._base + make_token(self._keys, kind, message, number)

    def mark(self, html: str, message: MessageId) -> tuple[str, tuple[str, ...]]:
        """The HTML with its links, pixel and trap, and the targets in the order of their numbers (from 1).

        Raises Unfitting ``too_many_links``.
        """
        targets: list[str] = []

        def marked(link: re.Match[str]) -> str:
            inside = link[1]
            target = _target(inside) if len(inside) <= _LIMIT_TAG_CHARS else ""
            if not target or target.startswith(self._base):
                return link[0]
            targets.append(target)
            if len(targets) > LIMIT_LINKS:
                raise Unfitting("too_many_links", f"The message has more than {LIMIT_LINKS} links.")
            address = self.address(TokenKind.CLICK, message, len(targets))
            before = link.start(1) - link.start()
            return link[0][:before] + _HREF.sub(lambda href: f'{href[1]}href="{address}"', inside, count=1) + ">"

        changed = _LINK.sub(marked, html)
        end = _last_body_end(changed)
        return changed[:end] + self._watchers(message) + changed[end:], tuple(targets)

    def _watchers(self, message: MessageId) -> str:
        pixel = escape(self.address(TokenKind.OPEN, message))
        trap = escape(self.address(TokenKind.TRAP, message))
        return (
            f'<a href="{trap}" style="display:none" aria-hidden="true" tabindex="-1"></a>'
            f'<img src="{pixel}" width="1" height="1" alt="" style="{_PIXEL_STYLE}">'
        )


@lru_cache(maxsize=4096)
def _target(inside: str) -> str:
    """Where the link leads, "" = it is left alone. ``inside``: what stands between the tag's name and its end."""
    first = _HREF.search(inside)
    if first is None:
        return ""
    attributes = attributes_of(inside)
    value = first[2]
    target = unescape(value[1:-1] if value[:1] in {'"', "'"} else value)
    # Where the first "href=" stands inside the value of another attribute, the link is left alone.
    if "data-untracked" in attributes or attributes.get("href") != target or not is_web_address(target.strip()):
        return ""
    return target.strip()


def _last_body_end(html: str) -> int:
    place = max(html.rfind("</body"), html.rfind("</BODY"))
    return place if place >= 0 and _BODY_END.match(html, place) else len(html)
