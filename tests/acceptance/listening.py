"""Listens to what was recorded: each recording of a case is downloaded by its link and compared with what must be in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from tests.tones import Heard, hear

_SIDES = {"left": 0, "right": 1}


def download(recording: Mapping[str, Any]) -> bytes:
    """The file that a link leads to, without any key."""
    answer = httpx.get(str(recording["url"]), timeout=30)
    answer.raise_for_status()
    return answer.content


def unlike(wanted: Sequence[Mapping[str, Any]], found: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line for each difference; recordings are told apart by their step, "" = the whole call."""
    steps = sorted(str(recording["step"] or "") for recording in found)
    if steps != sorted(str(must["step"]) for must in wanted):
        return [f"recordings of {steps}, must be of {sorted(str(must['step']) for must in wanted)}"]
    lines: list[str] = []
    for must in wanted:
        recording = next(one for one in found if (one["step"] or "") == must["step"])
        content = download(recording)
        heard = hear(content)
        if len(content) != recording["bytes"] or abs(heard.seconds - recording["seconds"]) > 0.01:
            lines.append(f"{must['step']!r}: {len(content)} bytes, {heard.seconds} s are not what is told")
        lines += [f"{must['step']!r} {line}" for line in _differences(must, heard)]
    return lines


def _differences(must: Mapping[str, Any], heard: Heard) -> list[str]:
    lines: list[str] = []
    if "channels" in must and len(heard.channels) != must["channels"]:
        lines.append(f"has {len(heard.channels)} channels, must have {must['channels']}")
    if "seconds" in must and not _within(heard.seconds, must["seconds"]):
        lines.append(f"lasts {heard.seconds:.1f} s, must last {must['seconds']}")
    for side, channel in _SIDES.items():
        for hertz, span in must.get(side, {}).items():
            lasted = heard.tone_s(int(hertz), channel)
            if not _within(lasted, span):
                lines.append(f"{side}: {hertz} Hz is heard for {lasted:.1f} s, must be {span}")
    return lines


def _within(value: float, span: Sequence[float]) -> bool:
    least, most = span
    return least <= value <= most
