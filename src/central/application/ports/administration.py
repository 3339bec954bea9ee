"""What administration needs of the store: accounts, people, API keys, policies, webhook endpoints, the audit trail.

Every change takes an ``AuditEntry`` and stores it in the same transaction. Rows come back as the frozen values below;
their fields bear the names of the columns. Numbers and lists: ``ports/numbering.py``; flows: ``ports/flow_store.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol
from uuid import UUID

from central.domain.accounts import OF_FLOWS, Switch
from central.domain.ids import AccountId, EndpointId


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what to which object; ``detail`` holds no secrets."""

    id: UUID
    at: datetime
    actor: str
    action: str
    object: str
    detail: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class AccountRow:
    """The tenant of everything. Money in millionths of ``currency``; caps as in the domain specification, section 1.1."""

    id: AccountId
    name: str
    kind: str
    state: str
    valid_until: date | None
    currency: str
    credit_limit: int
    rate_plan: Mapping[str, object]
    country: str
    time_zone: str
    international: bool
    plain_http_webhooks: bool
    pending_cap: int
    channel_cap: int
    cps_cap: int
    api_per_minute: int
    weight: int
    policy_id: str
    policy_version: int | None
    check_ip: bool
    settings: Mapping[str, object]
    created_at: datetime
    balance: int = 0
    reserved: int = 0
    recording: bool = True
    sms: bool = True
    email: bool = True

    @property
    def lacks(self) -> frozenset[Switch]:
        """What steps of its flows may not do."""
        on = {Switch.RECORDING: self.recording, Switch.SMS: self.sms, Switch.EMAIL: self.email}
        return frozenset(switch for switch in OF_FLOWS if not on[switch])


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One movement of money, in millionths; ``reserved`` is the change of the reservations."""

    id: UUID
    at: datetime
    kind: str
    amount: int
    reserved: int
    records: int
    note: str


class AccountStore(Protocol):
    """Accounts and their money."""

    async def create(self, account: AccountRow, audit: AuditEntry) -> None:
        """Store a new account with its opening balance (a top-up in the ledger when it is not 0)."""
        ...

    async def get(self, account_id: AccountId) -> AccountRow | None:
        """The account with its balance."""
        ...

    async def page(self, after: AccountId | None, limit: int) -> Sequence[AccountRow]:
        """Accounts by id, those after ``after``; the operator's view (a tenant sees itself only)."""
        ...

    async def change(
        self, account_id: AccountId, changes: Mapping[str, object], audit: AuditEntry
    ) -> AccountRow | None:
        """Set the named fields; None when there is no such account."""
        ...

    async def add_funds(self, account_id: AccountId, entry: LedgerEntry, audit: AuditEntry) -> int | None:
        """Write the ledger entry and change the balance by its amount; returns the new balance.

        Raises InvalidInput ``balance_out_of_range``.
        """
        ...

    async def ledger(self, account_id: AccountId, before: UUID | None, limit: int) -> Sequence[LedgerEntry]:
        """Newest first, those older than ``before``."""
        ...

    async def audit_trail(self, account_id: AccountId, before: UUID | None, limit: int) -> Sequence[AuditEntry]:
        """Newest first, those older than ``before``."""
        ...


@dataclass(frozen=True, slots=True)
class Member:
    """A person with a role in one account."""

    person_id: UUID
    email: str
    name: str
    role: str
    extra_rights: tuple[str, ...]
    created_at: datetime
    disabled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewPerson:
    """Somebody to be enlisted; ``password_hash`` None = cannot log in yet."""

    id: UUID
    email: str
    name: str
    password_hash: str | None


class PeopleStore(Protocol):
    """People (of the whole installation, by e-mail address) and their memberships (per account)."""

    async def enlist(
        self, account_id: AccountId, person: NewPerson, role: str, extra_rights: Sequence[str], audit: AuditEntry
    ) -> Member:
        """Make the person if the address is new and add the membership.

        An existing person keeps name and password. Raises Conflict ``already_member``.
        """
        ...

    async def members(self, account_id: AccountId) -> Sequence[Member]:
        """All members by e-mail address."""
        ...

    async def change_membership(
        self,
        account_id: AccountId,
        person_id: UUID,
        role: str | None,
        extra_rights: Sequence[str] | None,
        audit: AuditEntry,
    ) -> Member | None:
        """Change role or rights, None leaves them; None back when the person is no member."""
        ...

    async def remove_membership(self, account_id: AccountId, person_id: UUID, audit: AuditEntry) -> bool:
        """End the membership; the person remains. False when there was none."""
        ...

    async def set_password(self, account_id: AccountId, person_id: UUID, password_hash: str, audit: AuditEntry) -> bool:
        """Replace the password of a member; False when the person is no member."""
        ...


class PasswordHasher(Protocol):
    """Slow one-way hashing of passwords (argon2id, RFC 9106); runs off the event loop."""

    async def hash(self, password: str) -> str:
        """The encoded hash with its parameters."""
        ...

    async def verify(self, password_hash: str, password: str) -> bool:
        """Whether the password is the one that was hashed."""
        ...


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key as it is shown: never the key itself, only its ``hint``. ``scopes`` None = all rights of ``role``.

    ``agent_id``: the agent whose desk it opens, None = nobody's.
    """

    id: UUID
    name: str
    hint: str
    role: str
    scopes: tuple[str, ...] | None
    created_by: UUID | None
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None
    agent_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """Who a presented key belongs to; ``agent_id``: the agent whose desk it opens."""

    account: AccountRow
    key_id: UUID
    hint: str
    role: str
    scopes: tuple[str, ...] | None
    agent_id: UUID | None = None


class KeyStore(Protocol):
    """API keys."""

    async def create(self, account_id: AccountId, key: ApiKey, key_hash: bytes, audit: AuditEntry) -> None:
        """Store a key by the SHA-256 hash of its whole text. Raises NotFound ``agent_not_found``."""
        ...

    async def page(self, account_id: AccountId, after: UUID | None, limit: int) -> Sequence[ApiKey]:
        """Keys in the order they were made, revoked ones too."""
        ...

    async def revoke(self, account_id: AccountId, key_id: UUID, audit: AuditEntry) -> ApiKey | None:
        """End the key; safe to repeat. None when there is none."""
        ...

    async def holder(self, key_hash: bytes) -> KeyHolder | None:
        """The live key's account, role and scopes; notes the use (once a minute). None for unknown, revoked, expired."""
        ...


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """One immutable policy row; ``body`` as the policy document of the domain (section 3)."""

    id: str
    version: int
    effective_from: datetime
    author: str
    legal_reference: str
    body: Mapping[str, object]


class PolicyStore(Protocol):
    """Policies; written by the operator, readable by every account."""

    async def rows(self) -> Sequence[PolicyRow]:
        """All rows by id and version."""
        ...

    async def add(self, row: PolicyRow) -> bool:
        """Add a row that does not exist yet; False when this id and version does."""
        ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A webhook endpoint. ``auth`` and ``secrets`` never leave by the API again."""

    id: EndpointId
    name: str
    url: str
    flow_id: str | None
    events: tuple[str, ...]
    auth: Mapping[str, object] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    is_default: bool
    disabled_at: datetime | None
    disabled_reason: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class DeliveryTry:
    """One try of one event, as recorded."""

    outbox_id: UUID
    endpoint_id: UUID
    record_id: UUID | None
    event_type: str
    at: datetime
    tries: int
    status_code: int | None
    duration_ms: int | None
    outcome: str
    error: str | None


class EndpointStore(Protocol):
    """Webhook endpoints. Queue and dead letters: ``ports/publishing.py``."""

    async def create(self, account_id: AccountId, endpoint: Endpoint, audit: AuditEntry) -> None:
        """Store it. Raises Conflict ``name_taken``, NotFound ``flow_not_found``."""
        ...

    async def get(self, account_id: AccountId, endpoint_id: EndpointId) -> Endpoint | None:
        """One endpoint with its secrets."""
        ...

    async def page(self, account_id: AccountId, after: EndpointId | None, limit: int) -> Sequence[Endpoint]:
        """Endpoints in the order they were made."""
        ...

    async def change(
        self, account_id: AccountId, endpoint_id: EndpointId, changes: Mapping[str, object], audit: AuditEntry
    ) -> Endpoint | None:
        """Set the named fields (secrets too); None when there is none. Raises Conflict ``name_taken``."""
        ...

    async def remove(self, account_id: AccountId, endpoint_id: EndpointId, audit: AuditEntry) -> bool:
        """Delete it with all that waits for it."""
        ...

    async def tries(
        self, account_id: AccountId, endpoint_id: EndpointId, before: datetime | None, limit: int
    ) -> Sequence[DeliveryTry]:
        """Recorded tries, newest first."""
        ...


class UrlPolicy(Protocol):
    """What this installation lets a webhook address name, beyond the rules of ``domain/endpoints.py``."""

    def check(self, url: str) -> None:
        """Raises InvalidInput ``webhook_target_refused`` for a literal private, loopback or link-local address."""
        ...


@dataclass(frozen=True, slots=True)
class Reservation:
    """An idempotency key that was taken (``answer`` None: do the work) or was answered before.

    subject: an id that stays the same for every try under this key; what the work creates takes it as its own id.
    """

    subject: UUID
    fingerprint: bytes | None = None
    status_code: int | None = None
    answer: Mapping[str, object] | None = None


class IdempotencyStore(Protocol):
    """Keys of requests that must not be done twice (header ``Idempotency-Key``)."""

    async def reserve(
        self, account_id: AccountId, key: str, fingerprint: bytes, subject: UUID, stale_s: float
    ) -> Reservation:
        """Take the key, or say what it was answered with.

        A key that is taken, unanswered and younger than ``stale_s`` raises Conflict ``idempotency_in_progress``; an older
        one is taken over with its first subject. An empty fingerprint means: not known yet.
        """
        ...

    async def answer(
        self, account_id: AccountId, key: str, fingerprint: bytes, status_code: int, answer: Mapping[str, object]
    ) -> None:
        """Store the answer under a taken key."""
        ...

    async def release(self, account_id: AccountId, key: str) -> None:
        """Give up a taken key that got no answer."""
        ...
