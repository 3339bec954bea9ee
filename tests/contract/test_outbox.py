"""The promises of the Outbox and DeadLetters ports, on the fake and on PostgreSQL."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from central.adapters.postgres.outbox import PostgresDeadLetters, PostgresOutbox
from central.adapters.postgres.pool import Pool, open_pool
from central.application.ports.outbox import DeadLetters, Delivery, DeliveryResult, Outbox
from central.domain.delivery import Answer, Delivered, Gone, HttpAnswer, NoAnswer, Parked, RetryAt, Verdict
from central.domain.errors import Conflict, NotFound
from central.domain.ids import AccountId, EndpointId, EventId, RecordId, uuid7
from tests.fakes.outbox import MemoryOutbox, StoredEndpoint, StoredEvent

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECRET = "whsec_" + "QUFB" * 8


class Bench(ABC):
    """A store under test, and how to fill it and look at it past the port."""

    outbox: Outbox
    letters: DeadLetters
    account = AccountId(uuid4())

    def __init__(self) -> None:
        self._made = 0
        self._owners: dict[EndpointId, AccountId] = {}

    @abstractmethod
    async def endpoint(self, account: AccountId | None = None) -> EndpointId: ...

    @abstractmethod
    async def _insert(self, endpoint: EndpointId, event: EventId, record: RecordId | None, due: datetime) -> None: ...

    @abstractmethod
    async def tries(self) -> list[tuple[EventId, int, int | None]]: ...

    @abstractmethod
    async def disabled_reason(self, endpoint: EndpointId) -> str | None: ...

    async def event(self, endpoint: EndpointId, record: RecordId | None = None, *, due: datetime = START) -> EventId:
        """Events get ascending ids in the order they are made."""
        self._made += 1
        event = EventId(uuid7(1_700_000_000_000 + self._made, self._made))
        await self._insert(endpoint, event, record, due)
        return event

    async def claim(
        self, *, after_s: float = 0, limit: int = 100, owner: str = "one", per_endpoint: int = 100
    ) -> Sequence[Delivery]:
        at = START + timedelta(seconds=after_s)
        return await self.outbox.claim_deliveries(owner, limit, 60, per_endpoint=per_endpoint, at=at)

    async def finish(self, delivery: Delivery, verdict: Verdict, *, owner: str = "one", after_s: float = 1) -> int:
        answer: Answer = NoAnswer("timeout", 10_000, "a \x00 detail")
        if isinstance(verdict, Delivered | Gone):
            answer = HttpAnswer(200 if isinstance(verdict, Delivered) else 410, 5)
        result = DeliveryResult(delivery, answer, verdict, START + timedelta(seconds=after_s))
        return await self.outbox.finish_deliveries(owner, [result])


class MemoryBench(Bench):
    def __init__(self) -> None:
        super().__init__()
        self._memory = MemoryOutbox()
        self.outbox = self.letters = self._memory

    async def endpoint(self, account: AccountId | None = None) -> EndpointId:
        endpoint = EndpointId(uuid4())
        owner = self._owners[endpoint] = account or self.account
        self._memory.endpoints[endpoint] = StoredEndpoint(owner, endpoint, "https://example.com/", (SECRET,))
        return endpoint

    async def _insert(self, endpoint: EndpointId, event: EventId, record: RecordId | None, due: datetime) -> None:
        told = {"record_id": str(record), "status": "COMPLETED"}
        stored = StoredEvent(self._owners[endpoint], event, endpoint, record, "record.status", START, dict(told), due)
        self._memory.events.append(stored)

    async def tries(self) -> list[tuple[EventId, int, int | None]]:
        return [(event, tries, status) for event, tries, status, _ in self._memory.tries]

    async def disabled_reason(self, endpoint: EndpointId) -> str | None:
        return self._memory.endpoints[endpoint].disabled_reason


class PostgresBench(Bench):
    def __init__(self, dsn: str, worker: Pool, api: Pool) -> None:
        super().__init__()
        self._dsn = dsn
        self.outbox = PostgresOutbox(worker)
        self.letters = PostgresDeadLetters(api)

    async def _run(self, statement: bytes, *values: object) -> list[tuple[Any, ...]]:
        async with await psycopg.AsyncConnection.connect(self._dsn, autocommit=True) as connection:
            done = await connection.execute(statement, values)
            return await done.fetchall() if done.description else []

    async def endpoint(self, account: AccountId | None = None) -> EndpointId:
        endpoint = EndpointId(uuid4())
        owner = self._owners[endpoint] = account or self.account
        await self._run(b"insert into account (id, name) values (%s, 'a') on conflict do nothing", owner)
        await self._run(
            b"insert into webhook_endpoint (account_id, id, name, url, events, secrets)"
            b" values (%s, %s, %s, 'https://example.com/', '{record.status}', %s)",
            owner, endpoint, str(endpoint), [SECRET],
        )  # fmt: skip
        return endpoint

    async def _insert(self, endpoint: EndpointId, event: EventId, record: RecordId | None, due: datetime) -> None:
        told = {"record_id": str(record), "status": "COMPLETED"}
        await self._run(
            b"insert into outbox (account_id, id, endpoint_id, record_id, event_type, occurred_at, body, due_at)"
            b" values (%s, %s, %s, %s, 'record.status', %s, %s, %s)",
            self._owners[endpoint], event, endpoint, record, START, Jsonb(told), due,
        )  # fmt: skip

    async def tries(self) -> list[tuple[EventId, int, int | None]]:
        rows = await self._run(b"select outbox_id, tries, status_code from delivery order by at, tries")
        return [(EventId(event), tries, status) for event, tries, status in rows]

    async def disabled_reason(self, endpoint: EndpointId) -> str | None:
        rows = await self._run(b"select disabled_reason from webhook_endpoint where id = %s", endpoint)
        return None if rows[0][0] is None else str(rows[0][0])


@pytest.fixture(params=["memory", "postgres"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    if request.param == "memory":
        yield MemoryBench()
        return
    dsn = request.getfixturevalue("database")
    async with await open_pool(dsn, "central_worker", 4) as worker, await open_pool(dsn, "central_api", 2) as api:
        yield PostgresBench(dsn, worker, api)


def ids(deliveries: Sequence[Delivery]) -> list[UUID]:
    return [delivery.id for delivery in deliveries]


def retry(after_s: float) -> RetryAt:
    return RetryAt(START + timedelta(seconds=after_s))


async def test_a_claimed_event_carries_all_that_posting_needs(bench: Bench) -> None:
    endpoint, record = await bench.endpoint(), RecordId(uuid4())
    event = await bench.event(endpoint, record)
    (delivery,) = await bench.claim()
    assert (delivery.account_id, delivery.id, delivery.endpoint_id) == (bench.account, event, endpoint)
    assert (delivery.record_id, delivery.event_type, delivery.occurred_at) == (record, "record.status", START)
    assert (delivery.tries, delivery.first_tried_at) == (1, START)
    assert (delivery.url, delivery.secrets, delivery.plain_http) == ("https://example.com/", (SECRET,), False)
    assert json.loads(delivery.body) == {
        "event_id": str(event),
        "type": "record.status",
        "occurred_at": "2026-03-01T12:00:00.000+00:00",
        "record_id": str(record),
        "status": "COMPLETED",
        "record_class": "valid",
    }


async def test_of_a_record_only_the_oldest_unfinished_event_is_claimed(bench: Bench) -> None:
    endpoint, record = await bench.endpoint(), RecordId(uuid4())
    events = [await bench.event(endpoint, record) for _ in range(3)]
    for event in events:
        (delivery,) = await bench.claim()
        assert delivery.id == event
        assert not await bench.claim(owner="two"), "while it is being sent nothing of this record may be"
        await bench.finish(delivery, Delivered())
    assert not await bench.claim()


async def test_a_retry_holds_back_the_later_events_of_its_record_only(bench: Bench) -> None:
    endpoint, record = await bench.endpoint(), RecordId(uuid4())
    first = await bench.event(endpoint, record)
    second = await bench.event(endpoint, record)
    (delivery,) = await bench.claim()
    await bench.finish(delivery, retry(30))
    other = await bench.event(endpoint, RecordId(uuid4()))
    assert ids(await bench.claim(after_s=29)) == [other]
    (again,) = await bench.claim(after_s=30)
    assert (again.id, again.tries, again.first_tried_at) == (first, 2, START)
    assert again.body == delivery.body
    await bench.finish(again, Delivered())
    assert ids(await bench.claim(after_s=31)) == [second]


async def test_order_is_per_endpoint(bench: Bench) -> None:
    here, there, record = await bench.endpoint(), await bench.endpoint(), RecordId(uuid4())
    first, second = await bench.event(here, record), await bench.event(there, record)
    assert ids(await bench.claim()) == [first, second]


async def test_events_without_a_record_do_not_wait_for_each_other(bench: Bench) -> None:
    endpoint = await bench.endpoint()
    events = [await bench.event(endpoint) for _ in range(3)]
    assert ids(await bench.claim()) == events


async def test_a_parked_event_lets_the_next_of_its_record_go(bench: Bench) -> None:
    endpoint, record = await bench.endpoint(), RecordId(uuid4())
    first, second = await bench.event(endpoint, record), await bench.event(endpoint, record)
    (delivery,) = await bench.claim()
    await bench.finish(delivery, Parked())
    assert ids(await bench.claim()) == [second]
    (parked,) = await bench.letters.list_parked(bench.account, None, None, 10)
    assert (parked.id, parked.tries, parked.first_tried_at) == (first, 1, START)
    assert parked.last_error.startswith("timeout: a ")


async def test_the_oldest_due_come_first_and_no_more_than_asked(bench: Bench) -> None:
    endpoint = await bench.endpoint()
    late = await bench.event(endpoint, due=START - timedelta(seconds=1))
    later = await bench.event(endpoint, due=START - timedelta(seconds=2))
    early = await bench.event(endpoint, due=START - timedelta(seconds=3))
    assert ids(await bench.claim(per_endpoint=1)) == [early]
    assert ids(await bench.claim(limit=1)) == [later]
    assert ids(await bench.claim()) == [late]


async def test_a_crowded_endpoint_leaves_room_for_others(bench: Bench) -> None:
    crowded, quiet = await bench.endpoint(), await bench.endpoint()
    for _ in range(10):
        await bench.event(crowded, due=START - timedelta(hours=1))
    event = await bench.event(quiet)
    claimed = await bench.claim(limit=5, per_endpoint=3)
    assert [delivery.endpoint_id for delivery in claimed] == [crowded] * 3 + [quiet]
    assert claimed[-1].id == event
    assert not await bench.claim(owner="two", per_endpoint=3), "the share is counted over all publishers"
    await bench.finish(claimed[0], Delivered())
    assert len(await bench.claim(owner="two", per_endpoint=3)) == 1


async def test_few_places_go_round_the_endpoints(bench: Bench) -> None:
    crowded, quiet = await bench.endpoint(), await bench.endpoint()
    old = [await bench.event(crowded, due=START - timedelta(hours=1)) for _ in range(10)]
    new = [await bench.event(quiet) for _ in range(2)]
    assert ids(await bench.claim(limit=4)) == [*old[:2], *new]


async def test_few_places_go_to_the_account_that_holds_the_fewest(bench: Bench) -> None:
    """However many endpoints the busy account has, and however long its events have waited."""
    busy = [await bench.endpoint() for _ in range(4)]
    for endpoint in busy * 5:
        await bench.event(endpoint, due=START - timedelta(hours=1))
    await bench.claim(limit=6, owner="two")
    other = await bench.event(await bench.endpoint(AccountId(uuid4())))
    assert ids(await bench.claim(limit=1)) == [other]
    assert len(await bench.claim(limit=6)) == 6


async def test_events_behind_another_hide_nothing_that_can_be_sent(bench: Bench) -> None:
    """A record's long queue stands before a lone event: claims get past it, and the queue goes on when it may."""
    endpoint, record = await bench.endpoint(), RecordId(uuid4())
    queue = [await bench.event(endpoint, record) for _ in range(30)]
    lone = await bench.event(endpoint, RecordId(uuid4()))
    (first,) = await bench.claim(limit=1)
    claims = [await bench.claim(limit=1, owner="two") for _ in range(6)]
    assert [delivery.id for claim in claims for delivery in claim] == [lone]
    await bench.finish(first, Delivered())
    assert ids(await bench.claim()) == [queue[1]]


async def test_an_expired_lease_is_taken_over_and_the_old_owner_is_refused(bench: Bench) -> None:
    endpoint = await bench.endpoint()
    event = await bench.event(endpoint)
    (lost,) = await bench.claim()
    assert not await bench.claim(owner="two", after_s=59)
    (taken,) = await bench.claim(owner="two", after_s=60)
    assert (taken.id, taken.tries) == (event, 2)
    assert await bench.finish(lost, Delivered(), after_s=61) == 0
    assert await bench.finish(taken, retry(70), owner="two", after_s=62) == 1
    assert ids(await bench.claim(after_s=70)) == [event]
    assert await bench.tries() == [(event, 1, 200), (event, 2, None)], "each try is recorded, also a late one"


async def test_the_same_owner_cannot_finish_an_earlier_claim_of_its_own(bench: Bench) -> None:
    await bench.event(await bench.endpoint())
    (lost,) = await bench.claim()
    (taken,) = await bench.claim(after_s=60)
    assert await bench.finish(lost, Delivered()) == 0
    assert await bench.finish(taken, Delivered(), after_s=61) == 1


async def test_a_result_from_before_a_replay_is_refused(bench: Bench) -> None:
    endpoint = await bench.endpoint()
    await bench.event(endpoint)
    (lost,) = await bench.claim()
    (given_up,) = await bench.claim(owner="two", after_s=60)
    await bench.finish(given_up, Parked(), owner="two", after_s=61)
    await bench.letters.replay_parked(bench.account, endpoint, None, START)
    (replayed,) = await bench.claim(owner="three", after_s=62)
    assert replayed.tries == lost.tries
    assert await bench.finish(lost, Delivered(), after_s=63) == 0
    assert await bench.finish(replayed, Delivered(), owner="three", after_s=64) == 1


async def test_an_event_written_while_its_endpoint_was_being_disabled_is_not_sent(bench: Bench) -> None:
    endpoint = await bench.endpoint()
    await bench.outbox.disable_endpoint(bench.account, endpoint, "by_user", START)
    await bench.event(endpoint)
    assert not await bench.claim()


async def test_gone_disables_the_endpoint_and_parks_what_waits(bench: Bench) -> None:
    endpoint, other = await bench.endpoint(), await bench.endpoint()
    gone = await bench.event(endpoint)
    sending = await bench.event(endpoint)
    deliveries = await bench.claim()
    waiting = await bench.event(endpoint)
    elsewhere = await bench.event(other)
    await bench.finish(deliveries[0], Gone())
    assert await bench.disabled_reason(endpoint) == "gone"
    assert await bench.disabled_reason(other) is None
    assert ids(await bench.claim()) == [elsewhere]
    await bench.finish(deliveries[1], retry(5), after_s=2)
    parked = await bench.letters.list_parked(bench.account, endpoint, None, 10)
    assert [event.id for event in parked] == [gone, sending, waiting]
    with pytest.raises(Conflict) as caught:
        await bench.letters.replay_parked(bench.account, endpoint, None, START)
    assert caught.value.code == "webhook_endpoint_disabled"


async def test_disabling_by_hand_may_be_repeated(bench: Bench) -> None:
    endpoint = await bench.endpoint()
    event = await bench.event(endpoint)
    for _ in range(2):
        await bench.outbox.disable_endpoint(bench.account, endpoint, "by_user", START)
    assert await bench.disabled_reason(endpoint) == "by_user"
    assert [parked.id for parked in await bench.letters.list_parked(bench.account, None, None, 10)] == [event]


async def test_replay_sends_parked_events_again_in_order(bench: Bench) -> None:
    endpoint, record = await bench.endpoint(), RecordId(uuid4())
    events = [await bench.event(endpoint, record) for _ in range(3)]
    for _ in events:
        (delivery,) = await bench.claim()
        await bench.finish(delivery, Parked())
    assert not await bench.claim()
    assert await bench.letters.replay_parked(bench.account, endpoint, [events[2], EventId(uuid4())], START) == 1
    assert await bench.letters.replay_parked(bench.account, endpoint, None, START) == 2
    for event in events:
        (delivery,) = await bench.claim(after_s=86_400)
        assert (delivery.id, delivery.tries) == (event, 1)
        assert delivery.first_tried_at == START + timedelta(days=1), "its retries begin anew"
        await bench.finish(delivery, Delivered())


async def test_another_account_sees_and_replays_nothing(bench: Bench) -> None:
    endpoint, stranger = await bench.endpoint(), AccountId(uuid4())
    await bench.event(endpoint)
    (delivery,) = await bench.claim()
    await bench.finish(delivery, Parked())
    assert not await bench.letters.list_parked(stranger, None, None, 10)
    assert not await bench.letters.list_parked(stranger, endpoint, None, 10)
    with pytest.raises(NotFound) as caught:
        await bench.letters.replay_parked(stranger, endpoint, None, START)
    assert caught.value.code == "webhook_endpoint_not_found"


async def test_dead_letters_are_paged_by_id(bench: Bench) -> None:
    endpoint = await bench.endpoint()
    events = [await bench.event(endpoint) for _ in range(5)]
    for delivery in await bench.claim():
        await bench.finish(delivery, Parked())
    first = await bench.letters.list_parked(bench.account, endpoint, None, 3)
    rest = await bench.letters.list_parked(bench.account, endpoint, first[-1].id, 3)
    assert [event.id for event in (*first, *rest)] == events


async def test_the_queue_is_counted(bench: Bench) -> None:
    endpoint = await bench.endpoint()
    empty = await bench.outbox.queue_depth(START)
    assert (empty.waiting, empty.parked, empty.oldest) == (0, 0, timedelta(0))
    for _ in range(3):
        await bench.event(endpoint)
    (delivery, *_) = await bench.claim()
    await bench.finish(delivery, Parked())
    depth = await bench.outbox.queue_depth(START + timedelta(minutes=5))
    assert (depth.waiting, depth.parked, depth.oldest) == (2, 1, timedelta(minutes=5))
