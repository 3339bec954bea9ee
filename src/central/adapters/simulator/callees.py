"""What a simulated callee does: one script a behaviour, under the names of the example carrier's demo and laboratory.

A script is a list of deeds, each so many seconds after the one before. Pure data; ``far_end.py`` plays it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from central.application.ports.telephony import Originate

Deed = Literal[
    "trying",
    "ring",
    "early_media",
    "answer",
    "press",
    "hang_up",
    "refuse",
    "hold",
    "unhold",
    "human",
    "machine",
    "fall_silent",
]


@dataclass(frozen=True, slots=True)
class Act:
    """A deed ``after_s`` seconds after the one before. ``sip`` and ``q850``: of a refusal or a BYE; ``digit``: pressed."""

    after_s: float
    deed: Deed
    sip: int | None = None
    q850: int | None = None
    digit: str = ""


@dataclass(frozen=True, slots=True)
class Callee:
    """``crosses_cancel``: answers 200 when our CANCEL is on its way. ``deaf``: never says anything, not even 100.

    ``speaks_s``: how long it speaks when it is recorded.
    """

    acts: tuple[Act, ...]
    crosses_cancel: bool = False
    deaf: bool = False
    speaks_s: float = 0.0


NO_RESPONSE_S: Final = 32.0
"""SIP timer B: 64 times T1 of 500 ms (RFC 3261, 17.1.1.2)."""

_TRYING = Act(0.01, "trying")
_RING = Act(0.01, "ring")
_ANSWER = Act(0.4, "answer")
_RINGS: Final = (_TRYING, _RING)
_ANSWERS: Final = (*_RINGS, _ANSWER)
_BORED: Final = Act(120.0, "hang_up", q850=16)


def _presses(keys: str, first_s: float = 2.0) -> Callee:
    acts = tuple(Act(first_s if i == 0 else 0.9, "press", digit=key) for i, key in enumerate(keys))
    return Callee((*_ANSWERS, *acts, _BORED))


def _refuses(code: int, q850: int | None = None) -> Callee:
    return Callee((_TRYING, Act(0.01, "refuse", sip=code, q850=q850)))


DEMO: Final[Mapping[str, Callee]] = MappingProxyType(
    {
        "presses_1": _presses("1"),
        "presses_2": _presses("2"),
        "presses_1_2_3": _presses("123"),
        "answers": Callee((*_ANSWERS, _BORED)),
        "hangs_up_mid_flow": Callee((*_ANSWERS, Act(4.0, "hang_up", q850=16))),
        "hangs_up_at_once": Callee((*_ANSWERS, Act(0.3, "hang_up", q850=16))),
        "busy": _refuses(486),
        "rings_out": Callee((*_RINGS, Act(120.0, "refuse", sip=480))),
        "not_found": _refuses(404),
        "forbidden": _refuses(403),
        "unavailable": _refuses(480),
        "not_acceptable": _refuses(488),
        "server_error": _refuses(500),
        "congested": _refuses(503),
        "declined": _refuses(603),
        "early_media_then_busy": Callee((_TRYING, Act(0.01, "early_media"), Act(1.5, "refuse", sip=486, q850=17))),
        "trying_only": Callee((_TRYING, Act(120.0, "refuse", sip=480))),
        "silent": Callee((), deaf=True),
    }
)
"""The behaviours of ``examples/carrier/demo.py`` (``answers_on_second_attempt`` depends on the call: see ``plan``)."""

LABORATORY: Final[Mapping[str, Callee]] = MappingProxyType(
    {
        "answer": Callee(_ANSWERS),
        "answer_delay": Callee((*_RINGS, Act(1.5, "answer"))),
        "answer_early": Callee((_TRYING, Act(0.01, "early_media"), Act(1.5, "answer"))),
        "answer_human": Callee((*_ANSWERS, Act(1.0, "human"))),
        "answer_machine": Callee((*_ANSWERS, Act(3.0, "machine"))),
        "hold": Callee((*_ANSWERS, Act(0.5, "hold"), Act(0.8, "unhold"))),
        "rtp_stops": Callee((*_ANSWERS, Act(1.5, "fall_silent"))),
        "far_bye": Callee((*_ANSWERS, Act(1.5, "hang_up"))),
        "far_bye_q16": Callee((*_ANSWERS, Act(1.5, "hang_up", q850=16))),
        "far_bye_q41": Callee((*_ANSWERS, Act(1.5, "hang_up", q850=41))),
        "short_hangup": Callee((*_ANSWERS, Act(0.3, "hang_up", q850=16))),
        "mid_flow_hangup": Callee((*_ANSWERS, Act(4.0, "hang_up", q850=16))),
        "no_answer": Callee(_RINGS),
        "cancel_crossed": Callee(_RINGS, crosses_cancel=True),
        "ring_480": Callee((*_RINGS, Act(1.5, "refuse", sip=480))),
        "early_486": Callee((_TRYING, Act(0.01, "early_media"), Act(1.5, "refuse", sip=486, q850=17))),
    }
)
"""Those of the carrier laboratory that a call leg can tell apart; ``c<code>`` and ``c<code>_q<cause>`` by ``behaviour``."""

CODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "01": "presses_1", "02": "presses_2", "03": "hangs_up_mid_flow", "04": "hangs_up_at_once", "05": "busy",
        "06": "rings_out", "07": "not_found", "08": "forbidden", "09": "unavailable", "10": "not_acceptable",
        "11": "server_error", "12": "congested", "13": "declined", "14": "early_media_then_busy", "15": "trying_only",
        "16": "silent", "17": "answers_on_second_attempt", "18": "answers", "19": "presses_1_2_3",
    }
)  # fmt: skip
"""Number plan of the demo carrier: digits 8 and 9 of ``91 98000 CC NNN`` -> behaviour."""

_PLAN_PREFIX: Final = "9198000"
_PLAN_DIGITS: Final = 12
_NOBODY: Final = _refuses(404)

Plan = Callable[[Originate, str], Callee]
"""Who answers a call: (the call, the trunk's name) -> callee."""


def behaviour(name: str) -> Callee:
    """A callee by name; ``c486`` refuses with that SIP code, ``c403_q21`` rings and adds a Q.850 cause. KeyError otherwise."""
    found = DEMO.get(name) or LABORATORY.get(name)
    if found is not None:
        return found
    code, _, cause = name.removeprefix("c").partition("_q")
    if not name.startswith("c") or not code.isdigit():
        raise KeyError(name)
    if cause:
        return Callee((*_RINGS, Act(0.01, "refuse", sip=int(code), q850=int(cause))))
    return _refuses(int(code))


def by_number(call: Originate, trunk: str) -> Callee:
    """The demo carrier's number plan; any other number does not exist (404)."""
    del trunk
    name = CODES.get(call.to[7:9]) if call.to.startswith(_PLAN_PREFIX) and len(call.to) == _PLAN_DIGITS else None
    if name == "answers_on_second_attempt":
        tag = call.headers.get("X-Central-Attempt", "")
        return DEMO["busy" if "number=1;" in f"{tag};" else "presses_1"]
    return _NOBODY if name is None else DEMO[name]


def by_trunk(call: Originate, trunk: str) -> Callee:
    """The trunk's name is the behaviour, as in the carrier laboratory, where each has a port of its own."""
    del call
    return behaviour(trunk)
