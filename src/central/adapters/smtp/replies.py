"""SMTP replies out of the bytes of a connection: code, enhanced code, text. Pure.

Step 3 of the path (channel). Sources: RFC 5321, sections 4.2 and 4.5.3.1.5 (replies, their length), RFC 3463 (enhanced codes),
RFC 2034 (where they stand). The reader is lenient with line ends and with codes that differ between the lines of one reply
(the last one counts); what is no reply at all ends it for good.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

LIMIT_LINE_BYTES: Final = 4096
"""The standard says 512; some relays write whole sentences with links."""
LIMIT_LINES: Final = 100
_LIMIT_TEXT: Final = 1000
_LINE: Final = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)
_ENHANCED: Final = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


class Reply(NamedTuple):
    """One reply. code 0 = it was not SMTP, ``text`` is what came. lines: as they came, without codes and line ends."""

    code: int
    lines: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """All lines as one, for people: no control characters, at most 1,000 characters."""
        return _CONTROL.sub(" ", " ".join(self.lines))[:_LIMIT_TEXT]

    @property
    def enhanced(self) -> tuple[int, int, int] | None:
        """The enhanced code at the beginning of its text, where there is one of the reply's own class."""
        found = next((match for line in self.lines if (match := _ENHANCED.match(line))), None)
        if found is None or int(found[1]) != self.code // 100:
            return None
        return int(found[1]), int(found[2]), int(found[3])

    @property
    def good(self) -> bool:
        """The command was done (2xx)."""
        return 200 <= self.code < 300  # noqa: PLR2004 - the classes of RFC 5321

    def shown(self) -> str:
        """``550 5.1.1``: the codes alone; "" where it was not SMTP."""
        enhanced = self.enhanced
        dotted = f" {enhanced[0]}.{enhanced[1]}.{enhanced[2]}" if enhanced else ""
        return f"{self.code:03d}{dotted}" if self.code else ""


class ReplyReader:
    """Takes bytes as they come, gives whole replies. After a reply with code 0 it gives nothing more."""

    __slots__ = ("_buffer", "_lines", "_spoilt")

    def __init__(self) -> None:
        self._buffer = b""
        self._lines: list[str] = []
        self._spoilt = False

    @property
    def empty(self) -> bool:
        """Nothing of a next reply has come."""
        return not self._buffer and not self._lines

    def feed(self, data: bytes) -> list[Reply]:
        """The replies that are whole now, in order."""
        if self._spoilt:
            return []
        *whole, self._buffer = (self._buffer + data).split(b"\n")
        replies: list[Reply] = []
        for line in whole:
            reply = self._line(line)
            if reply is None:
                continue
            replies.append(reply)
            if not reply.code:
                return replies
        if len(self._buffer) > LIMIT_LINE_BYTES:
            replies.append(self._spoil(self._buffer))
        return replies

    def _line(self, line: bytes) -> Reply | None:
        line = line.removesuffix(b"\r")
        found = _LINE.fullmatch(line) if len(line) <= LIMIT_LINE_BYTES else None
        if found is None or len(self._lines) >= LIMIT_LINES:
            return self._spoil(line)
        self._lines.append((found[3] or b"").decode("utf-8", "replace"))
        if found[2] == b"-":
            return None
        reply = Reply(int(found[1]), tuple(self._lines))
        self._lines.clear()
        return reply

    def _spoil(self, line: bytes) -> Reply:
        self._spoilt = True
        self._buffer = b""
        return Reply(0, (*self._lines, line[:_LIMIT_TEXT].decode("utf-8", "replace")))
