"""The body of ``record.final`` for a batch of records: what the tables know, with the flow's secrets masked (path step 6).

Source: domain specification, section 15. Rendered when an event is first delivered, from rows that no longer change, and
then stored by the outbox, so that every try tells the same.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast
from uuid import UUID

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from central.adapters.postgres.pool import Connection
from central.adapters.postgres.statements import load_statements
from central.domain.errors import InvalidInput
from central.domain.ids import AccountId, RecordId
from central.domain.secret_recipients import is_secret_recipient
from central.domain.variable_rules import MASK
from central.flow.prepared import prepare_flow

HIDDEN_DIGIT: Final = "x"
_SQL: Final = load_statements("reporting")
_MOST_VERSIONS: Final = 1_000

Body = Mapping[str, object]
Key = tuple[AccountId, RecordId]


@dataclass(frozen=True, slots=True)
class _Secrets:
    """What a frozen flow version hides: variables by name (None = all), and whether pressed keys may be a secret."""

    variables: frozenset[str] | None
    keys: bool


_known: OrderedDict[UUID, _Secrets] = OrderedDict()  # frozen versions never change: read once a process


async def render_record_final(connection: Connection, records: Sequence[Key]) -> dict[Key, Body]:
    """Bodies by account and record, at most three statements for the whole batch; records that are gone are left out.

    Without ``event_id``, ``type``, ``occurred_at`` and ``record_class``, which the envelope adds.
    """
    if not records:
        return {}
    targets = [{"account_id": account_id, "record_id": record_id} for account_id, record_id in dict.fromkeys(records)]
    rows = await _rows(connection, "record_final", {"targets": Jsonb(targets)})
    secrets = await _secrets(connection, {row["flow_version_id"] for row in rows})
    return {
        (row["account_id"], row["record_id"]): _without_secrets(row["body"], secrets[row["flow_version_id"]])
        for row in rows
    }


async def _secrets(connection: Connection, versions: Iterable[UUID]) -> Mapping[UUID, _Secrets]:
    wanted = set(versions)
    missing = [version for version in wanted if version not in _known]
    for row in await _rows(connection, "version_documents", {"ids": missing}) if missing else ():
        _known[row["id"]] = _read(row)
    found = {version: _known[version] for version in wanted}
    while len(_known) > _MOST_VERSIONS:
        _known.popitem(last=False)
    return found


def _read(row: Mapping[str, Any]) -> _Secrets:
    try:
        prepared = prepare_flow(row["id"], row["account_id"], row["flow_id"], row["number"], bytes(row["document"]))
    except InvalidInput:
        # it could be read when it was saved; a document that cannot be now must neither stop the queue nor leak
        return _Secrets(None, keys=True)
    return _Secrets(prepared.program.secrets, any(step.secret for step in prepared.program.steps.values()))


async def _rows(connection: Connection, statement: str, asked: Mapping[str, object]) -> list[dict[str, Any]]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_SQL[statement], asked)
        return await cursor.fetchall()


def _without_secrets(body: dict[str, object], secrets: _Secrets) -> Body:
    """The body with secret variables, recipients that are one and, where the flow collects a secret, pressed keys masked."""
    variables = cast("dict[str, str]", body.get("variables", {}))
    hidden = variables if secrets.variables is None else secrets.variables
    masked = {name: MASK if name in hidden and value else value for name, value in variables.items()}
    shown: dict[str, object] = {**body, "variables": masked}
    if not masked:
        del shown["variables"]
    values = [value for name, value in variables.items() if name in hidden and value]
    for channel in ("sms", "emails"):
        if channel in body:
            shown[channel] = [_hide_recipient(one, values) for one in cast("list[dict[str, Any]]", body[channel])]
    if secrets.keys and "attempts" in shown:
        shown["attempts"] = [_hide_keys(attempt) for attempt in cast("list[dict[str, Any]]", shown["attempts"])]
    return shown


def _hide_recipient(message: dict[str, Any], secrets: Sequence[str]) -> dict[str, Any]:
    return {**message, "to": MASK} if is_secret_recipient(message["to"], secrets) else message


def _hide_keys(attempt: dict[str, Any]) -> dict[str, Any]:
    legs: list[dict[str, Any]] = attempt.get("legs", [])
    hidden = [{**leg, "digits": [_hidden(key) for key in leg["digits"]]} if "digits" in leg else leg for leg in legs]
    return {**attempt, "legs": hidden} if "legs" in attempt else attempt


def _hidden(key: object) -> object:
    return {**cast("dict[str, object]", key), "digit": HIDDEN_DIGIT} if isinstance(key, dict) else HIDDEN_DIGIT
