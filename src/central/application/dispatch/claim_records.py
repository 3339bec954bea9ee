"""A worker turns its grants into records of its own: pick, judge, settle, in one transaction (path step 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from central.application.dispatch.judge_record import ClaimFacts, Funds, judge_record
from central.application.ports.dispatch import ClaimBatch, ClaimDecision, DispatchStore, HandedRecord, NodeState
from central.application.ports.library import Library
from central.application.ports.world import Clock, Ids
from central.domain.ids import AccountId, FlowId
from central.domain.policies import Policy
from central.flow.prepared import PreparedFlow


class ClaimRecords:
    """The use case; one instance a worker."""

    def __init__(self, store: DispatchStore, library: Library, clock: Clock, ids: Ids, lease: timedelta) -> None:
        self._store, self._library, self._clock, self._ids, self._lease = store, library, clock, ids, lease

    async def __call__(self, node: NodeState) -> Sequence[HandedRecord]:
        """Claim what this node was granted; answers the records handed over to it, each with a fresh attempt.

        Raises NeighbourError when the store cannot be reached: then nothing, or everything, was claimed.
        """
        begun = self._clock.monotonic()
        now = self._clock.now()
        async with self._store.claim(node, now) as batch:
            if not batch.records:
                return ()
            prepared = await self._library.flows({record.flow_version_id for record in batch.records})
            policies = {account_id: await self._policy(batch, account_id, now) for account_id in batch.accounts}
            decisions = self._judge(batch, prepared, policies, now)
            claimed = {c.id: c for c in await batch.settle(decisions, self._lease)}
        dids = await self._dids(decisions)
        handed: list[HandedRecord] = []
        for decision in decisions:
            mine = claimed.get(decision.record.id)
            if mine is None or decision.attempt_id is None:
                continue
            record = decision.record
            handed.append(
                HandedRecord(
                    record=record,
                    fence=mine.fence,
                    attempt_id=decision.attempt_id,
                    attempt_number=mine.attempt_number,
                    struck=decision.struck if decision.struck is not None else record.struck,
                    reserved=decision.reserved,
                    account=batch.accounts[record.account_id],
                    prepared=prepared[record.flow_version_id],
                    policy=policies[record.account_id],
                    dids=dids[record.account_id, record.flow_id],
                    claimed_at=begun,
                )
            )
        return handed

    def _judge(
        self,
        batch: ClaimBatch,
        prepared: Mapping[UUID, PreparedFlow],
        policies: Mapping[AccountId, Policy],
        now: datetime,
    ) -> list[ClaimDecision]:
        facts: dict[AccountId, ClaimFacts] = {}
        for account_id, account in batch.accounts.items():
            purse = batch.purses[account_id]
            facts[account_id] = ClaimFacts(
                account=account,
                lists=batch.lists.get(account_id, {}),
                prefixes=batch.prefixes.get(account_id, ()),
                funds=Funds(purse.balance + account.credit_limit.micros - purse.reserved),
                now=now,
            )
        ids = self._ids.uuids(2 * len(batch.records))
        return [
            judge_record(
                record,
                facts[record.account_id],
                prepared[record.flow_version_id],
                policies[record.account_id],
                ids[2 * i],
                ids[2 * i + 1],
            )
            for i, record in enumerate(batch.records)
        ]

    async def _policy(self, batch: ClaimBatch, account_id: AccountId, now: datetime) -> Policy:
        account = batch.accounts[account_id]
        return await self._library.policy(account.policy_id, account.policy_version or None, now)

    async def _dids(self, decisions: Sequence[ClaimDecision]) -> dict[tuple[AccountId, FlowId], tuple[str, ...]]:
        flows = {(d.record.account_id, d.record.flow_id) for d in decisions}
        return {flow: tuple(await self._library.dids(*flow)) for flow in flows}
