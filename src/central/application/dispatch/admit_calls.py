"""Calls that come in are judged and become records: the peer, the number, the caller, the account, in one batch (steps 1 and 2).

A call that nobody should take is refused with a cause that tells the carrier what to do: 404 for a number that is not there,
403 where trying again helps nobody, 503 where another node may take it. An account that is expired or below its limit gets a
record all the same, with that status (domain 1.2).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from central.application.dispatch.usable_set_up import usable_flows, usable_policies
from central.application.ports.dispatch import HandedRecord, NodeState, PickedRecord
from central.application.ports.inbound import ArrivedCall, CalledNumber, CallingAccounts, InboundStore
from central.application.ports.library import AccountTrunk, Library
from central.application.ports.telephony import CallOffered
from central.application.ports.world import Clock, Ids
from central.domain.accounts import Account, validity_over
from central.domain.contacts import Contact
from central.domain.ids import AccountId, LegId, RecordId, RequestId, TrunkId
from central.domain.policies import Policy
from central.domain.statuses import FlowStatus
from central.flow.commands import ANONYMOUS
from central.flow.prepared import PreparedFlow

UNALLOCATED: Final = 1
REJECTED: Final = 21
CONGESTED: Final = 34
"""ITU-T Q.850; on SIP 404, 403 and 503 (RFC 3398, section 8.2.6.1)."""


Enter = Callable[[CalledNumber, AccountTrunk], str]
"""Takes a place for a call; "" = there was one, else what is full."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Not taken: the Q.850 cause for the carrier, and our own word for why."""

    offer: CallOffered
    q850: int
    reason: str


@dataclass(frozen=True, slots=True)
class Admitted:
    """Taken: the record to drive, and by which trunk the call came."""

    offer: CallOffered
    handed: HandedRecord
    trunk: AccountTrunk
    number: CalledNumber


@dataclass(frozen=True, slots=True)
class _Offer:
    """An offer of a number that runs a flow, with the trunk it came by."""

    offer: CallOffered
    number: CalledNumber
    trunk: AccountTrunk


class AdmitCalls:
    """The use case; one instance a voice node."""

    def __init__(self, store: InboundStore, library: Library, clock: Clock, ids: Ids, lease: timedelta) -> None:
        self._store, self._library, self._clock, self._ids, self._lease = store, library, clock, ids, lease

    async def __call__(
        self, node: NodeState, offers: Sequence[CallOffered], trunks: Mapping[TrunkId, AccountTrunk], enter: Enter
    ) -> Sequence[Admitted | Refused]:
        """Judge a batch; one answer each. Raises NeighbourError when the store is away: then nothing was taken."""
        begun, now = self._clock.monotonic(), self._clock.now()
        numbers = await self._store.called_numbers(sorted({offer.called for offer in offers}))
        known: list[_Offer] = []
        answers: list[Admitted | Refused] = []
        for offer in offers:
            found = _meet(offer, numbers.get(offer.called), trunks)
            if isinstance(found, Refused):
                answers.append(found)
            else:
                known.append(found)
        if not known:
            return answers
        accounts = sorted({one.number.account_id for one in known})
        callers = [(one.number.account_id, one.offer.caller) for one in known if one.offer.caller]
        facts = await self._store.accounts(accounts, callers, now)
        flows = await usable_flows(self._library, {v for one in known if (v := one.number.version_id) is not None})
        policies = await usable_policies(self._library, facts.accounts, now)
        arrived: list[tuple[_Offer, ArrivedCall]] = []
        for one in known:
            judged = self._judge(one, facts, flows, policies, now, enter)
            if isinstance(judged, Refused):
                answers.append(judged)
            else:
                arrived.append((one, judged))
        if not arrived:
            return answers
        readers = {
            (row.account_id, row.caller) for _, row in arrived if row.caller and flows[row.version_id].reads_contact
        }
        contacts: Mapping[tuple[AccountId, str], Contact] = await self._store.contacts(readers) if readers else {}
        dids = {row.flow_id: tuple(await self._library.dids(row.account_id, row.flow_id)) for _, row in arrived}
        requests = await self._store.admit(node.owner, [row for _, row in arrived], self._lease, now)
        for one, row in arrived:
            if row.leg_id is None:
                answers.append(Refused(one.offer, REJECTED, row.reason or ""))
            else:
                contact = contacts.get((row.account_id, row.caller))
                handed = _handed(row, requests[row.id], facts, flows, policies, dids[row.flow_id], begun, contact)
                answers.append(Admitted(one.offer, handed, one.trunk, one.number))
        return answers

    def _judge(
        self,
        one: _Offer,
        facts: CallingAccounts,
        flows: Mapping[UUID, PreparedFlow],
        policies: Mapping[AccountId, Policy],
        now: datetime,
        enter: Enter,
    ) -> ArrivedCall | Refused:
        number, offer, version_id = one.number, one.offer, one.number.version_id
        account, policy = facts.accounts.get(number.account_id), policies.get(number.account_id)
        if account is None or policy is None or number.flow_id is None or version_id is None or version_id not in flows:
            return Refused(offer, CONGESTED, "set_up_broken")
        if (number.account_id, offer.caller) in facts.blocked:
            return Refused(offer, REJECTED, "caller_blacklisted")
        status, reason = _account_status(account, facts, now)
        taken = status is FlowStatus.IN_PROGRESS
        if taken and (full := enter(number, one.trunk)):
            return Refused(offer, CONGESTED, full)
        record_id, request_id, attempt_id, event_id = self._ids.uuids(4)
        return ArrivedCall(
            account_id=number.account_id,
            id=RecordId(record_id),
            request_id=RequestId(request_id),
            flow_id=number.flow_id,
            version_id=version_id,
            name=f"Inbound {now.date().isoformat()}",
            called=number.number,
            caller=offer.caller or ANONYMOUS,
            trunk_id=one.trunk.trunk.id,
            arrived_at=offer.at,
            status=status,
            reason=reason or None,
            attempt_id=attempt_id,
            event_id=event_id,
            policy_id=policy.id,
            policy_version=policy.version,
            leg_id=LegId(offer.leg) if taken else None,
            data={
                "called": number.number,
                "trunk": one.trunk.trunk.name,
                "sentence": _SENTENCES[status].format(number=number.number, trunk=one.trunk.trunk.name),
            },
        )


_SENTENCES: Final = {
    FlowStatus.IN_PROGRESS: "A call to {number} came in over {trunk}.",
    FlowStatus.ACCOUNT_VALIDITY_EXPIRED: "A call to {number} was refused: the account's validity is over.",
    FlowStatus.INSUFFICIENT_BALANCE: "A call to {number} was refused: the account is below its limit.",
}


def _meet(offer: CallOffered, number: CalledNumber | None, trunks: Mapping[TrunkId, AccountTrunk]) -> _Offer | Refused:
    """The peer must be one of the number's account, and of the number's own trunk where it has one.

    What an agent's phone dials by itself is nobody's call yet: it is refused, with a word of its own.
    """
    if offer.phone is not None:
        return Refused(offer, REJECTED, "phone_may_not_call")
    if number is None:
        return Refused(offer, UNALLOCATED, "unknown_number")
    own = [trunks[key] for key in sorted(offer.trunks) if key in trunks and trunks[key].account_id == number.account_id]
    if number.trunk_id is not None:
        own = [trunk for trunk in own if trunk.trunk.id == number.trunk_id]
    if not own:
        return Refused(offer, REJECTED, "unknown_peer")
    if number.flow_id is None:
        return Refused(offer, UNALLOCATED, "no_inbound_flow")
    if not number.running:
        return Refused(offer, CONGESTED, "flow_not_running")
    return _Offer(offer, number, own[0])


def _account_status(account: Account, facts: CallingAccounts, now: datetime) -> tuple[FlowStatus, str]:
    if validity_over(account, now):
        return FlowStatus.ACCOUNT_VALIDITY_EXPIRED, "account_validity_expired"
    purse = facts.purses.get(account.id)
    if purse is None or purse.balance + account.credit_limit.micros - purse.reserved < 0:
        return FlowStatus.INSUFFICIENT_BALANCE, "insufficient_balance"
    return FlowStatus.IN_PROGRESS, ""


def _handed(
    row: ArrivedCall,
    request_id: RequestId,
    facts: CallingAccounts,
    flows: Mapping[UUID, PreparedFlow],
    policies: Mapping[AccountId, Policy],
    dids: tuple[str, ...],
    begun: float,
    contact: Contact | None,
) -> HandedRecord:
    """The record as a claim would have handed it over."""
    picked = PickedRecord(
        account_id=row.account_id, id=row.id, request_id=request_id, flow_id=row.flow_id, flow_version_id=row.version_id,
        testing=False, end_at=None, fence=0, status=row.status, epoch=1, attempts_made=0, attempts_charged=0, platform_faults=0,
        struck=0, numbers=(row.caller,), variables={}, time_zone=None, expires_at=None, client_identifier=None,
        due_at=row.arrived_at, hits=(),
    )  # fmt: skip
    return HandedRecord(
        record=picked, fence=1, attempt_id=row.attempt_id, attempt_number=1, struck=0, reserved=0,
        account=facts.accounts[row.account_id], prepared=flows[row.version_id], policy=policies[row.account_id],
        dids=(row.called, *(did for did in dids if did != row.called)), claimed_at=begun, contact=contact,
    )  # fmt: skip
