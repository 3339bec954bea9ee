"""What administration needs of the store for flows: drafts, immutable versions, the production pointer, DIDs, control."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from central.application.ports.administration import AuditEntry
from central.domain.ids import AccountId, FlowId, RecordId, RequestId
from central.domain.prompts import HeldPrompt

FindingRow = Mapping[str, object]
ControlAction = Literal["pause", "resume", "stop"]


@dataclass(frozen=True, slots=True)
class FlowRow:
    """A flow without its documents. ``draft_findings`` as the checker gave them; ``dids`` attached numbers."""

    id: FlowId
    name: str
    type: str
    active: bool
    control: str
    archived_at: datetime | None
    draft_hash: str
    draft_findings: Sequence[FindingRow]
    production_version: int | None
    has_security_id: bool
    created_at: datetime
    updated_at: datetime
    dids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """The one draft of a flow; ``document`` are the bytes as they were sent, which are the truth."""

    name: str
    type: str
    document: bytes = field(repr=False)
    hash: str
    findings: Sequence[FindingRow]


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A frozen version; ``number`` None = a snapshot of the draft for testing requests."""

    id: UUID
    flow_id: FlowId
    number: int | None
    hash: str
    findings: Sequence[FindingRow]
    created_by: str
    note: str
    created_at: datetime


class FlowStore(Protocol):
    """Flows of an account. Where a method takes ``flow_id`` and there is none it returns None."""

    async def create(self, account_id: AccountId, flow_id: FlowId, draft: Draft, audit: AuditEntry) -> None:
        """Store a new flow. Raises Conflict ``name_taken``."""
        ...

    async def get(self, account_id: AccountId, id_or_name: str) -> FlowRow | None:
        """By id, else by name."""
        ...

    async def page(self, account_id: AccountId, after: FlowId | None, limit: int) -> Sequence[FlowRow]:
        """Flows by id."""
        ...

    async def draft(self, account_id: AccountId, flow_id: FlowId) -> Draft | None:
        """The draft with its bytes."""
        ...

    async def save_draft(
        self, account_id: AccountId, flow_id: FlowId, draft: Draft, expected_hash: str | None, audit: AuditEntry
    ) -> FlowRow | None:
        """Replace the draft. Raises Conflict ``draft_changed`` (not the expected hash any more), ``name_taken``."""
        ...

    async def publish(
        self, account_id: AccountId, flow_id: FlowId, version_id: UUID, draft_hash: str, note: str, audit: AuditEntry
    ) -> VersionRow | None:
        """Freeze the draft with this hash as the next version and point production to it, in one transaction.

        The version holds the recordings that its prompts mean now. Raises Conflict ``draft_changed`` when the draft is not
        the one that was checked, ``prompts_changed`` when the library lacks a recording by now.
        """
        ...

    async def point_production(
        self, account_id: AccountId, flow_id: FlowId, number: int | None, audit: AuditEntry
    ) -> FlowRow | None:
        """Move the production pointer. Raises NotFound ``version_not_found``."""
        ...

    async def versions(
        self, account_id: AccountId, flow_id: FlowId, before: int | None, limit: int
    ) -> Sequence[VersionRow]:
        """Numbered versions, newest first."""
        ...

    async def version_document(self, account_id: AccountId, flow_id: FlowId, number: int) -> bytes | None:
        """The bytes of a numbered version."""
        ...

    async def held_prompts(self, account_id: AccountId, flow_id: FlowId, number: int) -> Sequence[HeldPrompt]:
        """The recordings that a numbered version holds; none for one that was frozen before versions held any."""
        ...

    async def attach_dids(
        self, account_id: AccountId, flow_id: FlowId, numbers: Sequence[str], audit: AuditEntry
    ) -> FlowRow | None:
        """Make exactly these the flow's DIDs. Raises NotFound ``did_not_found``."""
        ...

    async def set_switches(
        self, account_id: AccountId, flow_id: FlowId, changes: Mapping[str, object], audit: AuditEntry
    ) -> FlowRow | None:
        """Set ``active`` or ``archived_at``."""
        ...

    async def set_security(
        self, account_id: AccountId, flow_id: FlowId, digest: bytes, overlap_until: datetime | None, audit: AuditEntry
    ) -> bool:
        """Store the hash of a new security id; the old one stays valid until ``overlap_until``."""
        ...


@dataclass(frozen=True, slots=True)
class ControlEffect:
    """How many records an action touches (preview) or has touched, and how many are still to be (by the tracker)."""

    touched: int
    remaining: int = 0


class ControlStore(Protocol):
    """Control actions on requests, records and flows (domain specification, section 7.6).

    The wish is stored first; waiting records follow in batches, here for at most ``budget_s`` seconds for pause and stop
    (the tracker goes on where this ends) and to the end for resume and requeue. All are safe to repeat.
    """

    async def preview(
        self, account_id: AccountId, request_id: RequestId, action: str, *, force: bool = False
    ) -> ControlEffect | None:
        """How many records ``pause``, ``resume``, ``stop``, ``requeue`` or ``reload`` would touch now.

        ``force``: a stop also touches those whose calls it would cut.
        """
        ...

    async def control_request(
        self,
        account_id: AccountId,
        request_id: RequestId,
        action: ControlAction,
        *,
        force: bool,
        at: datetime,
        audit: AuditEntry,
    ) -> ControlEffect | None:
        """Pause, resume or stop. Raises Conflict ``request_stopped``, ``flow_paused``, ``request_finished``."""
        ...

    async def requeue(
        self, account_id: AccountId, request_id: RequestId, at: datetime, audit: AuditEntry
    ) -> ControlEffect | None:
        """Bring back records that ended for want of money or validity, in a new epoch."""
        ...

    async def stop_record(
        self, account_id: AccountId, record_id: RecordId, at: datetime, audit: AuditEntry
    ) -> ControlEffect | None:
        """End one waiting record; one that is being worked on finishes."""
        ...

    async def preview_flow(
        self, account_id: AccountId, flow_id: FlowId, action: ControlAction, *, force: bool = False
    ) -> ControlEffect | None:
        """How many records of all open requests of the flow an action would touch now."""
        ...

    async def control_flow(
        self,
        account_id: AccountId,
        flow_id: FlowId,
        action: ControlAction,
        *,
        force: bool,
        at: datetime,
        audit: AuditEntry,
    ) -> ControlEffect | None:
        """Pause or resume the flow with its open requests, or stop all its open requests."""
        ...
