"""A carrier in service: what no far end tells twice outlives a store that is away, and one hand-over is never without bounds."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, cast

from central.application.messaging.hand_over import HandOverSms
from central.application.messaging.serve_carrier import ServeCarrier
from central.application.ports.carriers import CarrierId, LinkMoved, NewsBatch, PartAnswered, Submission
from central.application.ports.library import Library
from central.application.ports.message_store import MessageStore, OpenCarrier
from central.application.ports.world import Ids
from central.domain.errors import NeighbourError
from central.domain.ids import AccountId, MessageId, uuid7
from central.domain.message_routes import CarrierRoute
from tests.fakes.observed import ManualClock, ObservedTelemetry

ROW = OpenCarrier(AccountId(uuid7(1, 1)), CarrierId(uuid7(2, 1)), "main", "sms", "smpp", {}, {}, 0)
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Store:
    """Is away for so many transactions; keeps what is told of carriers."""

    def __init__(self, away: int = 0) -> None:
        self.away = away
        self.told: list[tuple[str, str]] = []
        self.limits: list[object] = []

    def come_and_go(self) -> None:
        self.away -= 1
        if self.away >= 0:
            raise NeighbourError("database_unavailable", "away")

    async def tell_carrier(self, _account: object, _carrier: object, state: str, _detail: str, _at: datetime) -> None:
        self.come_and_go()
        self.told.append(("carrier", state))

    async def tell_mailbox(self, _account: object, _carrier: object, state: str) -> None:
        self.come_and_go()
        self.told.append(("mailbox", state))

    @asynccontextmanager
    async def hand_over(self, _carrier: object, which: object, *_rest: object) -> AsyncGenerator[Any]:
        self.limits.append(which)
        yield type("Batch", (), {"messages": (), "account": None})


class Carrier:
    """Tells batches of news."""

    def __init__(self, *batches: NewsBatch) -> None:
        self._batches = batches

    def room(self) -> int:
        return 0

    async def submit(self, batch: Sequence[Submission]) -> None:
        raise AssertionError(batch)

    async def news(self) -> AsyncIterator[NewsBatch]:
        for batch in self._batches:
            yield batch

    async def close(self, patience_s: float) -> None:
        raise AssertionError(patience_s)


class News:
    """Stores nothing but links."""

    routes: Sequence[CarrierRoute] = ()

    def await_answers(self, batch: Sequence[Submission]) -> None:
        raise AssertionError(batch)

    def awaited(self) -> Collection[MessageId]:
        return ()

    def held(self) -> int:
        return 0

    async def answers(self, news: Sequence[PartAnswered]) -> None:
        raise AssertionError(news)

    async def others(self, news: Sequence[object]) -> None:
        """There are no receipts."""

    async def catch_up(self) -> int:
        return 0

    async def silent(self) -> Sequence[str]:
        return ()


async def test_the_state_of_a_link_is_told_when_the_store_is_back() -> None:
    answered: list[str] = []

    async def ack() -> None:
        answered.append("ack")

    async def refuse() -> None:
        answered.append("refuse")

    moves = [
        LinkMoved("t1", "down", AT),
        LinkMoved("t1", "up", AT),
        LinkMoved("box", "up", AT, only_hears=True),
    ]
    store = Store(away=2)
    carrier = Carrier(NewsBatch(moves, ack, refuse))

    async def none(_row: OpenCarrier, _room: int) -> Sequence[Submission]:
        return ()

    serving = ServeCarrier(ROW, carrier, none, News(), PartAnswered, cast("MessageStore", store), ObservedTelemetry())
    await serving.gather()
    assert [await serving.hear(0) for _ in range(3)] == [0, 0, 2]
    assert store.told == [("carrier", "up"), ("mailbox", "up")]
    assert answered == ["refuse"]  # the far end was told once, and nothing is left
    assert await serving.hear(0) == 0


async def test_a_window_of_any_size_is_filled_in_steps() -> None:
    store = Store()

    class NoPolicies:
        async def policies_of(self, *_asked: object) -> dict[object, object]:
            return {}

    hand_over = HandOverSms(
        cast("MessageStore", store), cast("Library", NoPolicies()), ManualClock(), cast("Ids", None), "here"
    )
    assert await hand_over(ROW, 640_000) == ()
    assert await hand_over(ROW, 7) == ()
    assert store.limits == [5_000, 7]
