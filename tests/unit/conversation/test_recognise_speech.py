"""A menu with spoken answers in a live call: heard, heard out, not understood, silence, keys that come first, and no recogniser."""

from __future__ import annotations

from typing import cast

import pytest

from central.application.conversation.recognise_speech import RecogniseAnswers
from central.application.conversation.run_errands import Runners
from central.flow.errands import RecogniseSpeech
from examples.carrier.demo import number_for
from tests.fakes.observed import ObservedTelemetry
from tests.fakes.speech_input import MemorySpeechInput, Says
from tests.fakes.voice_rig import VoiceRig, play

FLOW = """
flow: f
type: multicast
purpose: service
calls: {attempts: 1, ring_timeout: 4s, short_hangup: 0s}
steps:
  start: {widget: start, next: call}
  call: {widget: make_call, on: {connected: ask, busy: end, no_answer: end, failed: end}}
  ask:
    widget: menu
    say: Will you come? Say yes or press one.
    digits: {"1": good}
    speech: {phrases: {"1": ["yes"]}}
    tries: 2
    first_digit_timeout: 3s
    on: {no_input: silent, invalid_exhausted: wrong WIRED}
  good: {widget: play, say: Good., next: bye}
  silent: {widget: play, say: Silent., next: bye}
  wrong: {widget: play, say: Wrong., next: bye}
  deaf: {widget: play, say: Deaf., next: bye}
  bye: {widget: hang_up}
"""


def rig_with(speech: MemorySpeechInput | None, wired: str = "") -> VoiceRig:
    runners: Runners = {} if speech is None else {RecogniseSpeech: RecogniseAnswers(speech, ObservedTelemetry())}
    return VoiceRig(flow=FLOW.replace("WIRED", wired).encode(), runners=runners)


async def one(rig: VoiceRig) -> None:
    rig.call(number_for("answers", 1))
    await rig.finish()


def notes(rig: VoiceRig, kind: str) -> list[dict[str, object]]:
    told = [cast("list[dict[str, object]]", event.data["notes"]) for event in rig.journal.told("flow_walked")]
    return [note for notes in told for note in notes if note["kind"] == kind]


def said(rig: VoiceRig) -> object:
    return notes(rig, "play")[-1]["say"]


def test_a_phrase_is_heard_while_the_prompt_plays() -> None:
    speech = MemorySpeechInput(by_hint={"yes": Says("Yes!")})
    rig = play(rig_with(speech), one)
    assert said(rig) == "Good."
    (note,) = notes(rig, "digits")
    assert (note["entry"], note["heard"]) == ("1", "Yes!")
    assert not speech.listening


def test_who_begins_to_speak_at_the_last_moment_is_heard_out() -> None:
    # the prompt lasts 2.4 s, and the menu waits for 3 s more
    rig = play(rig_with(MemorySpeechInput(by_hint={"yes": Says("yes", after_s=5.0, lasts_s=4.0)})), one)
    assert said(rig) == "Good."


def test_silence_is_silence() -> None:
    speech = MemorySpeechInput()
    rig = play(rig_with(speech), one)
    assert said(rig) == "Silent."
    assert rig.clock.monotonic() < 20  # the recogniser was told that it is enough, and not waited for
    assert len(speech.asked) == 2
    assert not speech.listening


def test_what_is_not_understood_is_an_invalid_entry() -> None:
    rig = play(rig_with(MemorySpeechInput(by_hint={"yes": Says("yes", confidence=0.2)})), one)
    assert said(rig) == "Wrong."
    assert [note["entry"] for note in notes(rig, "digits")] == ["!", "!"]


@pytest.mark.parametrize(
    ("speech", "wired", "words", "warned"),
    [
        (None, "", "Silent.", ["speech_not_configured"]),
        (None, ", speech_not_configured: deaf", "Deaf.", []),
        (MemorySpeechInput(away=True), ", speech_not_configured: deaf", "Silent.", ["speech_failed"]),
    ],
)
def test_without_a_recogniser(speech: MemorySpeechInput | None, wired: str, words: str, warned: list[str]) -> None:
    rig = play(rig_with(speech, wired), one)
    assert said(rig) == words
    assert [note["code"] for note in notes(rig, "warning")] == warned
    assert bool(rig.journal.told("errand_begun")) == (speech is not None)


def test_the_customer_who_leaves_is_listened_to_no_more() -> None:
    speech = MemorySpeechInput()

    async def story(rig: VoiceRig) -> None:
        rig.call(number_for("hangs_up_at_once", 1))
        await rig.finish()

    play(rig_with(speech), story)
    assert not speech.listening


def test_a_key_that_comes_first_counts_and_ends_the_listening() -> None:
    speech = MemorySpeechInput(by_hint={"yes": Says("no such word", after_s=4.0)})

    async def story(rig: VoiceRig) -> None:
        rig.call(number_for("presses_1", 1))
        await rig.finish()

    rig = play(rig_with(speech), story)
    assert said(rig) == "Good."
    (note,) = notes(rig, "digits")
    assert "heard" not in note
    assert not speech.listening
