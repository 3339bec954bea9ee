"""The evidence about how a call leg ended, as plain facts; ``dispositions.classify`` turns it into the status word."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec


class Phase(StrEnum):
    """The furthest point a leg reached. Order: none < dialing < ringing < answered."""

    NONE = "none"
    DIALING = "dialing"
    RINGING = "ringing"
    ANSWERED = "answered"


class EngineReport(msgspec.Struct, frozen=True):
    """What the voice engine itself said at the end, kept for the explanation only."""

    cause: int | None = None
    cause_text: str = ""
    tech_cause: int | None = None


class Evidence(msgspec.Struct, frozen=True):
    """The cause object of a leg.

    local: our own condition, a word of statuses.toml ``local`` lists, written before the command that causes it.
    phase: the furthest point reached. sip, q850: only what the *other side* said (final SIP code; Q.850 cause from its
    Reason header). side: who ended it. end: ``dropped`` = crossed cancel, ``lost`` = engine or node lost during the call.
    """

    local: str | None = None
    phase: Phase = Phase.NONE
    sip: int | None = None
    q850: int | None = None
    side: Literal["us", "them"] = "them"
    end: Literal["normal", "dropped", "lost"] = "normal"
    engine: EngineReport = EngineReport()
    elapsed_ms: int = 0
