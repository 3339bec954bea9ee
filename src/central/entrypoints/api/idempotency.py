"""``Idempotency-Key``: the same key with the same body gives the same answer, whatever was lost on the way.

For POSTs with a JSON body of limited size. Uploads stream and are judged by ``upload_routes.py`` in the same store.
Answers of 5xx are not kept. Secrets that are shown once (``opt["secret_fields"]``) are null in a repeated answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final, cast

import msgspec
from litestar import Request
from litestar.enums import ScopeType
from litestar.handlers import HTTPRouteHandler
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from central.application.administration.authenticate_key import Caller
from central.domain.errors import CentralError, InvalidInput
from central.entrypoints.api.services import Services

STREAMED: Final = {"streamed": True}
"""``opt`` of routes whose body is not read here."""

_MAX_KEY = 255
_FIRST_OURS = 500
REPLAYED: Final = "Idempotent-Replayed"


def key_of(request: Request[Any, Any, Any]) -> str | None:
    """The key that came, None without one. Raises InvalidInput ``invalid_idempotency_key``."""
    key = request.headers.get("idempotency-key")
    if key is not None and not (0 < len(key) <= _MAX_KEY and key.isprintable()):
        raise InvalidInput("invalid_idempotency_key", f"An Idempotency-Key has 1 to {_MAX_KEY} printable characters.")
    return key


class Idempotency(ASGIMiddleware):
    """Answers a repeated POST from the store; stands behind the gate."""

    scopes = (ScopeType.HTTP,)

    def __init__(self, services: Services) -> None:
        self._services = services

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Reserve, work, keep the answer; or repeat it."""
        request: Request[Any, Any, Any] = Request(scope, receive=receive)
        opt = scope["route_handler"].opt
        caller: Caller | None = scope["state"].get("caller")
        key = key_of(request) if request.method == "POST" and caller is not None else None
        if key is None or caller is None or opt.get("streamed"):
            await next_app(scope, receive, send)
            return
        handler = scope["route_handler"]
        most = handler.resolve_request_max_body_size() if isinstance(handler, HTTPRouteHandler) else None
        body = await _read(receive, most or self._services.limits.body_bytes)
        digest = sha256(
            b"\0".join((request.method.encode(), str(request.url.path).encode(), scope["query_string"], body))
        )
        fingerprint = digest.digest()
        store, limits = self._services.idempotency, self._services.limits
        subject = self._services.ids.uuid()
        taken = await store.reserve(caller.account_id, key, fingerprint, subject, limits.idempotency_stale_s)
        if taken.status_code is not None:
            if taken.fingerprint != fingerprint:
                raise key_reused()
            await _replay(send, taken.status_code, taken.answer or {})
            return
        scope["state"]["subject"] = taken.subject
        kept = _Kept()
        try:
            await next_app(scope, _again(body, receive), kept)
        finally:
            if 0 < kept.status < _FIRST_OURS:
                answer = {**kept.answer(opt.get("secret_fields", ())), "subject": str(taken.subject)}
                await store.answer(caller.account_id, key, fingerprint, kept.status, answer)
            else:
                await store.release(caller.account_id, key)
        await kept.give(send)


def key_reused() -> CentralError:
    """The error of a key that came with another body before."""
    return InvalidInput("idempotency_key_reused", "This Idempotency-Key was used with another request.")


class _Kept:
    """Holds an answer until it is stored: whoever has it may repeat the request at once, and must find it."""

    def __init__(self) -> None:
        self._messages: list[Message] = []
        self.status = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._headers = [(bytes(name), bytes(value)) for name, value in message["headers"]]
        elif message["type"] == "http.response.body":
            self._body += message.get("body", b"")
        self._messages.append(message)

    async def give(self, send: Send) -> None:
        """Pass it on."""
        for message in self._messages:
            await send(message)

    def answer(self, secret_fields: Sequence[str]) -> Mapping[str, object]:
        headers = {name.decode().lower(): value.decode() for name, value in self._headers}
        kept = {name: headers[name] for name in ("content-type", "location", "etag") if name in headers}
        body: object = msgspec.json.decode(bytes(self._body)) if self._body else None
        if isinstance(body, dict):
            fields = cast("dict[str, object]", body)
            body = {name: None if name in secret_fields else value for name, value in fields.items()}
        return {"headers": kept, "body": body}


async def _read(receive: Receive, most: int) -> bytes:
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            break
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > most:
            raise InvalidInput("body_too_large", f"A body has at most {most} bytes.", limit=most)
    return bytes(body)


def _again(body: bytes, receive: Receive) -> Receive:
    """A receive that gives the body that was read already, then goes on as the real one."""
    first = True

    async def receiving() -> Any:  # noqa: ANN401 - a message of either kind
        nonlocal first
        if first:
            first = False
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return receiving


async def _replay(send: Send, status: int, answer: Mapping[str, object]) -> None:
    headers = cast("Mapping[str, str]", answer.get("headers") or {})
    body = answer.get("body")
    content = b"" if body is None else msgspec.json.encode(body)
    shown = dict(headers) | {REPLAYED: "true", "content-length": str(len(content))}
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(name.lower().encode(), value.encode()) for name, value in shown.items()],
        }
    )
    await send({"type": "http.response.body", "body": content, "more_body": False})
