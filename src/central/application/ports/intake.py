"""What intake (step 1) needs from the world: the store of requests and records, readers of list files, judges of their rows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol
from uuid import UUID

from central.application.ports.dispatch import ListState
from central.domain.accounts import Account
from central.domain.ids import AccountId, FlowId, RecordId, RequestId
from central.domain.incoming import IncomingRecord
from central.domain.policies import Policy


@dataclass(frozen=True, slots=True)
class FlowTarget:
    """The flow that a request names. ``version_id`` is the production version's, None without one."""

    flow_id: FlowId
    name: str
    type: str
    active: bool
    archived_at: datetime | None
    draft: bytes
    production_version: int | None
    version_id: UUID | None
    dids: int


@dataclass(frozen=True, slots=True)
class Lineage:
    """Which record started a request: the ``depth``-th of a ``chain`` of flows that start each other, named by its first record.

    ``most``: how many requests the chain may have.
    """

    started_by: RecordId
    chain: UUID
    depth: int
    most: int


@dataclass(frozen=True, slots=True)
class NewRequest:
    """A request row to be stored. ``loading`` = a file is still to be read into it. ``lineage``: a flow started it."""

    id: RequestId
    flow_id: FlowId
    version_id: UUID
    testing: bool
    source: str
    name: str
    loading: bool
    priority: int
    end_at: datetime | None
    checksum: bytes | None = None
    reload_of: RequestId | None = None
    lineage: Lineage | None = None


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """The account with its list versions and the money it could still reserve (millionths)."""

    account: Account
    lists: Mapping[str, ListState]
    free: int


@dataclass(frozen=True, slots=True)
class Grounds:
    """What the records of a request are judged on. Unlike the facts made from it, it can travel to another process."""

    account_id: AccountId
    flow_id: FlowId
    version_id: UUID
    number: int | None
    document: bytes
    policy: Policy
    account: AccountFacts
    now: datetime
    testing: bool
    end_at: datetime | None


@dataclass(frozen=True, slots=True)
class ListFindings:
    """What is known about the numbers of a chunk.

    ``entries``: (number, list, entry) of the lists and registers. ``prefixes``: (list, prefix), all of the account.
    ``loaded``: those that an earlier row of the request has, where the flow rejects repeats.
    """

    entries: Sequence[tuple[str, str, str]] = ()
    prefixes: Sequence[tuple[str, str]] = ()
    loaded: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class JudgedChunk:
    """Rows of a request, ready to be stored.

    ``rows``: how many; ``accepted``: how many of them become pending. ``text``: COPY text of table incoming. ``tallies``: what
    they add to the counts. ``first_numbers``: of the accepted ones, where the flow rejects repeats.
    """

    rows: int
    accepted: int
    text: bytes
    tallies: Sequence[Mapping[str, object]]
    first_numbers: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class UploadState:
    """An upload as stored: where reading stands and what it belongs to."""

    file_name: str
    media_type: str
    options: Mapping[str, object]
    rows_done: int
    state: str
    version_id: UUID
    testing: bool
    end_at: datetime | None
    priority: int
    created_at: datetime
    control: str


@dataclass(frozen=True, slots=True)
class Origin:
    """A request that is loaded again."""

    flow_id: FlowId
    testing: bool
    name: str
    priority: int


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """What a record was made from."""

    id: RecordId
    numbers: tuple[str, ...]
    client_identifier: str | None
    time_zone: str | None
    variables: Mapping[str, str]


class ChunkStore(Protocol):
    """One transaction that stores a chunk of a request; rolled back by any exception."""

    async def hits(
        self, numbers: Sequence[str], registers: Sequence[str], now: datetime
    ) -> Sequence[tuple[str, str, str]]:
        """What the lists and these registers hold about the numbers: (number, list, entry)."""
        ...

    async def prefixes(self, now: datetime) -> Sequence[tuple[str, str]]:
        """Prefix entries of the lists: (list, prefix)."""
        ...

    async def pending(self) -> int:
        """Pending records of the account; no other chunk of it can be stored until this one is."""
        ...

    async def insert(
        self,
        request_id: RequestId,
        flow_id: FlowId,
        rows: bytes,
        tallies: Sequence[Mapping[str, object]],
        now: datetime,
    ) -> None:
        """Store the rows (COPY text format of table incoming) as records with their first events, and the counts."""
        ...

    async def add_request(self, request: NewRequest, now: datetime) -> None:
        """Store the request row itself (a request by JSON is one transaction with its records).

        Raises Conflict ``request_exists``, ``flow_chain_too_long``.
        """
        ...

    async def rows_done(self, request_id: RequestId, before: int, after: int) -> None:
        """Note how far the file is read. Raises NeighbourError ``upload_taken_over`` when it does not stand at ``before``."""
        ...


class IntakeStore(Protocol):
    """Requests and records of an account, always under its row-level security."""

    async def find_flow(self, account_id: AccountId, flow: str) -> FlowTarget | None:
        """By id, else by name."""
        ...

    async def freeze_draft(self, account_id: AccountId, flow_id: FlowId, version_id: UUID, actor: str) -> UUID:
        """The snapshot of the draft with its prompts as they are now; the same draft with the same prompts gives the same id.

        A prompt that the library lacks now is looked up when it is played. Raises NotFound ``flow_not_found``.
        """
        ...

    async def version_document(self, account_id: AccountId, version_id: UUID) -> tuple[FlowId, int | None, bytes]:
        """Flow, number and document of a frozen version."""
        ...

    async def account(self, account_id: AccountId) -> AccountFacts:
        """The account as it is now."""
        ...

    def chunk(self, account_id: AccountId) -> AbstractAsyncContextManager[ChunkStore]:
        """Open the transaction of one chunk."""
        ...

    async def open_upload(
        self,
        account_id: AccountId,
        request: NewRequest,
        file_name: str,
        media_type: str,
        options: Mapping[str, object],
        now: datetime,
    ) -> None:
        """Store the request (loading) and the upload that will fill it."""
        ...

    async def receive(self, account_id: AccountId, request_id: RequestId, n: int, data: bytes) -> None:
        """Store the n-th part of the file."""
        ...

    async def received(
        self, account_id: AccountId, request_id: RequestId, flow_id: FlowId, size: int, checksum: bytes, since: datetime
    ) -> RequestId | None:
        """The file is complete; answers an earlier request with the same bytes since then, if there is one."""
        ...

    async def fail_upload(self, account_id: AccountId, request_id: RequestId, error: Mapping[str, object]) -> None:
        """The file cannot be loaded: the request ends empty, with this error."""
        ...

    async def upload_state(self, account_id: AccountId, request_id: RequestId) -> UploadState | None:
        """Where the upload stands."""
        ...

    async def begin_loading(self, account_id: AccountId, request_id: RequestId, detected: Mapping[str, object]) -> None:
        """Reading begins; ``detected`` is shown to the person (kind, encoding, delimiter, columns)."""
        ...

    async def loaded(self, account_id: AccountId, request_id: RequestId) -> None:
        """All rows are in; the file is forgotten."""
        ...

    def file(self, account_id: AccountId, request_id: RequestId) -> AsyncIterator[bytes]:
        """The stored file, part by part."""
        ...

    async def lineage(self, account_id: AccountId, request_id: RequestId) -> tuple[UUID, int] | None:
        """Chain and depth of a request that a flow started; None for any other."""
        ...

    async def first_record(self, account_id: AccountId, request_id: RequestId) -> tuple[RecordId, str, str] | None:
        """The first record of a request: its id, and the status and reason that intake gave it; None without one."""
        ...

    async def origin(self, account_id: AccountId, request_id: RequestId) -> Origin | None:
        """What a reload of this request needs to know of it."""
        ...

    async def final_records(
        self, account_id: AccountId, request_id: RequestId, after: RecordId | None, limit: int
    ) -> Sequence[StoredRecord]:
        """Records with a final status and at least one number, by id."""
        ...

    async def loaded_numbers(self, account_id: AccountId, request_id: RequestId) -> Sequence[str]:
        """First numbers of the records loaded so far."""
        ...


class ListFile(Protocol):
    """An inspected file."""

    def describe(self) -> Mapping[str, object]:
        """Kind, encoding, delimiter, columns: shown to the person who uploads."""
        ...

    def rows(self, skip_rows: int, batch_rows: int, turn: int, turns: int) -> Iterator[list[IncomingRecord]]:
        """Batches of rows from ``skip_rows`` + 1 on: those with a number n (from 0) for which n % ``turns`` = ``turn``."""
        ...


@dataclass(frozen=True, slots=True)
class FileBrief:
    """All that a judge has to know of an upload; it can travel to another process.

    ``rows_done``: rows stored before. ``overdue``: the time for checking is over, so every row is rejected.
    """

    file: ListFile
    grounds: Grounds
    chunk_rows: int
    rows_done: int
    overdue: bool


class ListJudge(Protocol):
    """Reads and judges every N-th chunk of one file, where N judges share it. The first chunk is number 0."""

    async def read(self, chunk: int) -> Sequence[str] | None:
        """The numbers of the chunk that the lists are to be asked about; None behind the end of the file.

        In ascending order. Raises InvalidInput for a file-level fault that only shows now.
        """
        ...

    async def judge(
        self, chunk: int, instant: int, findings: ListFindings, remaining: int | None = None
    ) -> JudgedChunk:
        """Judge a chunk that was read; ``instant`` goes into the records' ids (``Ids.texts``).

        ``remaining``: how many pending records the account has room for (None: for all). The two chunks that were read last
        can be judged, also again.
        """
        ...


class ListJudges(Protocol):
    """The judges of this machine; several uploads may share them. All calls raise NeighbourError ``judge_ended``."""

    def open(self, brief: FileBrief) -> AbstractAsyncContextManager[Sequence[ListJudge]]:
        """Give a file to the judges; chunk n belongs to judge n % N."""
        ...


class ListFiles(Protocol):
    """Reader of list files."""

    def inspect(
        self,
        path: Path,
        file_name: str,
        media_type: str,
        variables: Sequence[str],
        mapping: Mapping[str, str],
        encoding: str | None,
    ) -> ListFile:
        """Find what the file is. Raises InvalidInput with a stable code for a file-level fault."""
        ...


@dataclass(frozen=True, slots=True)
class StrandedUpload:
    """A received file that nobody loads: unknown to any job, given up by its job, or stopped by force."""

    account_id: AccountId
    request_id: RequestId
    fate: Literal["unknown", "given_up", "stopped"]


class LoadQueue(Protocol):
    """Where the work of loading a received file is put (background jobs)."""

    async def enqueue_load(self, account_id: AccountId, request_id: RequestId) -> None:
        """Load this upload soon; asking twice does no harm."""
        ...
