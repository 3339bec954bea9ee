"""The status table under late, doubled and reordered news, on real PostgreSQL against a model of what must follow.

Two nodes claim, hand over, answer, end and finish in any order; leases run out and trackers take over, some of which die at
it; users pause, resume, stop and requeue. After every step: only lawful moves, one final event an epoch, counts equal to rows,
reservations equal to open attempts, and every answer of the store as the model says.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, TypeVar, cast
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from central.adapters.postgres.pool import Pool, open_pool
from central.application.ports.dispatch import HandedRecord
from central.application.ports.journal import JournalBatch, LegAnswer, LegEnd, LegHandOver, RecordResult
from central.application.tracking.control_requests import ControlRequests, KeepCounts
from central.domain.ids import AccountId, LegId, RecordId, RequestId
from central.domain.moves import FINAL_FLOW, WAITING_FLOW, lawful
from central.domain.statuses import FlowStatus
from tests.fakes.observed import ManualClock
from tests.integration.dispatch.conftest import Desk
from tests.stock import PRICE, Stock, number

T = TypeVar("T")
RECORDS: Final = 4
NODES: Final = ("n1", "n2")
ENDS: Final = (
    "COMPLETED",
    "FAILURE",
    "SHORT_HANGUP",
    "PARTIAL_COMPLETE",
    "INSUFFICIENT_BALANCE",
    "REATTEMPT_SCHEDULED",
)
UNLAWFUL: Final = ("SCHEDULED", "UNPROCESSED", "RESUME", "MASK_ALLOCATED", "REJECTED")
LEGS: Final = (("Connected", True), ("Busy", False), ("Channel Unavailable", False))


@dataclass(slots=True)
class SteadyStock(Stock):
    """Looks through one connection that stays: thousands of looks are taken."""

    eyes: psycopg.Connection[tuple[object, ...]] | None = None

    def rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        self.eyes = self.eyes or self.connect()
        return self.eyes.execute(query.encode(), values).fetchall()

    def run(self, query: str, *values: object) -> None:
        self.eyes = self.eyes or self.connect()
        self.eyes.execute(query.encode(), values)

    def close(self) -> None:
        if self.eyes is not None:
            self.eyes.close()


@dataclass
class World:
    """One database for all examples; each example has an account and a request of its own."""

    runner: asyncio.Runner
    stock: SteadyStock
    pool: Pool

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)


@dataclass
class Claim:
    """What a node holds in its hands: the record as it was handed over, its legs, and the results it sent."""

    handed: HandedRecord
    owner: str
    legs: list[LegId] = field(default_factory=list[LegId])


class StatusTable(RuleBasedStateMachine):
    """The model: who holds which record now, and by which fence; everything else is asked of the tables."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        stock = self.stock = self.world.stock
        self.desk = Desk(stock, self.world.pool, ManualClock(stock.now))
        self.account: AccountId = stock.account(balance=10**9)
        self.request: RequestId = stock.request(self.account, stock.flow(self.account))
        self.records = stock.records(self.account, self.request, [[number(n), number(n + 50)] for n in range(RECORDS)])
        self.claims: list[Claim] = []
        self.holder: dict[RecordId, Claim] = {}  # the one whose news count
        self.sent: list[tuple[str, JournalBatch]] = []
        self.accepted: set[UUID] = set()
        self.control = "running"

    def teardown(self) -> None:
        """Leave nothing that the trackers of the next example would take up."""
        self.stock.run("update request set open = false where id = %s", self.request)
        self.stock.run("update record set lease_until = null where request_id = %s", self.request)

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.world.do(work)

    def current(self, claim: Claim) -> bool:
        return self.holder.get(claim.handed.record.id) is claim

    def status(self, record_id: RecordId) -> str:
        return str(self.stock.value("select status from record where id = %s", record_id))

    # -- nodes -----------------------------------------------------------------------------------------------------------
    @precondition(lambda self: self.control == "running")
    @rule(node=st.sampled_from(NODES))
    def claim(self, node: str) -> None:
        self.do(self.desk.grant(self.account, self.request, RECORDS, node))
        waiting = {r for r in self.records if FlowStatus(self.status(r)) in WAITING_FLOW}
        for handed in sorted(self.do(self.desk.claim(self.desk.node(node))), key=lambda one: one.record.id):
            record = handed.record
            assert record.id in waiting
            assert record.id not in self.holder
            claim = Claim(handed, f"{node}/g1")
            self.claims.append(claim)
            self.holder[record.id] = claim

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), position=st.integers(0, 1))
    def hand_over(self, data: st.DataObject, position: int) -> None:
        claim = data.draw(st.sampled_from(self.claims))
        leg = LegId(self.desk.ids.uuid())
        row = self.desk.leg(claim.handed, leg, position, PRICE if position else 0)
        batch = JournalBatch(legs=[row])
        answer = self.commit(claim.owner, batch)
        assert (leg in answer.legs) == self.current(claim)
        if leg in answer.legs:
            claim.legs.append(leg)

    @precondition(lambda self: any(claim.legs for claim in self.claims))
    @rule(data=st.data(), what=st.sampled_from(LEGS), answer_first=st.booleans())
    def news_of_a_leg(self, data: st.DataObject, what: tuple[str, bool], answer_first: bool) -> None:
        claim = data.draw(st.sampled_from([claim for claim in self.claims if claim.legs]))
        leg = data.draw(st.sampled_from(claim.legs))
        before = self.leg(leg)
        status, answered = what
        batch = JournalBatch()
        if answered and answer_first:
            batch.answers.append(self.answer(claim, leg))
        else:
            batch.ends.append(self.end(claim, leg, status, answered=answered))
        self.commit(claim.owner, batch)
        if before[0] is not None or not self.may_speak(claim, leg):
            assert self.leg(leg) == before

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), status=st.sampled_from((*ENDS, *ENDS, *UNLAWFUL)))
    def finish(self, data: st.DataObject, status: str) -> None:
        claim = data.draw(st.sampled_from(self.claims))
        due = self.desk.again_at(2) if status in {"REATTEMPT_SCHEDULED", "SCHEDULED"} else None
        result = self.result(claim, status, due_at=due)
        expected = self.expected(claim, result)
        answer = self.commit(claim.owner, JournalBatch(results=[result])).results[result.id]
        assert answer == expected
        if answer == "accepted":
            self.accepted.add(result.event_id)
            del self.holder[result.id]
        elif answer == "paused":
            self.hold(claim)

    def hold(self, claim: Claim) -> None:
        """What a node does when it hears that the request is paused: it decides again, with what it knows now."""
        result = self.result(
            claim, "PAUSE", reason="not_reached", held_status="REATTEMPT_SCHEDULED", held_due_at=self.desk.again_at(2)
        )
        assert self.commit(claim.owner, JournalBatch(results=[result])).results[result.id] == "accepted"
        self.accepted.add(result.event_id)
        del self.holder[result.id]

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def news_comes_again(self, data: st.DataObject) -> None:
        """A commit whose answer was lost is sent again, whenever: it changes nothing."""
        owner, batch = data.draw(st.sampled_from(self.sent))
        before = self.picture()
        answer = self.do(self.desk.journal.commit(owner, batch, self.desk.clock.now()))
        for result in batch.results:
            if result.event_id in self.accepted:
                assert answer.results[result.id] == "accepted"
            elif answer.results[result.id] == "accepted":  # refused then, lawful now: its claim still holds the record
                assert any(self.current(claim) and claim.handed.fence == result.fence for claim in self.claims)
                self.accepted.add(result.event_id)
                del self.holder[result.id]
                return
        if not self.could_still_count(batch):
            assert self.picture() == before

    # -- trackers ----------------------------------------------------------------------------------------------------------
    @rule(everyone=st.booleans())
    def leases_run_out(self, everyone: bool) -> None:
        """Of everyone, the trackers that died at it included, or of one record that a node works on."""
        for record_id in self.records if everyone else sorted(self.holder)[:1]:
            self.stock.run(
                "update record set lease_until = now() - interval '1 s' where id = %s and lease_until is not null",
                record_id,
            )

    @rule(late=st.booleans())
    def a_tracker_reaps(self, late: bool) -> None:
        if late:
            self.leases_run_out(everyone=True)
        overdue = self.overdue()
        self.do(self.desk.reaper()())
        for record_id in overdue:
            self.holder.pop(record_id, None)
            assert self.status(record_id) != "IN_PROGRESS"

    @rule(late=st.booleans())
    def a_tracker_dies_after_taking(self, late: bool) -> None:
        if late:
            self.leases_run_out(everyone=True)
        overdue = self.overdue()
        self.do(self.desk.tracking.reap("tracker", 10, timedelta(seconds=60)))
        for record_id in overdue:
            self.holder.pop(record_id, None)
            assert self.status(record_id) == "IN_PROGRESS"

    def overdue(self) -> list[RecordId]:
        return [r for r in self.records if self.stock.value("select lease_until < now() from record where id = %s", r)]

    # -- users and time -------------------------------------------------------------------------------------------------
    @precondition(lambda self: self.control != "stopping")
    @rule(control=st.sampled_from(["paused", "running", "running", "stopping"]), at_once=st.booleans())
    def the_user_controls(self, control: str, at_once: bool) -> None:
        self.control = control
        self.stock.run("update request set control = %s where id = %s and open", control, self.request)
        if at_once:
            self.the_tracker_obeys()

    @rule()
    def the_tracker_obeys(self) -> None:
        self.do(ControlRequests(self.desk.tracking, self.desk.clock)())

    @rule()
    def counts_are_kept(self) -> None:
        self.do(KeepCounts(self.desk.tracking, self.desk.clock)())

    @rule()
    def short_records_are_requeued(self) -> None:
        now = self.desk.clock.now()
        self.do(self.desk.tracking.requeue_short(self.account, self.request, 10, now, "user"))
        self.control = str(self.stock.value("select control from request where id = %s", self.request))

    @rule(seconds=st.sampled_from([3, 70]))
    def time_passes(self, seconds: int) -> None:
        self.desk.clock.forward(timedelta(seconds=seconds))

    # -- what must hold ----------------------------------------------------------------------------------------------------
    @invariant()
    def histories_are_lawful(self) -> None:
        for status, epoch, waits, leased, moves in self.stock.rows(
            "select r.status, r.epoch, r.due_at is not null, r.lease_until is not null, (select coalesce(jsonb_agg(jsonb_build_array("
            "e.from_status, e.to_status)), '[]') from event e where e.record_id = r.id and e.to_status is not null and not e.late) "
            "from record r where r.request_id = %s",
            self.request,
        ):
            steps = Counter((str(a), str(b)) for a, b in cast("list[tuple[str, str]]", moves))
            assert all(a == b or lawful("flow", a, b) for a, b in steps), steps
            finals = sum(n for (_, b), n in steps.items() if b in FINAL_FLOW)
            ended = FlowStatus(str(status)) in FINAL_FLOW
            assert finals == int(str(epoch)) - (not ended)
            arrivals = Counter[str]()
            for (a, b), n in steps.items():
                arrivals[b] += n
                arrivals[a] -= n
            rest = {word: n for word, n in arrivals.items() if n and word != "UNPROCESSED"}
            assert rest == ({} if status == "UNPROCESSED" else {str(status): 1})
            assert leased == (status == "IN_PROGRESS")
            assert waits == (FlowStatus(str(status)) in WAITING_FLOW and status != "PAUSE")

    @invariant()
    def counts_equal_rows(self) -> None:
        tally = self.stock.tally(self.request)
        by_status = {key.removeprefix("status:"): n for key, n in tally.items() if key.startswith("status:")}
        assert by_status == self.stock.statuses(self.request)
        legs = self.stock.rows(
            "select status, count(*) from leg where account_id = %s and status is not null group by 1", self.account
        )
        assert {key.removeprefix("call:"): n for key, n in tally.items() if key.startswith("call:")} == {
            str(status): n for status, n in legs
        }

    @invariant()
    def money_is_right(self) -> None:
        (reserved, open_), *_ = self.stock.rows(
            "select b.reserved, (select coalesce(sum(a.reserved), 0) from attempt a where a.account_id = b.account_id and a.ended_at is null) "
            "from balance b where b.account_id = %s",
            self.account,
        )
        assert reserved == open_

    @invariant()
    def the_model_knows_who_holds_what(self) -> None:
        rows = self.stock.rows(
            "select id, owner, fence, status from record where request_id = %s and owner <> 'tracker'", self.request
        )
        held = {(i, claim.owner, claim.handed.fence, "IN_PROGRESS") for i, claim in self.holder.items()}
        assert set(rows) == held

    # -- the pieces ----------------------------------------------------------------------------------------------------------
    def commit(self, owner: str, batch: JournalBatch) -> Any:
        self.sent.append((owner, batch))
        return self.do(self.desk.journal.commit(owner, batch, self.desk.clock.now()))

    def expected(self, claim: Claim, result: RecordResult) -> str:
        if not self.current(claim):
            return "lost"
        if result.due_at is not None and self.control != "running":
            return self.control
        return "accepted" if lawful("flow", "IN_PROGRESS", result.status) else "unlawful"

    def could_still_count(self, batch: JournalBatch) -> bool:
        """Whether news that were refused or not yet told may be taken now: their claim holds its record still."""
        held = {claim.handed.fence: record_id for record_id, claim in self.holder.items()}
        news: list[LegHandOver | LegAnswer | LegEnd] = [*batch.legs, *batch.answers, *batch.ends]
        return any(held.get(one.fence) == one.record_id for one in news)

    def may_speak(self, claim: Claim, leg: LegId) -> bool:
        """An open leg listens to the lease under which it was handed over, until somebody takes the record over."""
        return bool(self.stock.value("select fence = %s from leg where id = %s", claim.handed.fence, leg))

    def result(self, claim: Claim, status: str, **more: object) -> RecordResult:
        charged = claim.handed.record.attempts_charged + 1
        reason = {"COMPLETED": "completed", "REATTEMPT_SCHEDULED": "not_reached"}.get(status, status.lower())
        values: dict[str, object] = {"reason": reason, "attempts_charged": charged} | more
        return self.desk.result(claim.handed, status, **values)  # type: ignore[arg-type]

    def answer(self, claim: Claim, leg: LegId) -> LegAnswer:
        record = claim.handed.record
        return LegAnswer(record.account_id, record.id, leg, self.desk.clock.now(), "a", claim.handed.fence)

    def end(self, claim: Claim, leg: LegId, status: str, *, answered: bool) -> LegEnd:
        now, record = self.desk.clock.now(), claim.handed.record
        return LegEnd(
            account_id=record.account_id, record_id=record.id, request_id=record.request_id, id=leg, ring_at=None,
            connect_at=now if answered else None, end_at=now, status=status, code=16, q850=16, sip_code=None, local=None,
            phase="answered" if answered else "dialing", hangup_by="SYSTEM", answered_ms=1000 if answered else None,
            cost=PRICE if answered else 0, sip_call_id="a", digits=[], engine={}, fence=claim.handed.fence,
        )  # fmt: skip

    def leg(self, leg: LegId) -> tuple[object, ...]:
        return self.stock.rows("select status, connect_at, end_at, cost from leg where id = %s", leg)[0]

    def picture(self) -> list[object]:
        """Everything that news may change."""
        return [
            self.stock.rows("select id, status, due_at, fence, attempts_charged from record where request_id = %s order by id", self.request),
            self.stock.rows("select id, status, connect_at, cost from leg where account_id = %s order by id", self.account),
            self.stock.rows("select record_id, number, outcome, reserved, cost from attempt where account_id = %s order by 1, 2", self.account),
            self.stock.rows("select balance, reserved from balance where account_id = %s", self.account),
            self.stock.tally(self.request),
        ]  # fmt: skip


@pytest.mark.timeout(600)  # a failure is made small before it is shown
def test_late_doubled_and_reordered_news_move_records_lawfully(database: str) -> None:
    with asyncio.Runner() as runner:
        pool, stock = runner.run(open_pool(database, "central_worker", 3)), SteadyStock(database)
        try:

            class Machine(StatusTable):
                world = World(runner, stock, pool)

            run_state_machine_as_test(
                Machine,
                settings=settings(
                    max_examples=100,
                    stateful_step_count=40,
                    deadline=None,
                    suppress_health_check=(
                        HealthCheck.too_slow,
                        HealthCheck.data_too_large,
                        HealthCheck.filter_too_much,
                    ),
                ),
            )
        finally:
            stock.close()
            runner.run(pool.close())
