"""Agents in queues on the real store: one offer at a time, nobody stuck, whatever dies or disagrees (domain 9.3, 9.4)."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from central.adapters.postgres.phone_book import PostgresPhoneBook
from tests.integration.contact_center.conftest import Center, rung


async def test_an_agent_is_rung_talks_writes_up_and_his_history_says_so(center: Center) -> None:
    center.agent("Asha", center.queue())
    door = center.door()
    place = await door.enter(center.wish())
    (offer,) = await center.offered(door, place)
    assert (offer.name, offer.number, offer.ring_timeout_s) == ("Asha", "919812340001", 20)
    assert center.statuses() == {"Asha": "INCOMING"}
    center.clock.forward(timedelta(seconds=3))
    assert await place.taken(offer)
    center.clock.forward(timedelta(seconds=40))
    await place.over(offer, "agent_left")
    assert center.history("Asha") == [
        ("IDLE", "INCOMING", "offered"),
        ("INCOMING", "ON_CALL", "answered"),
        ("ON_CALL", "WRAPPING_UP", "conversation_over"),
    ]
    lasted = center.stock.rows(
        "select lasted_ms from agent_event where agent_id = %s order by at, id", center.agents["Asha"]
    )
    assert lasted == [(60_000,), (3_000,), (40_000,)]
    assert center.stock.rows("select state, outcome from queue_place") == [("over", "agent_allocated")]


async def test_who_is_missed_twice_in_a_row_is_paused_and_another_is_rung(center: Center) -> None:
    queue = center.queue()
    center.agent("Asha", queue, idle_s=500)
    center.agent("Binu", queue)
    door = center.door()
    first, second = await door.enter(center.wish()), await door.enter(center.wish())
    await center.chooser.run()
    await door.round()
    (asha,), (binu,) = await rung(first), await rung(second)
    await first.ended(asha, "missed")
    (again,) = await center.offered(door, first)  # Binu rings for the second: there is nobody but Asha
    assert again.name == "Asha"
    await first.ended(again, "missed")
    assert center.statuses() == {"Asha": "PAUSED", "Binu": "INCOMING"}
    assert center.stock.value("select pause_code from agent where name = 'Asha'") == "MISSED_OFFERS"
    assert await second.taken(binu)
    await second.over(binu, "customer_left")


async def test_an_answer_ends_the_count_of_misses(center: Center) -> None:
    center.agent("Asha", center.queue())
    door = center.door()
    for _ in range(3):
        place = await door.enter(center.wish())
        (missed,) = await center.offered(door, place)
        await place.ended(missed, "busy")
        (offer,) = await center.offered(door, place)
        assert await place.taken(offer)
        await place.over(offer, "customer_left")
        center.stock.run("update agent set status = 'IDLE'")
    assert center.stock.value("select calls from agent") == 3


async def test_of_all_who_are_rung_the_first_has_it_and_the_others_are_free(center: Center) -> None:
    queue = center.queue(strategy="ring_all")
    for name in ("Asha", "Binu", "Chand"):
        center.agent(name, queue)
    door = center.door()
    place = await door.enter(center.wish())
    offers = {offer.name: offer for offer in await center.offered(door, place)}
    assert set(offers) == {"Asha", "Binu", "Chand"}
    answers = await asyncio.gather(place.taken(offers["Binu"]), place.taken(offers["Asha"]))
    assert sorted(answers) == [False, True]
    assert sorted(center.statuses().values()) == ["IDLE", "IDLE", "ON_CALL"]


async def test_two_choosers_that_disagree_ring_nobody_twice(center: Center) -> None:
    queue = center.queue()
    for n in range(20):
        center.agent(f"A{n}", queue)
    doors = [center.door(f"node{n}") for n in range(2)]
    for n in range(30):
        await doors[n % 2].enter(center.wish())
    await asyncio.gather(*(center.chooser.run() for _ in range(6)))
    rows = center.stock.rows("select agent_id, count(*) from offer where ended_at is null group by agent_id")
    assert len(rows) == 20
    assert {n for _, n in rows} == {1}
    assert set(center.statuses().values()) == {"INCOMING"}
    assert center.stock.value("select count(*) from queue_place where state = 'offered'") == 20


async def test_a_node_that_dies_frees_who_rang_and_who_talked(center: Center) -> None:
    queue = center.queue(wrap_up_s=5)
    center.agent("Asha", queue)
    center.agent("Binu", queue)
    door = center.door()
    talking, ringing = await door.enter(center.wish()), await door.enter(center.wish())
    await center.chooser.run()
    await door.round()
    (one,), (other,) = await rung(talking), await rung(ringing)
    assert await talking.taken(one)
    center.clock.forward(timedelta(seconds=7))
    assert await center.stranded.run() == 0  # the node may still live
    center.clock.forward(timedelta(seconds=2))
    assert await center.stranded.run() == 2
    assert sorted(center.statuses().values()) == ["IDLE", "WRAPPING_UP"]
    assert not await ringing.taken(other)  # a node that was only away hears that he is not his any more
    assert sorted(center.statuses().values()) == ["IDLE", "WRAPPING_UP"]


async def test_a_living_node_keeps_its_places(center: Center) -> None:
    center.queue()
    center.agent("Asha", center.queue("other"), status="PAUSED")
    center.agent("Binu", center.stock.value("select id from queue where name = 'support'"), status="PAUSED")  # type: ignore[arg-type]
    door = center.door()
    place = await door.enter(center.wish())
    for _ in range(5):
        center.clock.forward(timedelta(seconds=5))
        await door.round()
        assert await center.stranded.run() == 0
    await place.leave()
    assert center.stock.rows("select state, outcome from queue_place") == [("over", "caller_abandoned")]


async def test_a_customer_who_leaves_while_it_rings_frees_the_agent_at_once(center: Center) -> None:
    center.agent("Asha", center.queue())
    door = center.door()
    place = await door.enter(center.wish())
    (offer,) = await center.offered(door, place)
    await place.leave()
    assert center.statuses() == {"Asha": "IDLE"}
    assert not await place.taken(offer)
    assert center.stock.value("select misses from agent") == 0


async def test_a_queue_that_is_not_there_or_has_nobody_or_is_full(center: Center) -> None:
    full = center.queue("full", max_length=1)
    center.agent("Asha", full, status="PAUSED")
    center.agent("Binu", center.queue("empty"), status="LOGGED_OUT")
    door = center.door()
    assert await (await door.enter(center.wish("none"))).offers() == "no_agent_available"
    assert await (await door.enter(center.wish("empty"))).offers() == "no_agent_available"
    assert await (await door.enter(center.wish(agent="nobody"))).offers() == "no_agent_available"
    await door.enter(center.wish("full"))
    assert await (await door.enter(center.wish("full"))).offers() == "queue_full"


async def test_when_the_last_agent_logs_out_nobody_waits_on(center: Center) -> None:
    center.agent("Asha", center.queue(), status="PAUSED")
    door = center.door()
    place = await door.enter(center.wish())
    center.stock.run("update agent set status = 'LOGGED_OUT'")
    assert await center.stranded.run() == 1
    await door.round()
    assert await place.offers() == "no_agent_available"


async def test_patience_ends_by_itself(center: Center) -> None:
    center.agent("Asha", center.queue(), status="PAUSED")
    place = await center.door().enter(center.wish(max_wait_s=0.05))
    assert await place.offers() == "max_wait_time_reached"
    assert center.stock.rows("select outcome from queue_place") == [("max_wait_time_reached",)]


async def test_one_agent_may_be_wanted_by_name(center: Center) -> None:
    queue = center.queue()
    center.agent("Asha", queue, idle_s=900)
    center.agent("Binu", queue)
    door = center.door()
    place = await door.enter(center.wish(agent="Binu"))
    (offer,) = await center.offered(door, place)
    assert offer.name == "Binu"


async def test_a_customer_whose_agent_is_lost_waits_again_and_gets_another(center: Center) -> None:
    queue = center.queue()
    center.agent("Asha", queue, idle_s=900)
    center.agent("Binu", queue)
    door = center.door()
    place = await door.enter(center.wish())
    (asha,) = await center.offered(door, place)
    assert await place.taken(asha)
    await place.over(asha, "agent_lost")
    (binu,) = await center.offered(door, place)
    assert binu.name == "Binu"
    assert center.statuses() == {"Asha": "WRAPPING_UP", "Binu": "INCOMING"}


async def test_round_robin_goes_on_where_it_was(center: Center) -> None:
    queue = center.queue(strategy="round_robin")
    for name in ("Asha", "Binu", "Chand"):
        center.agent(name, queue)
    door = center.door()
    asked: list[str] = []
    for _ in range(6):
        place = await door.enter(center.wish())
        (offer,) = await center.offered(door, place)
        asked.append(offer.name)
        await place.leave()
    assert asked == ["Asha", "Binu", "Chand"] * 2


async def test_a_sip_phone_is_rung_where_it_has_registered(center: Center) -> None:
    queue = center.queue()
    center.agent("Asha", queue, idle_s=900, phone_at="two")
    center.agent("Binu", queue, idle_s=800, phone_at="")
    center.agent("Chand", queue, idle_s=100, phone_at="one")
    door = center.door("one/1a2b")
    place = await door.enter(center.wish())
    (offer,) = await center.offered(door, place)
    assert (offer.name, offer.number) == ("Chand", "")


async def test_a_node_tells_which_phones_are_there(center: Center) -> None:
    queue = center.queue()
    asha = center.agent("Asha", queue, phone_at="one")
    binu = center.agent("Binu", queue, phone_at="two")
    book = PostgresPhoneBook(center.pool, "one")
    await book.registered(frozenset({binu}))
    rows = center.stock.rows("select name, phone_node from agent order by name")
    assert rows == [("Asha", ""), ("Binu", "one")]
    center.stock.run("update agent set phone_password = 'secret' where id = %s", asha)
    assert [(phone.id, phone.password) for phone in await book.phones()] == [(asha, "secret")]
