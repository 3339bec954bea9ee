"""The OfferStore port on PostgreSQL (``queries/offer.sql``), for all accounts of the shard."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from central.adapters.postgres.hot_statements import hot_statements
from central.adapters.postgres.pool import Connection, Pool, transaction
from central.application.ports.contact_center import Offer
from central.application.ports.offers import (
    AgentMove,
    Desk,
    NewOffer,
    NewPlace,
    OfferEnded,
    OfferNews,
    OpenOffer,
    PlaceMove,
)
from central.domain.agent_moves import AgentNow, Terms
from central.domain.agents import FreeAgent, Membership, QueueRule, Strategy, WaitingCall
from central.domain.ids import AccountId

_SQL = hot_statements("offer")


class PostgresOffers:
    """Places, offers and agents; ``pool`` is one of central_worker."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def enter(self, places: Sequence[NewPlace], node: str, lease: timedelta, at: datetime) -> Mapping[UUID, str]:
        """Store places; "" = it waits."""
        asked = {"places": _json(places), "node": node, "lease": lease, "at": at}
        async with transaction(self._pool) as connection:
            await _SQL["lock_queues"].rows(connection, asked)
            return dict(await _SQL["enter_places"].rows(connection, asked))

    async def desks(self, at: datetime) -> Sequence[Desk]:
        """Accounts in which somebody waits."""
        async with transaction(self._pool) as connection:
            waiting = await _SQL["waiting"].rows(connection, {"at": at})
            if not waiting:
                return []
            accounts = {"accounts": sorted({row[0] for row in waiting}), "today": at.date()}
            rules = await _SQL["rules"].rows(connection, accounts)
            free = await _SQL["free_agents"].rows(connection, accounts)
        return _desks(waiting, rules, free)

    async def offer(self, offers: Sequence[NewOffer], at: datetime) -> int:
        """Write offers; how many agents were still free."""
        async with transaction(self._pool) as connection:
            return int(await _SQL["make_offers"].value(connection, {"offers": _json(offers), "at": at}))

    async def hear(self, node: str, mine: Collection[UUID], lease: timedelta, at: datetime) -> OfferNews:
        """Renew places, and tell what is new."""
        asked = {"node": node, "mine": list(mine), "lease": lease, "at": at}
        async with transaction(self._pool) as connection:
            await _SQL["renew_places"].run(connection, asked)
            offers = await _SQL["node_offers"].rows(connection, asked)
            withdrawn = await _SQL["node_withdrawn"].rows(connection, asked)
            over = await _SQL["places_over"].rows(connection, asked)
        return OfferNews(
            [(place, _offer(*rest)) for place, *rest in offers], dict(over), [(p, o) for p, o in withdrawn]
        )

    def open_offers(self, ids: Sequence[UUID]) -> contextlib.AbstractAsyncContextManager[PostgresOfferBatch]:
        """These offers under lock."""
        return self._locked(ids, ())

    def offers_of(self, places: Sequence[UUID]) -> contextlib.AbstractAsyncContextManager[PostgresOfferBatch]:
        """The offers of these places under lock."""
        return self._locked((), places)

    @contextlib.asynccontextmanager
    async def _locked(self, ids: Sequence[UUID], places: Sequence[UUID]) -> AsyncGenerator[PostgresOfferBatch]:
        async with transaction(self._pool) as connection:
            rows = await _SQL["lock_offers"].rows(connection, {"ids": list(ids), "places": list(places)})
            yield PostgresOfferBatch(connection, [_open(row) for row in rows])

    async def stranded(self, at: datetime, limit: int) -> Sequence[tuple[AccountId, UUID, str]]:
        """Places to be ended."""
        async with transaction(self._pool) as connection:
            return [(a, p, how) for a, p, how in await _SQL["stranded"].rows(connection, {"at": at, "n": limit})]


class PostgresOfferBatch:
    """One open transaction over locked offers."""

    def __init__(self, connection: Connection, offers: Sequence[OpenOffer]) -> None:
        self._connection, self.offers = connection, offers

    async def write(
        self,
        agents: Sequence[AgentMove],
        places: Sequence[PlaceMove],
        taken: Sequence[tuple[AccountId, UUID]],
        ended: Sequence[OfferEnded],
        at: datetime,
    ) -> None:
        """Store all that was decided."""
        connection = self._connection
        if taken:
            await _SQL["take_offers"].run(connection, {"ids": [offer for _, offer in taken], "at": at})
        if ended:
            await _SQL["close_offers"].run(connection, {"ended": _json(ended), "at": at})
        if places:
            await _SQL["move_places"].run(connection, {"places": _json(places), "at": at})
        if agents:
            await _SQL["move_agents"].run(connection, {"moves": _json(agents), "at": at, "today": at.date()})


def _json(values: Sequence[msgspec.Struct]) -> str:
    return msgspec.json.encode(values).decode()


def _desks(
    waiting: Sequence[Sequence[Any]], rules: Sequence[Sequence[Any]], free: Sequence[Sequence[Any]]
) -> list[Desk]:
    calls: dict[AccountId, list[WaitingCall]] = defaultdict(list)
    for account, place, queue, since, priority, agent, skills, passed, node, preferred in waiting:
        calls[account].append(
            WaitingCall(
                id=place,
                queue=queue,
                since=since,
                priority=priority,
                agent=agent,
                skills=skills,
                passed=frozenset(passed),
                node=node,
                preferred=preferred,
            )
        )
    queues: dict[AccountId, dict[UUID, QueueRule]] = defaultdict(dict)
    for account, queue, strategy, order, last, ages_s in rules:
        before = (order, last) if order is not None and last is not None else None
        queues[account][queue] = QueueRule(id=queue, strategy=Strategy(strategy), last=before, ages_s=ages_s)
    agents: dict[AccountId, list[FreeAgent]] = defaultdict(list)
    for account, agent, since, taken, skills, members, node in free:
        within = {UUID(queue): Membership(tier, order) for queue, (tier, order) in members.items()}
        agents[account].append(FreeAgent(id=agent, since=since, calls=taken, skills=skills, queues=within, node=node))
    return [Desk(account, queues[account], calls[account], agents[account]) for account in calls]


def _offer(offer: UUID, agent: UUID, name: str, number: str, ring_timeout_s: float, caller_id: str) -> Offer:
    return Offer(id=offer, agent=agent, name=name, number=number, ring_timeout_s=ring_timeout_s, caller_id=caller_id)


def _open(row: Sequence[Any]) -> OpenOffer:
    account, offer, place, agent, taken, state, rivals, *rest = row
    status, wanted, code, misses, said, wrap_up_s, queue_misses = rest
    return OpenOffer(
        account_id=account,
        id=offer,
        place_id=place,
        agent_id=agent,
        taken=taken,
        place_state=state,
        rivals=rivals,
        agent=AgentNow(status, wanted, code, misses, said),
        terms=Terms(wrap_up_s, queue_misses),
    )
