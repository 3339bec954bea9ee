"""A contact center on a database of the test's own: queues and agents as rows, doors of nodes, and the chooser."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import pytest

from central.adapters.postgres.offers import PostgresOffers
from central.adapters.postgres.pool import Pool
from central.adapters.system import SystemIds
from central.application.contact_center.assign_calls import AssignCalls
from central.application.contact_center.end_stranded import EndStranded
from central.application.contact_center.hold_places import HoldPlaces
from central.application.ports.contact_center import AgentWish, Offer, Place
from central.domain.ids import AccountId, LegId, RecordId
from tests.fakes.observed import ManualClock
from tests.stock import Stock


@dataclass(slots=True)
class Center:
    """One account with agents, and everything that offers them calls."""

    stock: Stock
    pool: Pool
    clock: ManualClock
    account: AccountId = field(init=False)
    ids: SystemIds = field(default_factory=SystemIds)
    store: PostgresOffers = field(init=False)
    chooser: AssignCalls = field(init=False)
    stranded: EndStranded = field(init=False)
    agents: dict[str, UUID] = field(default_factory=dict[str, UUID])

    def __post_init__(self) -> None:
        self.account = self.stock.account()
        self.store = PostgresOffers(self.pool)
        self.chooser = AssignCalls(self.store, self.clock, self.ids, lambda _: 0)
        self.stranded = EndStranded(self.store, self.clock)

    def door(self, node: str = "one") -> HoldPlaces:
        return HoldPlaces(self.store, node, self.clock, self.ids)

    def queue(self, name: str = "support", **columns: object) -> UUID:
        made = {
            "account_id": self.account,
            "id": self.ids.uuid(),
            "name": name,
            "created_at": self.clock.now(),
        } | columns
        self.stock.run(
            f"insert into queue ({', '.join(made)}) values ({', '.join(['%s'] * len(made))})", *made.values()
        )  # fmt: skip
        return UUID(str(made["id"]))

    def agent(
        self,
        name: str,
        *queues: UUID,
        status: str = "IDLE",
        idle_s: float = 60,
        tier: int = 1,
        phone_at: str | None = None,
    ) -> UUID:
        """An agent who works by telephone, or by a SIP phone that has registered at the node ``phone_at`` ("" = nowhere)."""
        agent = self.agents[name] = self.ids.uuid()
        now = self.clock.now()
        self.stock.run(
            "insert into agent (account_id, id, key, name, status, since, created_at, phone, number, phone_node)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            self.account, agent, name.lower(), name, status, now - timedelta(seconds=idle_s), now,
            "number" if phone_at is None else "sip", f"91981234{len(self.agents):04d}", phone_at or "",
        )  # fmt: skip
        for queue in queues:
            self.stock.run(
                "insert into queue_agent (account_id, queue_id, agent_id, tier, place) values (%s, %s, %s, %s, %s)",
                self.account, queue, agent, tier, len(self.agents),
            )  # fmt: skip
        return agent

    def wish(self, queue: str = "support", *, agent: str = "", max_wait_s: float = 30, priority: int = 0) -> AgentWish:
        return AgentWish(
            account_id=self.account, record_id=RecordId(self.ids.uuid()), leg=LegId(self.ids.uuid()), number="919800000001",
            queue="" if agent else queue, agent=agent, max_wait_s=max_wait_s, priority=priority,
        )  # fmt: skip

    async def offered(self, door: HoldPlaces, place: Place) -> list[Offer]:
        """One tick of the chooser and one round of the node; the agents to be rung for this place."""
        await self.chooser.run()
        await door.round()
        return await rung(place)

    def statuses(self) -> dict[str, str]:
        rows = self.stock.rows("select name, status from agent where account_id = %s", self.account)
        return {str(name): str(status) for name, status in rows}

    def history(self, name: str) -> list[tuple[object, ...]]:
        query = "select from_status, to_status, reason from agent_event where agent_id = %s order by at, id"
        return self.stock.rows(query, self.agents[name])


async def rung(place: Place) -> list[Offer]:
    """The agents to be rung; there must be some."""
    offers = await place.offers()
    assert not isinstance(offers, str), offers
    return list(offers)


@pytest.fixture
def center(database: str, worker_pool: Pool) -> Center:
    stock = Stock(database)
    now = stock.now.replace(microsecond=stock.now.microsecond // 1000 * 1000)  # histories are kept to the millisecond
    return Center(stock, worker_pool, ManualClock(now))
