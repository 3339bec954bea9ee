"""The outbox in memory, with the promises of the port: for tests of the publisher, and held to the port's contract suite."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from central.application.ports.outbox import (
    Delivery,
    DeliveryResult,
    DisableReason,
    ParkedEvent,
    QueueDepth,
)
from central.domain.delivery import Delivered, Gone, HttpAnswer, RetryAt, describe
from central.domain.errors import Conflict, NotFound
from central.domain.event_bodies import render_body
from central.domain.ids import AccountId, EndpointId, EventId, RecordId


@dataclass(slots=True)
class StoredEndpoint:
    account_id: AccountId
    id: EndpointId
    url: str
    secrets: tuple[str, ...] = ()
    plain_http: bool = False
    disabled_reason: str | None = None


@dataclass(slots=True)
class StoredEvent:
    account_id: AccountId
    id: EventId
    endpoint_id: EndpointId
    record_id: RecordId | None
    event_type: str
    occurred_at: datetime
    told: dict[str, object]
    due_at: datetime
    parked: bool = False
    tries: int = 0
    first_tried_at: datetime | None = None
    lease_until: datetime | None = None
    owner: str | None = None
    last_error: str = ""


@dataclass(slots=True)
class MemoryOutbox:
    endpoints: dict[EndpointId, StoredEndpoint] = field(default_factory=dict[EndpointId, StoredEndpoint])
    events: list[StoredEvent] = field(default_factory=list[StoredEvent])
    tries: list[tuple[EventId, int, int | None, str]] = field(
        default_factory=list[tuple[EventId, int, int | None, str]]
    )

    async def claim_deliveries(
        self, owner: str, limit: int, lease_s: float, *, per_endpoint: int, at: datetime
    ) -> Sequence[Delivery]:
        taken: list[StoredEvent] = []
        while len(taken) < limit:
            leased = [event for event in self.events if self._leased(event, at)]
            of_account = Counter(event.account_id for event in leased)
            of_endpoint = Counter(event.endpoint_id for event in leased)
            got = Counter(event.endpoint_id for event in taken)
            event = min(
                (e for e in self.events if self._is_due(e, at) and of_endpoint[e.endpoint_id] < per_endpoint),
                key=lambda e: (of_account[e.account_id], got[e.endpoint_id], e.due_at, e.id),
                default=None,
            )
            if event is None:
                break
            event.lease_until, event.owner, event.tries = at + timedelta(seconds=lease_s), owner, event.tries + 1
            event.first_tried_at = event.first_tried_at or at
            taken.append(event)
        return [self._delivery(event) for event in sorted(taken, key=lambda event: (event.due_at, event.id))]

    def _is_due(self, event: StoredEvent, at: datetime) -> bool:
        first = event.record_id is None or not any(
            other.record_id == event.record_id
            and other.endpoint_id == event.endpoint_id
            and not other.parked
            and other.id < event.id
            for other in self.events
        )
        enabled = self.endpoints[event.endpoint_id].disabled_reason is None
        return enabled and first and not event.parked and event.due_at <= at and not self._leased(event, at)

    @staticmethod
    def _leased(event: StoredEvent, at: datetime) -> bool:
        return not event.parked and event.lease_until is not None and event.lease_until > at

    def _delivery(self, event: StoredEvent) -> Delivery:
        endpoint = self.endpoints[event.endpoint_id]
        return Delivery(
            account_id=event.account_id,
            id=event.id,
            endpoint_id=event.endpoint_id,
            record_id=event.record_id,
            event_type=event.event_type,
            occurred_at=event.occurred_at,
            body=render_body(event.id, event.occurred_at, event.event_type, event.told),
            tries=event.tries,
            first_tried_at=event.first_tried_at or event.occurred_at,
            url=endpoint.url,
            secrets=endpoint.secrets,
            plain_http=endpoint.plain_http,
        )

    async def finish_deliveries(self, owner: str, results: Sequence[DeliveryResult]) -> int:
        finished = 0
        for result in results:
            delivery, answer = result.delivery, result.answer
            status = answer.status if isinstance(answer, HttpAnswer) else None
            self.tries.append((delivery.id, delivery.tries, status, type(result.verdict).__name__))
            event = next((e for e in self.events if (e.endpoint_id, e.id) == (delivery.endpoint_id, delivery.id)), None)
            if event is None or (event.owner, event.tries, event.parked) != (owner, delivery.tries, False):
                continue
            finished += 1
            self._apply(event, result)
        for result in results:
            if isinstance(result.verdict, Gone):
                endpoint = result.delivery.endpoint_id
                await self.disable_endpoint(result.delivery.account_id, endpoint, "gone", result.at)
        return finished

    def _apply(self, event: StoredEvent, result: DeliveryResult) -> None:
        if isinstance(result.verdict, Delivered):
            self.events.remove(event)
            return
        event.lease_until, event.owner, event.last_error = None, None, describe(result.answer)
        event.parked = True
        if isinstance(result.verdict, RetryAt):
            event.parked = self.endpoints[event.endpoint_id].disabled_reason is not None
            event.due_at = result.verdict.due_at

    async def disable_endpoint(
        self, account_id: AccountId, endpoint_id: EndpointId, reason: DisableReason, at: datetime
    ) -> None:
        endpoint = self.endpoints[endpoint_id]
        endpoint.disabled_reason = endpoint.disabled_reason or reason
        for event in self.events:
            if event.endpoint_id == endpoint_id and event.account_id == account_id and not self._leased(event, at):
                event.parked, event.last_error = True, event.last_error or "endpoint disabled"

    async def queue_depth(self, at: datetime) -> QueueDepth:
        waiting = [event for event in self.events if not event.parked]
        oldest = max((at - event.occurred_at for event in waiting), default=timedelta(0))
        return QueueDepth(len(waiting), len(self.events) - len(waiting), oldest)

    async def list_parked(
        self, account_id: AccountId, endpoint_id: EndpointId | None, after: EventId | None, limit: int
    ) -> Sequence[ParkedEvent]:
        found = [
            ParkedEvent(
                e.id,
                e.endpoint_id,
                e.record_id,
                e.event_type,
                e.occurred_at,
                e.tries,
                e.first_tried_at,
                e.last_error,
            )
            for e in self.events
            if e.parked
            and e.account_id == account_id
            and endpoint_id in (None, e.endpoint_id)
            and (after is None or e.id > after)
        ]
        return sorted(found, key=lambda event: event.id)[:limit]

    async def replay_parked(
        self, account_id: AccountId, endpoint_id: EndpointId, ids: Sequence[EventId] | None, at: datetime
    ) -> int:
        endpoint = self.endpoints.get(endpoint_id)
        if endpoint is None or endpoint.account_id != account_id:
            raise NotFound("webhook_endpoint_not_found", "No such endpoint.")
        if endpoint.disabled_reason is not None:
            raise Conflict("webhook_endpoint_disabled", "It is disabled.")
        chosen = [e for e in self.events if e.endpoint_id == endpoint_id and e.parked and (ids is None or e.id in ids)]
        for event in chosen:
            fresh = replace(event, parked=False, due_at=at, tries=0, first_tried_at=None, lease_until=None, owner=None)
            self.events[self.events.index(event)] = fresh
        return len(chosen)
