"""The report of a request: records by status and class, legs by connection status, rates, durations (path step 7)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from central.application.ports.reporting import CallFigures, ReportStore
from central.application.reporting.read_requests import ReadRequests
from central.application.reporting.request_values import (
    CallLine,
    ReasonLine,
    RequestReport,
    RequestView,
    StatusLine,
)
from central.domain.ids import AccountId, RequestId
from central.domain.statuses import CALL, FLOW, CallStatus, FlowStatus


class ReportRequest:
    """The use case. Counts come from tallies, durations from one read of the request's attempts and legs."""

    def __init__(self, read: ReadRequests, store: ReportStore) -> None:
        self._read, self._store = read, store

    async def __call__(self, account_id: AccountId, request_id: RequestId) -> RequestReport:
        """The report as of now. Raises NotFound ``request_not_found``."""
        view, figures = await asyncio.gather(
            self._read.one(account_id, request_id), self._store.call_figures(account_id, request_id)
        )
        return make_report(view, figures)


def make_report(view: RequestView, figures: CallFigures) -> RequestReport:
    """Put a request's counts and sums together. Pure."""
    span = None
    if figures.first_claim is not None and figures.last_end is not None:
        span = max(0.0, (figures.last_end - figures.first_claim).total_seconds())
    counts = view.counts
    return RequestReport(
        request=view,
        statuses=_statuses(view.statuses, counts.loaded),
        classes={"valid": counts.valid, "invalid": counts.invalid, "ncpr": counts.ncpr, "pending": counts.pending},
        calls=_calls(view.calls),
        reasons=tuple(ReasonLine(reason, n) for reason, n in view.reasons.items()),
        attempts=figures.attempts,
        attempts_per_record=_ratio(figures.attempts, counts.added, 2),
        legs=figures.legs,
        answered=figures.answered,
        answer_ratio=_ratio(figures.answered, figures.legs, 4),
        first_claim=figures.first_claim,
        last_end=figures.last_end,
        duration_s=None if span is None else round(span, 3),
        calls_per_s=_ratio(figures.legs, span or 0, 2),
        peak_calls_per_s=figures.peak_per_s,
        talk_s=round(figures.answered_ms / 1000, 1),
        mean_talk_s=_ratio(figures.answered_ms / 1000, figures.answered, 1),
        mean_ring_s=_ratio(figures.ring_ms / 1000, figures.rang, 1),
        cost=figures.cost,
        currency=figures.currency,
    )


def _statuses(numbers: Mapping[str, int], loaded: int) -> tuple[StatusLine, ...]:
    lines: list[StatusLine] = []
    for word, n in numbers.items():
        row = FLOW[FlowStatus(word)]
        lines.append(StatusLine(word, row.record_class, row.counts_as, n, round(n / loaded, 4) if loaded else 0.0))
    return tuple(lines)


def _calls(numbers: Mapping[str, int]) -> tuple[CallLine, ...]:
    total = sum(numbers.values())
    lines: list[CallLine] = []
    for word, n in numbers.items():
        row = CALL[CallStatus(word)]
        lines.append(CallLine(word, row.canonical, row.connected, n, round(n / total, 4)))
    return tuple(lines)


def _ratio(part: float, whole: float, digits: int) -> float | None:
    return round(part / whole, digits) if whole else None
