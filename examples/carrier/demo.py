"""The demo carrier: one SIPp process on one port, where the called number says what the callee does.

Number plan: ``91 98000 CC NNN`` (12 digits, an Indian mobile number); CC is the behaviour's code from ``BEHAVIOURS``, NNN is
free, so there are 1,000 numbers of each kind. Any other number does not exist (404).
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from examples.carrier.blocks import (
    ACK,
    CODES,
    OK,
    PROGRESS,
    RINGING,
    TRYING,
    bye,
    find,
    invite,
    pause,
    press_by_info,
    refuse,
    replay,
    reply,
    reply_to_invite,
)
from examples.carrier.digits import file_name
from examples.carrier.sipp import Invite, Sipp, free_ports, may_replay_captures, write_samples, write_scenario

PREFIX = "9198000"
"""Country code 91 and the first digits of the demo's mobile numbers."""

BEHAVIOURS: dict[str, str] = {
    "presses_1": "01",
    "presses_2": "02",
    "hangs_up_mid_flow": "03",
    "hangs_up_at_once": "04",
    "busy": "05",
    "rings_out": "06",
    "not_found": "07",
    "forbidden": "08",
    "unavailable": "09",
    "not_acceptable": "10",
    "server_error": "11",
    "congested": "12",
    "declined": "13",
    "early_media_then_busy": "14",
    "trying_only": "15",
    "silent": "16",
    "answers_on_second_attempt": "17",
    "answers": "18",
    "presses_1_2_3": "19",
}
"""Behaviour -> the two digits CC of the number plan."""

_REFUSALS = {
    "busy": 486, "not_found": 404, "forbidden": 403, "unavailable": 480, "not_acceptable": 488, "server_error": 500,
    "congested": 503, "declined": 603,
}  # fmt: skip
_DIGITS = {"presses_1": "1", "presses_2": "2", "presses_1_2_3": "123"}
_GIVES_UP = refuse(480)  # the network's own end of endless ringing
_RINGS_MS = 400
_LISTENS_MS = 120_000
_FIRST_DIGIT_MS = 2_000
_BETWEEN_DIGITS_MS = 900


def number_for(behaviour: str, n: int) -> str:
    """The ``n``-th number (0-999) of a behaviour, as E.164 digits."""
    return f"{PREFIX}{BEHAVIOURS[behaviour]}{n:03d}"


def _label(name: str) -> str:
    return f'<label id="{name}"/>\n'


def _go(name: str, test: str = "") -> str:
    condition = f' test="{test}"' if test else ""
    return f'<nop next="{name}"{condition}></nop>\n'


def _listen(ms: int, after: str) -> str:
    """Stay on the line for so long, then go on at ``after``; a BYE meanwhile is answered at ``their_bye``."""
    return f'<recv request="BYE" timeout="{ms}" ontimeout="{after}" next="their_bye"></recv>\n{_label(after)}'


def _wait_ringing(ms: int, after: str) -> str:
    """Let it ring for so long, then go on at ``after``; a CANCEL meanwhile is obeyed at ``cancelled``."""
    return f'<recv request="CANCEL" timeout="{ms}" ontimeout="{after}" next="cancelled"></recv>\n{_label(after)}'


def _press(name: str, keys: str, *, captures: bool) -> str:
    """Press keys while listening, then wait for the far end's BYE."""
    steps = _listen(_FIRST_DIGIT_MS, f"{name}_starts")
    if captures and keys:
        steps += replay(f"@DIR@/{file_name(keys)}")
    elif keys:
        for i, key in enumerate(keys):
            steps += press_by_info(key, i + 1) + _listen(_BETWEEN_DIGITS_MS, f"{name}_{i}")
    return steps + _listen(_LISTENS_MS, f"{name}_bored") + bye(16, 20) + _go("end")


def _answered(name: str, captures: bool) -> str:  # noqa: FBT001
    """What the callee does once the call is up, from its label on."""
    steps = _label(name) + RINGING + _wait_ringing(_RINGS_MS, f"{name}_answers") + OK + ACK
    match name:
        case "hangs_up_at_once":
            return steps + pause(300) + bye(16) + _go("end")
        case "hangs_up_mid_flow":
            return steps + _listen(4_000, f"{name}_leaves") + bye(16) + _go("end")
        case _:
            return steps + _press(name, _DIGITS.get(name, ""), captures=captures)


def steps(*, captures: bool) -> str:
    """The whole scenario; ``captures`` False presses digits by SIP INFO instead of RTP (no raw sockets needed)."""
    codes = "".join(find(f"sip:[+]?{PREFIX}{code}[0-9]{{3}}@", "", f"is_{name}") for name, code in BEHAVIOURS.items())
    first = find("number=1(;|$)", "X-Central-Attempt", "first_attempt,how_ended")
    variables = (*(f"is_{name}" for name in BEHAVIOURS), "first_attempt", "how_ended")
    text = invite(codes + first, variables)
    text += _go("silent", "is_silent") + TRYING
    text += "".join(_go(name, f"is_{name}") for name in BEHAVIOURS if name != "silent") + refuse(404) + _go("end")
    for name, code in _REFUSALS.items():
        text += _label(name) + refuse(code) + _go("end")
    for name in ("presses_1", "presses_2", "presses_1_2_3", "answers", "hangs_up_mid_flow", "hangs_up_at_once"):
        text += _answered(name, captures)
    text += _label("answers_on_second_attempt") + _go("busy", "first_attempt") + _go("presses_1")
    text += _label("rings_out") + RINGING + _wait_ringing(_LISTENS_MS, "rang_out") + _GIVES_UP + _go("end")
    text += _label("trying_only") + _wait_ringing(_LISTENS_MS, "tried_out") + _GIVES_UP + _go("end")
    text += (
        _label("early_media_then_busy") + PROGRESS + _wait_ringing(1_500, "turns_busy") + refuse(486, 17) + _go("end")
    )
    text += _label("cancelled") + reply(200, "OK") + reply_to_invite(487, CODES[487]) + ACK + _go("end")
    text += _label("their_bye") + reply(200, "OK", tag=False) + _go("end")
    text += _label("silent") + pause(40_000)
    return text + _label("end") + pause(10)


class DemoCarrier:
    """The demo carrier as a context manager. Ports of 0 are chosen free at the start. ``digits``: ``rtp`` (RFC 4733), ``info``, or ``auto`` by permission."""

    def __init__(self, *, host: str = "127.0.0.1", port: int = 15_060, digits: str = "auto") -> None:
        self.host, self.port = host, port
        self.digits = digits if digits != "auto" else ("rtp" if may_replay_captures() else "info")
        self._directory: Path | None = None
        self._process: Sipp | None = None

    def start(self) -> Self:
        """Start and wait until it listens. Raises CarrierError."""
        self._directory = Path(tempfile.mkdtemp(prefix="demo-carrier-"))
        write_samples(self._directory, _DIGITS.values())
        write_scenario(self._directory, "demo", steps(captures=self.digits == "rtp"))
        sip, control, media = free_ports(self.host, 3)
        self.port = self.port or sip
        self._process = Sipp(self._directory, "demo", host=self.host, ports=(self.port, control, media))
        try:
            self._process.wait_bound()
        except RuntimeError:
            self.stop()
            raise
        return self

    def invites(self) -> list[Invite]:
        """The INVITE transactions so far."""
        return self._process.invites() if self._process is not None else []

    def errors(self) -> str:
        """What SIPp complained about."""
        return self._process.errors() if self._process is not None else ""

    def check(self) -> None:
        """Raise CarrierError when the process has ended."""
        if self._process is not None:
            self._process.check()

    def stop(self) -> None:
        """End the process and remove its files; safe to repeat."""
        if self._process is not None:
            self._process.stop()
            self._process = None
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
