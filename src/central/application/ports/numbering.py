"""What administration needs of the store for numbers: trunks with their routes, DIDs, and the lists of an account."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from central.application.ports.administration import AuditEntry
from central.application.ports.telephony import InboundPeer
from central.domain.ids import AccountId, TrunkId

ListName = Literal["blacklist", "whitelist", "dnd", "suppression", "mail_whitelist"]
LIST_NAMES: tuple[ListName, ...] = ("blacklist", "whitelist", "dnd", "suppression", "mail_whitelist")
ADDRESS_LISTS: frozenset[str] = frozenset({"suppression", "mail_whitelist"})
"""Lists of e-mail addresses (``mail_whitelist``: of whole domains too); the others hold phone numbers."""
ENTRY_REASONS: tuple[str, ...] = ("added", "hard_bounce", "soft_bounces", "bounced_twice", "complaint", "unsubscribed")
"""Why an address is suppressed; ``added``: somebody decided it."""


@dataclass(frozen=True, slots=True)
class Route:
    """Numbers that begin with ``prefix`` may use the trunk; lower ``priority`` first, equal ones share."""

    prefix: str = ""
    priority: int = 1


@dataclass(frozen=True, slots=True)
class TrunkRow:
    """A SIP trunk with its caps and routes; the password never leaves by the API.

    ``inbound``: by what calls of the peer are known, see ``ports/telephony.py``.
    """

    id: TrunkId
    name: str
    host: str
    port: int
    transport: str
    username: str
    password: str = field(repr=False)
    codecs: tuple[str, ...]
    channel_cap: int
    cps_cap: int
    enabled: bool
    tag_calls: bool
    created_at: datetime
    routes: tuple[Route, ...] = ()
    inbound: InboundPeer = "address"


class TrunkStore(Protocol):
    """Trunks and their prefix routes."""

    async def create(self, account_id: AccountId, trunk: TrunkRow, audit: AuditEntry) -> None:
        """Store it with its routes. Raises Conflict ``name_taken``."""
        ...

    async def get(self, account_id: AccountId, trunk_id: TrunkId) -> TrunkRow | None:
        """One trunk."""
        ...

    async def page(self, account_id: AccountId, after: TrunkId | None, limit: int) -> Sequence[TrunkRow]:
        """Trunks in the order they were made."""
        ...

    async def change(
        self,
        account_id: AccountId,
        trunk_id: TrunkId,
        changes: Mapping[str, object],
        routes: Sequence[Route] | None,
        audit: AuditEntry,
    ) -> TrunkRow | None:
        """Set the named fields and, unless None, all routes. Raises Conflict ``name_taken``."""
        ...

    async def remove(self, account_id: AccountId, trunk_id: TrunkId, audit: AuditEntry) -> bool:
        """Delete it with its routes; DIDs that came by it keep existing without it."""
        ...


@dataclass(frozen=True, slots=True)
class Did:
    """A number the account owns; ``flows`` are the ids of the flows that use it.

    ``channel_cap``: most calls that come in to it at once, None = no cap of its own.
    """

    number: str
    trunk_id: TrunkId | None
    label: str
    created_at: datetime
    channel_cap: int | None = None
    flows: tuple[str, ...] = ()


class DidStore(Protocol):
    """DIDs."""

    async def put(self, account_id: AccountId, dids: Sequence[Did], audit: AuditEntry) -> int:
        """Add or change (by number); returns how many are new.

        Raises NotFound ``trunk_not_found``, Conflict ``did_taken`` for a number of another account.
        """
        ...

    async def page(self, account_id: AccountId, after: str | None, limit: int) -> Sequence[Did]:
        """DIDs by number."""
        ...

    async def remove(self, account_id: AccountId, number: str, audit: AuditEntry) -> bool:
        """Delete it. Raises Conflict ``did_in_use`` while a flow uses it."""
        ...


@dataclass(frozen=True, slots=True)
class ListEntry:
    """One entry. ``number``: digits, in the address lists an address or domain. ``prefix``: every number that begins with it.

    ``register`` and ``categories`` belong to the dnd list; ``reason``, ``source`` (message, person, file) and ``message_id`` to suppression.
    """

    number: str
    prefix: bool = False
    expires_at: datetime | None = None
    note: str = ""
    register: str = "NCPR"
    categories: tuple[str, ...] = ()
    created_at: datetime | None = None
    reason: str = ""
    source: str = ""
    message_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class ListState:
    """Version (grows with each change), number of entries, and the date of the data. more: there are more than were counted."""

    list: str
    version: int
    entries: int
    fresh_at: datetime | None
    more: bool = False


@dataclass(frozen=True, slots=True)
class ListChange:
    """What a change did. ``unchanged`` entries were there already (their note and expiry may be new)."""

    added: int
    removed: int
    unchanged: int
    state: ListState


class ListStore(Protocol):
    """Blacklist, testing whitelists, the local do-not-disturb register and the suppression list of an account."""

    async def states(self, account_id: AccountId) -> Sequence[ListState]:
        """The state of each list."""
        ...

    async def put(
        self, account_id: AccountId, name: ListName, entries: Sequence[ListEntry], audit: AuditEntry
    ) -> ListChange:
        """Add or change single entries in one statement; the version grows by one."""
        ...

    async def load(
        self,
        account_id: AccountId,
        name: ListName,
        batches: AsyncIterator[Sequence[ListEntry]],
        *,
        replace: bool,
        fresh_at: datetime | None,
        audit: AuditEntry,
    ) -> ListChange:
        """Take in a whole file in one transaction: all of it or nothing. ``replace`` removes what the file lacks.

        Memory does not grow with the file. An exception of ``batches`` undoes everything.
        """
        ...

    async def remove(
        self, account_id: AccountId, name: ListName, entries: Sequence[ListEntry], audit: AuditEntry
    ) -> ListChange:
        """Remove by number, prefix flag and (dnd) register. What leaves the suppression list is lifted, with who did it."""
        ...

    async def find(self, account_id: AccountId, name: ListName, entry: str, at: datetime) -> ListEntry | None:
        """The entry that holds this number or address at that time: itself, else the longest prefix, else its domain."""
        ...

    async def search(
        self, account_id: AccountId, name: ListName, digits: str, after: ListEntry | None, limit: int
    ) -> Sequence[ListEntry]:
        """Entries that begin with ``digits`` (empty: all), by number or address, those after ``after``."""
        ...
