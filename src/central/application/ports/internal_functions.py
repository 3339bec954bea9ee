"""What flows do beyond their call (domain 15): start records of other flows, keep values about contacts, make short links.

The voice node asks (step 4); intake starts the records (step 1), the API shows contacts and links.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from central.application.ports.administration import AuditEntry
from central.domain.contacts import Contact
from central.domain.ids import AccountId, MessageId, RecordId, RequestId


@dataclass(frozen=True, slots=True)
class FlowStart:
    """A record that a flow asks for. ``request_id`` is its new request's, the same however often it is asked.

    ``started_by`` and ``request_of_starter``: the record whose flow asks. ``testing``: that one is being tested, so this one is.
    """

    request_id: RequestId
    started_by: RecordId
    request_of_starter: RequestId
    testing: bool
    flow: str
    number: str
    after_s: float
    variables: Mapping[str, str]
    client_identifier: str
    time_zone: str = ""


@dataclass(frozen=True, slots=True)
class StartAnswer:
    """What became of it: ``started`` False = refused, with the reason in ``detail``. ``record_id`` None = nothing was stored."""

    started: bool
    detail: str
    record_id: RecordId | None = None
    status: str = ""


class FlowStarter(Protocol):
    """Starts records of other flows (``application/intake/start_flow.py``)."""

    async def __call__(self, account_id: AccountId, wanted: FlowStart) -> StartAnswer:
        """Store the record, once. Raises NeighbourError: then ask again, it is stored once all the same."""
        ...


class ContactKeeper(Protocol):
    """Where flows keep values about contacts."""

    async def merge(self, account_id: AccountId, number: str, values: Mapping[str, str], now: datetime) -> bool:
        """Set these values beside those that are there, an empty one goes; False when the contact would be too large."""
        ...


class ContactStore(Protocol):
    """Contacts as people maintain them."""

    async def get(self, account_id: AccountId, number: str) -> Contact | None:
        """One contact."""
        ...

    async def page(self, account_id: AccountId, after: str, limit: int) -> Sequence[Contact]:
        """Contacts by number, those after ``after``."""
        ...

    async def put(self, account_id: AccountId, contact: Contact, audit: AuditEntry) -> None:
        """Store the whole contact."""
        ...

    async def delete(self, account_id: AccountId, number: str, audit: AuditEntry) -> bool:
        """Forget it; False when there was none."""
        ...


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link to be stored. ``shown`` is ``url`` with secrets masked; ``id`` the same however often it is asked for."""

    id: UUID
    code: str
    url: str
    shown: str
    record_id: RecordId | None
    number: str
    step: str
    created_at: datetime
    expires_at: datetime
    message_id: MessageId | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A short link as people see it: of a record, of a short message, or of both."""

    id: UUID
    code: str
    shown: str
    record_id: UUID | None
    number: str
    step: str
    created_at: datetime
    expires_at: datetime
    clicks: int
    first_click_at: datetime | None
    last_click_at: datetime | None
    message_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """Where a code leads, and whether its time is over."""

    target: str
    expired: bool


class LinkKeeper(Protocol):
    """Where flows have links made."""

    async def add(self, account_id: AccountId, link: NewLink) -> str:
        """Store it; answers its code, that of the first time when it was stored before."""
        ...


class LinkStore(Protocol):
    """Links as people see and follow them."""

    async def page(self, account_id: AccountId, before: UUID | None, limit: int) -> Sequence[Link]:
        """Newest first, those older than ``before``."""
        ...

    async def open(self, code: str, at: datetime) -> Opened | None:
        """Follow a link of any account and count the click; None when there is none."""
        ...
