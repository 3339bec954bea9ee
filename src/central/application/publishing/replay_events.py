"""Step 6, by hand: what was given up after its 24 hours is looked at, and sent again when a person says so."""

from __future__ import annotations

from collections.abc import Sequence

from central.application.ports.outbox import DeadLetters, ParkedEvent
from central.application.ports.world import Clock
from central.domain.errors import InvalidInput
from central.domain.ids import AccountId, EndpointId, EventId

MAX_PAGE = 500
MAX_IDS = 10_000


async def list_parked_events(
    letters: DeadLetters,
    account_id: AccountId,
    *,
    endpoint_id: EndpointId | None = None,
    after: EventId | None = None,
    limit: int = 100,
) -> Sequence[ParkedEvent]:
    """A page (1 to 500) of the account's dead letters. Raises InvalidInput ``invalid_limit``."""
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidInput("invalid_limit", f"A page has 1 to {MAX_PAGE} entries.")
    return await letters.list_parked(account_id, endpoint_id, after, limit)


async def replay_events(
    letters: DeadLetters,
    clock: Clock,
    account_id: AccountId,
    endpoint_id: EndpointId,
    ids: Sequence[EventId] | None = None,
) -> int:
    """Send parked events of an endpoint again (``ids`` None = all of them); returns how many now wait.

    They keep their event ids, so that a receiver that did get one can tell. Their retries begin anew, and among each other
    they go out in order per record. Raises NotFound ``webhook_endpoint_not_found``, Conflict ``webhook_endpoint_disabled``,
    InvalidInput ``too_many_ids``.
    """
    if ids is not None and len(ids) > MAX_IDS:
        raise InvalidInput("too_many_ids", f"At most {MAX_IDS} ids at a time; leave them out to replay all.")
    return await letters.replay_parked(account_id, endpoint_id, ids, clock.now())
