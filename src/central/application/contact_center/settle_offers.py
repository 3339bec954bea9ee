"""What became of offers and places, decided and stored together (path step 4b).

News come from the nodes that ring, and from the contact center itself when a node is gone; both are settled here, in batches.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from central.application.ports.contact_center import OfferEnd, TalkEnd
from central.application.ports.offers import AgentMove, OfferEnded, OfferStore, OpenOffer, PlaceMove
from central.domain.agent_moves import Next, OfferFault, after_offer, after_talk, after_vain
from central.domain.ids import AccountId
from central.domain.statuses import AgentStatus

_FAULTS: Final[Mapping[OfferEnd, OfferFault]] = {
    "missed": "missed", "busy": "busy", "refused": "refused", "unreachable": "unreachable",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Taken:
    """The agent answered."""

    account_id: AccountId
    place: UUID
    offer: UUID


@dataclass(frozen=True, slots=True)
class Ended:
    """Nobody answered the offer."""

    account_id: AccountId
    place: UUID
    offer: UUID
    how: OfferEnd


@dataclass(frozen=True, slots=True)
class Over:
    """The conversation is over."""

    account_id: AccountId
    place: UUID
    offer: UUID
    how: TalkEnd


@dataclass(frozen=True, slots=True)
class Left:
    """The place is given up; ``outcome`` tells why."""

    account_id: AccountId
    place: UUID
    outcome: str


PlaceNews = Taken | Ended | Over | Left


async def settle(store: OfferStore, news: Sequence[PlaceNews], at: datetime) -> frozenset[UUID]:
    """Store what became of places, at most one piece of news for each; answers the offers that were taken."""
    async with store.offers_of([one.place for one in news]) as batch:
        decided = _Decided()
        offers: dict[UUID, list[OpenOffer]] = defaultdict(list)
        for offer in batch.offers:
            offers[offer.place_id].append(offer)
        for one in news:
            decided.add(one, offers[one.place])
        await batch.write(decided.agents, decided.places, decided.taken, decided.ended, at)
    return frozenset(offer for _, offer in decided.taken)


class _Decided:
    """What a batch of news comes to."""

    def __init__(self) -> None:
        self.agents: list[AgentMove] = []
        self.places: list[PlaceMove] = []
        self.taken: list[tuple[AccountId, UUID]] = []
        self.ended: list[OfferEnded] = []

    def add(self, news: PlaceNews, offers: Sequence[OpenOffer]) -> None:
        """Decide one piece of news, given the open offers of its place."""
        match news:
            case Taken():
                self._take(news, offers)
            case Ended():
                self._end(news, offers)
            case Over():
                self._part(news, offers)
            case Left():
                self._leave(news, offers)

    def _take(self, news: Taken, offers: Sequence[OpenOffer]) -> None:
        mine = next((one for one in offers if one.id == news.offer), None)
        if mine is None or mine.place_state != "offered":
            return
        if mine.agent.status != AgentStatus.INCOMING:  # he was logged out while his phone rang
            self._end(Ended(news.account_id, news.place, news.offer, "withdrawn"), offers)
            return
        self.taken.append((mine.account_id, mine.id))
        self.places.append(
            PlaceMove(account_id=mine.account_id, id=mine.place_id, state="talking", agent_id=mine.agent_id)
        )
        self._move(mine, Next(AgentStatus.ON_CALL, "answered"), answered=True)
        for rival in offers:
            if rival.id != mine.id:
                self._free(rival, "withdrawn")

    def _end(self, news: Ended, offers: Sequence[OpenOffer]) -> None:
        mine = next((one for one in offers if one.id == news.offer and not one.taken), None)
        if mine is None:
            return
        self._free(mine, news.how)
        state = "offered" if mine.rivals else "waiting"
        passed = mine.agent_id if news.how in _FAULTS else None
        self.places.append(PlaceMove(account_id=mine.account_id, id=mine.place_id, state=state, passed=passed))

    def _part(self, news: Over, offers: Sequence[OpenOffer]) -> None:
        mine = next((one for one in offers if one.id == news.offer and one.taken), None)
        if mine is None:
            return
        self.ended.append(OfferEnded(mine.account_id, mine.id, news.how))
        vain = news.how == "not_reached"
        self._move(mine, after_vain(mine.agent) if vain else after_talk(mine.agent, mine.terms))
        again = news.how == "agent_lost"
        state, outcome = ("waiting", "") if again else ("over", "not_reached" if vain else "agent_allocated")
        passed = mine.agent_id if again else None
        self.places.append(
            PlaceMove(account_id=mine.account_id, id=mine.place_id, state=state, outcome=outcome, passed=passed)
        )

    def _leave(self, news: Left, offers: Sequence[OpenOffer]) -> None:
        talked = False
        for one in offers:
            if one.taken:
                talked = True
                self.ended.append(OfferEnded(one.account_id, one.id, news.outcome))
                self._move(one, after_talk(one.agent, one.terms))
            else:
                self._free(one, "withdrawn")
        outcome = "agent_allocated" if talked else news.outcome
        self.places.append(PlaceMove(account_id=news.account_id, id=news.place, state="over", outcome=outcome))

    def _free(self, offer: OpenOffer, how: OfferEnd) -> None:
        """An offer that nobody answered: he is free again, or paused."""
        self.ended.append(OfferEnded(offer.account_id, offer.id, how))
        fault = _FAULTS.get(how)
        self._move(offer, after_offer(offer.agent, offer.terms, fault), missed=fault is not None)

    def _move(self, offer: OpenOffer, to: Next, *, missed: bool = False, answered: bool = False) -> None:
        if offer.agent.status not in {AgentStatus.INCOMING, AgentStatus.ON_CALL}:
            return  # a supervisor has logged him out meanwhile: his status stands
        self.agents.append(
            AgentMove(
                account_id=offer.account_id,
                agent_id=offer.agent_id,
                from_status=offer.agent.status,
                to_status=to.status,
                reason=to.reason,
                offer_id=offer.id,
                pause_code=to.pause_code,
                wrap_up_s=to.wrap_up_s,
                missed=missed,
                answered=answered,
            )
        )
