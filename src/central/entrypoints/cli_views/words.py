"""How words, numbers and times look in a terminal: colours by meaning, data as harmless text (``plain``, ``lines``, ``cell``)."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from rich.text import Text

from central.domain.moves import counts_as
from central.domain.status_rows import Bucket
from central.domain.statuses import CALL, CallStatus, FlowStatus

MICROS: Final = 1_000_000
DIM: Final = "dim"
HEAD: Final = "bold"
NOTE: Final = "yellow"
BAD: Final = "red"
GOOD: Final = "green"
_GREEN: Final = frozenset({FlowStatus.COMPLETED, FlowStatus.MASK_ALLOCATED})
_BUCKETS: Final = {
    Bucket.PENDING: "cyan",
    Bucket.VALID: "yellow",
    Bucket.INVALID: "red",
    Bucket.NCPR: "magenta",
    Bucket.NONE: "white",
}
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What a terminal obeys or turns about: C0 and C1, line and paragraph ends, overrides of direction, halves of pairs."""


def plain(value: object) -> str:
    """Data in one line, its control characters as escapes to read: a terminal must not obey a contact's name.

    Not yet safe from markup: give rich a ``cell``, or append it to a ``Text``.
    """
    return _CONTROLS.sub(lambda found: found.group().encode("unicode_escape").decode(), str(value))


def lines(text: str) -> str:
    """The same for text of several lines, such as a SIP message: its line ends stay."""
    return "\n".join(map(plain, text.replace("\r\n", "\n").split("\n")))


def cell(value: object, style: str = "") -> Text:
    """Data as a cell of a table, or a line: rich takes it as it is, ``[red]`` stays ``[red]``."""
    return Text(plain(value), style=style)


def status(word: str, *, bold: bool = False) -> Text:
    """A flow or connection status in the colour of what it means."""
    return Text(plain(word), style=f"bold {style_of(word)}" if bold else style_of(word))


def style_of(word: str) -> str:
    """Green: it worked; yellow: an end that is nobody's fault; red: refused or failed; cyan: goes on."""
    if word in _GREEN:
        return GOOD
    if word in set(FlowStatus):
        return BAD if word == "FAILURE" else _BUCKETS[counts_as(FlowStatus(word))]
    if word in set(CallStatus):
        return GOOD if CALL[CallStatus(word)].connected else NOTE
    return "white"


def number(n: int) -> str:
    """A count with commas."""
    return f"{n:,}"


def percent(part: float | None) -> str:
    """A share (0 to 1) in percent, a dash where there is none."""
    return "-" if part is None else f"{100 * part:.1f} %"


def per_second(rate: float | None) -> str:
    """A rate, a dash while it is not known."""
    return "-" if rate is None else f"{rate:,.1f}/s"


def seconds(value: float | None) -> str:
    """A duration as a person says it: ``0.4 s``, ``2 min 05 s``, ``3 h 20 min``."""
    if value is None:
        return "-"
    whole = round(value)
    if value < 60:  # noqa: PLR2004 - a minute
        return f"{value:.1f} s"
    if whole < 3_600:  # noqa: PLR2004 - an hour
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def milliseconds(value: int | None) -> str:
    """A duration in milliseconds."""
    return "-" if value is None else f"{value:,} ms" if value < 10_000 else seconds(value / 1000)  # noqa: PLR2004


def money(micros: int, currency: str) -> str:
    """Millionths of a unit as an amount."""
    text = f"{micros / MICROS:.6f}".rstrip("0")
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction.ljust(2, '0')} {plain(currency)}"


def clock(at: datetime | None) -> str:
    """The time of day in UTC, to the millisecond."""
    return "-" if at is None else f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}"


def moment(at: datetime | None) -> str:
    """Day and time in UTC."""
    return "-" if at is None else f"{at:%Y-%m-%d %H:%M:%S}Z"
