"""Record: what ends it, what comes of it, and which digits go on to the next menu."""

from __future__ import annotations

import pytest

from central.domain.accounts import Switch
from central.flow.checker import check
from central.flow.commands import DropErrand, EndErrand, PlayMedia, RunErrand, StopMedia
from central.flow.document import parse
from central.flow.errands import RecordVoice
from central.flow.events import ErrandDone
from tests.fakes.flow_player import Player, after_answer

STEPS = """  first: {widget: record, say: Speak., store: Message, FIELDS on: {recorded: ask, empty: none, error: bad}}
  ask: {widget: menu, say: Press one., digits: {"1": kept, "#": hash}, on: {no_input: bye, invalid_exhausted: bye}}
  kept: {widget: hang_up}
  hash: {widget: hang_up}
  none: {widget: hang_up}
  bad: {widget: hang_up}
  bye: {widget: hang_up}
"""


def recording(fields: str = "") -> Player:
    return Player.of(after_answer(STEPS.replace("FIELDS", fields))).connected()


def back(player: Player, outcome: str, name: str = "m-1") -> Player:
    return player.feed(ErrandDone(player.run.errands, outcome, player.at, {"name": name}, "why"))


def errand(player: Player) -> RecordVoice:
    (sent,) = player.all(RunErrand)
    assert isinstance(sent.errand, RecordVoice)
    return sent.errand


def test_the_prompt_is_heard_before_it_records() -> None:
    player = recording("max: 2m, silence: 6s, beep: false,")
    assert not player.all(RunErrand)
    assert errand(player.played()) == RecordVoice(120, 6, beep=False)


@pytest.mark.parametrize(
    ("outcome", "step"),
    [("recorded", "ask"), ("empty", "none"), ("failed", "bad"), ("not_configured", "bad"), ("timed_out", "bad")],
)
def test_what_comes_back_is_the_branch(outcome: str, step: str) -> None:
    player = back(recording().played(), outcome)
    assert player.path[-1] == step
    assert player.run.variables.get("Message") == ("m-1" if outcome == "recorded" else None)


def test_it_does_not_wait_for_ever() -> None:
    assert recording("max: 10s,").played().fire(25).path[-1] == "bad"


def test_a_stop_key_ends_it_and_no_key_reaches_the_next_menu() -> None:
    player = recording().press("1").played().press("15#")
    assert len(player.all(EndErrand)) == 1
    assert player.path[-1] == "first"
    back(player, "recorded")
    assert (player.path[-1], player.run.typed) == ("ask", "")
    assert player.press("1").path[-1] == "kept"


def test_what_was_typed_before_does_not_reach_the_menu_after() -> None:
    before = "  first: {widget: play, say: Wait., next: voice}\n"
    steps = before + STEPS.replace("FIELDS", "").replace("  first:", "  voice:")
    player = Player.of(after_answer(steps)).connected().press("1").played().played()
    assert back(player, "recorded").path[-1] == "ask"


def test_a_stop_key_passes_over_the_prompt() -> None:
    player = recording('stop_on: "*#",').press("*")
    assert player.all(StopMedia)
    assert player.all(RunErrand)
    assert not player.all(EndErrand)
    assert player.played().path[-1] == "first"  # the end of the stopped playback is late news


def test_without_stop_keys_none_ends_it() -> None:
    player = recording("stop_on: none,").press("#").played().press("#")
    assert not player.all(EndErrand)
    assert not player.all(StopMedia)


def test_the_customer_who_leaves_drops_it() -> None:
    assert recording().played().ended("Connected").all(DropErrand)


def test_a_prompt_that_cannot_be_heard_is_a_failure() -> None:
    assert recording().played(ok=False, detail="no file").press("#").fire(1).path[-1] == "bad"


@pytest.mark.parametrize(
    ("fields", "code"),
    [("stop_on: 1a,", "stop_key_invalid"), ("max: 2h,", "field_out_of_range"), ("store: 1x,", "variable_name_invalid")],
)
def test_what_cannot_be_is_found(fields: str, code: str) -> None:
    steps = STEPS.replace("store: Message,", "").replace("FIELDS", fields)
    assert code in [finding.code for finding in check(parse(after_answer(steps)))]


def test_an_account_that_may_not_record_asks_nobody_to_speak() -> None:
    flow = after_answer(STEPS.replace("FIELDS", ""))
    player = Player.of(flow, lacks=frozenset({Switch.RECORDING})).connected()
    assert player.path[-1] == "bad"
    assert not player.all(RunErrand)
    assert not player.all(PlayMedia)
