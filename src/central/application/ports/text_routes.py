"""Which flow a text from a person starts (kept by the account), and the texts that wait for that."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

import msgspec

from central.application.ports.administration import AuditEntry
from central.application.ports.carriers import CarrierId
from central.domain.ids import AccountId, FlowId, RequestId

StartState = Literal["started", "refused"]


class InboundText(msgspec.Struct, frozen=True, kw_only=True):
    """A short message from a person. sender, recipient: digits. wish: ``stop``, ``start``, ``help`` or "", see domain/opt_out.py.

    keyword: its first word, see domain/text_routes.py.
    """

    id: UUID
    sender: str
    recipient: str
    text: str
    came_at: datetime
    wish: str = ""
    keyword: str = ""


class TextRoute(msgspec.Struct, frozen=True, kw_only=True):
    """Texts to ``recipient`` (as the carrier writes it, without ``+``) that begin with ``keyword`` start the flow; "" or None = any."""

    id: UUID
    flow_id: FlowId
    created_at: datetime
    recipient: str = ""
    keyword: str = ""
    carrier_id: CarrierId | None = None


class TextRouteStore(Protocol):
    """The routes of an account."""

    async def put(self, account_id: AccountId, route: TextRoute, audit: AuditEntry) -> UUID:
        """Store it; one with the same recipient, keyword and carrier gets the flow. Answers the id. Raises NotFound ``carrier_not_found``."""
        ...

    async def page(self, account_id: AccountId, after: UUID | None, limit: int) -> Sequence[TextRoute]:
        """Routes in the order they were made."""
        ...

    async def remove(self, account_id: AccountId, route_id: UUID, audit: AuditEntry) -> bool:
        """Delete it."""
        ...


class WaitingText(msgspec.Struct, frozen=True):
    """A text that is to start a flow. sender: E.164 digits where it is a number."""

    id: UUID
    sender: str
    recipient: str
    text: str


class WaitingTexts(msgspec.Struct, frozen=True):
    """Texts that came together and start one flow: they become one request, whose id they have already."""

    account_id: AccountId
    request_id: RequestId
    flow_id: FlowId
    texts: Sequence[WaitingText]


class TextStarts(Protocol):
    """The texts of a shard that wait for their flow."""

    async def waiting(self, limit: int) -> Sequence[WaitingTexts]:
        """At most so many requests to be, the oldest first, each whole."""
        ...

    async def ended(self, waiting: WaitingTexts, state: StartState, detail: str) -> None:
        """They wait no more."""
        ...
