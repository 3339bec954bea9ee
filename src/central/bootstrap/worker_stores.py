"""What a worker process stands on: one pool and the stores over it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from central.adapters.postgres.dispatch_store import PostgresDispatch
from central.adapters.postgres.journal_store import PostgresJournal
from central.adapters.postgres.library import PostgresLibrary
from central.adapters.postgres.pool import Pool
from central.adapters.postgres.tracking_store import PostgresTracking
from central.adapters.system import SystemClock, SystemIds
from central.bootstrap.store import worker_pool
from central.settings import Settings


@dataclass(frozen=True, slots=True)
class WorkerStores:
    """The stores of a worker process on one pool."""

    pool: Pool
    dispatch: PostgresDispatch
    journal: PostgresJournal
    tracking: PostgresTracking
    library: PostgresLibrary
    clock: SystemClock
    ids: SystemIds


@contextlib.asynccontextmanager
async def worker_stores(settings: Settings, name: str, *, by_keys: bool = False) -> AsyncGenerator[WorkerStores]:
    """Open the pool of a worker process and what stands on it; ``by_keys`` as of ``open_pool``."""
    clock, ids = SystemClock(), SystemIds()
    async with await worker_pool(settings, "central_worker", name, by_keys=by_keys) as pool:
        dispatch = PostgresDispatch(pool, ids)
        yield WorkerStores(
            pool=pool,
            dispatch=dispatch,
            journal=PostgresJournal(pool, ids),
            tracking=PostgresTracking(pool),
            library=PostgresLibrary(pool, dispatch, clock),
            clock=clock,
            ids=ids,
        )
