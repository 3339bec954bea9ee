"""Due messages go to their carrier: under lock they are judged again, paid, marked as handed over, and only then given away.

Path step 4d. What was committed as handed over and never reaches the carrier (we died in between) is uncertain: its lease runs
out, and it is not sent again. So never more is handed over at once than the carrier has room for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from central.application.messaging.decide_news import Decided, Lines, decide_overdue
from central.application.messaging.judge_sms import ANSWERED_ALL_THE_SAME, ANSWERS, NO_HOUR, listed_fault, opens_at
from central.application.messaging.sender_caps import WAITS as SENDER_WAITS
from central.application.messaging.sender_caps import SenderCaps, sender_rate
from central.application.ports.carriers import CarrierId, Submission
from central.application.ports.library import Library
from central.application.ports.message_store import MessageBatch, MessageStore, Move, OpenCarrier, StoredMessage
from central.application.ports.world import Clock, Ids
from central.domain.accounts import Account, AccountState, Switch, validity_over
from central.domain.errors import OperatorError
from central.domain.message_events import MessageEvent as Kind
from central.domain.policies import Policy
from central.domain.short_messages import Encoding
from central.domain.statuses import SmsStatus

LEASE: Final = timedelta(seconds=90)
"""How long a hand-over may be without an answer before it counts as lost; well above every response timer of a carrier."""
_LOOKED_AT: Final = 500
"""So many are looked at where senders have to wait, so that one who waits hides no other."""
WAITS: Final = "waits_for_its_hours"
_MOST_AT_ONCE: Final = 5_000
"""Parts of one transaction, however many a carrier has room for: windows are settings of customers."""
_LEAST_VALIDITY_S: Final = 60.0
_ASIDE: Final = 1000
"""So many that may not go now are looked at in one transaction, and so often in one turn."""
_ROUNDS: Final = 50
_ENCODINGS: Final[Mapping[str, Encoding]] = {"gsm7": "gsm7", "binary": "binary"}


class HandOverSms:
    """The use case; ``owner`` is this process."""

    def __init__(self, store: MessageStore, library: Library, clock: Clock, ids: Ids, owner: str) -> None:
        self._store, self._library, self._clock, self._ids, self._owner = store, library, clock, ids, owner
        self._caps = SenderCaps()

    async def __call__(self, carrier: OpenCarrier, room: int) -> Sequence[Submission]:
        """Hand over what is due and fits into ``room`` parts; the submissions, in order. Raises NeighbourError."""
        room = min(room, _MOST_AT_ONCE)
        limit = max(room, _LOOKED_AT) if sender_rate(carrier) else room
        if not self._caps.knows(carrier):
            turns = await self._store.last_turns(carrier.account_id, carrier.id, SENDER_WAITS, self._clock.now())
            self._caps.go_on(carrier, turns)
        for _ in range(_ROUNDS):
            now = self._clock.now()
            policy = await self._policy(carrier, now)
            async with self._store.hand_over(carrier, limit, self._owner, LEASE, now) as batch:
                if not batch.messages or batch.account is None:
                    return ()
                decided, going = self._judge(carrier, batch, batch.account, policy, room, now)
                moves = [one.move for one in decided if one.move is not None]
                await batch.write(moves, [line for one in decided for line in one.events], (), now)
            if going or not decided:
                return [_submission(message, now) for message in going]
            limit = max(room, _ASIDE)  # nothing of it may go: a million that wait for the morning hold nobody else back
        return ()

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
        full = False
        for message in batch.messages:
            if message.deadline <= now:
                decided.append(decide_overdue(message, now, lines))
                continue
            price = account.rate_plan.sms_price(message.recipient, message.parts)
            if fault := _fault(message, batch, account, policy, free - price, now):
                decided.append(_refused(message, fault, now, lines))
                continue
            opens = opens_at(message.recipient, message.purpose, account, policy, now)
            if opens > now:
                late = opens >= message.deadline
                decided.append(_refused(message, NO_HOUR, now, lines) if late else _waiting(message, opens, now, lines))
                continue
            full = full or message.parts > room  # the rest waits for the next turn, so that the order is kept
            if full:
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
    message: StoredMessage, batch: MessageBatch, account: Account, policy: Policy | None, left: int, now: datetime
) -> tuple[str, str, str] | None:
    """What changed since it was accepted."""
    if account.state is not AccountState.ACTIVE and not message.testing:
        return SmsStatus.FAILED, "account_inactive", f"The account is {account.state}."
    if validity_over(account, now):
        return SmsStatus.FAILED, "account_validity_expired", f"The account was valid until {account.valid_until}."
    if not account.has(Switch.SMS):
        return SmsStatus.FAILED, "sms_disabled", "SMS is switched off for this account."
    hits = message.hits - ANSWERED_ALL_THE_SAME if ANSWERS in message.ids else message.hits
    if listed := listed_fault(
        message.recipient, hits, batch.lists, policy, message.purpose, now, testing=message.testing
    ):
        return listed
    if left < 0:
        return SmsStatus.FAILED, "insufficient_balance", "Balance and credit limit do not cover it."
    return None


def _waiting(message: StoredMessage, opens: datetime, now: datetime, lines: Lines) -> Decided:
    """It was due in an hour in which it may go, and that hour is over."""
    line = lines.line(message, Kind.PUT_OFF, now, reason=WAITS, data={"until": opens})
    move = Move(message=message, status=message.status, reason=WAITS, due_at=opens, carrier_id=message.carrier_id)
    return Decided(move, [line])


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
        encoding=_ENCODINGS.get(message.encoding, "ucs2"),
        parts=message.parts,
        tries=message.tries + 1,
        validity_s=max(_LEAST_VALIDITY_S, (message.deadline - now).total_seconds()),
        ids=dict(message.ids),
        priority=message.priority,
    )
