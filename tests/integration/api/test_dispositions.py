"""What agents say of their calls through the API: trees, the desk's call, saving once, and what follows from it."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from central.adapters.postgres.dispositions import PostgresUnsaid
from central.adapters.postgres.offers import PostgresOffers
from central.adapters.postgres.pool import Pool
from central.adapters.system import SystemClock, SystemIds
from central.application.contact_center.assign_calls import AssignCalls
from central.application.contact_center.hold_places import HoldPlaces
from central.application.contact_center.save_disposition import CloseUnsaid
from central.application.ports.contact_center import AgentWish, Offer, Place
from central.domain.ids import FlowId, LegId, RecordId
from tests.integration.api.conftest import Stage, Tenant
from tests.integration.api.test_agents import agent_of, desk_of
from tests.stock import Stock

NUMBER = "919876543210"
TREE: list[dict[str, Any]] = [
    {"key": "reached", "name": "Reached"},
    {"key": "sold", "name": "Sold", "parent": "reached", "contact": True, "success": True},
    {"key": "later", "name": "Call back", "parent": "reached", "contact": True, "callback": True},
    {"key": "never", "name": "Never again", "parent": "reached", "contact": True, "do_not_call": True},
    {"key": "engaged", "name": "Engaged", "retry_after_s": 600},
]


def at(**later: float) -> str:
    return (SystemClock().now() + timedelta(**later)).isoformat(timespec="milliseconds")


class Centre:
    """A queue with a flow that calls, and an agent whose calls a test lets come and go."""

    def __init__(self, tenant: Tenant, database: str, worker_pool: Pool) -> None:
        self.tenant, self.stock = tenant, Stock(database)
        self.flow: tuple[FlowId, UUID] = (FlowId(""), UUID(int=0))
        store, clock, ids = PostgresOffers(worker_pool), SystemClock(), SystemIds()
        self.chooser = AssignCalls(store, clock, ids, lambda _: 0)
        self.door = HoldPlaces(store, "one", clock, ids)
        self.unsaid = CloseUnsaid(PostgresUnsaid(worker_pool), clock)
        self.ids = ids

    async def begin(self, *, required: bool = False, wrap_up_s: int = 0) -> None:
        tenant = self.tenant
        made = await tenant.post("/queues", {"name": "support", "wrap_up_s": wrap_up_s, "script": "Say hello."})
        self.queue = made.json()["id"]
        self.flow = self.stock.flow(tenant.id)
        self.stock.run(
            "update flow set production_version = 1, active = true where account_id = %s and id = %s",
            tenant.id, self.flow[0],
        )  # fmt: skip
        self.stock.run("update flow_version set number = 1 where account_id = %s", tenant.id)
        body = {"dispositions": TREE, "required": required}
        put = await tenant.call("PUT", f"/queues/{self.queue}/dispositions", json=body)
        assert put.status_code == 200, put.text
        agent = await agent_of(tenant, number="+91 98765 00000", phone="number")
        self.agent = agent["id"]
        await tenant.call("PUT", f"/queues/{self.queue}/agents/{self.agent}", json={})
        self.desk = await desk_of(tenant, agent)
        assert (await self.desk.post(f"/agents/{self.agent}/login", {})).status_code == 200

    def record(self) -> UUID:
        request = self.stock.request(self.tenant.id, self.flow)
        (record,) = self.stock.records(
            self.tenant.id, request, [[NUMBER]], variables={"Name": f"Ada of {NUMBER}"}, attempts_made=1
        )  # fmt: skip
        return record

    async def answer(self) -> tuple[UUID, Place, Offer]:
        """A customer comes and is answered."""
        record = self.record()
        wish = AgentWish(
            account_id=self.tenant.id, record_id=RecordId(record), leg=LegId(self.ids.uuid()), number=NUMBER, max_wait_s=60, queue="support"
        )  # fmt: skip
        place = await self.door.enter(wish)
        await self.chooser.run()
        await self.door.round()
        offers = await place.offers()
        assert not isinstance(offers, str), offers
        assert await place.taken(offers[0])
        return record, place, offers[0]

    async def say(self, key: str, **more: Any) -> Any:
        return await self.desk.post("/agent/disposition", {"disposition": key, **more})

    async def status(self) -> str:
        return str((await self.desk.get(f"/agents/{self.agent}")).json()["status"])

    def made(self) -> list[tuple[object, ...]]:
        """Records that follow from dispositions."""
        return self.stock.rows(
            "select r.id, r.status, r.due_at, r.numbers, r.variables, s.why, s.started_by, s.agent_id from flow_start s"
            " join record r on r.account_id = s.account_id and r.request_id = s.request_id where s.account_id = %s",
            self.tenant.id,
        )  # fmt: skip


@pytest.fixture
async def centre(tenant: Tenant, database: str, worker_pool: Pool) -> Centre:
    return Centre(tenant, database, worker_pool)


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([{"key": "A b", "name": "x"}], "invalid_disposition_key"),
        ([{"key": "a", "name": "x"}, {"key": "a", "name": "y"}], "duplicate_disposition"),
        ([{"key": "a", "name": "x", "parent": "b"}], "unknown_parent"),
        ([{"key": "a", "name": "x", "parent": "a"}], "too_deep"),
        (
            [
                {"key": "a", "name": "x"},
                {"key": "b", "name": "y", "parent": "a"},
                {"key": "c", "name": "z", "parent": "b"},
            ],
            "too_deep",
        ),
        ([{"key": "a", "name": "x", "success": True}, {"key": "b", "name": "y", "parent": "a"}], "heading_with_flags"),
        ([{"key": "a", "name": "x", "do_not_call": True, "callback": True}], "contradicting_flags"),
        ([{"key": "a", "name": "x", "retry_after_s": 5, "callback": True}], "contradicting_flags"),
        ([{"key": "a", "name": "x", "retry_after_s": 10**8}], "invalid_retry"),
        ([{"key": "a", "name": " x"}], "invalid_name"),
        ([{"key": "a", "name": "x", "colour": "red"}], "invalid_body"),
        ([], "no_dispositions"),
    ],
)
async def test_a_bad_tree_is_refused_with_a_code(tenant: Tenant, lines: list[dict[str, Any]], code: str) -> None:
    queue = (await tenant.post("/queues", {"name": "support"})).json()["id"]
    path = f"/queues/{queue}/dispositions"
    refused = await tenant.call("PUT", path, json={"dispositions": lines, "required": True})
    assert (refused.status_code, refused.json()["code"]) == (422, code), refused.text
    assert (await tenant.get(path)).json()["dispositions"] == []


async def test_what_was_chosen_is_retired_and_what_was_not_goes(centre: Centre) -> None:
    await centre.begin()
    record, place, offer = await centre.answer()
    assert (await centre.say("sold")).status_code == 200
    path = f"/queues/{centre.queue}/dispositions"
    new = [
        {"key": "sold", "name": "Bought", "contact": True, "success": True},
        {"key": "engaged", "name": "Engaged", "retry_after_s": 600},
    ]
    changed = (await centre.tenant.call("PUT", path, json={"dispositions": new})).json()
    assert [(one["key"], one["name"], one["version"]) for one in changed["dispositions"]] == [
        ("sold", "Bought", 2),
        ("engaged", "Engaged", 1),
    ]
    everything = (await centre.desk.get(f"{path}?retired=true")).json()["dispositions"]
    assert [(one["name"], one["retired_at"] is not None) for one in everything] == [
        ("Bought", False),
        ("Engaged", False),
        ("Sold", True),
    ]
    assert (await centre.desk.call("PUT", path, json={"dispositions": new})).json()["code"] == "missing_right"
    unknown = await centre.tenant.call("PUT", path, json={"dispositions": new, "callback_flow": "nowhere"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "flow_not_found")
    flow_path = f"/flows/{centre.flow[0]}/dispositions"
    assert (await centre.tenant.call("PUT", flow_path, json={"dispositions": new})).status_code == 200
    assert (await centre.tenant.get("/flows/nowhere/dispositions")).json()["code"] == "flow_not_found"
    await place.over(offer, "customer_left")
    assert centre.stock.value("select path from call_disposition where record_id = %s", record) == ["Reached", "Sold"]


async def test_a_desk_sees_its_call_with_everything_that_belongs_to_it(centre: Centre) -> None:
    await centre.begin(required=True)
    assert (await centre.desk.get("/agent/call")).json()["code"] == "no_call"
    assert (await centre.tenant.get("/agent/call")).json()["code"] == "no_desk"
    first, place, offer = await centre.answer()
    await centre.say("sold", note=f"Reads {NUMBER} at night")
    await place.over(offer, "customer_left")
    assert await centre.status() == "IDLE"
    second, place, offer = await centre.answer()
    centre.stock.run(
        "insert into event (account_id, record_id, id, at, kind, data) values (%s, %s, new_uuid7(), now(), 'flow_walked', %s)",
        centre.tenant.id, second, '{"notes": [{"kind": "variable", "name": "Choice", "value": "1"}, {"kind": "variable", "name": "Choice", "value": "2"}]}',
    )  # fmt: skip
    call = (await centre.desk.get("/agent/call")).json()
    assert (call["record_id"], call["offer_id"], call["status"]) == (str(second), str(offer.id), "ON_CALL")
    assert (call["script"], call["queue"], call["required"], call["said"]["state"]) == (
        "Say hello.",
        "support",
        True,
        "owed",
    )
    assert (call["number"], call["gathered"]) == ("9198******10", {"Choice": "2"})
    assert NUMBER not in str(call)
    assert [(one["record_id"], one["path"], one["agent"]) for one in call["history"]] == [
        (str(first), ["Reached", "Sold"], "Ada")
    ]
    assert [one["key"] for one in call["dispositions"]] == [line["key"] for line in TREE]


async def test_a_required_disposition_keeps_the_agent_until_it_is_saved(centre: Centre) -> None:
    await centre.begin(required=True)
    record, place, offer = await centre.answer()
    await place.over(offer, "customer_left")
    assert await centre.status() == "WRAPPING_UP"
    early = await centre.desk.post(f"/agents/{centre.agent}/end-wrap-up")
    assert (early.status_code, early.json()["code"]) == (409, "disposition_needed")
    heading = await centre.say("reached")
    assert (heading.status_code, heading.json()["code"]) == (422, "disposition_is_heading")
    assert (await centre.say("moon")).json()["code"] == "unknown_disposition"
    said = await centre.say("sold", note="Twice.")
    assert (said.status_code, said.json()["state"], said.json()["path"]) == (200, "saved", ["Reached", "Sold"])
    assert await centre.status() == "IDLE"
    history = (await centre.desk.get(f"/agents/{centre.agent}/events")).json()["items"]
    assert [one["disposition"] for one in history if one["from_status"] == "ON_CALL"] == ["Reached / Sold"]
    assert await centre.unsaid.run() == 0
    told = centre.stock.rows(
        "select data ->> 'disposition', data ->> 'note', data ->> 'success' from event where record_id = %s and kind = 'disposition_saved'",
        record,
    )
    assert told == [("sold", "Twice.", "true")]
    audit = (await centre.tenant.get("/account/audit")).json()["items"][0]
    assert (audit["action"], audit["detail"]["disposition"]) == ("disposition_saved", "sold")


async def test_what_was_not_said_is_marked_once_his_time_is_over(centre: Centre) -> None:
    await centre.begin(required=True, wrap_up_s=30)
    record, place, offer = await centre.answer()
    assert await centre.unsaid.run() == 0
    await place.over(offer, "customer_left")
    assert await centre.unsaid.run() == 0
    assert (await centre.tenant.post(f"/agents/{centre.agent}/end-wrap-up")).status_code == 200
    assert await centre.unsaid.run() == 1
    assert await centre.unsaid.run() == 0
    told = centre.stock.rows(
        "select data -> 'none' from event where record_id = %s and kind = 'disposition_saved'", record
    )
    assert told == [(True,)]
    late = await centre.say("sold", offer_id=str(offer.id))
    assert (late.status_code, late.json()["code"]) == (409, "call_written_up")


async def test_a_call_back_is_a_new_record_due_then_and_made_once(centre: Centre) -> None:
    await centre.begin(required=True)
    record, place, offer = await centre.answer()
    assert (await centre.say("later")).json()["code"] == "callback_time_needed"
    assert (await centre.say("later", callback_at=at(hours=-1))).json()["code"] == "callback_time_past"
    assert (await centre.say("later", callback_at=at(days=91))).json()["code"] == "callback_time_too_far"
    assert (await centre.say("sold", callback_at=at(hours=1))).json()["code"] == "callback_time_unexpected"
    when = at(hours=1)
    body = {"disposition": "later", "callback_at": when, "same_agent": True, "offer_id": str(offer.id)}
    answers = await asyncio.gather(*(centre.desk.post("/agent/disposition", body) for _ in range(4)))
    assert {one.status_code for one in answers} <= {200, 409}, [one.text for one in answers]
    keyed = {"Idempotency-Key": "call-1"}
    again = [await centre.desk.post("/agent/disposition", body, headers=keyed) for _ in range(2)]
    assert [one.status_code for one in again] == [200, 200]
    ((made, status, due, numbers, variables, why, started_by, agent),) = centre.made()
    assert isinstance(due, datetime)
    assert (status, why, started_by, numbers) == ("SCHEDULED", "callback", record, [NUMBER])
    assert str(agent) == centre.agent
    assert abs(due - SystemClock().now() - timedelta(hours=1)) < timedelta(minutes=1)
    assert variables == {"Name": f"Ada of {NUMBER}"}
    assert again[1].json()["follow_up"]["record_id"] == str(made)
    await place.over(offer, "agent_left")
    assert await centre.status() == "IDLE"
    other = await centre.desk.post("/agent/disposition", {**body, "disposition": "sold"})
    assert other.json()["code"] == "disposition_saved"


async def test_a_retry_comes_after_its_time_and_do_not_call_blocks_the_number(centre: Centre) -> None:
    await centre.begin()
    _, place, offer = await centre.answer()
    assert (await centre.say("engaged")).json()["follow_up"]["kind"] == "retry"
    await place.over(offer, "customer_left")
    assert [row[5] for row in centre.made()] == ["retry"]
    _, place, offer = await centre.answer()
    assert (await centre.say("never")).status_code == 200
    await place.over(offer, "customer_left")
    entries = (await centre.tenant.get("/lists/blacklist/entries")).json()["items"]
    assert [(one["number"], one["note"]) for one in entries] == [(NUMBER, "disposition never")]
    _, place, offer = await centre.answer()
    refused = (await centre.say("engaged")).json()
    assert (refused["state"], refused["follow_up"]["refused"]) == ("saved", "PHONE_BLACKLISTED (blacklisted)")


async def test_what_cannot_follow_is_told_and_the_disposition_is_saved_all_the_same(centre: Centre) -> None:
    await centre.begin(required=True)
    centre.stock.run("update flow set active = false")
    _, place, offer = await centre.answer()
    said = (await centre.say("engaged")).json()
    assert said["state"] == "saved"
    assert said["follow_up"]["refused"].startswith("flow_inactive: ")
    await place.over(offer, "customer_left")
    assert await centre.status() == "IDLE"
    assert centre.made() == []


async def test_when_the_process_dies_in_the_middle_nothing_is_done_and_the_repeat_does_it_once(
    stage: Stage, centre: Centre
) -> None:
    await centre.begin(required=True)
    _, place, offer = await centre.answer()
    await place.over(offer, "customer_left")
    centre.stock.run(
        "create function die() returns trigger language plpgsql security definer as $$"
        " begin perform pg_terminate_backend(pg_backend_pid()); return new; end $$"
    )
    centre.stock.run(
        "create trigger die before update on agent for each row when (new.status = 'IDLE') execute function die()"
    )
    body = {"disposition": "later", "callback_at": at(hours=2)}
    keyed = {"Idempotency-Key": "one"}
    died = await centre.desk.post("/agent/disposition", body, headers=keyed)
    assert died.status_code == 503, died.text
    told = [name for name, _ in stage.telemetry.events if name == "api_request_failed"]
    assert told == ["api_request_failed"]
    stage.telemetry.events.clear()
    assert (await centre.status(), centre.made()) == ("WRAPPING_UP", [])
    assert centre.stock.rows("select state from call_disposition") == [("owed",)]
    centre.stock.run("drop trigger die on agent")
    again = await centre.desk.post("/agent/disposition", body, headers=keyed)
    assert again.status_code == 200, again.text
    assert (await centre.status(), len(centre.made())) == ("IDLE", 1)


async def test_nobody_speaks_for_another_account_or_without_a_desk(stage: Stage, centre: Centre) -> None:
    await centre.begin()
    await centre.answer()
    stranger = await stage.account("Other")
    path = f"/queues/{centre.queue}/dispositions"
    assert (await stranger.get(path)).json()["code"] == "queue_not_found"
    assert (await stranger.call("PUT", path, json={"dispositions": []})).json()["code"] == "queue_not_found"
    said = await centre.tenant.post("/agent/disposition", {"disposition": "sold"})
    assert (said.status_code, said.json()["code"]) == (403, "no_desk")
