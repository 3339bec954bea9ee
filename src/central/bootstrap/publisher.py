"""The publisher process, and how webhooks are posted."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from central.adapters.postgres.outbox import PostgresOutbox
from central.adapters.telemetry.process_telemetry import ProcessTelemetry
from central.adapters.webhook.channel import WebhookCourier
from central.adapters.webhook.config import WebhookConfig
from central.application.publishing.publish_events import EventPublisher, PublishLimits
from central.bootstrap.recordings import recording_links
from central.bootstrap.worker_stores import worker_stores
from central.domain.delivery import RetryRule
from central.entrypoints.workers.rounds import repeat
from central.settings import Settings


def webhook_config(settings: Settings) -> WebhookConfig:
    """How webhooks are posted."""
    return WebhookConfig(
        timeout_s=settings.webhook_timeout_s,
        max_answer_bytes=max(1, settings.webhook_response_bytes),
        allow_private=settings.allow_private_webhooks,
    )


async def run(settings: Settings, stop: asyncio.Event, telemetry: ProcessTelemetry) -> None:
    """Run until ``stop`` is set; running posts may end."""
    async with worker_stores(settings, "publisher") as stores:
        courier = WebhookCourier(webhook_config(settings))
        owner = f"{settings.node_name}/{stores.ids.uuid().hex[-12:]}"
        publisher = EventPublisher(
            PostgresOutbox(stores.pool, recording_links(settings)),
            courier,
            stores.clock,
            telemetry,
            owner=owner,
            limits=PublishLimits(in_flight=settings.webhook_connections, lease_s=settings.webhook_timeout_s + 50),
            rule=RetryRule(
                first=timedelta(seconds=settings.webhook_first_retry_s),
                give_up_after=timedelta(hours=settings.webhook_retry_hours),
            ),
        )

        async def step() -> int:
            return 0 if (await publisher.step()).idle else 1

        try:
            await repeat("publish", step, 0.2, stop, telemetry)
            await publisher.drain(settings.webhook_timeout_s)
        finally:
            await courier.close()
