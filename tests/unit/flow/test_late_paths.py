"""On Remote Hangup and On Flow Complete: what runs, in which order, and what it cannot do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from central.flow.commands import Dial, MainPathEnded, Note, PlayMedia
from central.flow.events import FlowEvent
from central.flow.program import Outcome, Prepared, Program, Target
from central.flow.run import Playing
from central.flow.walk import Walk
from tests.fakes.flow_player import Player, after_answer

STEPS = """  first: {widget: play, say: Hello., next: end}
  gone: {widget: on_remote_hangup, next: mark}
  mark: {widget: store_variable, set: {Left: "{{ $flow.syskey.last_connection_status }}"}}
  done: {widget: on_flow_complete, next: remember}
  remember: {widget: store_variable, set: {Outcome: "{{ $flow.syskey.status }} {{ $flow.syskey.reason }}"}}
"""
FLOW = after_answer(STEPS)


def test_both_late_paths_run_in_order_when_the_customer_leaves() -> None:
    player = Player.of(FLOW).connected().ended("Connected").decided("PARTIAL_COMPLETE", "customer_left")
    assert player.path == ["start", "call", "first", "gone", "mark", "done", "remember"]
    assert player.run.variables == {"Left": "Connected", "Outcome": "PARTIAL_COMPLETE customer_left"}
    assert (player.ending.kind, player.ending.step) == ("customer_left", "first")
    assert player.over


def test_on_remote_hangup_does_not_run_at_a_regular_end() -> None:
    player = Player.of(FLOW).connected().played().ended("Connected", by="us").decided()
    assert player.path == ["start", "call", "first", "done", "remember"]


def test_the_status_is_awaited_and_taken_once() -> None:
    player = Player.of(FLOW).connected().decided()
    assert player.news == ()
    player.ended("Connected").decided("SHORT_HANGUP").decided("COMPLETED")
    assert player.news == ()
    assert player.run.variables["Outcome"] == "SHORT_HANGUP "


def test_media_and_calls_on_a_late_path_end_it_and_nothing_else() -> None:
    for widget in ("play, say: Bye.", "make_call, on: {connected: end}"):
        steps = STEPS.replace(
            'mark: {widget: store_variable, set: {Left: "{{ $flow.syskey.last_connection_status }}"}}',
            f"mark: {{widget: {widget}}}",
        )
        player = Player.of(after_answer(steps)).connected().ended("Connected")
        assert player.ending.kind == "customer_left"
        assert "late_path_failed" in player.warnings
        assert len([c for c in player.commands if isinstance(c, Dial | PlayMedia)]) == 2
        assert player.decided().over


def test_an_endless_late_path_meets_the_step_limit() -> None:
    steps = STEPS.replace("{{ $flow.syskey.status }} {{ $flow.syskey.reason }}", "x").replace(
        'set: {Outcome: "x"}', 'set: {Outcome: "x"}, next: remember'
    )
    player = Player.of(after_answer(steps)).connected().ended("Connected").decided()
    assert player.over
    assert player.path.count("remember") == 999


def test_call_variables_are_known_afterwards() -> None:
    steps = STEPS.replace(
        "{{ $flow.syskey.last_connection_status }}", "{{ $call.dnis.number }} {{ $call.cli.number }} {{ $call.hangup }}"
    )
    player = Player.of(after_answer(steps, "time_zone: Asia/Kolkata\n")).connected().wait(2.5).ended("Connected")
    assert player.run.variables["Left"] == "919800000001 911140000000 2026-03-02T15:00:02.500+05:30"


@dataclass(frozen=True, slots=True)
class _Waiter:
    """A step that waits, as a later widget of the late paths may."""

    def enter(self, walk: Walk) -> Outcome:
        walk.wait = Playing(0)
        return None

    def handle(self, walk: Walk, event: FlowEvent) -> Outcome:
        del walk, event
        return "next"


def _waiting_at(program: Program, name: str) -> Program:
    targets: Mapping[str, Target] = {"next": Target("end", 0)}
    return replace(program, steps={**program.steps, name: Prepared(name, "waiter", _Waiter(), targets)})


def test_a_late_path_that_waits_has_sixty_seconds() -> None:
    player = Player.of(FLOW)
    player.program = _waiting_at(_waiting_at(player.program, "mark"), "remember")
    player.connected().ended("Connected")
    assert not player.all(MainPathEnded)
    player.fire(60.0)
    assert player.ending.kind == "customer_left"
    player.decided()
    assert not player.over
    assert player.fire(60.0).over
    assert player.warnings == ["late_path_timeout", "late_path_timeout"]


def test_a_forced_stop_cuts_on_remote_hangup_short() -> None:
    player = Player.of(FLOW)
    player.program = _waiting_at(player.program, "mark")
    player.connected().ended("Connected").stopped()
    assert player.ending.kind == "stopped"


def test_notes_carry_the_time_of_their_event() -> None:
    player = Player.of(FLOW).connected().wait(3).ended("Connected")
    assert {command.at for command in player.news if isinstance(command, Note)} == {player.at}
