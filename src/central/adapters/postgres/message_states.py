"""How messages are that flows wait for (port MessageStates): one statement for all of them (``queries/message.sql``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from central.adapters.postgres.hot_statements import hot_statements
from central.adapters.postgres.pool import Pool, transaction
from central.application.ports.messages import MessageState
from central.domain.ids import AccountId, MessageId

_SQL: Final = hot_statements("message")


class PostgresMessageStates:
    """``pool`` is one of central_worker."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def states(self, wanted: Sequence[tuple[AccountId, MessageId]]) -> Mapping[MessageId, MessageState]:
        """How these messages are; see the port."""
        asked = {"accounts": [account for account, _ in wanted], "ids": [id_ for _, id_ in wanted]}
        async with transaction(self._pool) as connection:
            rows = await _SQL["states"].rows(connection, asked)
        return {id_: MessageState(status, reason) for id_, status, reason in rows}
