"""The request-level checks before any record is looked at, and what its records will be judged on (path step 1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from central.application.intake.gather_facts import intake_facts
from central.application.ports.intake import AccountFacts, FlowTarget, Grounds, IntakeStore
from central.application.ports.library import Library
from central.application.ports.world import Clock, Ids
from central.domain.accounts import AccountState, validity_over
from central.domain.errors import Conflict, Forbidden, NotFound, Refused
from central.domain.ids import AccountId
from central.domain.intake_facts import IntakeFacts
from central.flow.prepared import PreparedFlow

Mode = Literal["production", "testing"]


@dataclass(frozen=True, slots=True)
class Opening:
    """A request that may be opened: its flow version and what its records are judged by (``facts``, made from ``grounds``)."""

    target: FlowTarget
    grounds: Grounds
    prepared: PreparedFlow
    facts: IntakeFacts
    pending_cap: int


class OpenRequest:
    """The checks shared by JSON submission and file upload."""

    def __init__(self, store: IntakeStore, library: Library, clock: Clock, ids: Ids) -> None:
        self._store, self._library, self._clock, self._ids = store, library, clock, ids

    async def target(self, account_id: AccountId, flow: str) -> FlowTarget:
        """The flow by id or name. Raises NotFound ``flow_not_found``."""
        found = await self._store.find_flow(account_id, flow)
        if found is None:
            raise NotFound("flow_not_found", f"There is no flow {flow!r} in this account.", flow=flow)
        return found

    async def check(self, account_id: AccountId, flow: str, mode: Mode, actor: str, end_at: datetime | None) -> Opening:
        """Decide whether a request of this flow may be opened now.

        Raises NotFound ``flow_not_found``, ``no_production_version``; Conflict ``flow_archived``, ``flow_inactive``,
        ``flow_without_did``, ``request_end_past``; Refused ``account_validity_expired``, ``insufficient_balance``; Forbidden
        ``account_not_active`` (compat codes 301, 304, 207, 211, 212).
        """
        target = await self.target(account_id, flow)
        if target.archived_at is not None:
            raise Conflict("flow_archived", f"Flow {target.name} is archived.", flow=target.flow_id)
        if not target.active:
            raise Conflict("flow_inactive", f"Flow {target.name} is switched off.", flow=target.flow_id)
        if target.type == "inbound":
            message = f"Customers call flow {target.name}; it calls nobody."
            raise Conflict("flow_is_inbound", message, flow=target.flow_id)
        now = self._clock.now()
        if end_at is not None and end_at <= now:
            raise Conflict("request_end_past", "The request's end lies in the past.", end_at=end_at.isoformat())
        facts = await self._store.account(account_id)
        self._check_account(facts, now, mode)
        testing = mode == "testing"
        if testing:
            version_id = await self._store.freeze_draft(account_id, target.flow_id, self._ids.uuid(), actor)
        elif target.version_id is not None:
            version_id = target.version_id
        else:
            message = f"Flow {target.name} has no production version; publish it, or use mode testing."
            raise NotFound("no_production_version", message, flow=target.flow_id)
        opening = await self.opening(account_id, target, version_id, facts, testing=testing, end_at=end_at)
        if opening.prepared.needs_voice:
            self._check_calls(target, facts)
        return opening

    async def opening(
        self,
        account_id: AccountId,
        target: FlowTarget,
        version_id: UUID,
        account: AccountFacts,
        *,
        testing: bool,
        end_at: datetime | None,
    ) -> Opening:
        """The facts for a version that is already chosen (also when an interrupted upload goes on)."""
        flow_id, number, document = await self._store.version_document(account_id, version_id)
        prepared = (await self._library.flows([version_id]))[version_id]  # compiled once, not for each request
        now, pinned = self._clock.now(), account.account.policy_version or None
        policy = await self._library.policy(account.account.policy_id, pinned, now)
        grounds = Grounds(account_id, flow_id, version_id, number, document, policy, account, now, testing, end_at)
        return Opening(target, grounds, prepared, intake_facts(prepared, grounds), account.account.caps.pending_records)

    def _check_account(self, facts: AccountFacts, now: datetime, mode: Mode) -> None:
        account = facts.account
        if account.state is not AccountState.ACTIVE and mode == "production":
            raise Forbidden(
                "account_not_active", f"The account is {account.state}; only testing requests are possible."
            )
        if validity_over(account, now):
            raise Refused("account_validity_expired", f"The account was valid until {account.valid_until}.")
        if facts.free + account.credit_limit.micros < 0:
            raise Refused("insufficient_balance", "The account's balance and credit limit do not cover one unit.")

    @staticmethod
    def _check_calls(target: FlowTarget, facts: AccountFacts) -> None:
        """What a flow that makes calls needs besides."""
        if target.dids == 0:
            message = f"Flow {target.name} has no DID attached, so its calls would have no caller number."
            raise Conflict("flow_without_did", message, flow=target.flow_id)
        account = facts.account
        priced = any(rate.per_pulse.micros for rate in account.rate_plan.voice)
        if priced and facts.free + account.credit_limit.micros == 0:
            raise Refused("insufficient_balance", "The account's balance and credit limit do not cover one unit.")
