from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from central.application.ports.reporting import CallFigures, RequestRow
from central.application.reporting.measure_rate import RateMeter, Rates
from central.application.reporting.read_records import make_search
from central.application.reporting.read_requests import ReadRequests
from central.application.reporting.report_request import make_report
from central.application.reporting.request_values import RequestView, Upload
from central.application.reporting.view_request import view_request
from central.application.reporting.watch_requests import WatchRequests
from central.domain.errors import InvalidInput, NotFound
from central.domain.ids import AccountId, RequestId
from tests.fakes.observed import ManualClock
from tests.unit.reporting.stories import at

ACCOUNT, REQUEST = AccountId(UUID(int=1)), RequestId(UUID(int=2))


def row(tallies: Mapping[str, int], **columns: Any) -> RequestRow:
    values: dict[str, Any] = {
        "id": REQUEST, "name": "", "flow_id": "abcdefgh", "flow_name": "f", "flow_type": "multicast", "flow_version": 1,
        "testing": False, "source": "api", "control": "running", "flow_control": "running", "loading": False, "priority": 0,
        "created_at": at(0), "end_at": None, "reload_of": None, "error": None, "tallies": tallies, "earliest_due": None,
        "file_name": None, "upload_state": None, "rows_done": None,
    } | columns  # fmt: skip
    return RequestRow(**values)


TALLIES = {"status:COMPLETED": 3, "status:PHONE_BLACKLISTED": 1, "status:REATTEMPT_SCHEDULED": 2, "added": 5, "attempts": 6,
           "call:Busy": 2, "call:Connected": 3, "call:Failed": 0, "reason:completed": 3}  # fmt: skip


def test_counts_add_up_and_words_come_largest_first() -> None:
    view = view_request(row(TALLIES), at(9))
    counts = view.counts
    assert counts.loaded == counts.valid + counts.invalid + counts.ncpr + counts.pending == 6
    assert (view.progress.finished, view.progress.percent) == (4, 66.7)
    assert list(view.statuses) == ["COMPLETED", "REATTEMPT_SCHEDULED", "PHONE_BLACKLISTED"]
    assert dict(view.calls) == {"Connected": 3, "Busy": 2}
    assert view.attempts == 6


@pytest.mark.parametrize(
    ("tallies", "columns", "status"),
    [
        ({"status:COMPLETED": 1}, {}, "Completed"),
        ({"status:COMPLETED": 1}, {"loading": True}, "In process"),
        ({"status:SCHEDULED": 1}, {"earliest_due": at(60)}, "Scheduled"),
        ({"status:SCHEDULED": 1}, {"earliest_due": at(1)}, "In process"),
        ({"status:REATTEMPT_SCHEDULED": 1, "attempts": 1}, {"earliest_due": at(60)}, "In process"),
        ({}, {}, "Completed"),
    ],
)
def test_the_shown_status_follows_the_table(tallies: Mapping[str, int], columns: dict[str, Any], status: str) -> None:
    assert view_request(row(tallies, **columns), at(9)).status == status


def test_an_upload_shows_what_was_detected_once_it_was_looked_at() -> None:
    columns: dict[str, Any] = {"file_name": "a.csv", "upload_state": "loading", "rows_done": 7}
    detected = {"kind": "csv", "encoding": "cp1252", "delimiter": ";"}
    shown = view_request(row({}, **columns, detected=detected), at(9)).upload
    assert shown == Upload("a.csv", "loading", 7, "csv", "cp1252", ";")
    assert view_request(row({}, **columns), at(9)).upload == Upload("a.csv", "loading", 7)


def test_the_forecast_is_pending_by_rate_and_none_while_nothing_moves() -> None:
    rates = Rates(finished_60=0.5)
    assert view_request(row(TALLIES), at(9), rates).progress.forecast_end == at(13)
    assert view_request(row(TALLIES, earliest_due=at(20)), at(9), rates).progress.forecast_end == at(24)
    assert view_request(row(TALLIES), at(9)).progress.forecast_end is None
    assert view_request(row(TALLIES, control="paused"), at(9), rates).progress.forecast_end is None
    assert view_request(row(TALLIES, flow_control="paused"), at(9), rates).progress.forecast_end is None
    assert view_request(row({"status:COMPLETED": 3}), at(9), rates).progress.forecast_end is None


def test_rates_come_from_successive_looks() -> None:
    meter = RateMeter()
    assert meter.note(REQUEST, 0.0, 0, 0) == Rates()
    assert meter.note(REQUEST, 5.0, 50, 60) == Rates(10.0, 10.0, 12.0)
    for second in range(6, 60):
        meter.note(REQUEST, float(second), 50, 60)
    late = meter.note(REQUEST, 60.0, 50, 60)
    assert late.finished_10 == 0.0
    assert late.finished_60 == pytest.approx(50 / 60, abs=0.01)
    assert meter.note(REQUEST, 200.0, 50, 60).finished_60 == 0.0


def test_a_requeue_starts_the_rates_anew() -> None:
    meter = RateMeter()
    meter.note(REQUEST, 0.0, 100, 0)
    assert meter.note(REQUEST, 5.0, 40, 0).finished_10 is None


def test_a_meter_forgets_requests_that_nobody_asks_for() -> None:
    meter = RateMeter()
    meter.note(REQUEST, 0.0, 0, 0)
    for n in range(2_000):
        meter.note(UUID(int=1000 + n), 1.0, 0, 0)
    assert meter.note(REQUEST, 2.0, 9, 9) == Rates()


def test_the_report_puts_counts_and_sums_together() -> None:
    figures = CallFigures(6, at(0), at(30), 5, 3, 9_000, 4_000, 4, 3_000, 2, "INR")
    report = make_report(view_request(row(TALLIES), at(40)), figures)
    assert report.classes == {"valid": 3, "invalid": 1, "ncpr": 0, "pending": 2}
    first = report.statuses[0]
    assert (first.status, first.record_class, first.records) == ("COMPLETED", "valid", 3)
    assert [(line.status, line.code, line.legs, line.connected) for line in report.calls] == [
        ("Connected", 16, 3, True),
        ("Busy", 17, 2, False),
    ]
    assert (report.duration_s, report.calls_per_s, report.answer_ratio) == (30.0, 0.17, 0.6)
    assert (report.talk_s, report.mean_talk_s, report.mean_ring_s, report.attempts_per_record) == (9.0, 3.0, 1.0, 1.2)


def test_a_report_before_the_first_call_has_blanks_not_zeros() -> None:
    empty = CallFigures(0, None, None, 0, 0, 0, 0, 0, 0, 0, "INR")
    report = make_report(view_request(row({}), at(1)), empty)
    assert (report.duration_s, report.calls_per_s, report.answer_ratio, report.mean_talk_s) == (None, None, None, None)


@dataclass
class Wish:
    status: str | None = None
    reason: str | None = None
    record_class: str | None = None
    number: str | None = None
    client_identifier: str | None = None


def test_filters_become_a_search() -> None:
    assert make_search(Wish(status="COMPLETE"), None).statuses == ["COMPLETED"]
    assert "SCHEDULED" in make_search(Wish(record_class="pending"), None).statuses
    assert make_search(Wish(number="+91 98000-00001"), None).number == "919800000001"
    nothing = make_search(Wish(status="COMPLETED", record_class="ncpr"), None)
    assert nothing.filters
    assert "COMPLETED" not in nothing.statuses
    assert not make_search(Wish(), None).filters
    with pytest.raises(InvalidInput, match="unknown_status"):
        make_search(Wish(status="DONE"), None)
    with pytest.raises(InvalidInput, match="unknown_class"):
        make_search(Wish(record_class="good"), None)


@dataclass
class Requests:
    """A store that knows one request and counts how often it is asked."""

    seen: RequestRow | None
    asked: int = 0

    async def request(self, account_id: AccountId, request_id: RequestId) -> RequestRow | None:
        del account_id, request_id
        self.asked += 1
        return self.seen


@dataclass
class Watch:
    """Watching on a clock of its own: ``wait`` moves it and lets ``then`` change the world."""

    store: Requests
    clock: ManualClock = field(default_factory=ManualClock)
    steps: list[RequestRow] = field(default_factory=list[RequestRow])

    def build(self) -> WatchRequests:
        read = ReadRequests(self.store, self.clock)  # type: ignore[arg-type]  # only request() is asked for
        return WatchRequests(read, self.clock, self.wait)

    async def wait(self, seconds: float) -> None:
        self.clock.forward(timedelta(seconds=seconds))
        if self.steps:
            self.store.seen = self.steps.pop(0)


async def test_a_watcher_hears_each_change_once_and_the_end() -> None:
    begun, done = row({"status:IN_PROGRESS": 2, "attempts": 2}), row({"status:COMPLETED": 2, "attempts": 2})
    half = row({"status:IN_PROGRESS": 1, "status:COMPLETED": 1, "attempts": 2})
    stage = Watch(Requests(begun), steps=[begun, begun, half, half, done])
    heard = [view async for view in stage.build().watch_request(ACCOUNT, REQUEST)]
    statuses = [dict(view.statuses) for view in heard]
    assert statuses[0] == {"IN_PROGRESS": 2}
    assert statuses[-1] == {"COMPLETED": 2}
    assert {"COMPLETED": 1, "IN_PROGRESS": 1} in statuses
    assert heard[-1].status == "Completed"


async def test_watchers_of_one_request_share_one_look() -> None:
    stage = Watch(Requests(row({"status:IN_PROGRESS": 2})))
    watch = stage.build()
    watchers = [watch.watch_request(ACCOUNT, REQUEST) for _ in range(5)]
    views: list[RequestView] = [await anext(watcher) for watcher in watchers]
    assert len({id(view) for view in views}) == 1
    assert stage.store.asked == 1
    for watcher in watchers:
        await watcher.aclose()


async def test_watching_what_the_account_does_not_have_is_not_found() -> None:
    watch = Watch(Requests(None)).build()
    with pytest.raises(NotFound, match="request_not_found"):
        await anext(watch.watch_request(ACCOUNT, REQUEST))


async def test_rates_alone_do_not_repeat_a_view_that_stands_still() -> None:
    still = row({"status:IN_PROGRESS": 1})
    stage = Watch(Requests(still), steps=[still] * 200 + [row({"status:COMPLETED": 1})])
    heard = [view async for view in stage.build().watch_request(ACCOUNT, REQUEST)]
    assert len(heard) <= 4, "the first look, the rate becoming known, and the end"
