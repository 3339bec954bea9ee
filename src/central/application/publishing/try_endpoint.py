"""Step 6, by hand: the test button of an endpoint posts one sample event now, past the outbox, and shows the answer."""

from __future__ import annotations

import json
from dataclasses import dataclass

from central.application.ports.outbox import Courier, Delivery
from central.application.ports.world import Clock, Ids
from central.domain.delivery import Answer
from central.domain.endpoints import NO_AUTH, EndpointAuth
from central.domain.ids import AccountId, EndpointId, EventId

TEST_EVENT_TYPE = "endpoint.test"


@dataclass(frozen=True, slots=True)
class EndpointTarget:
    """The saved endpoint that is tried, as far as posting needs it; ``plain_http`` is the account's switch."""

    account_id: AccountId
    endpoint_id: EndpointId
    url: str
    secrets: tuple[str, ...] = ()
    auth: EndpointAuth = NO_AUTH
    plain_http: bool = False


async def try_endpoint(courier: Courier, clock: Clock, ids: Ids, target: EndpointTarget) -> Answer:
    """Post ``{"event_id", "occurred_at", "type": "endpoint.test"}`` once; nothing is stored and nothing retried."""
    now = clock.now()
    event_id = ids.uuid()
    body = {"event_id": str(event_id), "occurred_at": now.isoformat(timespec="milliseconds"), "type": TEST_EVENT_TYPE}
    delivery = Delivery(
        account_id=target.account_id,
        id=EventId(event_id),
        endpoint_id=target.endpoint_id,
        record_id=None,
        event_type=TEST_EVENT_TYPE,
        occurred_at=now,
        body=json.dumps(body).encode(),
        tries=1,
        first_tried_at=now,
        url=target.url,
        secrets=target.secrets,
        auth=target.auth,
        plain_http=target.plain_http,
    )
    return await courier.post(delivery, now)
