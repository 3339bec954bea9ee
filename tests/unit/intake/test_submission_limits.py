"""A submission answers in time, whatever the flow's patterns cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast
from uuid import UUID

import pytest

from central.adapters.system import SystemIds
from central.application.intake.open_request import OpenRequest
from central.application.intake.submit_records import Submission, SubmitRecords
from central.application.ports.intake import FlowTarget, IntakeStore
from central.application.ports.library import Library
from central.domain.errors import InvalidInput
from central.domain.incoming import IncomingRecord
from central.domain.patterns import compile_pattern
from central.flow.prepared import PreparedFlow, prepare_flow
from tests.unit.intake.briefs import ACCOUNT, FLOW_ID, NOW, VERSION, flow_document, grounds


class SlowClock:
    """Each look costs some seconds, as a costly pattern would."""

    def __init__(self, step_s: float) -> None:
        self.step_s, self.looks = step_s, 0

    def now(self) -> Any:
        return NOW

    def monotonic(self) -> float:
        self.looks += 1
        return self.looks * self.step_s


class Store:
    """Knows the one flow and the account; nothing can be stored."""

    async def find_flow(self, account_id: object, flow: str) -> FlowTarget:
        del account_id
        return FlowTarget(FLOW_ID, flow, "multicast", True, None, b"", 1, VERSION, 1)

    async def account(self, account_id: object) -> Any:
        del account_id
        return grounds(flow_document()).account

    async def version_document(self, account_id: object, version_id: object) -> Any:
        del account_id, version_id
        return FLOW_ID, 1, flow_document()

    async def flows(self, ids: Iterable[UUID]) -> Mapping[UUID, PreparedFlow]:
        return {id_: prepare_flow(id_, ACCOUNT, FLOW_ID, 1, flow_document()) for id_ in ids}

    async def policy(self, *which: object) -> Any:
        del which
        return grounds(flow_document()).policy


async def test_checks_that_take_too_long_refuse_the_submission_and_store_nothing() -> None:
    store, clock, ids = cast("IntakeStore", Store()), SlowClock(3), SystemIds()
    submit = SubmitRecords(store, OpenRequest(store, cast("Library", Store()), clock, ids), clock, ids)
    records = [IncomingRecord(row, ("919800000001",)) for row in range(1, 100)]
    with pytest.raises(InvalidInput) as refused:
        await submit(ACCOUNT, Submission("f", "production", records), "key:x")
    assert refused.value.code == "checks_too_slow"
    assert refused.value.details == {"judged": 6}


@pytest.mark.parametrize(
    "pattern", ["(.{1,900})*[^z]{1,500}y?(.+)+", "a" * 1001, r"(\p{L}{1,500}){1,3}", "(" * 600 + ")" * 600]
)
def test_big_patterns_are_refused(pattern: str) -> None:
    assert compile_pattern(pattern) is None


@pytest.mark.parametrize(
    "pattern",
    ["([ab]*a[ab]{300}){2}", "(a?){200}a{200}", "(.*)*x(.*)*y(.*)*z", r"[\\p{L} .'-]+", "[A-Z]{2}[0-9]{1,40}"],
)
def test_ordinary_patterns_are_taken(pattern: str) -> None:
    compiled = compile_pattern(pattern)
    assert compiled is not None
    assert not compiled.fullmatch("c" * 4096 + "!")
