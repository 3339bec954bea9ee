"""How flows, their versions and findings look in answers of the API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from litestar import MediaType, Response
from msgspec import Struct

from central.application.ports.flow_store import FlowRow, VersionRow
from central.entrypoints.api.presenting import Moment, moment, moment_or_none


class FindingView(Struct, frozen=True):
    """What the checker says about one place of a document; ``line`` from 1, 0 = the document as a whole."""

    code: str
    severity: str
    line: int
    step: str
    message: str
    hint: str = ""


class FlowView(Struct, frozen=True):
    """A flow. ``draft_findings`` of severity error keep the draft from being published."""

    id: str
    name: str
    type: str
    active: bool
    control: str
    archived_at: Moment | None
    draft_hash: str
    draft_findings: list[FindingView]
    production_version: int | None
    has_security_id: bool
    dids: tuple[str, ...]
    created_at: Moment
    updated_at: Moment


class VersionView(Struct, frozen=True):
    """A frozen version; ``number`` null = a snapshot of the draft for testing."""

    id: UUID
    flow_id: str
    number: int | None
    hash: str
    findings: list[FindingView]
    created_by: str
    note: str
    created_at: Moment


class FlowFindings(Struct, frozen=True):
    """All findings of a document."""

    findings: list[FindingView]


def document_response(document: bytes, digest: str | None = None) -> Response[bytes]:
    """The very bytes, with the hash as ETag."""
    kind = MediaType.JSON.value if document.lstrip()[:1] == b"{" else "application/yaml"
    return Response(document, media_type=kind, headers={} if digest is None else {"ETag": f'"{digest}"'})


def finding_views(rows: Sequence[Mapping[str, Any]]) -> list[FindingView]:
    """Findings as the store keeps them."""
    return [FindingView(**row) for row in rows]


def flow_view(row: FlowRow) -> FlowView:
    """A flow."""
    return FlowView(
        id=row.id,
        name=row.name,
        type=row.type,
        active=row.active,
        control=row.control,
        archived_at=moment_or_none(row.archived_at),
        draft_hash=row.draft_hash,
        draft_findings=finding_views(row.draft_findings),
        production_version=row.production_version,
        has_security_id=row.has_security_id,
        dids=tuple(row.dids),
        created_at=moment(row.created_at),
        updated_at=moment(row.updated_at),
    )


def version_view(row: VersionRow) -> VersionView:
    """A version."""
    return VersionView(
        id=row.id,
        flow_id=row.flow_id,
        number=row.number,
        hash=row.hash,
        findings=finding_views(row.findings),
        created_by=row.created_by,
        note=row.note,
        created_at=moment(row.created_at),
    )
