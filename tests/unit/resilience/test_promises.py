"""Each promise of the resilience suite notices when it is broken."""

from __future__ import annotations

import copy
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from examples.carrier import Invite
from tests.resilience import promises
from tests.resilience.load import Contact
from tests.resilience.push_receiver import Push

CONTACT = Contact("1-0-answers", ("919800018000",), may_answer=True)
AT = "2026-01-01T10:00:0{}.000+00:00"


def leg(**changes: Any) -> dict[str, Any]:
    return {
        "leg_id": "l", "position": 0, "status": "Connected", "connect_at": AT.format(1), "end_at": AT.format(2), "phase": "answered",
        "cost": 600_000,
    } | changes  # fmt: skip


def attempt(number: int, *legs: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "attempt_id": f"a{number}", "number": number, "started_at": AT.format(2 * number), "ended_at": AT.format(2 * number + 1),
        "outcome": "done", "charged": True, "legs": list(legs),
    } | changes  # fmt: skip


def record(**changes: Any) -> dict[str, Any]:
    busy = leg(status="Busy", connect_at=None, phase="dialing", cost=0, leg_id="b")
    changes_of_status = [
        ("UNPROCESSED", "UNPROCESSED"), ("UNPROCESSED", "IN_PROGRESS"), ("IN_PROGRESS", "REATTEMPT_SCHEDULED"),
        ("REATTEMPT_SCHEDULED", "IN_PROGRESS"), ("IN_PROGRESS", "COMPLETED"),
    ]  # fmt: skip
    return {
        "record_id": "r", "client_identifier": CONTACT.name, "status": "COMPLETED", "due_at": None, "epoch": 1,
        "attempts_made": 2, "attempts_charged": 2, "attempts": [attempt(1, busy), attempt(2, leg())],
        "statuses": [{"from_status": a, "to_status": b} for a, b in changes_of_status],
    } | changes  # fmt: skip


def request(**changes: Any) -> dict[str, Any]:
    counts = {"loaded": 10, "added": 8, "valid": 5, "invalid": 3, "ncpr": 0, "pending": 2, "completed": 4}
    return {"counts": counts | changes, "loading": False, "attempts": 9, "statuses": {"COMPLETED": 4}}


def invite(call_id: str, attempt_id: str, position: int = 0) -> Invite:
    return Invite(call_id, f"{attempt_id};number=1;position={position}", "919800018000", "")


GOOD = [invite("1", "a1"), invite("2", "a2")]


def test_a_whole_record_breaks_nothing() -> None:
    assert promises.record_is_whole(record(), CONTACT) == []
    assert promises.status_history(record()) == []
    assert promises.no_immediate_redial(record()) == []
    assert promises.far_end_agrees(GOOD, [record()]) == []
    assert promises.counts_add_up(request(), None, 10) == []
    assert promises.money_adds_up({"balance": "99.4", "reserved": "0.00"}, Decimal(100), [record()]) == []


def changed(change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    one = copy.deepcopy(record())
    change(one)
    return one


BREAKS: list[tuple[Callable[[dict[str, Any]], None], str]] = [
    (lambda r: r.update(status="IN_PROGRESS"), "lost"),
    (lambda r: r.update(attempts_made=1), "attempts made"),
    (lambda r: r.update(attempts_charged=4), "I4"),
    (lambda r: r["attempts"][0].update(ended_at=None), "never ended"),
    (lambda r: r["attempts"][1]["legs"][0].update(end_at=None, status=None), "never ended"),
    (lambda r: r["attempts"][1]["legs"][0].update(status="Channel Unavailable"), "was answered and is"),
    (lambda r: r["attempts"][1]["legs"][0].update(connect_at=None, status="Busy"), "nobody answered"),
    (lambda r: r["attempts"][0].update(charged=False), "I4"),
]


@pytest.mark.parametrize(("change", "word"), BREAKS)
def test_a_broken_record_is_noticed(change: Callable[[dict[str, Any]], None], word: str) -> None:
    assert any(word in line for line in promises.record_is_whole(changed(change), CONTACT))


def test_two_finals_a_gap_and_an_unlawful_move_are_noticed() -> None:
    twice = changed(lambda r: r["statuses"].append({"from_status": "COMPLETED", "to_status": "COMPLETED"}))
    assert any("I5" in line for line in promises.status_history(twice))
    gap = changed(lambda r: r["statuses"].pop(3))
    assert any("then from" in line for line in promises.status_history(gap))
    back = changed(lambda r: r["statuses"].insert(3, {"from_status": "REATTEMPT_SCHEDULED", "to_status": "COMPLETED"}))
    assert any("unlawful" in line for line in promises.status_history(back))


def test_a_doubled_an_unknown_and_an_undeclared_call_are_noticed() -> None:
    assert any("doubled" in line for line in promises.far_end_agrees([*GOOD, invite("3", "a1")], [record()]))
    assert any("no leg" in line for line in promises.far_end_agrees([*GOOD, invite("3", "a9")], [record()]))
    never = changed(lambda r: r["attempts"][0]["legs"][0].update(phase="none", status="Channel Unavailable"))
    assert any("nothing was sent" in line for line in promises.far_end_agrees(GOOD, [never]))
    assert any("knows nothing" in line for line in promises.far_end_agrees(GOOD[:1], [record()]))


@pytest.mark.parametrize(
    ("now", "before", "word"),
    [
        (request(valid=4), None, "I1"),
        (request(completed=6), None, "I2"),
        (request(loaded=9, pending=1), None, "rows are loaded"),
        (request(), request(added=9), "added fell"),
    ],
)
def test_counts_that_do_not_add_up_are_noticed(now: dict[str, Any], before: dict[str, Any] | None, word: str) -> None:
    assert any(word in line for line in promises.counts_add_up(now, before, 10))


def test_missing_and_disordered_pushes_are_noticed() -> None:
    def told(status: str, previous: str) -> Push:
        return Push(status, "record.status", {"status": status, "previous": previous})

    final = Push("f", "record.final", {"status": "COMPLETED"})
    good = [told("IN_PROGRESS", "UNPROCESSED"), told("COMPLETED", "IN_PROGRESS"), final]
    assert promises.pushes_tell_it(record(), good) == []
    assert promises.pushes_tell_it(record(), good[:2])
    assert promises.pushes_tell_it(record(), [good[1], good[0], final])
    assert promises.pushes_tell_it(record(), [good[0], final, good[1]])


def test_a_redial_before_the_end_and_missing_money_are_noticed() -> None:
    early = changed(lambda r: r["attempts"][1].update(started_at=AT.format(2)))
    assert promises.no_immediate_redial(early)
    assert promises.money_adds_up({"balance": "99.0", "reserved": "0"}, Decimal(100), [record()])
    assert promises.money_adds_up({"balance": "99.4", "reserved": "0.6"}, Decimal(100), [record()])


def test_rows_and_records_are_compared_by_name() -> None:
    shown = [{"client_identifier": CONTACT.name}]
    assert promises.rows_are_records([CONTACT], shown) == []
    assert promises.rows_are_records([CONTACT], shown * 2)
    assert promises.rows_are_records([CONTACT], [])
    assert promises.rows_are_records([], shown)
