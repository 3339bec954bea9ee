"""What administration needs of the store for carriers: who takes SMS and e-mail over for an account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol

import msgspec

from central.application.ports.administration import AuditEntry
from central.application.ports.carriers import CarrierId
from central.domain.ids import AccountId

CarrierKind = Literal["smpp", "http", "smtp"]
CHANNEL_OF: Mapping[CarrierKind, Literal["sms", "email"]] = {"smpp": "sms", "http": "sms", "smtp": "email"}


class CarrierRouteRow(msgspec.Struct, frozen=True):
    """Recipients whose number begins with ``prefix`` may go by it; see domain/message_routes.py for the order."""

    prefix: str = ""
    priority: int = 1
    share: int = 1
    cost: int = 0


class CarrierRow(msgspec.Struct, frozen=True, kw_only=True):
    """A carrier. settings: as its kind wants them; secrets never leave by the API. state: what it last told, and since when.

    mailbox_state: how the mailbox is that its news come back to, "" = it has none, or nothing was told yet.
    """

    id: CarrierId
    name: str
    kind: CarrierKind
    settings: Mapping[str, object]
    secrets: Mapping[str, str]
    enabled: bool
    created_at: datetime
    routes: tuple[CarrierRouteRow, ...] = ()
    state: str = "down"
    state_detail: str = ""
    state_at: datetime | None = None
    mailbox_state: str = ""


class CarrierStore(Protocol):
    """Carriers with their routes."""

    async def put(self, account_id: AccountId, carrier: CarrierRow, audit: AuditEntry, *, new: bool) -> bool:
        """Store it with its routes; False = there is none to change. Raises Conflict ``name_taken``."""
        ...

    async def page(self, account_id: AccountId, after: CarrierId | None, limit: int) -> Sequence[CarrierRow]:
        """Carriers in the order they were made."""
        ...

    async def get(self, account_id: AccountId, carrier_id: CarrierId) -> CarrierRow | None:
        """One carrier."""
        ...

    async def remove(self, account_id: AccountId, carrier_id: CarrierId, audit: AuditEntry) -> bool:
        """Delete it; messages that wait for it go by another one or end at their deadline."""
        ...


class CheckCarrier(Protocol):
    """Judges the settings of a kind of carrier, as whoever runs it would."""

    async def __call__(
        self, kind: CarrierKind, settings: Mapping[str, object], secrets: Mapping[str, str], /, *, plain_http: bool
    ) -> None:
        """Raises InvalidInput with the field that is wrong, ``carrier_target_refused``. plain_http: the account's switch."""
        ...
