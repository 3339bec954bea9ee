"""Reporting as the API asks for it: each question answered with a JSON-ready document, numbers readable (path step 7)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence

from central.application.ports.library import Library
from central.application.ports.reporting import RecordWish, ReportStore, RequestWish
from central.application.ports.world import Clock
from central.application.reporting.documents import Document, to_document
from central.application.reporting.explain_record import ExplainRecord
from central.application.reporting.read_records import ReadRecords
from central.application.reporting.read_requests import ReadRequests
from central.application.reporting.report_request import ReportRequest
from central.application.reporting.watch_requests import WatchRequests
from central.domain.ids import AccountId, RecordId, RequestId


class Reporting:
    """All use cases of the room over one store; keep one a process (rates come from successive looks).

    Every method raises NotFound (``request_not_found``, ``record_not_found``) for what the account does not have.
    """

    def __init__(self, store: ReportStore, library: Library, clock: Clock) -> None:
        self.read_requests = ReadRequests(store, clock)
        self.read_records = ReadRecords(store, library)
        self.report_request = ReportRequest(self.read_requests, store)
        self.explain_record = ExplainRecord(store, library, clock)
        self.watch_requests = WatchRequests(self.read_requests, clock)

    async def requests(
        self, account_id: AccountId, wanted: RequestWish, before: RequestId | None, limit: int
    ) -> Sequence[Document]:
        """Requests with their counts, newest first (``RequestView``)."""
        return [to_document(view) for view in await self.read_requests.page(account_id, wanted, before, limit)]

    async def request(self, account_id: AccountId, request_id: RequestId) -> Document:
        """One request with counts, progress, status (``RequestView``)."""
        return to_document(await self.read_requests.one(account_id, request_id))

    async def records(
        self, account_id: AccountId, request_id: RequestId, wanted: RecordWish, after: RecordId | None, limit: int
    ) -> Sequence[Document]:
        """Records of a request by id (``RecordView``). Raises InvalidInput ``unknown_status``, ``unknown_class``."""
        found = await self.read_records.page(account_id, request_id, wanted, after, limit)
        return [to_document(view) for view in found]

    async def report(self, account_id: AccountId, request_id: RequestId) -> Document:
        """The report of a request (``RequestReport``)."""
        return to_document(await self.report_request(account_id, request_id))

    async def rejects(self, account_id: AccountId, request_id: RequestId) -> AsyncIterator[Sequence[Document]]:
        """Batches of records that intake refused: row, record_id, status, reason, sentence, client_identifier, numbers."""
        async for batch in self.read_records.rejects(account_id, request_id):
            yield [to_document(row) for row in batch]

    async def record(self, account_id: AccountId, record_id: RecordId) -> Document:
        """One record with attempts and legs (``RecordDetail``)."""
        return to_document(await self.read_records.one(account_id, record_id))

    async def timeline(self, account_id: AccountId, record_id: RecordId) -> Document:
        """The explanation (``Explanation``)."""
        return to_document(await self.explain_record(account_id, record_id))

    async def watch(self, account_id: AccountId, request_id: RequestId) -> AsyncGenerator[Document]:
        """The request at each change, at most twice a second, until it is completed."""
        async for view in self.watch_requests.watch_request(account_id, request_id):
            yield to_document(view)
