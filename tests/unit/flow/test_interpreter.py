"""The main path and its ends: what the interpreter promises to the driver."""

from __future__ import annotations

import pytest

from central.domain.errors import DefectError
from central.flow.commands import CancelTimer, HangUp, MainPathEnded, PlayMedia, RunEnded
from central.flow.events import Begun
from central.flow.interpreter import step
from central.flow.media import Prompt, Speech
from central.flow.run import Run
from tests.fakes.flow_player import T0, Player, after_answer, document

PLAY_AND_END = after_answer("  first: {widget: play, say: Hello., next: bye}\n  bye: {widget: hang_up, cause: busy}\n")


def test_a_flow_that_runs_to_its_hang_up_ends_once_the_leg_is_over() -> None:
    player = Player.of(PLAY_AND_END).connected().played()
    assert player.all(HangUp) == [HangUp("busy")]
    assert not player.all(MainPathEnded)
    player.ended("Connected", by="us")
    assert player.ending == MainPathEnded("end", step="bye", called=True, connected=True)
    assert not player.over
    player.decided()
    assert player.news[-1] == RunEnded()
    assert player.run.phase == "done"


def test_the_path_is_told_step_by_step() -> None:
    player = Player.of(PLAY_AND_END).connected().played().ended("Connected", by="us")
    assert player.path == ["start", "call", "first", "bye"]
    assert [(note.step, note.data["branch"], note.data["to"]) for note in player.notes("branch")] == [
        ("start", "next", "call"),
        ("call", "connected", "first"),
        ("first", "next", "bye"),
    ]


def test_a_far_end_that_hangs_up_while_we_do_is_still_an_end() -> None:
    player = Player.of(PLAY_AND_END).connected().played().ended("Connected", by="them")
    assert player.ending.kind == "end"


def test_an_output_that_leads_nowhere_is_an_end() -> None:
    player = Player.of(after_answer("  first: {widget: play, say: Hello.}\n")).connected().played()
    assert player.all(HangUp) == [HangUp("normal")]
    assert player.ended("Connected", by="us").ending.kind == "end"


def test_a_customer_who_leaves_before_the_end_has_left() -> None:
    player = Player.of(PLAY_AND_END).connected().wait(2).ended("Connected")
    assert player.ending == MainPathEnded("customer_left", step="first", called=True, connected=True)
    assert not player.all(HangUp)


def test_a_leg_that_our_side_lost_does_not_run_on_remote_hangup() -> None:
    steps = "  first: {widget: play, say: Hello.}\n  left: {widget: on_remote_hangup, next: mark}\n"
    steps += "  mark: {widget: store_variable, set: {Left: 'yes'}}\n"
    player = Player.of(after_answer(steps)).connected().ended("Connected", by="us")
    assert player.ending.kind == "customer_left"
    assert "Left" not in player.run.variables


def test_a_missing_leg_end_does_not_hold_the_run_for_ever() -> None:
    player = Player.of(PLAY_AND_END).connected().played().wait(10).fire(10.0)
    assert player.ending.kind == "end"
    assert player.warnings == ["leg_end_not_reported"]
    assert player.ended("Connected", by="us", position=0).news == ()


def test_a_forced_stop_hangs_up_and_is_stopped() -> None:
    player = Player.of(PLAY_AND_END).connected().stopped()
    assert player.all(HangUp) == [HangUp("normal")]
    assert player.ended("Connected", by="us").ending.kind == "stopped"


def test_a_forced_stop_while_dialling_cancels_the_leg() -> None:
    player = Player.of(PLAY_AND_END).begun().stopped()
    assert player.all(HangUp)
    ending = player.ended("Cancelled", by="us").ending
    assert (ending.kind, ending.called, ending.connected) == ("stopped", True, False)


def test_a_forced_stop_before_the_beginning_ends_at_once() -> None:
    player = Player.of(PLAY_AND_END).stopped()
    assert player.ending == MainPathEnded("stopped")
    assert player.decided("REJECTED", "stopped_by_user").over


def test_a_forced_stop_after_the_flow_reached_its_end_changes_nothing() -> None:
    player = Player.of(PLAY_AND_END).connected().played().stopped()
    assert player.news == ()
    assert player.ended("Connected", by="us").ending.kind == "end"


def test_two_hours_are_the_limit_of_an_execution() -> None:
    player = Player.of(PLAY_AND_END).connected().wait(7200).fire(7200.0)
    assert player.all(HangUp)
    ending = player.ended("Connected", by="us").ending
    assert (ending.kind, ending.reason) == ("failed", "duration_limit")


def test_the_duration_limit_holds_without_its_timer() -> None:
    player = Player.of(PLAY_AND_END).connected().wait(7200).played()
    assert player.ended("Connected", by="us").ending.reason == "duration_limit"


def test_a_loop_without_a_wait_meets_the_step_limit() -> None:
    steps = "  first: {widget: store_variable, set: {A: a}, next: second}\n"
    steps += "  second: {widget: store_variable, set: {A: b}, next: first}\n"
    player = Player.of(after_answer(steps)).connected()
    assert len(player.path) == 1000
    ending = player.ended("Connected", by="us").ending
    assert (ending.kind, ending.reason) == ("failed", "step_limit")


def test_a_failed_playback_fails_the_flow_only_when_the_leg_still_stands() -> None:
    player = Player.of(PLAY_AND_END).connected().played(ok=False, detail="no such prompt")
    assert not player.all(HangUp)
    player.wait(1).fire(1.0)
    assert player.all(HangUp)
    ending = player.ended("Connected", by="us").ending
    assert (ending.kind, ending.reason, ending.step) == ("failed", "flow_error", "first")
    assert ending.detail == "playback_failed: no such prompt"


def test_a_playback_that_fails_because_the_customer_left_is_no_failure() -> None:
    player = Player.of(PLAY_AND_END).connected().played(ok=False).ended("Connected")
    assert player.ending.kind == "customer_left"
    assert player.run.wait is None


@pytest.mark.parametrize(
    ("rest", "path"),
    [
        ("on_failure: continue, next: ok", "ok"),
        ("next: ok, on: {error: broken}", "broken"),
        ("next: ok, on_failure: branch, on: {error: broken}", "broken"),
    ],
)
def test_a_failure_policy_is_obeyed(rest: str, path: str) -> None:
    steps = f"  first: {{widget: play, file: gone, {rest}}}\n  ok: {{widget: hang_up}}\n  broken: {{widget: hang_up}}\n"
    player = Player.of(after_answer(steps)).connected().played(ok=False).fire(1.0)
    assert player.path[-1] == path
    assert player.warnings == ["step_failed"]
    assert player.ended("Connected", by="us").ending.kind == "end"


def test_a_step_with_errors_fails_when_it_is_entered_and_not_before() -> None:
    player = Player.of(after_answer("  first: {widget: play, say: a, file: b}\n")).begun()
    assert player.dialled == [0]
    player.answered()
    ending = player.ended("Connected", by="us").ending
    assert (ending.kind, ending.reason, ending.step) == ("failed", "flow_error", "first")


@pytest.mark.parametrize(
    "steps", ["  a: {widget: hang_up}\n", "  s: {widget: start, next: nowhere}\n", "  s: {widget: start}\n"]
)
def test_a_draft_that_cannot_run_fails_and_ends(steps: str) -> None:
    player = Player.of(document(steps)).begun()
    assert (player.ending.kind, player.ending.reason) == ("failed", "flow_error")
    assert player.decided("FAILURE", "flow_error").over


def test_media_are_given_with_their_variables_filled_in() -> None:
    steps = """  first: {widget: play, say: "Hi {{ $flow.key.Name }}", voice: v, language: hi, repeat: 2, next: pause}
  pause: {widget: play, file: "silence:1.5", next: bye}
  bye: {widget: play, file: "{{ $flow.key.Song }}", language: hi}
"""
    player = Player.of(after_answer(steps), variables={"Name": "Anna", "Song": "jingles/one"}).connected()
    player.played().played().played()
    played = [command.items for command in player.commands if isinstance(command, PlayMedia)]
    assert played == [
        (Speech("Hi Anna", "v", "hi"),),
        (Speech("Hi Anna", "v", "hi"),),
        (Prompt("silence:1.5"),),
        (Prompt("jingles/one", "hi"),),
    ]


def test_a_prompt_name_cannot_climb_out_of_the_library() -> None:
    steps = '  first: {widget: play, file: "{{ $flow.key.Song }}"}\n'
    player = Player.of(after_answer(steps), variables={"Song": "../../etc/passwd"}).connected()
    assert not player.all(PlayMedia)
    assert player.ended("Connected", by="us").ending.reason == "flow_error"


def test_words_without_content_are_skipped_with_a_warning() -> None:
    steps = '  first: {widget: play, say: "{{ $flow.key.Name }}"}\n'
    player = Player.of(after_answer(steps)).connected()
    assert not player.all(PlayMedia)
    assert player.warnings == ["variable_unresolved", "nothing_to_say"]


def test_barge_in_stops_a_playback_and_keeps_the_digit() -> None:
    steps = "  first: {widget: play, say: Long., barge_in: true, next: menu}\n"
    steps += "  menu: {widget: menu, say: Press., digits: {1: end}, on: {no_input: end, invalid_exhausted: end}}\n"
    player = Player.of(after_answer(steps)).connected().press("1")
    assert player.run.entries == ("1",)
    assert player.said == ["Long."]


def test_all_timers_are_cancelled_at_the_end() -> None:
    player = Player.of(PLAY_AND_END).connected().played().ended("Connected", by="us")
    assert {command.timer for command in player.commands if isinstance(command, CancelTimer)} == {1, 2}


def test_doubled_late_and_strange_news_leave_the_run_as_it_is() -> None:
    player = Player.of(PLAY_AND_END).connected()
    before = player.run
    for act in (player.begun, player.answered, lambda: player.answered(3), lambda: player.ended("Busy", position=4)):
        act()
        assert player.news == ()
    player.decided().press("Z").funds_short()
    assert player.run == before


def test_step_is_pure() -> None:
    player = Player.of(PLAY_AND_END)
    before = player.run
    first, second = step(player.program, before, Begun(T0)), step(player.program, before, Begun(T0))
    assert first == second
    assert player.run == before
    assert before.begun_at is None


def test_a_stored_run_that_is_no_run_is_a_defect() -> None:
    with pytest.raises(DefectError) as caught:
        Run.from_json(b'{"phase": "dancing"}')
    assert caught.value.code == "run_unreadable"
