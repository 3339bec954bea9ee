"""One open carrier, of short messages or e-mail: due messages go to it while it has room, and its news are stored in large batches.

Path steps 4d and 5. Two loops run side by side: ``send`` and ``hear``. News are gathered while the store is busy with those before
them, so that a carrier of any speed costs few transactions.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from typing import Final, Generic, Protocol, TypeVar

from central.application.ports.carriers import LinkMoved, MailAnswered, NewsBatch, PartAnswered
from central.application.ports.message_store import MessageStore, OpenCarrier
from central.application.ports.telemetry import Telemetry
from central.domain.errors import NeighbourError
from central.domain.ids import AccountId, MessageId
from central.domain.message_routes import CarrierRoute

_MOST_GATHERED: Final = 4000
_PAUSE_S: Final = 0.5
_ROOM_S: Final = 0.05

Given = TypeVar("Given")
Told = TypeVar("Told", bound=PartAnswered | MailAnswered)
Given_contra = TypeVar("Given_contra", contravariant=True)
Told_contra = TypeVar("Told_contra", contravariant=True)


class Carrier(Protocol[Given_contra]):
    """What short messages and e-mail have in common: ports SmsCarrier and MailRelay."""

    def room(self) -> int:
        """How much more it takes at once now."""
        ...

    async def submit(self, batch: Sequence[Given_contra]) -> None:
        """Hand these over."""
        ...

    def news(self) -> AsyncIterator[NewsBatch]:
        """Everything that becomes known."""
        ...

    async def close(self, patience_s: float) -> None:
        """Take no more, and end the news."""
        ...


class StoreNews(Protocol[Given_contra, Told_contra]):
    """Who stores what the carrier tells."""

    routes: Sequence[CarrierRoute]

    def await_answers(self, batch: Sequence[Given_contra]) -> None:
        """These are given to the carrier now."""
        ...

    def awaited(self) -> Collection[MessageId]:
        """What was given to the carrier and has no stored answer."""
        ...

    def held(self) -> int:
        """Answers that came and are not stored, as others of their message are missing."""
        ...

    async def answers(self, news: Sequence[Told_contra]) -> None:
        """Store what became of hand-overs; they are told once. Raises NeighbourError."""
        ...

    async def others(self, news: Sequence[object]) -> None:
        """Store all else, which the far end keeps until we have it. Raises NeighbourError."""
        ...

    async def catch_up(self) -> int:
        """What is looked at now and then."""
        ...

    async def silent(self) -> Sequence[str]:
        """What the far end calls messages of which it never told the end; it is asked about them."""
        ...


class Ear(Protocol):
    """Something beside the carrier that its news come back by: port MailEar."""

    def news(self) -> AsyncIterator[NewsBatch]:
        """Everything that becomes known."""
        ...

    async def close(self, patience_s: float) -> None:
        """End the news."""
        ...


class ServeCarrier(Generic[Given, Told]):
    """The use case; one instance an open carrier. ``told``: the kind of its answers."""

    def __init__(
        self, row: OpenCarrier, carrier: Carrier[Given], hand_over: Callable[[OpenCarrier, int], Awaitable[Sequence[Given]]],
        news: StoreNews[Given, Told], told: type[Told], store: MessageStore, telemetry: Telemetry,
        ask: Callable[[Sequence[str]], Awaitable[None]] | None = None,
    ) -> None:  # fmt: skip
        self.row, self.carrier, self.news = row, carrier, news
        self._hand_over, self._told, self._store, self._ask = hand_over, told, store, ask
        self._take_back: Callable[[], Awaitable[int]] | None = None
        self._telemetry = telemetry.bound(carrier=row.name)
        self._ears: list[Ear] = []
        self._gathered: list[NewsBatch] = []
        self._came = asyncio.Event()
        self._room = asyncio.Event()
        self._freed = asyncio.Event()

    def hear_by(self, ear: Ear) -> None:
        """News come back by this as well; said before ``gather``."""
        self._ears.append(ear)

    def give_back_by(self, take_back: Callable[[], Awaitable[int]]) -> None:
        """Asks the carrier for what is taken back."""
        self._take_back = take_back

    async def send(self) -> int:
        """Hand over what is due and fits; 0 = nothing is to be done for a while. Raises NeighbourError: then nothing was given."""
        self._freed.clear()
        room = self.carrier.room() - self.news.held()
        if room <= 0:
            return await self._until_freed()
        submissions = await self._hand_over(self.row, room)
        if submissions:
            self.news.await_answers(submissions)
            await self.carrier.submit(submissions)
            self._telemetry.count("messages_handed_over", len(submissions))
        return len(submissions)

    async def _until_freed(self) -> int:
        """While answers are under way, the next hand-over follows as soon as they are stored, not at the next look."""
        if not self.news.awaited():
            return 0
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._freed.wait(), _ROOM_S)
        return 1

    async def gather(self) -> None:
        """Take the carrier's news until it is closed; waits while too many are not stored."""
        await asyncio.gather(*(self._take(one) for one in (self.carrier, *self._ears)))

    async def _take(self, source: Carrier[Given] | Ear) -> None:
        async for batch in source.news():
            self._gathered.append(batch)
            self._came.set()
            while sum(len(gathered.news) for gathered in self._gathered) > _MOST_GATHERED:
                self._room.clear()
                await self._room.wait()

    async def hear(self, wait_s: float) -> int:
        """Store what was gathered, waiting for it so long; how many news. The far end hears that we have them only then."""
        if not self._gathered:
            self._came.clear()
            try:
                await asyncio.wait_for(self._came.wait(), wait_s)
            except TimeoutError:
                return 0
        batches, self._gathered = self._gathered, []
        self._room.set()
        news = [one for batch in batches for one in batch.news]
        try:
            if answers := [one for one in news if isinstance(one, self._told)]:
                await self.news.answers(answers)
        except NeighbourError as error:  # told once: they stay with us
            self._gathered = [*batches, *self._gathered]
            self._came.set()
            await self._delayed(error, len(news))
            return 0
        try:
            await self._store_others(news)
        except NeighbourError as error:
            await self._delayed(error, len(news))
            for batch in batches:
                await batch.refuse()
            self._keep_moves(news)
            self._freed.set()
            return 0
        for batch in batches:
            await batch.ack()
        self._freed.set()
        return len(news)

    def _keep_moves(self, news: Sequence[object]) -> None:
        """No far end tells again how its links are: the last state of each stays with us until it is stored."""
        moved = {(one.link, one.only_hears): one for one in news if isinstance(one, LinkMoved)}
        if moved:
            self._gathered = [NewsBatch(list(moved.values()), _nothing, _nothing), *self._gathered]
            self._came.set()

    async def _delayed(self, error: NeighbourError, news: int) -> None:
        self._telemetry.warning("carrier_news_delayed", code=error.code, news=news)
        await asyncio.sleep(_PAUSE_S)

    async def _store_others(self, news: Sequence[object]) -> None:
        await self.news.others(news)
        for moved in (one for one in news if isinstance(one, LinkMoved)):
            self._telemetry.event("carrier_link_moved", link=moved.link, news=moved.news, detail=moved.detail)
            if moved.only_hears:
                state = f"{moved.news}: {moved.detail}" if moved.detail else moved.news
                await self._store.tell_mailbox(self.row.account_id, self.row.id, state)
            else:
                await self._store.tell_carrier(
                    self.row.account_id, self.row.id, moved.news, f"{moved.link}: {moved.detail}", moved.at
                )

    async def catch_up(self) -> int:
        """Match what came too early; ask about what was never told, and for what is taken back."""
        if self._take_back is not None:
            await self._take_back()
        if self._ask is not None and (silent := await self.news.silent()):
            await self._ask(silent)
        return await self.news.catch_up()

    def held(self) -> Collection[tuple[AccountId, MessageId]]:
        """What the carrier was given and has not answered, or whose answer is not stored."""
        return [(self.row.account_id, message) for message in self.news.awaited()]

    def know_routes(self, routes: tuple[CarrierRoute, ...]) -> None:
        """The routes of the account, for what must go another way."""
        self.news.routes = routes

    async def close(self, patience_s: float) -> None:
        """Take no more, let what is under way be answered, end the news."""
        await asyncio.gather(*(one.close(patience_s) for one in (self.carrier, *self._ears)))


async def _nothing() -> None:
    """Nobody waits to hear of it."""
