"""A flow made ready to run: each step prepared once by its widget, so that the interpreter only looks things up.

Made by ``preparation.prepare`` once per flow version and kept by the driver; immutable and safe to share between runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import TYPE_CHECKING, Literal, Protocol

from central.domain.accounts import Switch
from central.flow.commands import EndKind
from central.flow.configuration import CallSettings, Formats
from central.flow.events import FlowEvent
from central.flow.findings import Finding
from central.flow.variables import Reference

if TYPE_CHECKING:
    from central.flow.walk import Walk

FailurePolicy = Literal["branch", "continue", "fail"]
HangUpCause = Literal["normal", "busy", "reject"]
ERROR_BRANCH = "error"


@dataclass(frozen=True, slots=True)
class Failed:
    """The step could not do its work: its failure policy decides. ``code`` is a stable word, ``detail`` a sentence."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Ends:
    """The main path (or a late path) stops here."""

    kind: EndKind = "end"
    cause: HangUpCause = "normal"


Outcome = str | Failed | Ends | None
"""What a node answers: the branch it takes, a failure, an end, or None = it waits (then ``walk.wait`` is set)."""


class Node(Protocol):
    """A prepared step: pure behaviour over a walk."""

    def enter(self, walk: Walk) -> Outcome:
        """The token arrives."""
        ...

    def handle(self, walk: Walk, event: FlowEvent) -> Outcome:
        """Something happened that concerns the node's present wait."""
        ...


@dataclass(frozen=True, slots=True)
class Target:
    """Where a branch leads: the name of a step, or ``end``; ``line`` is where the document says so."""

    step: str
    line: int


@dataclass(frozen=True, slots=True)
class PromptUse:
    """A recorded prompt that a step names in the document itself, and the language in which it should be heard."""

    name: str
    language: str
    line: int


@dataclass(frozen=True, slots=True)
class CallerIdUse:
    """A number that a step shows to the called side, as the document itself says it."""

    number: str
    line: int


@dataclass(frozen=True, slots=True)
class EndpointUse:
    """A saved webhook endpoint of the account that a step calls, by its name."""

    name: str
    line: int


@dataclass(frozen=True, slots=True)
class FlowUse:
    """Another flow of the account that a step transfers to or starts, by its name or id."""

    name: str
    line: int


@dataclass(frozen=True, slots=True)
class QueueUse:
    """A queue of the contact center whose agents a step asks for, by its name."""

    name: str
    line: int


@dataclass(frozen=True, slots=True)
class SwitchUse:
    """A capability of the account (domain 1.3) that a step, or the flow itself, needs; ``what`` it does with it."""

    switch: Switch
    what: str
    line: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """One step ready to run, with what the checker must know about it.

    policy: what a failure does. onward: the branch that ``continue`` takes, failing: the one that ``branch`` takes. media: it
    needs the customer's leg. call: it makes that leg. reads, stores: variables with their lines.
    secret: it collects a secret, so pressed digits are masked. prompts: recordings that it plays, as far as the document
    says it (a name may also come from a variable); caller_ids: numbers that it shows, likewise. endpoints: saved ones it calls;
    flows, queues: those that it names. made_of: by name, what the variables that it sets are made of (``user.key.Name`` = a
    lasting one). switches: what the account must be allowed to do.
    """

    name: str
    widget: str
    node: Node
    targets: Mapping[str, Target]
    policy: FailurePolicy = "fail"
    onward: str = ""
    failing: str = ERROR_BRANCH
    media: bool = False
    call: bool = False
    secret: bool = False
    reads: tuple[tuple[Reference, int], ...] = ()
    stores: tuple[tuple[str, int], ...] = ()
    prompts: tuple[PromptUse, ...] = ()
    caller_ids: tuple[CallerIdUse, ...] = ()
    endpoints: tuple[EndpointUse, ...] = ()
    flows: tuple[FlowUse, ...] = ()
    queues: tuple[QueueUse, ...] = ()
    made_of: Mapping[str, tuple[Reference, ...]] = field(default_factory=dict[str, tuple[Reference, ...]])
    switches: tuple[SwitchUse, ...] = ()
    line: int = 0


@dataclass(frozen=True, slots=True)
class Program:
    """A flow ready to run. start, on_remote_hangup, on_flow_complete: names of the entry steps, "" = none.

    findings: what preparing the steps found; a step with an error fails with ``flow_error`` when it is entered.
    """

    name: str
    steps: Mapping[str, Prepared]
    start: str
    on_remote_hangup: str
    on_flow_complete: str
    calls: CallSettings
    formats: Formats
    zone: tzinfo
    secrets: frozenset[str] = frozenset()
    findings: tuple[Finding, ...] = ()
