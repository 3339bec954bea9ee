"""Records of a request: pages with filters, one record, the rows that intake refused (path step 7).

A filter may have to look at every record of the request; it does so in bounded bites, each its own short transaction.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from central.application.ports.library import Library
from central.application.ports.reporting import (
    RecordRow,
    RecordSearch,
    RecordWish,
    RejectRow,
    ReportStore,
)
from central.application.reporting.record_values import RecordDetail, RecordView
from central.application.reporting.view_record import view_detail, view_record
from central.domain.errors import InvalidInput, NotFound
from central.domain.ids import AccountId, RecordId, RequestId
from central.domain.moves import counts_as, flow_status
from central.domain.numbers import written_digits
from central.domain.status_rows import Bucket
from central.domain.statuses import FlowStatus

BITE = 20_000
_REJECT_BITE = 5_000


class ReadRecords:
    """The use case."""

    def __init__(self, store: ReportStore, library: Library, bite: int = BITE) -> None:
        self._store, self._library, self._bite = store, library, bite

    async def page(
        self, account_id: AccountId, request_id: RequestId, wanted: RecordWish, after: RecordId | None, limit: int
    ) -> Sequence[RecordView]:
        """At most ``limit`` records that match, by id, after ``after``; fewer only where there are no more.

        Raises NotFound ``request_not_found``, InvalidInput ``unknown_status``, ``unknown_class``.
        """
        row = await self._store.request(account_id, request_id)
        if row is None:
            raise NotFound("request_not_found", "This account has no such request.", request_id=str(request_id))
        search = make_search(wanted, after)
        if search.statuses and not any(row.tallies.get(f"status:{word}", 0) > 0 for word in search.statuses):
            return []  # the counts say that there is none: no need to look
        found: list[RecordRow] = []
        while len(found) < limit:
            left = limit - len(found)
            scan = self._bite if search.filters else left
            seen = await self._store.scan_records(account_id, request_id, search, left, scan)
            found += seen.found
            if seen.last is None or (not search.filters and len(seen.found) == left):
                break
            search = RecordSearch(seen.last, search.statuses, search.reason, search.number, search.client_identifier)
        return [view_record(record) for record in found[:limit]]

    async def one(self, account_id: AccountId, record_id: RecordId) -> RecordDetail:
        """One record with attempts and legs. Raises NotFound ``record_not_found``."""
        history = await self._store.history(account_id, record_id, traces=False)
        if history is None:
            raise NotFound("record_not_found", "This account has no such record.", record_id=str(record_id))
        version = history.head.flow_version_id
        return view_detail(history, (await self._library.flows([version]))[version])

    async def rejects(self, account_id: AccountId, request_id: RequestId) -> AsyncIterator[Sequence[RejectRow]]:
        """Batches of the records that intake refused, in the order of their rows."""
        after: RecordId | None = None
        while True:
            found, after = await self._store.scan_rejects(account_id, request_id, after, _REJECT_BITE)
            if found:
                yield found
            if after is None:
                return


def make_search(wanted: RecordWish, after: RecordId | None) -> RecordSearch:
    """What the store is asked for. Raises InvalidInput ``unknown_status``, ``unknown_class``."""
    statuses: set[FlowStatus] | None = None
    if wanted.status is not None:
        statuses = {flow_status(wanted.status)}
    if wanted.record_class is not None:
        of_class = _of_class(wanted.record_class)
        statuses = of_class if statuses is None else statuses & of_class
    number = written_digits(wanted.number) or wanted.number if wanted.number is not None else None
    # a status outside the class asked for: nothing can match, and an empty choice would mean everything
    words = ["none"] if statuses is not None and not statuses else sorted(statuses or ())
    return RecordSearch(after, words, wanted.reason, number, wanted.client_identifier)


def _of_class(word: str) -> set[FlowStatus]:
    try:
        bucket = Bucket(word)
    except ValueError as error:
        raise InvalidInput("unknown_class", f"There is no record class {word!r}.", record_class=word) from error
    return {status for status in FlowStatus if counts_as(status) is bucket}
