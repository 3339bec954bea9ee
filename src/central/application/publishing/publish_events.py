"""Step 6: take due events from the outbox, post them, store what came of it. The worker's loop calls ``step`` again and again.

Posts run side by side and end in their own time; what has ended is stored in one batch while others still run, so that one
slow endpoint holds only its own places. Nothing is decided here: ``domain/delivery`` judges the answers. A post that raises
something unexpected is a failed try of its event and holds up no other.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from central.application.ports.outbox import Courier, Delivery, DeliveryResult, Outbox
from central.application.ports.telemetry import Telemetry
from central.application.ports.world import Clock
from central.domain.delivery import (
    STANDARD_RULE,
    Answer,
    Delivered,
    Gone,
    NoAnswer,
    Parked,
    RetryAt,
    RetryRule,
    describe,
    judge,
)


@dataclass(frozen=True, slots=True)
class PublishLimits:
    """How much at once. ``lease_s`` must be well above the time limit of one post; ``wait_s`` bounds one step's wait."""

    in_flight: int = 200
    per_endpoint: int = 20
    lease_s: float = 60.0
    wait_s: float = 0.2


@dataclass(frozen=True, slots=True)
class Published:
    """What one step did: events claimed, results (in the order they came) that were stored, and how many still run."""

    claimed: int
    results: tuple[DeliveryResult, ...]
    running: int

    @property
    def idle(self) -> bool:
        """Nothing was to be done: the loop may wait for a wake-up or its polling interval."""
        return self.claimed == 0 and not self.results and self.running == 0


class EventPublisher:
    """Publishes under the name ``owner``, which must be unique among running processes."""

    def __init__(
        self,
        outbox: Outbox,
        courier: Courier,
        clock: Clock,
        telemetry: Telemetry,
        *,
        owner: str,
        limits: PublishLimits | None = None,
        rule: RetryRule = STANDARD_RULE,
    ) -> None:
        self._outbox = outbox
        self._courier = courier
        self._clock = clock
        self._telemetry = telemetry
        self._owner = owner
        self._limits = limits if limits is not None else PublishLimits()
        self._rule = rule
        self._running: dict[asyncio.Task[DeliveryResult], Delivery] = {}
        self._unsaved: list[DeliveryResult] = []

    async def step(self) -> Published:
        """Claim what fits, wait until something ends (at most ``wait_s``), store everything that has ended.

        Raises NeighbourError when the store is away; results that were not stored are stored by a later step.
        """
        claimed = await self._claim()
        if self._running and not self._unsaved:
            await asyncio.wait(self._running, timeout=self._limits.wait_s, return_when=asyncio.FIRST_COMPLETED)
        return await self._save(claimed)

    async def drain(self, patience_s: float) -> Published:
        """Claim no more, let running posts end for at most ``patience_s`` seconds, store the rest of the results.

        Posts that are cut off keep their lease until it runs out and are sent again then.
        """
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=patience_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        return await self._save(claimed=0)

    async def _claim(self) -> int:
        free = self._limits.in_flight - len(self._running) - len(self._unsaved)
        if free <= 0:
            return 0
        deliveries = await self._outbox.claim_deliveries(
            self._owner,
            free,
            self._limits.lease_s,
            per_endpoint=self._limits.per_endpoint,
            at=self._clock.now(),
        )
        self._running.update((asyncio.create_task(self._deliver(delivery)), delivery) for delivery in deliveries)
        return len(deliveries)

    async def _deliver(self, delivery: Delivery) -> DeliveryResult:
        return self._judged(delivery, await self._courier.post(delivery, self._clock.now()))

    def _judged(self, delivery: Delivery, answer: Answer) -> DeliveryResult:
        now = self._clock.now()
        verdict = judge(
            answer,
            event=delivery.id,
            tries=delivery.tries,
            first_tried_at=delivery.first_tried_at,
            now=now,
            rule=self._rule,
        )
        return DeliveryResult(delivery, answer, verdict, now)

    async def _save(self, claimed: int) -> Published:
        ended = {task: delivery for task, delivery in self._running.items() if task.done()}
        self._running = {task: delivery for task, delivery in self._running.items() if not task.done()}
        self._unsaved.extend(self._ended(task, of) for task, of in ended.items() if not task.cancelled())
        batch = sorted(self._unsaved, key=lambda result: (result.at, result.delivery.id))
        if batch:
            await self._outbox.finish_deliveries(self._owner, batch)
            self._unsaved = []
            self._tell(batch)
        return Published(claimed, tuple(batch), len(self._running))

    def _ended(self, task: asyncio.Task[DeliveryResult], delivery: Delivery) -> DeliveryResult:
        """What came of a post. A courier never raises for the far side: what it raises is ours, and a failed try."""
        error = task.exception()
        if error is None:
            return task.result()
        self._telemetry.failure(
            "webhook_post_failed", error, event_id=delivery.id, endpoint_id=delivery.endpoint_id, tries=delivery.tries
        )
        return self._judged(delivery, NoAnswer("internal_error", 0, "Posting the event failed on our side."))

    def _tell(self, results: list[DeliveryResult]) -> None:
        for result in results:
            outcome = _OUTCOMES[type(result.verdict)]
            self._telemetry.count("webhook_tries", outcome=outcome)
            self._telemetry.observe("webhook_post_ms", result.answer.duration_ms, outcome=outcome)
            if isinstance(result.verdict, Parked | Gone):
                self._telemetry.warning(
                    "webhook_event_parked",
                    event_id=result.delivery.id,
                    endpoint_id=result.delivery.endpoint_id,
                    tries=result.delivery.tries,
                    endpoint_gone=isinstance(result.verdict, Gone),
                    answer_pii=describe(result.answer),
                )


_OUTCOMES = {Delivered: "delivered", RetryAt: "retry", Parked: "parked", Gone: "endpoint_gone"}
