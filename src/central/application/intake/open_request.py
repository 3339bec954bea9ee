"""The request-level checks before any record is looked at, and the facts that its records are judged by (path step 1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from central.application.ports.dispatch import ListState
from central.application.ports.intake import AccountFacts, FlowTarget, IntakeStore
from central.application.ports.library import Library
from central.application.ports.world import Clock, Ids
from central.domain.accounts import AccountState, Switch, validity_over
from central.domain.errors import Conflict, Forbidden, NotFound, Refused
from central.domain.ids import AccountId
from central.domain.intake_facts import IntakeFacts, ListVersions
from central.domain.policies import Policy
from central.domain.variable_rules import CompiledRules, compile_rules
from central.flow.prepared import PreparedFlow, calling_window, prepare_flow

Mode = Literal["production", "testing"]


@dataclass(frozen=True, slots=True)
class Opening:
    """A request that may be opened: its flow version and what its records are judged by."""

    target: FlowTarget
    version_id: UUID
    testing: bool
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
        if target.dids == 0:
            message = f"Flow {target.name} has no DID attached, so its calls would have no caller number."
            raise Conflict("flow_without_did", message, flow=target.flow_id)
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
        return await self.opening(account_id, target, version_id, facts, testing=testing, end_at=end_at)

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
        prepared = prepare_flow(version_id, account_id, flow_id, number, document)
        policy = await self._library.policy(
            account.account.policy_id, account.account.policy_version or None, self._clock.now()
        )
        facts = intake_facts(prepared, policy, account, self._clock.now(), testing=testing, end_at=end_at)
        return Opening(target, version_id, testing, prepared, facts, account.account.caps.pending_records)

    def _check_account(self, facts: AccountFacts, now: datetime, mode: Mode) -> None:
        account = facts.account
        if account.state is not AccountState.ACTIVE and mode == "production":
            raise Forbidden(
                "account_not_active", f"The account is {account.state}; only testing requests are possible."
            )
        if validity_over(account, now):
            raise Refused("account_validity_expired", f"The account was valid until {account.valid_until}.")
        if facts.free + account.credit_limit.micros < 0 or (
            facts.free + account.credit_limit.micros == 0 and any(r.per_pulse.micros for r in account.rate_plan.voice)
        ):
            raise Refused("insufficient_balance", "The account's balance and credit limit do not cover one unit.")


def intake_facts(
    prepared: PreparedFlow,
    policy: Policy,
    account: AccountFacts,
    now: datetime,
    *,
    testing: bool,
    end_at: datetime | None,
) -> IntakeFacts:
    """Everything that the checks of one chunk depend on besides its rows."""
    scrub = policy.scrubs(prepared.purpose, "voice")
    dnd = account.lists.get("dnd")
    stale = (
        scrub is not None
        and scrub.on_stale == "block"
        and (dnd is None or dnd.fresh_at is None or now - dnd.fresh_at > scrub.max_age)
    )

    @lru_cache(maxsize=4096)
    def opening(due: datetime, zones: tuple[str, ...]) -> datetime | None:
        return calling_window(prepared, policy, zones)[1](due)

    always = not calling_window(prepared, policy, ("UTC",))[0]
    return IntakeFacts(
        now=now,
        country=account.account.country,
        zone=ZoneInfo(prepared.flow.time_zone),
        rules=_rules(prepared),
        testing=testing,
        marketing=scrub is not None,
        international=account.account.has(Switch.INTERNATIONAL_CALLING),
        strict=prepared.calls.strict_start,
        register_stale=stale,
        registers=scrub.registers if scrub is not None else (),
        reject_duplicates=prepared.calls.duplicates == "reject",
        expires_after=prepared.calls.expires_after,
        end_at=end_at,
        opening=None if always else opening,
        lists=ListVersions(
            blacklist=_version(account.lists, "blacklist"),
            whitelist=_version(account.lists, "whitelist"),
            dnd=_version(account.lists, "dnd"),
        ),
    )


def _rules(prepared: PreparedFlow) -> CompiledRules:
    return compile_rules(prepared.flow.variables, prepared.flow.formats.moments)


def _version(lists: Mapping[str, ListState], name: str) -> str:
    state = lists.get(name)
    if state is None:
        return ""
    fresh = f" of {state.fresh_at:%Y-%m-%dT%H:%M:%SZ}" if state.fresh_at else ""
    return f"version {state.version}{fresh}"
