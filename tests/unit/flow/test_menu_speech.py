"""A menu with spoken answers: phrases beside keys, what is not understood, silence, and an installation that hears nothing."""

from __future__ import annotations

import pytest

from central.flow.checker import check
from central.flow.commands import CancelTimer, DropErrand, EndErrand, PlayMedia, RunErrand, StopMedia
from central.flow.document import parse
from central.flow.errands import RecogniseSpeech
from central.flow.widgets.menu_speech import plain_words
from tests.fakes.flow_player import Player, after_answer

SPEECH = 'speech: {language: en-IN, phrases: {"1": [yes, yes please], "2": no}},'
STEPS = """  first: {widget: menu, say: Yes or no., digits: {"1": yes, "2": no, "12": both}, tries: 2, invalid: What.,
          SPEECH MORE on: {no_input: silent, invalid_exhausted: wrong, error: bad WIRED}}
  yes: {widget: hang_up}
  no: {widget: hang_up}
  both: {widget: hang_up}
  silent: {widget: hang_up}
  wrong: {widget: hang_up}
  deaf: {widget: hang_up}
  bad: {widget: hang_up}
"""
WIRED = ", speech_not_configured: deaf"


def asking(more: str = "", wired: str = "", speech: str = SPEECH, head: str = "") -> Player:
    steps = STEPS.replace("SPEECH", speech).replace("MORE", more).replace("WIRED", wired)
    return Player.of(after_answer(steps, head)).connected()


def found(speech: str, wired: str = "") -> list[str]:
    steps = STEPS.replace("SPEECH", speech).replace("MORE", "").replace("WIRED", wired)
    return [finding.code for finding in check(parse(after_answer(steps)))]


def heard(player: Player, words: str, confidence: str = "0.9") -> Player:
    return player.returned("heard", {"words": words, "confidence": confidence})


# -- when it listens -----------------------------------------------------------------------------------------------------
def test_it_listens_from_the_beginning_of_the_prompt_and_goes_on_after_it() -> None:
    player = asking()
    assert player.asked == [RecogniseSpeech(("yes", "yes please", "no"), "en-IN", 10.0)]
    player.played()
    assert len(player.asked) == 1
    assert heard(player, "Yes, please!").path[-1] == "yes"
    assert player.all(CancelTimer)


def test_an_answer_stops_the_prompt() -> None:
    player = heard(asking(), "no")
    assert player.path[-1] == "no"
    assert player.all(StopMedia)


def test_without_barge_in_it_listens_when_the_prompt_is_over() -> None:
    player = asking("barge_in: false,")
    assert not player.asked
    assert heard(player.played(), "no").path[-1] == "no"


def test_without_speech_nobody_listens() -> None:
    assert not asking(speech="").played().asked


# -- keys win when they come first ---------------------------------------------------------------------------------------
def test_a_key_ends_the_listening() -> None:
    player = asking().press("2")
    assert player.path[-1] == "no"
    assert player.all(DropErrand)


def test_what_is_heard_after_the_first_digit_is_late_news() -> None:
    player = asking().played().press("1")
    before = player.run
    assert heard(player, "no").run == before
    assert player.press("2").path[-1] == "both"


def test_typed_ahead_digits_answer_before_anybody_listens() -> None:
    player = asking("barge_in: false,").press("2").played()
    assert player.path[-1] == "no"
    assert not player.asked


# -- what is not understood ----------------------------------------------------------------------------------------------
def test_what_is_no_phrase_is_an_invalid_entry_and_asked_again() -> None:
    player = heard(asking().played(), "maybe")
    assert player.run.entries == ("!",)
    assert player.said[-2:] == ["What.", "Yes or no."]
    (note,) = player.notes("digits")
    assert (note.data["entry"], note.data["heard"], note.data["attempt"]) == ("!", "maybe", 1)
    assert len(player.asked) == 2
    assert heard(player, "not that").path[-1] == "wrong"


@pytest.mark.parametrize(
    ("confidence", "more", "step"),
    [
        ("0.4", "", "first"), ("0.5", "", "yes"), ("", "", "yes"), ("nan", "", "first"), ("sure", "", "first"),
        ("0.4", "confidence: 0.3,", "yes"), ("0.9", "confidence: 1,", "first"),
    ],
)  # fmt: skip
def test_what_is_not_sure_enough_does_not_count(confidence: str, more: str, step: str) -> None:
    speech = SPEECH.replace("language", f"{more} language")
    assert heard(asking(speech=speech).played(), "yes", confidence).path[-1] == step


@pytest.mark.parametrize(
    ("words", "plain"),
    [
        ("Yes, PLEASE!", "yes please"),
        ("don\u2019t", "dont"),
        ("Straße", "strasse"),
        ("हाँ।", "हाँ"),
        ("e\u0301", "é"),
        ("...", ""),
        ("\uff12", "2"),
    ],
)
def test_words_are_compared_without_case_and_punctuation(words: str, plain: str) -> None:
    assert plain_words(words) == plain


def test_a_key_that_was_said_is_stored_and_shown_like_a_pressed_one() -> None:
    player = heard(asking("store: Answer,"), "yes")
    assert player.run.variables["Answer"] == "1"
    assert player.run.entries == ("1",)


def test_what_is_said_to_a_secret_is_shown_nowhere() -> None:
    player = heard(asking("store: Answer,", head="variables: {Answer: {secret: true}}\n"), "yes")
    heard(player, "maybe")
    assert all("yes" not in str(note.data) for note in player.notes("digits"))


# -- silence -------------------------------------------------------------------------------------------------------------
def test_whoever_has_begun_to_speak_in_time_is_heard_out() -> None:
    player = asking().played().fire(5.0)
    assert player.all(EndErrand)
    assert player.path[-1] == "first"
    assert heard(player, "yes").path[-1] == "yes"


@pytest.mark.parametrize("lost", [False, True])
def test_silence_is_silence_also_when_the_recogniser_never_says_so(lost: bool) -> None:
    player = asking().played().fire(5.0)
    for _ in range(2):
        if lost:
            player.fire(15.0)
        else:
            player.returned("nothing")
        player.played().fire(5.0)
    assert player.path[-1] == "silent"
    assert player.run.entries == ()
    assert bool(player.all(DropErrand)) == lost


def test_a_key_pressed_while_the_last_words_are_awaited_counts() -> None:
    assert asking().played().fire(5.0).press("2").path[-1] == "no"


def test_nothing_heard_in_the_prompt_is_listened_for_once_more_and_the_keys_remain() -> None:
    player = asking().returned("nothing").played()
    assert len(player.asked) == 2
    player.returned("nothing")
    assert len(player.asked) == 2
    assert player.press("2").path[-1] == "no"


# -- nobody can hear -----------------------------------------------------------------------------------------------------
def test_an_installation_without_recogniser_takes_its_branch() -> None:
    player = asking(wired=WIRED).returned("not_configured")
    assert player.path[-1] == "deaf"
    assert player.all(StopMedia)
    assert player.warnings == []


@pytest.mark.parametrize(
    ("outcome", "code"),
    [("not_configured", "speech_not_configured"), ("failed", "speech_failed"), ("odd", "speech_failed")],
)
def test_without_that_branch_the_menu_goes_on_by_keys_with_one_warning(outcome: str, code: str) -> None:
    player = asking().returned(outcome, detail="why").played().press("9").played()
    assert player.warnings == [code]
    assert len(player.all(RunErrand)) == 1
    assert player.press("2").path[-1] == "no"


def test_a_recogniser_that_fails_does_not_take_the_branch_of_none() -> None:
    assert asking(wired=WIRED).returned("failed").played().press("2").path[-1] == "no"


def test_a_failure_while_the_last_words_are_awaited_is_silence() -> None:
    player = asking().played().fire(5.0).returned("failed")
    assert player.said[-1] == "Yes or no."
    assert player.all(PlayMedia)[-1] is not player.all(PlayMedia)[0]


def test_a_prompt_that_cannot_be_played_drops_the_listening() -> None:
    player = asking().played(ok=False, detail="gone").fire(1.0)
    assert player.path[-1] == "bad"
    assert player.all(DropErrand)


def test_the_customer_who_leaves_drops_it() -> None:
    assert asking().ended("Connected").all(DropErrand)


# -- what cannot be ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("speech", "wired", "code"),
    [
        ("", WIRED, "branch_unknown"),
        ("speech: {},", "", "field_missing"),
        ("speech: yes,", "", "field_not_mapping"),
        ('speech: {phrases: {"9": [nine]}},', "", "phrase_without_key"),
        ('speech: {phrases: {"1": [Yes], "2": ["yes!"]}},', "", "phrase_twice"),
        ('speech: {phrases: {"1": ["..."]}},', "", "phrase_invalid"),
        ('speech: {phrases: {"1": []}},', "", "phrase_invalid"),
        ('speech: {phrases: {"1": {a: b}}},', "", "phrase_invalid"),
        ('speech: {phrases: {"1": ["{{ $flow.key.A }}"]}},', "", "phrase_invalid"),
        ('speech: {phrases: {"1": [yes]}, language: klingon9999},', "", "language_invalid"),
        ('speech: {phrases: {"1": [yes]}, confidence: 2},', "", "field_out_of_range"),
        ('speech: {phrases: {"1": [yes]}, voice: x},', "", "unknown_field"),
        (f'speech: {{phrases: {{"1": [{", ".join(f"w{n}" for n in range(201))}]}}}},', "", "too_many_phrases"),
    ],
)
def test_what_cannot_be_is_found(speech: str, wired: str, code: str) -> None:
    assert code in found(speech, wired)


def test_a_good_menu_is_found_good() -> None:
    assert found(SPEECH) == ["step_unreachable"]  # that of the branch, which is not wired here
    assert not found(SPEECH, WIRED)
