"""Make Call: numbers in order, alternates, branches of an attempt that reached nobody."""

from __future__ import annotations

import pytest

from central.flow.commands import Dial, HangUp, MainPathEnded
from central.flow.events import LegEnded
from tests.fakes.flow_player import START, Player, document

THREE = ("919800000001", "919800000002", "919800000003")
STEPS = """  call: {widget: make_call, on: {connected: bye, busy: was_busy, no_answer: rang, failed: broke}}
  bye: {widget: hang_up}
  was_busy: {widget: store_variable, set: {Seen: busy}}
  rang: {widget: store_variable, set: {Seen: no_answer}}
  broke: {widget: store_variable, set: {Seen: failed}}
"""
FLOW = document(START + STEPS)
EVERY = document(START + STEPS.replace("make_call,", "make_call, unconnected_branch: every,"))


def test_the_dial_carries_the_ring_timeout_and_the_caller_id() -> None:
    call = '  call: {widget: make_call, ring_timeout: 20s, caller_id: "{{ $flow.syskey.did }}", on: {connected: end}}\n'
    assert Player.of(document(START + call)).begun().all(Dial) == [Dial(0, 20.0, "911140000000")]
    assert Player.of(FLOW).begun().all(Dial) == [Dial(0, 30.0)]
    head = "calls: {ring_timeout: 4s}\n"
    assert Player.of(document(START + STEPS, head)).begun().all(Dial) == [Dial(0, 4.0)]


def test_alternates_are_tried_in_order_within_one_attempt() -> None:
    player = Player.of(FLOW, THREE).begun().ended("Busy").ended("Ring Timeout")
    assert player.dialled == [0, 1, 2]
    player.answered(2)
    assert [(result.position, result.status) for result in player.run.results] == [(0, "Busy"), (1, "Ring Timeout")]
    assert player.ended("Connected", by="us").ending.kind == "end"


def test_numbers_struck_off_are_skipped() -> None:
    assert Player.of(FLOW, THREE, struck=frozenset({0, 1})).begun().dialled == [2]


def test_with_no_number_left_nobody_is_reached_and_nothing_was_called() -> None:
    player = Player.of(FLOW, struck=frozenset({0})).begun()
    assert player.dialled == []
    assert player.ending == MainPathEnded("not_reached", step="broke", fallback_ran=True)


@pytest.mark.parametrize(
    ("status", "branch"),
    [
        ("Busy", "busy"),
        ("Ring Timeout", "no_answer"),
        ("No User Responding", "no_answer"),
        ("User Rejected", "failed"),
        ("Channel Busy", "failed"),
    ],
)
def test_the_first_number_decides_the_branch(status: str, branch: str) -> None:
    player = Player.of(EVERY, THREE[:2]).begun().ended(status).ended("Unallocated Number")
    assert player.run.variables["Seen"] == branch
    assert player.ending.kind == "not_reached"
    assert (player.ending.called, player.ending.connected, player.ending.fallback_ran) == (True, False, True)


def test_the_unconnected_branch_runs_on_the_last_attempt_only() -> None:
    again = Player.of(FLOW).begun().ended("Busy")
    assert "Seen" not in again.run.variables
    assert again.ending == MainPathEnded("not_reached", step="call", called=True)
    assert Player.of(FLOW, last_attempt=True).begun().ended("Busy").run.variables["Seen"] == "busy"
    assert Player.of(FLOW).begun().ended("Unallocated Number").run.variables["Seen"] == "failed"


def test_a_rejected_primary_can_skip_the_alternates() -> None:
    skipping = document(START + STEPS, "calls: {alternates: skip_after_rejection}\n")
    assert Player.of(skipping, THREE).begun().ended("User Rejected").dialled == [0]
    assert Player.of(skipping, THREE).begun().ended("Busy").ended("User Rejected").dialled == [0, 1, 2]
    assert Player.of(FLOW, THREE).begun().ended("User Rejected").dialled == [0, 1]


def test_no_number_is_dialled_twice_in_one_attempt() -> None:
    steps = STEPS.replace(
        "was_busy: {widget: store_variable, set: {Seen: busy}}", "was_busy: {widget: make_call, on: {connected: end}}"
    )
    player = Player.of(document(START + steps), THREE[:2], last_attempt=True).begun().ended("Busy").ended("Busy")
    assert player.dialled == [0, 1]
    assert player.ending.kind == "not_reached"


def test_a_second_call_step_with_the_customer_on_the_line_goes_on() -> None:
    steps = "  call: {widget: make_call, on: {connected: again}}\n  again: {widget: make_call, on: {connected: bye}}\n"
    player = Player.of(document(START + steps + "  bye: {widget: hang_up}\n")).connected()
    assert player.dialled == [0]
    assert player.all(HangUp)
    assert player.warnings == ["already_connected"]


def test_short_funds_end_the_main_path_at_once() -> None:
    first = Player.of(FLOW).begun().funds_short()
    assert first.ending == MainPathEnded("funds_short", step="call")
    later = Player.of(FLOW, THREE).begun().ended("Busy").funds_short(1)
    assert (later.ending.kind, later.ending.called) == ("funds_short", True)


def test_short_funds_after_a_forced_stop_are_a_stop() -> None:
    assert Player.of(FLOW).begun().stopped().funds_short().ending.kind == "stopped"


def test_a_machine_takes_its_branch_where_it_is_looked_for() -> None:
    steps = "  call: {widget: make_call, detect_machine: true, on: {connected: human, machine: beep}}\n"
    steps += "  human: {widget: hang_up}\n  beep: {widget: hang_up}\n"
    assert Player.of(document(START + steps)).begun().answered(machine=True).path[-1] == "beep"
    assert Player.of(document(START + steps)).begun().answered().path[-1] == "human"
    unwired = steps.replace(", machine: beep", "")
    assert Player.of(document(START + unwired)).begun().answered(machine=True).path[-1] == "human"


def test_a_leg_end_that_overtakes_its_answer_is_a_customer_who_left() -> None:
    player = Player.of(FLOW).begun()
    player.wait(2)
    player.feed(LegEnded(0, player.at, "Connected", "them", 1.5))
    assert (player.ending.kind, player.ending.connected) == ("customer_left", True)
    assert player.answered().news == ()
    assert player.dialled == [0]
