"""What publishing (step 6) needs of the world: the stored queue of events, and somebody who posts one of them.

The queue's promise: per endpoint and record only the oldest unfinished event can be claimed, so events of one record reach
an endpoint in order; events without a record have no order among them. Parked events are finished in that sense.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from typing_extensions import override

from central.domain.delivery import Answer, Verdict
from central.domain.endpoints import NO_AUTH, EndpointAuth
from central.domain.ids import AccountId, EndpointId, EventId, RecordId


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event that is to be posted to one endpoint now.

    ``id`` is the event id, the same at each try. ``tries`` counts this try too (from 1) and is the fence of the claim.
    ``body`` is the JSON document exactly as it is signed and sent. ``secrets`` are the signing secrets, newest first, and
    each signs. ``plain_http`` is the account's switch.
    """

    account_id: AccountId
    id: EventId
    endpoint_id: EndpointId
    record_id: RecordId | None
    event_type: str
    occurred_at: datetime
    body: bytes
    tries: int
    first_tried_at: datetime
    url: str
    secrets: tuple[str, ...] = ()
    auth: EndpointAuth = NO_AUTH
    plain_http: bool = False

    @override
    def __repr__(self) -> str:
        """Names the event only: bodies hold personal data, addresses and secrets are the customer's."""
        return f"Delivery(id={self.id}, endpoint_id={self.endpoint_id}, type={self.event_type}, tries={self.tries})"


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """How a claimed delivery ended: what was answered, and what was decided from it, ``at`` an aware moment."""

    delivery: Delivery
    answer: Answer
    verdict: Verdict
    at: datetime


@dataclass(frozen=True, slots=True)
class ParkedEvent:
    """An event on the dead-letter list."""

    id: EventId
    endpoint_id: EndpointId
    record_id: RecordId | None
    event_type: str
    occurred_at: datetime
    tries: int
    first_tried_at: datetime | None
    last_error: str


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """How much waits to be sent, how old the oldest of it is, how much is parked; for metrics."""

    waiting: int
    parked: int
    oldest: timedelta


DisableReason = Literal["gone", "by_user"]


class Outbox(Protocol):
    """The stored queue. All methods are one round trip for the whole batch."""

    async def claim_deliveries(
        self, owner: str, limit: int, lease_s: float, *, per_endpoint: int, at: datetime
    ) -> Sequence[Delivery]:
        """Take up to ``limit`` due events for ``lease_s`` seconds from ``at``, oldest due first; counts a try on each.

        An endpoint never has much more than ``per_endpoint`` events taken at a time, over all owners; disabled endpoints
        none. Where ``limit`` is less than what is due, places go round: to the account with the fewest taken, within it to
        the endpoint that got the fewest. What a claim costs does not depend on how much waits. An event whose lease has run out can be taken again: delivery is at least once.
        """
        ...

    async def finish_deliveries(self, owner: str, results: Sequence[DeliveryResult]) -> int:
        """Store the ends of claimed deliveries and return how many were still ours.

        Delivered events leave the queue, retried ones become due again (with the later events of their record behind
        them), given-up ones are parked. ``Gone`` also disables the endpoint as ``disable_endpoint`` does. A result
        whose claim was lost to another owner changes nothing in the queue, but its try is recorded.
        """
        ...

    async def disable_endpoint(
        self, account_id: AccountId, endpoint_id: EndpointId, reason: DisableReason, at: datetime
    ) -> None:
        """Send nothing more there: park everything that waits for it and is not being sent now. Safe to repeat."""
        ...

    async def queue_depth(self, at: datetime) -> QueueDepth:
        """Count the queue."""
        ...


class DeadLetters(Protocol):
    """The parked events of one account, for people."""

    async def list_parked(
        self, account_id: AccountId, endpoint_id: EndpointId | None, after: EventId | None, limit: int
    ) -> Sequence[ParkedEvent]:
        """A page of parked events in the order of their ids, those after ``after``."""
        ...

    async def replay_parked(
        self, account_id: AccountId, endpoint_id: EndpointId, ids: Sequence[EventId] | None, at: datetime
    ) -> int:
        """Make parked events (these, or all of the endpoint) wait again from ``at`` as if never tried; returns how many.

        Those that are not parked are passed over. Raises NotFound ``webhook_endpoint_not_found``, Conflict
        ``webhook_endpoint_disabled``.
        """
        ...


class Courier(Protocol):
    """Posts one event. Not a batch: each post ends in its own time, and a batch would wait for its slowest."""

    async def post(self, delivery: Delivery, at: datetime) -> Answer:
        """Sign and send; ``at`` is the moment that is signed. Never raises for what the far side does."""
        ...
