"""The publisher against a real HTTP receiver, on virtual time: order, retries, parking, replay, and what the store forgets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from aiohttp import web
from typing_extensions import override

from central.adapters.system import SystemIds
from central.adapters.webhook.channel import WebhookCourier
from central.adapters.webhook.config import WebhookConfig
from central.application.ports.outbox import Delivery, DeliveryResult
from central.application.publishing.publish_events import EventPublisher, Published, PublishLimits
from central.application.publishing.replay_events import list_parked_events, replay_events
from central.application.publishing.try_endpoint import EndpointTarget, try_endpoint
from central.domain.delivery import Answer, Delivered, HttpAnswer
from central.domain.endpoints import make_secret
from central.domain.errors import InvalidInput, NeighbourError
from central.domain.ids import AccountId, EndpointId, EventId, RecordId, uuid7
from tests.fakes.observed import ManualClock, ObservedTelemetry
from tests.fakes.outbox import MemoryOutbox, StoredEndpoint, StoredEvent
from tests.integration.webhook.far_end import FarEnd, answer, cut

ACCOUNT = AccountId(uuid4())
LIMITS = PublishLimits(in_flight=20, per_endpoint=4, wait_s=5)


@dataclass
class ForgetfulOutbox(MemoryOutbox):
    """A store that is away for the next ``away`` calls of finish_deliveries."""

    away: int = 0

    @override
    async def finish_deliveries(self, owner: str, results: Sequence[DeliveryResult]) -> int:
        if self.away:
            self.away -= 1
            raise NeighbourError("database_unavailable", "away")
        return await super().finish_deliveries(owner, results)


@dataclass
class Lab:
    far_end: FarEnd
    courier: WebhookCourier
    outbox: ForgetfulOutbox = field(default_factory=ForgetfulOutbox)
    clock: ManualClock = field(default_factory=ManualClock)
    telemetry: ObservedTelemetry = field(default_factory=ObservedTelemetry)

    def __post_init__(self) -> None:
        self.publisher = EventPublisher(
            self.outbox, self.courier, self.clock, self.telemetry, owner="test", limits=LIMITS
        )

    def endpoint(self, path: str = "/hook") -> EndpointId:
        endpoint = EndpointId(uuid4())
        url, secrets = self.far_end.url(path), (make_secret(bytes(32)),)
        self.outbox.endpoints[endpoint] = StoredEndpoint(ACCOUNT, endpoint, url, secrets, plain_http=True)
        return endpoint

    def event(self, endpoint: EndpointId, record: RecordId | None = None, n: int = 0) -> EventId:
        event = EventId(uuid7(1_700_000_000_000 + len(self.outbox.events), n))
        now = self.clock.now()
        self.outbox.events.append(StoredEvent(ACCOUNT, event, endpoint, record, "request.status", now, {"n": n}, now))
        return event

    async def publish(self) -> list[Published]:
        """Step until nothing is left to do at this moment of virtual time."""
        steps: list[Published] = []
        while not (step := await self.publisher.step()).idle:
            steps.append(step)
        return steps

    async def pass_time(self, total: timedelta, step: timedelta) -> None:
        end = self.clock.now() + total
        while self.clock.now() < end:
            self.clock.forward(step)
            await self.publish()

    def arrived(self, path: str = "/hook") -> list[int]:
        return [json.loads(received.body)["n"] for received in self.far_end.received if received.path == path]


@pytest.fixture
async def lab() -> AsyncIterator[Lab]:
    async with FarEnd() as far_end:
        courier = WebhookCourier(WebhookConfig(timeout_s=5, allow_private=True))
        yield Lab(far_end, courier)
        await courier.close()


async def test_events_of_a_record_arrive_in_order_whatever_fails(lab: Lab) -> None:
    endpoint, records = lab.endpoint(), [RecordId(uuid4()) for _ in range(3)]
    for n in range(12):
        lab.event(endpoint, records[n % 3], n)
    lab.far_end.plan["/hook"] = [answer(500), cut, answer(404), answer(204), answer(502), answer(307)]
    accepted: list[int] = []

    async def accept(request: web.Request) -> web.StreamResponse:
        accepted.append(json.loads(await request.read())["n"])
        return web.Response(status=204)

    lab.far_end.plan["/hook"][3] = accept
    lab.far_end.otherwise = accept
    await lab.publish()
    await lab.pass_time(timedelta(minutes=5), timedelta(seconds=5))
    assert not lab.outbox.events
    for third in range(3):
        of_record = [n for n in accepted if n % 3 == third]
        assert of_record == sorted(of_record)
    assert len(lab.arrived()) > 12


async def test_the_same_bytes_and_id_come_again_until_accepted(lab: Lab) -> None:
    event = lab.event(lab.endpoint())
    lab.far_end.plan["/hook"] = [answer(500), cut]
    await lab.publish()
    assert len(lab.far_end.received) == 1
    await lab.pass_time(timedelta(seconds=30), timedelta(seconds=1))
    assert len(lab.far_end.received) == 3
    assert {received.event_id for received in lab.far_end.received} == {str(event)}
    assert len({received.body for received in lab.far_end.received}) == 1
    stamps = [int(received.headers["webhook-timestamp"]) for received in lab.far_end.received]
    assert stamps == sorted(set(stamps)), "each try is signed anew"
    assert [(tries, status) for _, tries, status, _ in lab.outbox.tries] == [(1, 500), (2, None), (3, 204)]


async def test_a_time_out_is_retried(lab: Lab) -> None:
    impatient = WebhookCourier(WebhookConfig(timeout_s=0.2, allow_private=True))
    lab.publisher = EventPublisher(lab.outbox, impatient, lab.clock, lab.telemetry, owner="test", limits=LIMITS)
    lab.event(lab.endpoint())
    lab.far_end.plan["/hook"] = [lab.far_end.hang]
    await lab.publish()
    assert lab.outbox.events[0].last_error.startswith("timeout")
    await lab.pass_time(timedelta(seconds=5), timedelta(seconds=1))
    await impatient.close()
    assert not lab.outbox.events


async def test_after_a_day_an_event_is_parked_and_can_be_replayed(lab: Lab) -> None:
    endpoint, record = lab.endpoint(), RecordId(uuid4())
    event, behind = lab.event(endpoint, record, 1), lab.event(endpoint, record, 2)
    lab.far_end.otherwise = answer(500, "down")
    begun = lab.clock.now()
    await lab.publish()
    await lab.pass_time(timedelta(hours=23, minutes=50), timedelta(minutes=10))
    assert not await list_parked_events(lab.outbox, ACCOUNT)
    assert set(lab.arrived()) == {1}, "the next event of the record waits behind it"
    await lab.pass_time(timedelta(minutes=20), timedelta(minutes=10))
    (parked,) = await list_parked_events(lab.outbox, ACCOUNT, endpoint_id=endpoint)
    assert (parked.id, parked.first_tried_at, parked.last_error) == (event, begun, "HTTP 500: down")
    assert 20 < parked.tries < 50
    assert ("webhook_event_parked", event) in [(name, keys["event_id"]) for name, keys in lab.telemetry.events]
    assert set(lab.arrived()) == {1, 2}

    lab.far_end.otherwise = answer(200)
    lab.far_end.received.clear()
    await lab.pass_time(timedelta(hours=1), timedelta(hours=1))
    assert lab.arrived() == [2]
    assert await replay_events(lab.outbox, lab.clock, ACCOUNT, endpoint, [event, behind]) == 1
    await lab.publish()
    assert lab.arrived() == [2, 1]
    assert lab.far_end.received[-1].event_id == str(event)
    assert not lab.outbox.events


async def test_410_disables_the_endpoint(lab: Lab) -> None:
    endpoint = lab.endpoint()
    for n in range(6):
        lab.event(endpoint, RecordId(uuid4()), n)
    lab.far_end.otherwise = answer(410)
    await lab.publish()
    assert lab.outbox.endpoints[endpoint].disabled_reason == "gone"
    assert len(lab.far_end.received) <= LIMITS.per_endpoint
    assert len(await list_parked_events(lab.outbox, ACCOUNT)) == 6


async def test_a_silent_endpoint_holds_up_no_other(lab: Lab) -> None:
    silent, lively = lab.endpoint("/silent"), lab.endpoint("/lively")
    for n in range(40):
        lab.event(silent, n=n)
        lab.event(lively, n=n)
    lab.far_end.plan["/silent"] = [lab.far_end.hang] * 40
    while len(lab.arrived("/lively")) < 40:
        await lab.publisher.step()
    assert len(lab.arrived("/silent")) == LIMITS.per_endpoint
    lab.far_end.release.set()
    await lab.publish()
    assert not lab.outbox.events


class FaultyCourier(WebhookCourier):
    """Has a fault of its own: raises for the endpoint ``broken``."""

    broken: EndpointId | None = None

    @override
    async def post(self, delivery: Delivery, at: datetime) -> Answer:
        if delivery.endpoint_id == self.broken:
            raise LookupError("unforeseen")
        return await super().post(delivery, at)


async def test_a_post_that_raises_is_a_failed_try_of_its_event_alone(lab: Lab) -> None:
    courier = FaultyCourier(WebhookConfig(timeout_s=5, allow_private=True))
    lab.publisher = EventPublisher(lab.outbox, courier, lab.clock, lab.telemetry, owner="test", limits=LIMITS)
    courier.broken, healthy = lab.endpoint("/broken"), lab.endpoint()
    event = lab.event(courier.broken)
    for n in range(3):
        lab.event(healthy, n=n)
    await lab.publish()
    assert sorted(lab.arrived()) == [0, 1, 2]
    (waiting,) = lab.outbox.events
    assert (waiting.id, waiting.tries, waiting.lease_until) == (event, 1, None)
    assert waiting.last_error.startswith("internal_error")
    (failed,) = [keys for name, keys in lab.telemetry.events if name == "webhook_post_failed"]
    assert failed["event_id"] == event
    assert isinstance(failed["error"], LookupError)
    await lab.pass_time(timedelta(hours=25), timedelta(minutes=10))
    await courier.close()
    assert [parked.id for parked in await list_parked_events(lab.outbox, ACCOUNT)] == [event]


async def test_results_outlast_a_store_that_is_away(lab: Lab) -> None:
    lab.event(lab.endpoint())
    lab.outbox.away = 2
    for _ in range(2):
        with pytest.raises(NeighbourError):
            await lab.publisher.step()
    (step,) = [step for step in await lab.publish() if step.results]
    assert [type(result.verdict) for result in step.results] == [Delivered]
    assert len(lab.far_end.received) == 1, "what was sent is not sent again"
    assert not lab.outbox.events


async def test_drain_ends_what_runs_and_leaves_the_rest_to_its_lease(lab: Lab) -> None:
    quick, silent = lab.endpoint("/quick"), lab.endpoint("/silent")
    lab.event(quick)
    lab.event(silent)
    lab.far_end.plan["/silent"] = [lab.far_end.hang]
    begun = asyncio.create_task(lab.publisher.step())
    await begun
    done = await lab.publisher.drain(patience_s=0.1)
    assert done.running == 0
    assert [event.endpoint_id for event in lab.outbox.events] == [silent]
    assert not (await lab.publisher.step()).claimed
    lab.clock.forward(timedelta(seconds=LIMITS.lease_s))
    await lab.publish()
    assert not lab.outbox.events


async def test_tries_are_counted_by_outcome(lab: Lab) -> None:
    lab.event(lab.endpoint())
    lab.far_end.plan["/hook"] = [answer(500)]
    await lab.publish()
    await lab.pass_time(timedelta(seconds=5), timedelta(seconds=5))
    assert lab.telemetry.counts == {("webhook_tries", "retry"): 1, ("webhook_tries", "delivered"): 1}


async def test_the_test_button_shows_the_answer(lab: Lab) -> None:
    lab.far_end.plan["/hook"] = [answer(418, "short and stout")]
    target = EndpointTarget(ACCOUNT, EndpointId(uuid4()), lab.far_end.url(), plain_http=True)
    answered = await try_endpoint(lab.courier, lab.clock, SystemIds(), target)
    assert isinstance(answered, HttpAnswer)
    assert (answered.status, answered.detail) == (418, "short and stout")
    assert json.loads(lab.far_end.received[0].body)["type"] == "endpoint.test"


@pytest.mark.parametrize("limit", [0, 501])
async def test_a_page_has_bounds(lab: Lab, limit: int) -> None:
    with pytest.raises(InvalidInput):
        await list_parked_events(lab.outbox, ACCOUNT, limit=limit)
