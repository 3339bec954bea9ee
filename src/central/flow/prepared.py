"""A flow version made ready for the path: document, program and the rules that other steps ask of it, prepared once.

Intake judges by it (step 1), dispatch opens calls by it (step 2), the conversation runs it (step 4), tracking retries by
it (step 5). Immutable, shared by all records of the version.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from uuid import UUID
from zoneinfo import ZoneInfo

from central.domain.accounts import Switch
from central.domain.calling_hours import Rules, effective_rules, next_opening
from central.domain.due_times import NextOpening, always_open
from central.domain.ids import AccountId, FlowId
from central.domain.policies import Policy, Purpose
from central.domain.reattempts import ReattemptRule
from central.domain.weekly_hours import WeeklyHours
from central.flow.configuration import CallSettings
from central.flow.document import Flow, parse
from central.flow.preparation import prepare
from central.flow.program import Program
from central.flow.widgets.make_call_for_dialer import MakeCallForDialerNode


@dataclass(frozen=True, slots=True)
class PreparedFlow:
    """One frozen version; ``number`` None is a snapshot of the draft (testing)."""

    version_id: UUID
    account_id: AccountId
    flow_id: FlowId
    number: int | None
    flow: Flow
    program: Program
    rule: ReattemptRule
    hours: WeeklyHours | None
    zone: ZoneInfo
    purpose: Purpose
    needs_voice: bool = True
    """It has a step that makes, takes or needs a call; the records of other flows are granted to nodes without voice."""
    reads_contact: bool = False
    """Any step reads ``$user``: the claim must bring along what is kept about the contact."""
    prompts: Mapping[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    """Contents (SHA-256, hex) of the recordings that the version holds, by name and language (lower case)."""
    dialer: MakeCallForDialerNode | None = None
    """Which agents its records need, None = it is no dialer flow."""

    @property
    def inbound(self) -> bool:
        """Whether customers call this flow."""
        return self.flow.type == "inbound"

    @property
    def channel(self) -> str:
        """Whose do-not-disturb rules hold for its records: ``voice``, ``sms``, or ``email`` where it sends nothing to a number."""
        if self.needs_voice:
            return "voice"
        texts = any(use.switch is Switch.SMS for step in self.program.steps.values() for use in step.switches)
        return "sms" if texts else "email"

    @property
    def calls(self) -> CallSettings:
        """The configurator of the version."""
        return self.flow.calls


def prepare_flow(
    version_id: UUID,
    account_id: AccountId,
    flow_id: FlowId,
    number: int | None,
    document: bytes,
    prompts: Mapping[tuple[str, str], str] | None = None,
) -> PreparedFlow:
    """Read and compile a stored document. Raises InvalidInput, as it did when the document was saved."""
    flow = parse(document)
    program = prepare(flow)
    return PreparedFlow(
        version_id=version_id,
        account_id=account_id,
        flow_id=flow_id,
        number=number,
        flow=flow,
        program=program,
        rule=flow.calls.reattempts,
        hours=flow.business_hours,
        zone=ZoneInfo(flow.time_zone),
        purpose=Purpose(flow.purpose),
        needs_voice=flow.type != "multicast" or any(step.call or step.media for step in program.steps.values()),
        reads_contact=any(
            reference.space.startswith("user.") for step in program.steps.values() for reference, _ in step.reads
        ),
        prompts=prompts or {},
        dialer=_dialer(flow, program),
    )


def _dialer(flow: Flow, program: Program) -> MakeCallForDialerNode | None:
    nodes = (step.node for step in program.steps.values()) if flow.type == "dialer" else ()
    return next((node for node in nodes if isinstance(node, MakeCallForDialerNode)), None)


def calling_window(prepared: PreparedFlow, policy: Policy, zones: Sequence[str]) -> tuple[Rules, NextOpening]:
    """The rules that hold for callees in ``zones`` and the function that finds the next opening under them."""
    rules = _rules(prepared.hours, prepared.zone, policy.calling_hours(prepared.purpose), tuple(zones))
    if not rules:
        return rules, always_open
    return rules, lambda at: next_opening(rules, at)


@lru_cache(maxsize=4096)
def _rules(
    hours: WeeklyHours | None, zone: ZoneInfo, policy: tuple[str, WeeklyHours, str] | None, zones: tuple[str, ...]
) -> Rules:
    return effective_rules(hours, zone, policy, [ZoneInfo(name) for name in zones])  # type: ignore[arg-type]
