"""The shape of a catalogue row, one class a status family; ``statuses.py`` (generated) holds the rows themselves.

What each field means stands in the comments of ``statuses.toml``, which is the source of both.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Family(StrEnum):
    """The five status families; also the first column of the SQL table ``move(family, from, to)``."""

    FLOW = "flow"
    CALL = "call"
    SMS = "sms"
    EMAIL = "email"
    AGENT = "agent"


class RecordClass(StrEnum):
    """The published class of a record, a pure function of its current flow status."""

    VALID = "valid"
    INVALID = "invalid"
    NCPR = "ncpr"


class Bucket(StrEnum):
    """Where a record counts while it has a status (domain 7.5)."""

    PENDING = "pending"
    VALID = "valid"
    INVALID = "invalid"
    NCPR = "ncpr"
    NONE = "none"


class LifePhase(StrEnum):
    """Where in a record's life a flow status arises."""

    INTAKE = "intake"
    WAITING = "waiting"
    RUNNING = "running"
    FINAL = "final"
    MASKING = "masking"


Retry = Literal["policy", "never"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowRow:
    """One flow (record) status. ``number`` is its place in the original numbering, which has no 26."""

    number: int
    record_class: RecordClass
    phase: LifePhase
    final: bool
    counts_as: Bucket
    retry: Retry
    scope: tuple[str, ...]
    meaning: str
    produced_by: str
    body_code: int | None = None
    reopen: bool = False
    class_given: bool = True
    meaning_given: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRow:
    """One call connection status with the evidence that leads to it (local word, SIP code, Q.850 cause)."""

    codes: tuple[int, ...]
    canonical: int
    connected: bool
    retry: Retry
    consumes_attempt: bool
    meaning: str
    produced_by: str
    ambiguous: tuple[int, ...] = ()
    default: bool = False
    local: tuple[str, ...] = ()
    sip: tuple[int, ...] = ()
    sip_ringing: tuple[int, ...] = ()
    sip_no_ringing: tuple[int, ...] = ()
    q850: tuple[int, ...] = ()
    requires_connect_time: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SmsRow:
    """One SMS status with the SMPP message states (``receipt``) mapped to it."""

    final: bool
    settled: bool
    receipt: tuple[str, ...]
    meaning: str
    produced_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailRow:
    """One e-mail status; the displayed status never moves to a lower ``rank``."""

    rank: int
    final: bool
    settled: bool
    meaning: str
    produced_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRow:
    """One agent status; ``can_receive`` = may be offered a call."""

    label: str
    can_receive: bool
    meaning: str
    produced_by: str
