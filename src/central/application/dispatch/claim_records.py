"""A worker turns its grants into records of its own: pick, judge, settle, in one transaction (path step 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from central.application.dispatch.judge_record import ClaimFacts, Funds, judge_record, set_up_broken
from central.application.dispatch.usable_set_up import usable_flows, usable_policies
from central.application.ports.dispatch import (
    ClaimBatch,
    ClaimDecision,
    DispatchStore,
    HandedRecord,
    NodeState,
    first_usable,
)
from central.application.ports.library import Library
from central.application.ports.world import Clock, Ids
from central.domain.contacts import Contact
from central.domain.ids import AccountId, FlowId
from central.domain.policies import Policy
from central.flow.prepared import PreparedFlow

Contacts = Mapping[tuple[AccountId, str], Contact]


def _reads_contact(flow: PreparedFlow | None) -> bool:
    return flow is not None and flow.reads_contact


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
            prepared = await usable_flows(self._library, {record.flow_version_id for record in batch.records})
            policies = await usable_policies(self._library, batch.accounts, now)
            contacts = await self._contacts(batch, prepared)
            decisions = self._judge(batch, prepared, policies, contacts, now)
            claimed = {c.id: c for c in await batch.settle(decisions, self._lease)}
        dids = await self._dids(decisions)
        handed: list[HandedRecord] = []
        for decision in decisions:
            mine = claimed.get(decision.record.id)
            if mine is None or decision.attempt_id is None:
                continue
            record = decision.record
            struck = decision.struck if decision.struck is not None else record.struck
            handed.append(
                HandedRecord(
                    record=record,
                    fence=mine.fence,
                    attempt_id=decision.attempt_id,
                    attempt_number=mine.attempt_number,
                    struck=struck,
                    reserved=decision.reserved,
                    account=batch.accounts[record.account_id],
                    prepared=prepared[record.flow_version_id],
                    policy=policies[record.account_id],
                    dids=dids[record.account_id, record.flow_id],
                    claimed_at=begun,
                    contact=contacts.get((record.account_id, record.numbers[first_usable(record, struck)])),
                )
            )
        return handed

    @staticmethod
    async def _contacts(batch: ClaimBatch, prepared: Mapping[UUID, PreparedFlow]) -> Contacts:
        """What is kept about the numbers of the batch, where it matters to anybody; one statement, or none."""
        wanted = {
            (record.account_id, number)
            for record in batch.records
            if record.account_id in batch.zoned or _reads_contact(prepared.get(record.flow_version_id))
            for number in record.numbers
        }
        return await batch.contacts(wanted) if wanted else {}

    def _judge(
        self,
        batch: ClaimBatch,
        prepared: Mapping[UUID, PreparedFlow],
        policies: Mapping[AccountId, Policy],
        contacts: Contacts,
        now: datetime,
    ) -> list[ClaimDecision]:
        facts: dict[AccountId, ClaimFacts] = {}
        zones: dict[AccountId, dict[str, str]] = {}
        for (account_id, number), contact in contacts.items():
            if contact.time_zone:
                zones.setdefault(account_id, {})[number] = contact.time_zone
        for account_id, account in batch.accounts.items():
            purse = batch.purses[account_id]
            facts[account_id] = ClaimFacts(
                account=account,
                lists=batch.lists.get(account_id, {}),
                prefixes=batch.prefixes.get(account_id, ()),
                funds=Funds(purse.balance + account.credit_limit.micros - purse.reserved),
                now=now,
                zones=zones.get(account_id, {}),
            )
        ids = self._ids.uuids(2 * len(batch.records))
        decisions: list[ClaimDecision] = []
        for i, record in enumerate(batch.records):
            flow, policy = prepared.get(record.flow_version_id), policies.get(record.account_id)
            if flow is None or policy is None:
                decisions.append(set_up_broken(record, now, ids[2 * i], "flow version" if flow is None else "policy"))
            else:
                decisions.append(
                    judge_record(record, facts[record.account_id], flow, policy, ids[2 * i], ids[2 * i + 1])
                )
        return decisions

    async def _dids(self, decisions: Sequence[ClaimDecision]) -> dict[tuple[AccountId, FlowId], tuple[str, ...]]:
        flows = {(d.record.account_id, d.record.flow_id) for d in decisions}
        return {flow: tuple(await self._library.dids(*flow)) for flow in flows}
