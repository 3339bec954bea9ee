"""The further leg of Make Call: a number that talks with the customer who is connected already (domain 5.3, row 8)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from central.flow.errands import CUSTOMER_LEFT, NOT_CONFIGURED, BridgeNumber
from central.flow.events import FlowEvent
from central.flow.program import Failed, Outcome
from central.flow.variables import Template
from central.flow.walk import Walk
from central.flow.widgets.inputs import number_of, read_number, whisper_of
from central.flow.widgets.spoken import Spoken, read_spoken_at
from central.flow.widgets.transfer_call import BRIDGE_GRACE_S, LONGEST_RING
from central.flow.widgets.widget import Fields

_SECOND: Final = timedelta(seconds=1)
_BRANCHES: Final = {"answered": "connected", CUSTOMER_LEFT: "connected", "busy": "busy", "no_answer": "no_answer"}


@dataclass(frozen=True, slots=True)
class FurtherLeg:
    """What `to` makes of a Make Call step. wired: the branches that lead somewhere."""

    to: Template
    ring_timeout_s: float
    caller_id: Template | None
    whisper: Spoken | None
    wired: frozenset[str]

    def enter(self, walk: Walk) -> Outcome:
        """Ring the further number."""
        if walk.leg.state != "up":
            return self._failed(walk, Failed("no_leg", "There is no customer to connect it with."))
        number = number_of(walk, self.to)
        if isinstance(number, Failed):
            return self._failed(walk, number)
        caller_id = walk.text(self.caller_id).strip() if self.caller_id is not None else ""
        walk.note("bridge", number=number[1])
        errand = BridgeNumber(number[0], self.ring_timeout_s, caller_id, whisper_of(walk, self.whisper))
        walk.send(errand, self.ring_timeout_s + BRIDGE_GRACE_S)
        return None

    def handle(self, walk: Walk, event: FlowEvent) -> Outcome:
        """The conversation is over, or there was none."""
        done = walk.returned(event)
        if done is None:
            return None
        if done.outcome == NOT_CONFIGURED:
            return self._failed(
                walk, Failed("bridge_not_configured", "This installation cannot connect a further number.")
            )
        branch = _BRANCHES.get(done.outcome)
        if branch is not None and (branch in self.wired or "failed" not in self.wired):
            return branch
        if branch is not None:
            return "failed"
        return self._failed(
            walk, Failed(f"bridge_{done.outcome}", done.detail or "The further number was not reached.")
        )

    def _failed(self, walk: Walk, failed: Failed) -> Outcome:
        """The branch `failed` where it is wired, else the record fails, as with other steps that bring somebody in."""
        if "failed" not in self.wired:
            return failed
        walk.warn("step_failed", failure=failed.code, detail=failed.detail, policy="branch")
        return "failed"


def read_further_leg(fields: Fields, caller_id: Template | None) -> FurtherLeg | None:
    """Read what stands beside `to`; None where the step calls the record's own numbers."""
    if not fields.present("to"):
        if fields.present("whisper"):
            _without_effect(fields, "whisper", "without `to`")
            fields.tree("whisper")
        return None
    fields.beside_call = True
    for name in ("detect_machine", "unconnected_branch"):
        if fields.present(name):
            _without_effect(fields, name, "with `to`")
    ring = fields.duration("ring_timeout", fields.flow.calls.ring_timeout, _SECOND, LONGEST_RING)
    return FurtherLeg(
        to=read_number(fields, "to") or Template((), ""),
        ring_timeout_s=ring / _SECOND,
        caller_id=caller_id,
        whisper=read_spoken_at(fields, "whisper"),
        wired=frozenset(fields.targets),
    )


def _without_effect(fields: Fields, name: str, where: str) -> None:
    message = f"{name!r} has no effect {where}."
    fields.find("field_without_effect", message, line=fields.line(name), hint="Remove it.", severity="warning")
