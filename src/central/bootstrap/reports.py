"""Reporting as the API's protocol wants it: use cases answer values, the API serves documents."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from central.application.reporting.documents import to_document
from central.application.reporting.read_records import ReadRecords
from central.application.reporting.read_requests import ReadRequests
from central.application.reporting.report_request import ReportRequest
from central.domain.ids import AccountId, RecordId, RequestId
from central.entrypoints.api.services import Document, RecordFilter, RequestFilter


class ReportDocuments:
    """Port Reporting of entrypoints/api/services.py."""

    def __init__(self, requests: ReadRequests, records: ReadRecords, report: ReportRequest) -> None:
        self._requests, self._records, self._report = requests, records, report

    async def requests(
        self, account_id: AccountId, wanted: RequestFilter, before: RequestId | None, limit: int
    ) -> Sequence[Document]:
        """Requests with their counts, newest first."""
        return [to_document(view) for view in await self._requests.page(account_id, wanted, before, limit)]

    async def request(self, account_id: AccountId, request_id: RequestId) -> Document:
        """One request."""
        return to_document(await self._requests.one(account_id, request_id))

    async def records(
        self, account_id: AccountId, request_id: RequestId, wanted: RecordFilter, after: RecordId | None, limit: int
    ) -> Sequence[Document]:
        """Records of a request by id."""
        page = await self._records.page(account_id, request_id, wanted, after, limit)
        return [to_document(view) for view in page]

    async def report(self, account_id: AccountId, request_id: RequestId) -> Document:
        """The report of a request."""
        return to_document(await self._report(account_id, request_id))

    async def rejects(self, account_id: AccountId, request_id: RequestId) -> AsyncIterator[Sequence[Document]]:
        """Batches of records that intake refused."""
        async for batch in self._records.rejects(account_id, request_id):
            yield [to_document(row) for row in batch]

    async def record(self, account_id: AccountId, record_id: RecordId) -> Document:
        """One record with its attempts and legs."""
        return to_document(await self._records.one(account_id, record_id))

    async def timeline(self, account_id: AccountId, record_id: RecordId) -> Document:
        """The explanation of a record."""
        return to_document(await self._records.one(account_id, record_id))
