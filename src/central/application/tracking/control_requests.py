"""Pause, resume, stop, requeue (domain 7.6): the request's control says what is wanted, batches move the records (step 5).

The control column acts at once (dispatch looks at it); the waiting records follow in batches, so that a request of millions is
paused without a long lock. Called by the tracker until nothing moves any more.
"""

from __future__ import annotations

from central.application.ports.tracking import TrackingStore
from central.application.ports.world import Clock

_BATCH = 2000


class ControlRequests:
    """The use case; one round moves at most one batch a request."""

    def __init__(self, store: TrackingStore, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def __call__(self) -> int:
        """Move records of paused, stopping and half-resumed requests; answers how many moved."""
        moved = 0
        for request in await self._store.controlled_requests():
            now = self._clock.now()
            match request.control:
                case "paused":
                    moved += await self._store.hold_waiting(request.account_id, request.id, _BATCH, now, "user")
                case "running":
                    moved += await self._store.resume_held(request.account_id, request.id, _BATCH, now, "user")
                case _:
                    moved += await self._store.end_waiting(request.account_id, request.id, _BATCH, now, "user")
        return moved


class KeepCounts:
    """Folds the counts and closes requests that are done; called once a tick."""

    def __init__(self, store: TrackingStore, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def __call__(self) -> None:
        """One round. Raises NeighbourError when the store is away."""
        await self._store.fold_tallies(_BATCH * 5)
        await self._store.close_requests(_BATCH, self._clock.now())
