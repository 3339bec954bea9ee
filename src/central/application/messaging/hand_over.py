"""Due messages go to their carrier: under lock they are judged again, paid, marked as handed over, and only then given away.

Path step 4d. What was committed as handed over and never reaches the carrier (we died in between) is uncertain: its lease runs
out, and it is not sent again. So never more is handed over at once than the carrier has room for.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from central.application.messaging.decide_news import Decided, Lines, decide_overdue
from central.application.messaging.judge_sms import listed_fault
from central.application.messaging.sender_caps import SenderCaps, sender_rate
from central.application.ports.carriers import CarrierId, Submission
from central.application.ports.library import Library
from central.application.ports.message_store import MessageBatch, MessageStore, Move, OpenCarrier, StoredMessage
from central.application.ports.world import Clock, Ids
from central.domain.accounts import Account, AccountState, Switch, validity_over
from central.domain.errors import OperatorError
from central.domain.message_events import MessageEvent as Kind
from central.domain.policies import Policy, Purpose
from central.domain.statuses import SmsStatus

LEASE: Final = timedelta(seconds=90)
"""How long a hand-over may be without an answer before it counts as lost; well above every response timer of a carrier."""
_LOOKED_AT: Final = 500
"""So many are looked at where senders have to wait, so that one who waits hides no other."""
_LEAST_VALIDITY_S: Final = 60.0


class HandOverSms:
    """The use case; ``owner`` is this process."""

    def __init__(self, store: MessageStore, library: Library, clock: Clock, ids: Ids, owner: str) -> None:
        self._store, self._library, self._clock, self._ids, self._owner = store, library, clock, ids, owner
        self._caps = SenderCaps()

    async def __call__(self, carrier: OpenCarrier, room: int) -> Sequence[Submission]:
        """Hand over what is due and fits into ``room`` parts; the submissions, in order. Raises NeighbourError."""
        now = self._clock.now()
        policy = await self._policy(carrier, now)
        looked_at = max(room, _LOOKED_AT) if sender_rate(carrier) else room
        async with self._store.hand_over(carrier, looked_at, self._owner, LEASE, now) as batch:
            if not batch.messages or batch.account is None:
                return ()
            decided, going = self._judge(carrier, batch, batch.account, policy, room, now)
            moves = [one.move for one in decided if one.move is not None]
            await batch.write(moves, [line for one in decided for line in one.events], (), now)
        return [_submission(message, now) for message in going]

    async def _policy(self, carrier: OpenCarrier, now: datetime) -> Policy | None:
        """Asked for before the rows are locked: it may take a connection of its own."""
        try:
            return (await self._library.policies_of([carrier.account_id], now)).get(carrier.account_id)
        except OperatorError:
            return None

    def _judge(
        self,
        carrier: OpenCarrier,
        batch: MessageBatch,
        account: Account,
        policy: Policy | None,
        room: int,
        now: datetime,
    ) -> tuple[list[Decided], list[StoredMessage]]:
        lines = Lines(self._ids.uuids(len(batch.messages)))
        decided: list[Decided] = []
        going: list[StoredMessage] = []
        free = batch.free
        for message in batch.messages:
            if message.parts > room:  # the rest waits for the next turn, so that the order is kept
                break
            if message.deadline <= now:
                decided.append(decide_overdue(message, now, lines))
                continue
            price = account.rate_plan.sms_price(message.recipient, message.parts)
            if fault := _fault(message, account, policy, free - price, now):
                decided.append(_refused(message, fault, now, lines))
                continue
            if waiting := self._caps.wait(carrier, message, now):
                decided.append(waiting)
                continue
            room -= message.parts
            free -= price
            going.append(message)
            decided.append(_handed(message, carrier, price, now, lines))
        return decided, going


def _fault(
    message: StoredMessage, account: Account, policy: Policy | None, left: int, now: datetime
) -> tuple[str, str, str] | None:
    """What changed since it was accepted."""
    if account.state is not AccountState.ACTIVE and not message.testing:
        return SmsStatus.FAILED, "account_inactive", f"The account is {account.state}."
    if validity_over(account, now):
        return SmsStatus.FAILED, "account_validity_expired", f"The account was valid until {account.valid_until}."
    if not account.has(Switch.SMS):
        return SmsStatus.FAILED, "sms_disabled", "SMS is switched off for this account."
    if "blacklist" in message.hits:
        return listed_fault(message.recipient, message.hits, {}, None, message.purpose, now, testing=False)
    scrub = None if policy is None else policy.scrubs(Purpose(message.purpose), "sms")
    if scrub and "whitelist" not in message.hits and any(f"dnd:{name}" in message.hits for name in scrub.registers):
        return SmsStatus.FAILED, "dnd", f"{message.recipient} is in the do-not-disturb register."
    if left < 0:
        return SmsStatus.FAILED, "insufficient_balance", "Balance and credit limit do not cover it."
    return None


def _refused(message: StoredMessage, fault: tuple[str, str, str], now: datetime, lines: Lines) -> Decided:
    status, reason, detail = fault
    line = lines.line(message, Kind.ENDED, now, reason=reason, moves=(message.status, status), data={"detail": detail})
    return Decided(
        Move(message=message, status=status, reason=reason, detail=detail, carrier_id=message.carrier_id), [line]
    )


def _handed(message: StoredMessage, carrier: OpenCarrier, price: int, now: datetime, lines: Lines) -> Decided:
    line = lines.line(message, Kind.HANDED_OVER, now, data={"carrier": carrier.name, "try": message.tries + 1})
    move = Move(
        message=message,
        status=message.status,
        reason=message.reason,
        lease=True,
        carrier_id=CarrierId(carrier.id),
        cost=price,
    )
    return Decided(move, [line])


def _submission(message: StoredMessage, now: datetime) -> Submission:
    return Submission(
        id=message.id,
        to=message.recipient,
        sender=message.sender,
        text=message.text,
        encoding="gsm7" if message.encoding == "gsm7" else "ucs2",
        parts=message.parts,
        tries=message.tries + 1,
        validity_s=max(_LEAST_VALIDITY_S, (message.deadline - now).total_seconds()),
        ids=dict(message.ids),
    )
