"""A text that a person writes starts the flow that its account has chosen for it: once, and only where it may."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import pytest

from central.adapters.postgres.intake_store import PostgresIntake
from central.adapters.postgres.pool import Pool
from central.adapters.postgres.text_routes import PostgresTextRoutes, PostgresTextStarts
from central.application.administration.acting import Actor, Auditor
from central.application.administration.maintain_text_routes import MaintainTextRoutes
from central.application.intake.open_request import OpenRequest
from central.application.intake.start_texts import StartTexts
from central.application.intake.submit_records import SubmitRecords
from central.application.ports.carriers import CarrierId
from central.application.ports.text_routes import StartState, TextRoute, WaitingTexts
from central.domain.errors import CallerError, NeighbourError
from central.domain.ids import AccountId
from central.domain.text_routes import LIMIT_STARTS
from tests.fakes.carrier import FakeCarrier
from tests.integration.messaging.conftest import Post, Served

ONE, TWO, CODE = "919800000001", "919800000002", "56767"
ANSWERS = b"""
flow: answers
type: multicast
purpose: service
variables: {sms_text: {}}
steps:
  start: {widget: start, next: answer}
  answer: {widget: sms, text: "You wrote {{ $flow.key.sms_text }}.", on: {accepted: end, failed: end}}
"""
CALLS = b"""
flow: calls
type: multicast
purpose: service
steps:
  start: {widget: start, next: call}
  call: {widget: make_call, on: {connected: end, not_connected: end}}
"""


@dataclass
class Desk:
    """An account with a carrier, and who starts the flows of its texts."""

    post: Post
    account: AccountId
    carrier: CarrierId
    served: Served
    fake: FakeCarrier
    routes: MaintainTextRoutes
    starts: StartTexts
    store: PostgresTextStarts

    def flow(self, document: bytes = ANSWERS) -> str:
        flow_id, _ = self.post.stock.flow(self.account, document)
        self.post.stock.run("update flow_version set number = 1 where flow_id = %s", flow_id)
        self.post.stock.run("update flow set production_version = 1 where id = %s", flow_id)
        return flow_id

    async def route(self, flow: str, *, to: str = "", keyword: str = "", carrier: CarrierId | None = None) -> TextRoute:
        actor = Actor(self.account, "key:test")
        return await self.routes.put(actor, flow, recipient=to, keyword=keyword, carrier_id=carrier)

    async def hear(self, *texts: tuple[str, str]) -> None:
        await self.post.hear(self.served, self.fake, *(self.fake.text(sender, text) for sender, text in texts))

    def starting(self) -> list[tuple[object, ...]]:
        return self.post.stock.rows("select text, flow_id, start_state from inbound_text order by id")

    def records(self) -> list[tuple[object, ...]]:
        return self.post.stock.rows(
            "select r.numbers[1], r.status, r.variables, r.client_identifier, q.source, q.flow_id from record r "
            "join request q on q.id = r.request_id order by r.id"
        )


@pytest.fixture
async def desk(post: Post, api_pool: Pool) -> Desk:
    account = post.stock.account(country="IN")
    carrier = post.carrier(account)
    served, fake = await post.serve(carrier)
    intake = PostgresIntake(api_pool)
    submit = SubmitRecords(intake, OpenRequest(intake, post.library, post.clock, post.ids), post.clock, post.ids)
    store = PostgresTextStarts(post.pool)
    return Desk(
        post, account, carrier, served, fake,
        MaintainTextRoutes(PostgresTextRoutes(api_pool), intake, Auditor(post.clock, post.ids)),
        StartTexts(store, intake, submit, post.telemetry), store,
    )  # fmt: skip


async def test_texts_become_records_of_their_flow(desk: Desk) -> None:
    flow = desk.flow()
    await desk.route(flow)
    await desk.hear((ONE, "Hello there"), ("+" + TWO, "And me"))
    assert desk.starting() == [("Hello there", flow, "waits"), ("And me", flow, "waits")]
    assert await desk.starts.step() == 1
    assert await desk.starts.step() == 0
    ids = [row[0] for row in desk.post.stock.rows("select id::text from inbound_text order by id")]
    assert desk.records() == [
        (number, "UNPROCESSED", {"sms_text": text, "sms_from": number, "sms_to": CODE}, id_, "text", flow)
        for number, text, id_ in ((ONE, "Hello there", ids[0]), (TWO, "And me", ids[1]))
    ]
    assert {state for _, _, state in desk.starting()} == {"started"}


async def test_the_most_exact_route_counts(desk: Desk) -> None:
    flows = [desk.flow() for _ in range(5)]
    await desk.route(flows[0])
    await desk.route(flows[1], keyword="Join")
    await desk.route(flows[2], to="+" + CODE)
    await desk.route(flows[3], to=CODE, keyword="straße", carrier=desk.carrier)
    await desk.route(flows[4], to="another", keyword="join")
    await desk.hear((ONE, "join now"), (ONE, "STRASSE!"), (TWO, "strassenbahn"))
    assert [flow for _, flow, _ in desk.starting()] == [flows[2], flows[3], flows[2]]
    desk.post.stock.run("delete from text_route where recipient <> ''")
    await desk.hear((ONE, "“JOIN”, please"), (ONE, "rejoin"))
    assert [flow for _, flow, _ in desk.starting()][3:] == [flows[1], flows[0]]


async def test_stop_start_and_help_reach_no_flow(desk: Desk) -> None:
    await desk.route(desk.flow())
    await desk.hear((ONE, "STOP"), (TWO, "help"), (TWO, "Start."))
    assert [(flow, state) for _, flow, state in desk.starting()] == [(None, "")] * 3
    assert await desk.starts.step() == 0
    with pytest.raises(CallerError, match="opt-outs"):
        await desk.route(desk.flow(), keyword="Stop")


class Dies(PostgresTextStarts):
    """The process ends after the records are stored, before that is noted."""

    async def ended(self, waiting: WaitingTexts, state: StartState, detail: str) -> None:
        del waiting, state, detail
        raise NeighbourError("killed", "The process ended here.")


async def test_a_messenger_that_dies_between_starts_nothing_twice(desk: Desk, api_pool: Pool) -> None:
    flow = desk.flow()
    await desk.route(flow)
    await desk.hear((ONE, "once"))
    intake, post = PostgresIntake(api_pool), desk.post
    submit = SubmitRecords(intake, OpenRequest(intake, post.library, post.clock, post.ids), post.clock, post.ids)
    with pytest.raises(NeighbourError):
        await StartTexts(Dies(post.pool), intake, submit, post.telemetry).step()
    assert [state for _, _, state in desk.starting()] == ["waits"]
    desk.post.stock.run("update flow set active = false where id = %s", flow)  # refused now, but stored before
    assert await desk.starts.step() == 1
    assert [state for _, _, state in desk.starting()] == ["started"]
    assert len(desk.records()) == 1


async def test_what_cannot_start_says_why_and_holds_up_nobody(desk: Desk) -> None:
    good, off, calls = desk.flow(), desk.flow(), desk.flow()
    for flow, keyword in ((off, "off"), (calls, "calls"), (good, "")):
        await desk.route(flow, keyword=keyword)
    desk.post.stock.run("update flow set active = false where id = %s", off)
    desk.post.stock.run(
        "update flow_version v set id = new_uuid7(), document = f.document from (select %s::bytea as document) f where v.flow_id = %s",
        CALLS, calls,
    )  # fmt: skip
    await desk.hear((ONE, "off"), (ONE, "calls"), (TWO, "good"))
    assert await desk.starts.step() == 3
    told = desk.post.stock.rows(
        "select text, start_state, split_part(start_detail, ':', 1) from inbound_text order by id"
    )
    assert told == [("off", "refused", "flow_inactive"), ("calls", "refused", "flow_has_call"), ("good", "started", "")]
    assert len(desk.records()) == 1


async def test_a_sender_starts_only_so_many_flows_an_hour(desk: Desk) -> None:
    await desk.route(desk.flow())
    await desk.hear(*((ONE, f"n{n}") for n in range(LIMIT_STARTS - 1)))
    await desk.hear((ONE, "last"), (ONE, "too many"), (TWO, "somebody else"))
    states = {text: state for text, _, state in desk.starting()}
    assert (states["last"], states["too many"], states["somebody else"]) == ("waits", "refused", "waits")


async def test_a_flow_with_a_call_is_refused_as_a_route(desk: Desk) -> None:
    for flow, code in ((desk.flow(CALLS), "flow_has_call"), ("none", "flow_not_found")):
        with pytest.raises(CallerError) as caught:
            await desk.route(flow)
        assert caught.value.code == code
    with pytest.raises(CallerError) as caught:
        await desk.route(desk.flow(), carrier=CarrierId(UUID(int=7)))
    assert caught.value.code == "carrier_not_found"


async def test_a_route_of_the_same_kind_gets_the_new_flow(desk: Desk) -> None:
    first = await desk.route(desk.flow(), keyword="join")
    second = await desk.route(flow := desk.flow(), keyword="JOIN ")
    assert second.id == first.id
    actor = Actor(desk.account, "key:test")
    assert [row.flow_id for row in await desk.routes.page(actor, None, 10)] == [flow]
    await desk.routes.remove(actor, first.id)
    with pytest.raises(CallerError):
        await desk.routes.remove(actor, first.id)
