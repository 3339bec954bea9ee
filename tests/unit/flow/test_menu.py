"""Menu: entries, typed-ahead digits, time-outs, tries, secrets."""

from __future__ import annotations

import pytest

from central.flow.checker import check
from central.flow.commands import StartTimer, StopMedia
from central.flow.document import parse
from tests.fakes.flow_player import Player, after_answer

MENU = """  first:
    widget: menu
    say: Press.
    digits: {"1": one, "12": twelve, "9": end, "#": hash}
    tries: 2
    invalid: Wrong.
    silence: {file: hello}
    on: {no_input: silent, invalid_exhausted: wrong}
  one: {widget: hang_up}
  twelve: {widget: hang_up}
  hash: {widget: hang_up}
  silent: {widget: hang_up}
  wrong: {widget: hang_up}
"""
PIN = """  first:
    widget: menu
    say: Your number.
    length: 4
    min_length: 2
    finish_on: "#"
    store: Pin
    tries: 2
    on: {collected: taken, no_input: end, invalid_exhausted: wrong}
  taken: {widget: hang_up}
  wrong: {widget: hang_up}
"""
FLOW = after_answer(MENU)


def test_a_key_stops_the_prompt_and_takes_its_branch() -> None:
    player = Player.of(FLOW).connected().press("9")
    assert player.all(StopMedia) == [StopMedia(1)]
    assert player.notes("branch")[-1].data == {"branch": "9", "to": "end"}
    assert player.run.entries == ("9",)


def test_the_late_end_of_a_stopped_prompt_is_tolerated() -> None:
    player = Player.of(FLOW).connected().press("1")
    before = player.run
    player.played(ok=False)
    assert player.run == before
    assert player.press("2").path[-1] == "twelve"


def test_an_entry_that_could_go_on_waits_for_the_inter_digit_timeout() -> None:
    player = Player.of(FLOW).connected().press("1")
    assert player.path[-1] == "first"
    assert player.news[-1] == StartTimer(2, 3.0)
    assert player.fire(3.0).path[-1] == "one"


def test_the_first_digit_timeout_runs_from_the_end_of_the_prompt() -> None:
    player = Player.of(FLOW).connected()
    assert [c for c in player.all(StartTimer) if c == StartTimer(2, 5.0)] == []
    player.played()
    assert player.news == (StartTimer(2, 5.0),)


def test_silence_asks_again_and_then_takes_no_input() -> None:
    player = Player.of(FLOW).connected().played().fire(5.0)
    assert player.said == ["Press.", "file:hello", "Press."]
    player.played().fire(5.0)
    assert player.path[-1] == "silent"
    assert [note.data["entry"] for note in player.notes("digits")] == ["", ""]
    assert player.run.entries == ()


def test_an_invalid_entry_is_logged_and_asks_again() -> None:
    player = Player.of(FLOW).connected().press("5")
    assert player.said == ["Press.", "Wrong.", "Press."]
    assert player.notes("digits")[-1].data == {"entry": "!", "typed": "5", "attempt": 1}
    player.press("7")
    assert player.path[-1] == "wrong"
    assert player.run.entries == ("!", "!")


def test_the_last_try_decides_between_silence_and_error() -> None:
    assert Player.of(FLOW).connected().press("5").played().fire(5.0).path[-1] == "silent"
    assert Player.of(FLOW).connected().played().fire(5.0).press("5").path[-1] == "wrong"


def test_digits_typed_ahead_are_taken_without_asking() -> None:
    steps = "  first: {widget: play, say: Welcome., next: menu}\n" + MENU.replace("first:", "menu:")
    player = Player.of(after_answer(steps)).connected().press("12").played()
    assert player.path[-1] == "twelve"
    assert player.said == ["Welcome."]


def test_typed_ahead_digits_can_be_refused() -> None:
    steps = "  first: {widget: play, say: Welcome., next: menu}\n" + MENU.replace("first:", "menu:")
    steps = steps.replace("    tries: 2\n", "    tries: 2\n    type_ahead: false\n")
    player = Player.of(after_answer(steps)).connected().press("12").played()
    assert player.said == ["Welcome.", "Press."]
    assert player.run.typed == ""


def test_what_is_left_over_of_typed_digits_serves_the_next_menu() -> None:
    steps = MENU.replace("one: {widget: hang_up}", "one: {widget: hang_up}\n  unused: {widget: hang_up}").replace(
        '"9": end', '"9": next_one'
    )
    steps += '  next_one: {widget: menu, say: More., digits: {"4": one}, on: {no_input: end, invalid_exhausted: end}}\n'
    before = "  first: {widget: play, say: Welcome., next: menu}\n"
    player = Player.of(after_answer(before + steps.replace("first:", "menu:"))).connected().press("94").played()
    assert player.run.entries == ("9", "4")
    assert player.said == ["Welcome."]


def test_typed_ahead_digits_are_dropped_after_an_invalid_entry() -> None:
    steps = "  first: {widget: play, say: Welcome., next: menu}\n" + MENU.replace("first:", "menu:")
    player = Player.of(after_answer(steps)).connected().press("519").played()
    assert player.run.entries == ("!",)
    assert player.run.typed == ""


def test_without_barge_in_the_prompt_plays_on_and_the_digit_counts_after_it() -> None:
    player = Player.of(after_answer(MENU.replace("tries: 2", "tries: 2\n    barge_in: false"))).connected().press("9")
    assert not player.all(StopMedia)
    assert player.run.entries == ()
    assert player.played().run.entries == ("9",)


def test_a_number_is_collected_to_its_length_to_its_end_key_or_to_the_timeout() -> None:
    assert Player.of(after_answer(PIN)).connected().press("1234").run.variables["Pin"] == "1234"
    assert Player.of(after_answer(PIN)).connected().press("123#").run.variables["Pin"] == "123"
    assert Player.of(after_answer(PIN)).connected().press("12").fire(3.0).run.variables["Pin"] == "12"


def test_a_number_that_is_too_short_is_invalid() -> None:
    player = Player.of(after_answer(PIN)).connected().press("1").fire(3.0)
    assert player.run.entries == ("!",)
    assert player.press("1#").path[-1] == "wrong"


def test_a_secret_entry_is_masked_everywhere_but_in_its_variable() -> None:
    steps = "  first: {widget: play, say: Welcome., next: menu}\n" + PIN.replace("first:", "menu:")
    player = (
        Player.of(after_answer(steps, "variables: {Pin: {secret: true}}\n"))
        .connected()
        .press("7")
        .played()
        .press("891")
    )
    assert player.run.variables["Pin"] == "7891"
    assert "7891" not in str(player.commands)
    assert player.notes("variable")[-1].data["value"] == "***"
    assert player.notes("digits")[-1].data["entry"] == "***"
    assert [digit.digit for digit in player.run.digits] == ["x"] * 4
    assert player.run.entries == ("***",)


def test_digits_are_kept_with_their_times_up_to_a_limit() -> None:
    player = Player.of(after_answer("  first: {widget: play, say: Long.}\n")).connected()
    player.wait(1.5).press("1A")
    assert [(d.digit, d.at, d.step) for d in player.run.digits] == [
        ("1", player.at, "first"),
        ("A", player.at, "first"),
    ]
    player.press("5" * 600)
    assert len(player.run.digits) == 500
    assert len(player.run.typed) == 32


def test_a_prompt_that_is_missing_fails_the_step_unless_a_digit_comes_first() -> None:
    player = Player.of(FLOW).connected().played(ok=False, detail="missing").fire(1.0)
    assert player.ended("Connected", by="us").ending.detail == "playback_failed: missing"
    assert Player.of(FLOW).connected().played(ok=False).press("9").run.entries == ("9",)


def test_a_menu_without_a_prompt_just_listens() -> None:
    steps = 'say: "{{ $flow.key.Nothing }}"'
    player = Player.of(after_answer(MENU.replace("say: Press.", steps))).connected()
    assert player.said == []
    assert StartTimer(2, 5.0) in player.commands
    assert player.press("9").run.entries == ("9",)


def test_a_customer_who_leaves_a_menu_has_left() -> None:
    player = Player.of(FLOW).connected().played().press("1").ended("Connected")
    assert player.ending.kind == "customer_left"
    assert player.fire(3.0).news == ()


ITEMS = '[{say: "You owe"}, {money: "{{ $flow.key.Due }}", currency: INR, language: en-IN}, {say: Press 1.}]'


def asking(items: str, **variables: str) -> Player:
    steps = MENU.replace("say: Press.", f"items: {items}")
    return Player.of(after_answer(steps, "variables: {Due: {}}\n"), variables=variables).connected()


def test_a_question_may_hold_values() -> None:
    player = asking(ITEMS, Due="1200.5")
    assert player.said == ["You owe", "1200.50 Indian rupees", "Press 1."]
    player.press("5")
    assert player.said[3:] == ["Wrong.", "You owe", "1200.50 Indian rupees", "Press 1."]
    assert player.press("9").run.entries == ("!", "9")


def test_an_item_that_cannot_be_said_is_passed_over() -> None:
    player = asking(ITEMS, Due="much")
    assert player.said == ["You owe", "Press 1."]
    assert player.warnings == ["item_unplayable"]


def test_a_question_of_which_nothing_can_be_said_is_a_failure() -> None:
    player = asking('[{number: "{{ $flow.key.Due }}"}, {file: "{{ $flow.key.Due }}"}]', Due="such!")
    assert player.warnings[-1] == "step_failed"
    assert not player.said


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("items: [], finish_on: '#'", "media_missing"),
        ("items: [{say: Hello.}], say: Hello.", "media_twice"),
        ("items: [{say: Hello., number: 1}]", "media_twice"),
        ("items: [Hello.]", "field_not_mapping"),
        ("items: [{money: 1}]", "field_missing"),
    ],
)
def test_items_that_cannot_be_are_found(written: str, code: str) -> None:
    steps = (
        f'  first: {{widget: menu, {written}, digits: {{"1": end}}, on: {{no_input: end, invalid_exhausted: end}}}}\n'
    )
    assert code in [finding.code for finding in check(parse(after_answer(steps)))]
