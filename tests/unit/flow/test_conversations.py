"""Who hangs up in a conversation ends its step normally (domain 5.1): what then follows, and how the run ends."""

from __future__ import annotations

import pytest

from central.flow.commands import CancelTimer, DropErrand, HangUp, PlayMedia, RunErrand, StartTimer
from central.flow.errands import SendSms
from tests.fakes.flow_player import Player, after_answer

AFTER = """  first: {widget: transfer_call, number: "918000000010", ring_timeout: 20s, on: {answered: AFTER, failed: sorry}}
  sorry: {widget: play, say: Sorry., next: end}
  note: {widget: store_variable, set: {Talked: "yes"}, next: tell}
  tell: {widget: sms, text: Thank you., next: end, on: {accepted: end, failed: end}}
  ask: {widget: store_variable, set: {Talked: "yes"}, next: survey}
  survey: {widget: menu, say: Were you content?, digits: {"1": end}, on: {no_input: end, invalid_exhausted: end}}
  again: {widget: make_call, to: "918000000011", on: {connected: end, failed: end}}
  wrong: {widget: operation, do: divide, of: ["1", "0"], store: X, on: {success: end}, on_failure: fail}
  bye: {widget: hang_up}
  gone: {widget: on_remote_hangup, next: mark}
  mark: {widget: store_variable, set: {Left: "yes"}, next: end}
"""
RING_S = 50.0  # 20 s of ringing, 30 s for what comes before and after it


def talking(after: str) -> Player:
    flow = after_answer(AFTER.replace("AFTER", after).replace("next: end, on: {accepted", "on: {accepted"))
    return Player.of(flow).connected().wait(5).moved().wait(60)


def test_the_other_side_hangs_up_and_the_customer_is_still_there() -> None:
    player = talking("survey").returned("answered")
    assert player.said == ["Were you content?"]
    assert player.press("1").all(HangUp)
    ending = player.ended("Connected", by="us").ending
    assert (ending.kind, ending.parted) == ("end", False)
    assert "gone" not in player.path


@pytest.mark.parametrize("after", ["end", "bye"])
def test_the_customer_hangs_up_and_nothing_follows_it_is_the_flows_end(after: str) -> None:
    ending = talking(after).ended("Connected").ending
    assert (ending.kind, ending.parted) == ("end", True)


def test_the_errand_is_dropped_and_nobody_is_hung_up_who_is_gone() -> None:
    player = talking("end").ended("Connected")
    assert DropErrand(1) in player.news
    assert not player.all(HangUp)


def test_steps_without_media_run_on_without_him_and_the_flow_reaches_its_end() -> None:
    player = talking("note").ended("Connected")
    assert isinstance(player.asked[-1], SendSms)
    player.returned("accepted")
    assert player.path == ["start", "call", "first", "note", "tell", "gone", "mark"]
    assert player.run.variables == {"Talked": "yes", "Left": "yes"}
    assert (player.ending.kind, player.ending.parted) == ("end", True)


@pytest.mark.parametrize(
    ("after", "step"), [("ask", "survey"), ("sorry", "sorry"), ("again", "again"), ("first", "first")]
)
def test_a_step_that_needs_him_is_not_entered_he_left_before_the_end(after: str, step: str) -> None:
    player = talking(after).ended("Connected")
    assert (player.ending.kind, player.ending.step, player.ending.parted) == ("customer_left", step, True)
    assert not player.all(PlayMedia)
    assert len(player.all(RunErrand)) == 1
    assert player.path[-2:] == ["gone", "mark"]


def test_a_failure_after_it_fails_the_record_once_on_remote_hangup_has_run() -> None:
    player = talking("wrong").ended("Connected")
    assert (player.ending.kind, player.ending.reason) == ("failed", "flow_error")
    assert player.run.variables["Left"] == "yes"


def test_who_leaves_while_it_rings_has_left() -> None:
    player = Player.of(after_answer(AFTER.replace("AFTER", "end"))).connected().wait(5).ended("Connected")
    assert (player.ending.kind, player.ending.parted) == ("customer_left", False)
    assert DropErrand(1) in player.commands


def test_a_leg_that_our_side_lost_in_a_conversation_is_no_hang_up() -> None:
    player = talking("note").ended("Connected", by="us")
    assert (player.ending.kind, player.ending.parted) == ("customer_left", False)
    assert "gone" not in player.path


def test_the_runner_may_know_it_before_the_leg_ends() -> None:
    player = talking("note").returned("customer_left")
    assert player.path[-1] == "tell"
    player.ended("Connected")
    assert player.path[-1] == "tell"
    player.returned("accepted")
    assert player.path[-2:] == ["gone", "mark"]
    assert (player.ending.kind, player.ending.parted) == ("end", True)


def test_what_the_runner_knows_first_is_enough_to_end_the_call() -> None:
    player = talking("ask").returned("customer_left")
    assert player.all(HangUp)
    player.ended("Connected")
    assert (player.ending.kind, player.path[-1]) == ("customer_left", "mark")


def test_a_forced_stop_after_it_runs_nothing_more() -> None:
    player = talking("note").ended("Connected").stopped()
    assert (player.ending.kind, player.path[-1]) == ("stopped", "tell")


def test_the_guard_ends_where_the_conversation_begins_and_comes_back_when_it_is_lost() -> None:
    player = Player.of(after_answer(AFTER.replace("AFTER", "end"))).connected()
    (guard,) = [command for command in player.all(StartTimer) if command.after_s == RING_S]
    player.moved()
    assert player.news == (CancelTimer(guard.timer), *player.notes("errand"))
    assert player.moved().news == ()
    player.moved("waiting")
    assert [command.after_s for command in player.all(StartTimer)].count(RING_S) == 2
    player.fire(RING_S)
    assert player.said == ["Sorry."]


def test_a_conversation_lasts_as_long_as_the_execution_may() -> None:
    player = talking("survey").wait(7200).fire(7200)
    assert DropErrand(1) in player.news
    player.ended("Connected", by="us")
    assert (player.ending.kind, player.ending.reason) == ("failed", "duration_limit")


def test_keys_in_a_conversation_are_for_the_other_side() -> None:
    player = talking("survey").press("49").returned("answered")
    assert [digit.digit for digit in player.run.digits] == ["x", "x"]
    assert player.run.typed == ""
    assert player.run.entries == ()


def test_stages_of_an_errand_that_is_over_are_no_news() -> None:
    player = talking("survey").returned("answered")
    assert player.moved().news == ()
    assert player.moved("waiting").news == ()
