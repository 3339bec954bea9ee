"""The request arithmetic (I1 to I3 of domain 7.5) holds for any crowd of records walking along lawful moves."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from central.domain.requests import count
from central.domain.status_rows import Family
from central.domain.statuses import FLOW, MOVES, FlowStatus

INTAKE_FAILURES = frozenset(
    status
    for status in MOVES[Family.FLOW][FlowStatus.UNPROCESSED]
    if FLOW[FlowStatus(status)].phase == "intake" and status != FlowStatus.UNPROCESSED
)


@st.composite
def walks(draw: st.DrawFn) -> tuple[FlowStatus, bool]:
    """One record's walk: where it stands, and whether it was ever added."""
    if draw(st.booleans()):
        return FlowStatus(draw(st.sampled_from(sorted(INTAKE_FAILURES)))), False
    status = FlowStatus.UNPROCESSED
    for _ in range(draw(st.integers(0, 12))):
        following = sorted(MOVES[Family.FLOW][status])
        if not following:
            break
        status = FlowStatus(draw(st.sampled_from(following)))
    return status, True


@settings(max_examples=300)
@given(records=st.lists(walks(), max_size=30))
def test_counts_always_add_up(records: list[tuple[FlowStatus, bool]]) -> None:
    added = sum(was_added for _, was_added in records)
    counts = count(Counter(status for status, _ in records), added)
    assert counts.loaded == len(records)
    assert counts.loaded == counts.valid + counts.invalid + counts.ncpr + counts.pending  # I1
    assert counts.completed <= counts.valid <= counts.added <= counts.loaded  # I2
    assert counts.completion_percent is None or 0 <= counts.completion_percent <= 100
    if counts.pending == 0:
        assert counts.invalid >= counts.loaded - counts.added - counts.ncpr  # I3
