"""An answer under an Idempotency-Key is stored before anybody has it."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from litestar.types import Message, Receive, Scope, Send

from central.application.ports.administration import Reservation
from central.domain.errors import NeighbourError
from central.domain.ids import AccountId
from central.entrypoints.api.idempotency import Idempotency
from central.entrypoints.api.services import Services


class Keys:
    """The port IdempotencyStore; ``line`` is what happened in which order."""

    def __init__(self, *, away: bool = False) -> None:
        self.line: list[str] = []
        self.away = away

    async def reserve(
        self, account_id: AccountId, key: str, fingerprint: bytes, subject: UUID, stale_s: float
    ) -> Reservation:
        del account_id, key, fingerprint, stale_s
        return Reservation(subject)

    async def answer(
        self, account_id: AccountId, key: str, fingerprint: bytes, status_code: int, answer: Mapping[str, object]
    ) -> None:
        del account_id, key, fingerprint
        if self.away:
            raise NeighbourError("database_away", "It is away.")
        self.line.append(f"stored {status_code} {answer['body']}")

    async def release(self, account_id: AccountId, key: str) -> None:
        del account_id, key
        self.line.append("released")


async def post(keys: Keys, status: int = 201) -> None:
    services = SimpleNamespace(
        idempotency=keys,
        limits=SimpleNamespace(body_bytes=100, idempotency_stale_s=1),
        ids=SimpleNamespace(uuid=uuid4),
    )
    scope: dict[str, Any] = {
        "type": "http", "method": "POST", "path": "/x", "query_string": b"", "headers": [(b"idempotency-key", b"k")],
        "server": ("127.0.0.1", 80), "scheme": "http", "root_path": "",
        "route_handler": SimpleNamespace(opt={}), "state": {"caller": SimpleNamespace(account_id=uuid4())},
    }  # fmt: skip

    async def receive() -> Any:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message: Message) -> None:
        keys.line.append(f"sent {message['type'].rpartition('.')[2]}")

    async def app(_scope: Scope, _receive: Receive, give: Send) -> None:
        await give({"type": "http.response.start", "status": status, "headers": []})
        await give({"type": "http.response.body", "body": b'{"a": 1}', "more_body": False})

    await Idempotency(cast("Services", services)).handle(cast("Scope", scope), receive, send, app)


async def test_an_answer_is_stored_before_anybody_has_it() -> None:
    keys = Keys()
    await post(keys)
    assert keys.line == ["stored 201 {'a': 1}", "sent start", "sent body"]


async def test_an_answer_that_is_not_kept_gives_the_key_back_first() -> None:
    keys = Keys()
    await post(keys, 503)
    assert keys.line == ["released", "sent start", "sent body"]


async def test_an_answer_that_cannot_be_stored_is_not_given() -> None:
    keys = Keys(away=True)
    with pytest.raises(NeighbourError, match="away"):
        await post(keys)
    assert not keys.line
