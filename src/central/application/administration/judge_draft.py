"""What is wrong with a flow document: read, checked, every finding as plain data. In a thread, because bytes may be hostile."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from hashlib import sha256

from central.application.ports.flow_store import Draft
from central.domain.accounts import Switch
from central.flow.checker import check_program
from central.flow.document import Flow, parse
from central.flow.findings import Finding, has_errors
from central.flow.preparation import prepare
from central.flow.program import CallerIdUse, EndpointUse, FlowUse, Program, PromptUse, QueueUse, SwitchUse

CALL_WIDGETS = ("make_call", "answer_call")


@dataclass(frozen=True, slots=True)
class JudgedDraft:
    """A readable document with everything found in it; ``calls`` = it has a step that makes calls.

    ``prompts``: the recordings that it names, by step; ``caller_ids``: the numbers that it shows; ``endpoints``: the saved
    endpoints that it calls; ``flows``, ``queues``: those that it names; ``switches``: what its account must be allowed to do, by step ("" = the flow itself).
    """

    draft: Draft
    findings: tuple[Finding, ...]
    calls: bool
    prompts: tuple[tuple[str, PromptUse], ...]
    caller_ids: tuple[tuple[str, CallerIdUse], ...]
    endpoints: tuple[tuple[str, EndpointUse], ...]
    flows: tuple[tuple[str, FlowUse], ...]
    queues: tuple[tuple[str, QueueUse], ...]
    switches: tuple[tuple[str, SwitchUse], ...]

    @property
    def publishable(self) -> bool:
        """No finding is an error."""
        return not has_errors(self.findings)


async def judge_draft(document: bytes) -> JudgedDraft:
    """Read and check. Raises InvalidInput (``document_...``, with ``line``) for bytes that cannot be read at all."""
    return await asyncio.to_thread(_judge, document)


def _judge(document: bytes) -> JudgedDraft:
    flow: Flow = parse(document)
    program = prepare(flow)
    findings = check_program(flow, program)
    rows = [asdict(finding) for finding in findings]
    draft = Draft(flow.name, flow.type, document, sha256(document).hexdigest(), rows)
    calls = any(step.widget in CALL_WIDGETS for step in flow.steps.values())
    shown = tuple((step.name, use) for step in program.steps.values() for use in step.caller_ids)
    called = tuple((step.name, use) for step in program.steps.values() for use in step.endpoints)
    flows = tuple((step.name, use) for step in program.steps.values() for use in step.flows)
    queues = tuple((step.name, use) for step in program.steps.values() for use in step.queues)
    needed = [(step.name, use) for step in program.steps.values() for use in step.switches]
    if flow.recording:
        needed.append(("", SwitchUse(Switch.RECORDING, "records its calls", flow.recording_line)))
    return JudgedDraft(draft, findings, calls, _prompts(program), shown, called, flows, queues, tuple(needed))


def _prompts(program: Program) -> tuple[tuple[str, PromptUse], ...]:
    return tuple((step.name, use) for step in program.steps.values() for use in step.prompts)
