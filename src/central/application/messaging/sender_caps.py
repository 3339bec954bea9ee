"""How fast one sender may write by one carrier: those beyond it wait for their turn, and hold up no other sender (path step 4d).

Turns are given out in the memory of the one messenger that leads. Those that it gave stand in the messages that wait for them; whoever
opens a carrier anew goes on after the last of each sender, so a change of leader costs at most the parts of one second more.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from central.application.messaging.decide_news import Decided
from central.application.ports.carriers import CarrierId
from central.application.ports.message_store import Move, OpenCarrier, StoredMessage
from central.domain.ids import AccountId

WAITS: Final = "sender_rate"
"""Reason of a message that has its turn."""
_BURST: Final = timedelta(seconds=1)
_LATE: Final = timedelta(seconds=5)
"""Whose turn passed so long ago, while the carrier took nothing, takes another: else all of them would go at once."""
_KEPT: Final = 10_000

_Sender = tuple[AccountId, object, str]


def sender_rate(carrier: OpenCarrier) -> float:
    """Parts a second that one sender may send by it, 0 = as many as it likes."""
    rate = carrier.settings.get("sender_rate")
    return float(rate) if isinstance(rate, int | float) else 0.0


class SenderCaps:
    """Gives out turns; one instance a process. Each message gets a turn, and goes when that has come."""

    def __init__(self) -> None:
        self._free_at: dict[_Sender, datetime] = {}
        self._opened: dict[CarrierId, OpenCarrier] = {}

    def knows(self, carrier: OpenCarrier) -> bool:
        """Whether it goes on after turns that were given out before this carrier was opened; where nothing is capped it need not."""
        return not sender_rate(carrier) or self._opened.get(carrier.id) is carrier

    def go_on(self, carrier: OpenCarrier, last: Sequence[tuple[str, datetime, int]]) -> None:
        """The last turn that each sender was given, and how many parts take it: the next begins after it."""
        rate = sender_rate(carrier)
        for name, turn, parts in last:
            sender = carrier.account_id, carrier.id, name
            free = turn + timedelta(seconds=parts / rate)
            self._free_at[sender] = max(free, self._free_at.get(sender, free))
        self._opened[carrier.id] = carrier

    def wait(self, carrier: OpenCarrier, message: StoredMessage, now: datetime) -> Decided | None:
        """What makes it wait for its turn; None = it may go now."""
        rate = sender_rate(carrier)
        if not rate or (message.reason == WAITS and message.due_at is not None and now - message.due_at < _LATE):
            return None
        sender = carrier.account_id, carrier.id, message.sender
        turn = max(now, self._free_at.get(sender, now))
        self._free_at[sender] = turn + timedelta(seconds=message.parts / rate)
        if len(self._free_at) > _KEPT:
            self._free_at = {one: free for one, free in self._free_at.items() if free > now}
        if turn <= now + _BURST:
            return None
        move = Move(
            message=message, status=message.status, reason=WAITS, due_at=turn, carrier_id=message.carrier_id, cost=message.cost
        )  # fmt: skip
        return Decided(move)
