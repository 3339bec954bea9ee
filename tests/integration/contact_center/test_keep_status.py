"""What agents and supervisors order, and what time brings, on the real store and among real offers (domain 9.3)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest

from central.adapters.postgres.agent_statuses import PostgresAgentStatuses
from central.adapters.postgres.agents import PostgresAgents, PostgresPauseCodes
from central.adapters.postgres.pool import Pool
from central.adapters.postgres.retention import PostgresRetention
from central.application.contact_center.keep_status import KeepStatus, OrderedBy, TendAgents
from central.domain.errors import Conflict
from tests.integration.contact_center.conftest import Center


@dataclass(slots=True)
class Desk:
    """Orders to the agents of a center, by themselves and by a supervisor."""

    center: Center
    keep: KeepStatus
    tend: TendAgents
    himself: OrderedBy
    boss: OrderedBy

    def agent(self, name: str, *queues: UUID, status: str = "IDLE", **columns: str) -> UUID:
        """An agent with a SIP phone, heard just now."""
        agent = self.center.agent(name, *queues, status=status)
        sets = {"phone_password": "x", "heard_at": self.center.clock.now().isoformat()} | columns
        for column, value in sets.items():
            self.center.stock.run(f"update agent set {column} = %s where id = %s", value, agent)
        return agent

    def row(self, name: str) -> tuple[object, ...]:
        """Status, what is wanted, pause code."""
        (row,) = self.center.stock.rows(
            "select status, wanted, pause_code from agent where id = %s", self.center.agents[name]
        )
        return row

    def forward(self, seconds: float) -> None:
        self.center.clock.forward(timedelta(seconds=seconds))


@pytest.fixture
def desk(center: Center, api_pool: Pool) -> Desk:
    agents, codes = PostgresAgents(api_pool), PostgresPauseCodes(api_pool)
    statuses = PostgresAgentStatuses(api_pool, as_tenant=True)
    keep = KeepStatus(agents, codes, statuses, center.clock, center.ids)
    center.stock.run("insert into pause_code (account_id, code, name) values (%s, 'LUNCH', 'Lunch')", center.account)
    tend = TendAgents(PostgresAgentStatuses(center.pool), center.clock)
    by = OrderedBy(center.account, "key:desk"), OrderedBy(center.account, "key:boss", supervisor=True)
    return Desk(center, keep, tend, *by)


async def test_a_pause_asked_for_while_it_rings_follows_the_missed_offer(desk: Desk) -> None:
    center = desk.center
    asha = desk.agent("Asha", center.queue())
    door = center.door()
    place = await door.enter(center.wish())
    (offer,) = await center.offered(door, place)
    assert (await desk.keep.pause(desk.himself, asha, "LUNCH")).status == "INCOMING"
    await place.ended(offer, "missed")
    assert desk.row("Asha") == ("PAUSED", "", "LUNCH")


@pytest.mark.parametrize("by_limit", [True, False])
async def test_a_pause_asked_for_in_mid_call_follows_the_wrap_up(desk: Desk, by_limit: bool) -> None:
    center = desk.center
    asha = desk.agent("Asha", center.queue(wrap_up_s=30))
    door = center.door()
    place = await door.enter(center.wish())
    (offer,) = await center.offered(door, place)
    assert await place.taken(offer)
    await desk.keep.pause(desk.himself, asha, "LUNCH")
    desk.forward(10)
    await place.over(offer, "agent_left")
    assert desk.row("Asha")[:2] == ("WRAPPING_UP", "PAUSED")
    desk.forward(29)
    assert await desk.tend.run() == 0
    if by_limit:
        desk.forward(1)
        assert await desk.tend.run() == 1
    else:
        await desk.keep.end_wrap_up(desk.himself, asha)
    assert desk.row("Asha") == ("PAUSED", "", "LUNCH")
    assert center.history("Asha")[-1] == ("WRAPPING_UP", "PAUSED", "asked_for")
    assert await desk.tend.run() == 0


async def test_a_wrap_up_without_limit_waits_for_the_agent(desk: Desk) -> None:
    center = desk.center
    asha = desk.agent("Asha", center.queue(wrap_up_s=0))
    door = center.door()
    place = await door.enter(center.wish())
    (offer,) = await center.offered(door, place)
    assert await place.taken(offer)
    await place.over(offer, "customer_left")
    for _ in range(5):
        desk.forward(59)
        assert (await desk.keep.hear(desk.himself, asha)).status == "WRAPPING_UP"
        assert await desk.tend.run() == 0
    assert (await desk.keep.end_wrap_up(desk.himself, asha)).status == "IDLE"


async def test_who_is_forced_out_while_it_rings_gets_no_call_and_the_customer_another_agent(desk: Desk) -> None:
    center = desk.center
    queue = center.queue()
    asha = desk.agent("Asha", queue)
    door = center.door()
    place = await door.enter(center.wish())
    (offer,) = await center.offered(door, place)
    out = await desk.keep.log_out(desk.boss, asha, force=True)
    assert (out.status, out.reason) == ("LOGGED_OUT", "forced")
    assert not await place.taken(offer)
    await place.ended(offer, "withdrawn")
    desk.agent("Binu", queue)
    (again,) = await center.offered(door, place)
    assert again.name == "Binu"
    assert center.statuses() == {"Asha": "LOGGED_OUT", "Binu": "INCOMING"}


async def test_who_is_forced_out_in_mid_call_stays_out_when_it_ends(desk: Desk) -> None:
    center = desk.center
    asha = desk.agent("Asha", center.queue())
    door = center.door()
    place = await door.enter(center.wish())
    (offer,) = await center.offered(door, place)
    assert await place.taken(offer)
    await desk.keep.log_out(desk.boss, asha, force=True)
    await place.over(offer, "agent_left")
    assert desk.row("Asha")[0] == "LOGGED_OUT"
    assert center.history("Asha")[-1] == ("ON_CALL", "LOGGED_OUT", "forced")


async def test_who_is_forced_out_in_mid_call_loses_his_leg_and_the_customer_waits_again(desk: Desk) -> None:
    center = desk.center
    queue = center.queue()
    asha = desk.agent("Asha", queue)
    door, told = center.door(), list[str]()
    place = await door.enter(center.wish())
    (offer,) = await center.offered(door, place)
    place.watch(offer, lambda: told.append("hang up"))
    assert await place.taken(offer)
    await door.round()
    assert told == []
    await desk.keep.log_out(desk.boss, asha, force=True)
    await door.round()
    await door.round()
    assert told == ["hang up"]
    await place.over(offer, "agent_lost")
    desk.agent("Binu", queue)
    (again,) = await center.offered(door, place)
    assert again.name == "Binu"
    await door.round()
    assert center.statuses() == {"Asha": "LOGGED_OUT", "Binu": "INCOMING"}


async def test_who_is_forced_out_before_his_phone_rings_is_never_rung(desk: Desk) -> None:
    center = desk.center
    queue = center.queue()
    asha = desk.agent("Asha", queue)
    door = center.door()
    place = await door.enter(center.wish())
    assert await center.chooser.run() == 1
    await desk.keep.log_out(desk.boss, asha, force=True)
    desk.agent("Binu", queue)
    assert await door.round() == 0
    (offer,) = await center.offered(door, place)
    assert offer.name == "Binu"
    assert center.stock.rows("select outcome from offer where ended_at is not null") == [("withdrawn",)]


async def test_a_phone_that_is_answered_as_its_owner_is_logged_out_keeps_no_place(desk: Desk) -> None:
    center = desk.center
    queue = center.queue()
    asha = desk.agent("Asha", queue)
    door = center.door()
    place = await door.enter(center.wish())
    (offer,) = await center.offered(door, place)
    await desk.keep.log_out(desk.boss, asha, force=True)
    assert not await place.taken(offer)
    desk.agent("Binu", queue)
    (again,) = await center.offered(door, place)
    assert again.name == "Binu"


async def test_a_clock_that_is_behind_writes_no_history_with_overlaps(desk: Desk) -> None:
    center = desk.center
    desk.agent("Asha", center.queue(wrap_up_s=30))
    door = center.door()
    place = await door.enter(center.wish())
    (offer,) = await center.offered(door, place)
    desk.forward(-40)
    assert await place.taken(offer)
    await place.over(offer, "agent_left")
    rows = center.stock.rows(
        "select at, lasted_ms from agent_event where to_status in ('ON_CALL', 'WRAPPING_UP') order by at"
    )
    (answered, rang_ms), (written, talked_ms) = rows
    assert (rang_ms, talked_ms) == (1, 1)
    assert written > answered  # type: ignore[operator]


async def test_an_agent_who_is_not_heard_is_logged_out_unless_he_has_a_call(desk: Desk) -> None:
    for status in ("IDLE", "PAUSED", "WRAPPING_UP", "INCOMING", "ON_CALL"):
        desk.agent(status.title(), status=status)
    desk.agent("Line", kind="direct", phone="number")
    heard = desk.agent("Heard")
    desk.forward(60)
    assert await desk.tend.run() == 0
    await desk.keep.hear(desk.himself, heard)
    desk.forward(1)
    assert await desk.tend.run() == 3
    assert desk.center.statuses() == {
        "Idle": "LOGGED_OUT", "Paused": "LOGGED_OUT", "Wrapping_Up": "LOGGED_OUT", "Incoming": "INCOMING", "On_Call": "ON_CALL",
        "Line": "IDLE", "Heard": "IDLE",
    }  # fmt: skip
    assert desk.center.history("Idle") == [("IDLE", "LOGGED_OUT", "not_heard")]
    assert (await desk.keep.hear(desk.himself, desk.center.agents["Idle"])).status == "LOGGED_OUT"
    assert await desk.tend.run() == 0


async def test_time_is_brought_in_batches_to_all_accounts_past_rows_that_others_hold(desk: Desk) -> None:
    center, second = desk.center, Center(desk.center.stock, desk.center.pool, desk.center.clock)
    for n in range(4):
        desk.agent(f"A{n}")
    foreign = second.agent("B0")
    desk.forward(61)
    statuses = PostgresAgentStatuses(center.pool)
    held = center.agents["A1"]
    with center.stock.connect() as other:
        other.execute("begin")
        other.execute("select from agent where id = %s for update", (held,))
        moved = [await statuses.tend(center.clock.now(), timedelta(seconds=60), 2) for _ in range(3)]
        other.execute("rollback")
    assert moved == [2, 2, 0]
    assert center.stock.value("select status from agent where id = %s", foreign) == "LOGGED_OUT"
    assert center.statuses()["A1"] == "IDLE"
    assert await desk.tend.run() == 1


async def test_two_log_ins_at_once_are_one(desk: Desk) -> None:
    asha = desk.agent("Asha", status="LOGGED_OUT")
    rows = await asyncio.gather(*(desk.keep.log_in(desk.himself, asha, "sip") for _ in range(8)))
    assert {row.status for row in rows} == {"IDLE"}
    assert desk.center.history("Asha") == [("LOGGED_OUT", "IDLE", "logged_in")]


async def test_an_order_and_an_offer_at_once_leave_one_of_both(desk: Desk) -> None:
    """Whoever is first has the agent; the other finds him so: a pause waits for the call, an offer is not made."""
    center = desk.center
    queue = center.queue()
    for n in range(10):
        asha = desk.agent(f"A{n}", queue)
        door = center.door(f"n{n}")
        place = await door.enter(center.wish())
        _, paused = await asyncio.gather(center.chooser.run(), desk.keep.pause(desk.himself, asha, "LUNCH"))
        status, wanted, code = desk.row(f"A{n}")
        assert (status, wanted, code) in {("PAUSED", "", "LUNCH"), ("INCOMING", "PAUSED", "")}
        assert paused.status in {"PAUSED", "INCOMING"}
        assert center.stock.value("select count(*) from offer where agent_id = %s and ended_at is null", asha) == (
            1 if status == "INCOMING" else 0
        )
        await place.leave()
        assert desk.row(f"A{n}") == ("PAUSED", "", "LUNCH")


async def test_an_answer_or_a_log_in_begins_the_count_of_misses_anew(desk: Desk) -> None:
    asha = desk.agent("Asha", status="PAUSED", pause_code="MISSED_OFFERS", misses="2")
    await desk.keep.resume(desk.himself, asha)
    assert desk.center.stock.value("select misses from agent where id = %s", asha) == 0
    await desk.keep.log_out(desk.himself, asha)
    with pytest.raises(Conflict) as refused:
        await desk.keep.resume(desk.himself, asha)
    assert refused.value.code == "agent_logged_out"


async def test_old_history_goes_and_the_rest_stays(desk: Desk) -> None:
    asha = desk.agent("Asha", status="LOGGED_OUT")
    await desk.keep.log_in(desk.himself, asha)
    desk.forward(86_400)
    await desk.keep.pause(desk.boss, asha)
    desk.forward(60)
    retention = PostgresRetention(desk.center.pool)
    await retention.retire(desk.center.clock.now(), {"old_agent_events": timedelta(hours=1)})
    assert desk.center.history("Asha") == [("IDLE", "PAUSED", "paused")]
