"""Gateways and messages of tests."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from central.adapters.gateway.config import GatewayConfig
from central.application.ports.carriers import Submission
from central.domain.ids import MessageId

SECRETS = {"key": "k-secret", "token": "t" * 20}


def settings(url: str = "https://gw.example/v1/messages", **more: Any) -> dict[str, Any]:
    request = {
        "url": url,
        "json": {"to": "{to}", "from": "{sender}", "text": "{text}", "ref": "{id}", "dlt": {"pe": "{ids.entity?}"}},
        "auth": {"kind": "bearer", "secret": "key"},
    }
    answer: dict[str, Any] = {
        "id": {"path": "message.id"}, "error": {"path": "error.code"}, "detail": {"path": "error.text"},
        "refusals": {
            "21211": {"status": "INVALID_NUMBER", "reason": "bad_recipient"},
            "busy": {"status": "FAILED", "retry": True, "reason": "gateway_busy", "delay_s": 7},
        },
    }  # fmt: skip
    return {"request": request | more.pop("request", {}), "answer": answer | more.pop("answer", {}), **more}


def config(url: str = "https://gw.example/v1/messages", **more: Any) -> GatewayConfig:
    return msgspec.convert({**settings(url, **more), "secrets": SECRETS, "name": "gw"}, GatewayConfig)


def message(number: int = 1, text: str = "Hello.", parts: int = 1, **more: Any) -> Submission:
    known: dict[str, Any] = {"encoding": "gsm7"} | more
    return Submission(
        id=MessageId(UUID(int=number)),
        to="919800000001",
        sender="CENTRAL",
        text=text,
        parts=parts,
        **known,
    )
