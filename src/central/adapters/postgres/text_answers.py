"""The ports TextAnswerStore and OwedAnswers on PostgreSQL (``queries/text_answer.sql``)."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from central.adapters.postgres.administration_rows import changing, fetch, scalar, touched
from central.adapters.postgres.hot_statements import hot_statements
from central.adapters.postgres.message_batch import as_json
from central.adapters.postgres.pool import Pool, tenant, transaction
from central.adapters.postgres.statements import load_statements
from central.application.ports.administration import AuditEntry
from central.application.ports.text_answers import AnswerState, OwedAnswer, TextAnswer
from central.domain.ids import AccountId
from central.domain.text_answers import DEFAULT_HELP

_SQL = load_statements("text_answer")
_HOT = hot_statements("text_answer")


class PostgresTextAnswers:
    """Answers of an account; ``pool`` is one of central_api."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def put(self, account_id: AccountId, answer: TextAnswer, audit: AuditEntry) -> UUID:
        """Add or change it; see the port."""
        values = msgspec.structs.asdict(answer) | {"account_id": account_id}
        async with changing(self._pool, account_id, audit) as change:
            return UUID(str(await scalar(change.connection, _SQL["put_text_answer"], values)))
        return answer.id

    async def page(self, account_id: AccountId, after: UUID | None, limit: int) -> Sequence[TextAnswer]:
        """Answers in the order they were made."""
        values = {"account_id": account_id, "after": after, "limit": limit}
        async with tenant(self._pool, account_id) as connection:
            return await fetch(connection, _SQL["text_answer_page"], TextAnswer, values)

    async def remove(self, account_id: AccountId, answer_id: UUID, audit: AuditEntry) -> bool:
        """Delete it; see the port."""
        values = {"account_id": account_id, "id": answer_id}
        async with changing(self._pool, account_id, audit) as change:
            if not await touched(change.connection, _SQL["drop_text_answer"], values):
                change.nothing()
            return True
        return False


class PostgresOwedAnswers:
    """Texts that wait for an answer; ``pool`` is one of central_worker."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def waiting(self, limit: int) -> Sequence[OwedAnswer]:
        """The oldest first."""
        async with transaction(self._pool) as connection:
            rows = await _HOT["owed_answers"].rows(connection, {"limit": limit, "help": DEFAULT_HELP})
        return [OwedAnswer(AccountId(account), *others) for account, *others in rows]

    async def ended(self, answers: Sequence[tuple[OwedAnswer, AnswerState]]) -> None:
        """They wait no more."""
        rows = [{"account_id": one.account_id, "id": one.text_id, "state": state} for one, state in answers]
        async with transaction(self._pool) as connection:
            await _HOT["answers_ended"].run(connection, {"rows": as_json(rows)})
