"""The SIP messages of a leg as a ladder of text: a lane a host, an arrow a message, times at the side (path step 7). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from central.application.reporting.record_values import SipLine

WIDTH: Final = 96
_TIMES: Final = 24  # "05:01:09.853   +404.0 ms" with the blank behind it
_LEAST_GAP: Final = 34
_LONG_MS: Final = 10_000
_US: Final = "Central"


@dataclass(frozen=True, slots=True)
class Signs:
    """The characters of a drawing."""

    lane: str
    line: str
    right: str
    left: str
    gap: str


FINE: Final = Signs("│", "─", "▶", "◀", "┆")
PLAIN: Final = Signs("|", "-", ">", "<", ":")


def sip_ladder(messages: Sequence[SipLine], missing: int = 0, *, width: int = WIDTH, signs: Signs = FINE) -> str:
    """Draw the messages in at most ``width`` columns (where that holds all hosts); empty text without messages.

    The times are UTC, the second figure is the time since the message before. ``missing`` copies that never reached us are
    named in a line of their own, because an arrow that is not drawn may have been sent.
    """
    if not messages:
        return ""
    hosts = _hosts(messages)
    gap = max(_LEAST_GAP, (width - _TIMES - 1) // max(1, len(hosts) - 1) - 1)
    lanes = [index * (gap + 1) for index in range(len(hosts))]
    lines = [_names(messages, hosts, lanes)]
    for number, message in enumerate(messages):
        before = messages[number - 1].at.date() if number else message.at.date()
        if message.at.date() != before:
            lines.append(f"{message.at:%Y-%m-%d}")
        lines.append(_arrow(message, number, hosts, lanes, signs))
    if missing:
        lost = f"{missing} {'copy was' if missing == 1 else 'copies were'} lost on the way to us: messages may be missing here"
        lines.append(" " * _TIMES + f"{signs.gap} {lost}")
    return "\n".join(line.rstrip() for line in lines)


def _hosts(messages: Sequence[SipLine]) -> list[str]:
    """Addresses in the order of their first message, ours before all others."""
    ours = dict.fromkeys(m.source if m.sent else m.target for m in messages)
    theirs = dict.fromkeys(m.target if m.sent else m.source for m in messages)
    return [*ours, *(host for host in theirs if host not in ours)]


def _names(messages: Sequence[SipLine], hosts: Sequence[str], lanes: Sequence[int]) -> str:
    """The hosts above their lanes: the first begins at its lane, the others end at theirs; cut where two would touch."""
    ours = {m.source if m.sent else m.target for m in messages}
    room = max(8, (lanes[-1] + 1) // len(hosts) - 1) if len(hosts) > 1 else _LEAST_GAP
    line = " " * _TIMES
    for host, lane in zip(hosts, lanes, strict=True):
        name = f"{_US} {host}" if host in ours else host
        name = name if len(name) <= room else "…" + name[1 - room :]
        start = _TIMES + lane - (len(name) - 1 if lane else 0)
        line = line.ljust(start)[:start] + name
    return line


def _arrow(message: SipLine, number: int, hosts: Sequence[str], lanes: Sequence[int], signs: Signs) -> str:
    start, end = lanes[hosts.index(message.source)], lanes[hosts.index(message.target)]
    low, high = sorted((start, end))
    room = high - low - 1
    if low == high:  # one host on both sides: a line at the lane instead of an arrow
        return f"{_clock(message, number)} {signs.lane} {_label(message, max(lanes[-1], _LEAST_GAP) - 4)}"
    text = _label(message, room - 4)
    pad = room - 1 - len(text)
    left, right = pad // 2, pad - pad // 2
    if start < end:
        drawn = f"{signs.line * left}{text}{signs.line * right}{signs.right}"
    else:
        drawn = f"{signs.left}{signs.line * left}{text}{signs.line * right}"
    picture = [" "] * (lanes[-1] + 1)
    for lane in lanes:
        picture[lane] = signs.lane
    picture[low + 1 : high] = list(drawn)
    return f"{_clock(message, number)} {''.join(picture)}"


def _clock(message: SipLine, number: int) -> str:
    ms = message.delta_ms
    since = "" if number == 0 else f"{ms:+.1f} ms" if abs(ms) < _LONG_MS else f"{ms / 1000:+.1f} s"
    return f"{message.at:%H:%M:%S}.{message.at.microsecond // 1000:03d}{since:>11}"


def _label(message: SipLine, room: int) -> str:
    """The message in a few words, with what matters most first; cut to ``room`` characters, without control characters."""
    parts = [message.label]
    if message.code is not None and message.method not in {"INVITE", ""}:
        parts[0] += f" ({message.method})"
    if message.media:
        parts.append(message.media)
    parts += [f"{reason.protocol} {reason.cause}" for reason in message.reasons]
    if message.repeated:
        parts.append("again")
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in " · ".join(parts))
    return f" {text if len(text) <= room else text[: room - 1] + '…'} "
