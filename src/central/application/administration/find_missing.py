"""What a flow needs and its account does not have: recordings, numbers, saved endpoints, other flows, queues, capabilities.

The document may be right, the account is not.

Asked anew each time, because the account changes without the document; publishing refuses the same findings.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from central.application.administration.judge_draft import JudgedDraft
from central.application.ports.administration import AccountStore
from central.application.ports.flow_names import FlowNames
from central.application.ports.speech import PromptCatalogue
from central.application.ports.web_calls import EndpointNames
from central.domain.accounts import Switch
from central.domain.ids import AccountId
from central.domain.prompts import preferred_language
from central.flow.findings import Finding
from central.flow.program import CallerIdUse, EndpointUse, FlowUse, PromptUse, QueueUse, SwitchUse

_WITHOUT_DID: Final = Finding(
    "flow_without_did", "error", 0, "", "The flow makes calls and has no DID.", "Attach at least one DID to the flow."
)
_NOT_DIGITS: Final = re.compile(r"[^0-9]")


@dataclass(frozen=True, slots=True)
class FindMissing:
    """Findings that depend on the account."""

    prompts: PromptCatalogue
    endpoints: EndpointNames
    flows: FlowNames
    accounts: AccountStore

    async def find(self, account_id: AccountId, judged: JudgedDraft, dids: Sequence[str] | None) -> Sequence[Finding]:
        """Errors and warnings, in the order of the document. ``dids``: the numbers of the flow, None = there is none yet."""
        found = list(await self._prompts(account_id, judged.prompts))
        found += await self._endpoints(account_id, judged.endpoints)
        found += await self._flows(account_id, judged)
        found += await self._queues(account_id, judged.queues)
        found += await self._capabilities(account_id, judged.switches)
        if dids is not None:
            found += [_WITHOUT_DID] if judged.calls and not dids else []
            found += [_did_unknown(step, use) for step, use in judged.caller_ids if dids and not _among(use, dids)]
        return sorted(found, key=lambda finding: finding.line)

    async def _prompts(self, account_id: AccountId, uses: Sequence[tuple[str, PromptUse]]) -> Sequence[Finding]:
        """An error for each recording that no playback would find."""
        recorded: dict[str, set[str]] = {}
        names = sorted({use.name for _, use in uses})
        for prompt in await self.prompts.find_prompts(account_id, names) if names else ():
            recorded.setdefault(prompt.name, set()).add(prompt.language)
        return [
            _prompt_missing(step, use, recorded.get(use.name, set()))
            for step, use in uses
            if preferred_language(recorded.get(use.name, ()), use.language) is None
        ]

    async def _endpoints(self, account_id: AccountId, uses: Sequence[tuple[str, EndpointUse]]) -> Sequence[Finding]:
        """An error for each saved endpoint that is not there."""
        names = sorted({use.name for _, use in uses})
        known = await self.endpoints.known_endpoints(account_id, names) if names else frozenset[str]()
        hint = "Save it among the account's webhook endpoints, or correct `endpoint:`."
        return [
            Finding(
                "endpoint_unknown",
                "error",
                use.line,
                step,
                f"The account has no saved endpoint {use.name[:64]!r}.",
                hint,
            )
            for step, use in uses
            if use.name not in known
        ]

    async def _flows(self, account_id: AccountId, judged: JudgedDraft) -> Sequence[Finding]:
        """An error for each flow that is not there; a flow may name itself before it is saved."""
        names = sorted({use.name for _, use in judged.flows} - {judged.draft.name})
        known = await self.flows.known_flows(account_id, names) if names else frozenset[str]()
        return [_flow_unknown(step, use) for step, use in judged.flows if use.name not in known | {judged.draft.name}]

    async def _queues(self, account_id: AccountId, uses: Sequence[tuple[str, QueueUse]]) -> Sequence[Finding]:
        """A warning for each queue that is not there: it may be made later, without a change of the flow."""
        names = sorted({use.name for _, use in uses})
        known = await self.flows.known_queues(account_id, names) if names else frozenset[str]()
        return [_queue_unknown(step, use) for step, use in uses if use.name not in known]

    async def _capabilities(self, account_id: AccountId, uses: Sequence[tuple[str, SwitchUse]]) -> Sequence[Finding]:
        """An error for each thing that the operator has switched off."""
        account = await self.accounts.get(account_id) if uses else None
        lacks = account.lacks if account is not None else frozenset[Switch]()
        return [_disabled(step, use) for step, use in uses if use.switch in lacks]


def _flow_unknown(step: str, use: FlowUse) -> Finding:
    message = f"The account has no flow {use.name[:64]!r}, or it is archived."
    hint = "Save that flow first, or correct `flow:`; a flow is named as its document does, or by its id."
    return Finding("flow_unknown", "error", use.line, step, message, hint)


def _queue_unknown(step: str, use: QueueUse) -> Finding:
    message = f"There is no queue {use.name[:64]!r}."
    hint = "Until there is, customers take `no_agent_available`, or `failed` of a transfer."
    return Finding("queue_unknown", "warning", use.line, step, message, hint)


def _disabled(step: str, use: SwitchUse) -> Finding:
    who = f"The step {step}" if step else "The flow"
    message = f"{who} {use.what}, which this account may not do."
    hint = f"Do without it, or ask the operator to switch `{use.switch}` on for the account."
    return Finding(f"{use.switch}_disabled", "error", use.line, step, message, hint)


def _among(use: CallerIdUse, dids: Sequence[str]) -> bool:
    """Whether it may be one of these; written without its country code, its last digits decide."""
    digits = _NOT_DIGITS.sub("", use.number).lstrip("0")
    return bool(digits) and any(did.endswith(digits) for did in dids)


def _did_unknown(step: str, use: CallerIdUse) -> Finding:
    message = f"{use.number[:40]!r} is no DID of the flow: calls would show another of its numbers."
    return Finding(
        "did_unknown", "error", use.line, step, message, "Attach the number to the flow, or write `anonymous`."
    )


def _prompt_missing(step: str, use: PromptUse, others: set[str]) -> Finding:
    only = f" in {use.language}, only in {', '.join(sorted(others))}" if others else ""
    message = f"The account has no recorded prompt {use.name!r}{only}."
    return Finding(
        "prompt_missing", "error", use.line, step, message, "Add it to the prompt library, or correct `file:`."
    )
