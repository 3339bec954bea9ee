"""Play with a URL in a live call: fetched once, then played by the engine; who waits in vain waits alone, and not for long."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from central.application.conversation.fetch_sounds import FetchSounds
from central.application.conversation.run_errands import Runners
from central.application.ports.speech import AudioFile
from central.application.ports.web_sounds import NoSound
from central.domain.accounts import Switch
from central.flow.errands import FetchSound
from examples.carrier.demo import number_for
from tests.fakes.observed import ObservedTelemetry
from tests.fakes.voice_rig import VoiceRig, play
from tests.fakes.web import MemorySounds

URL = "https://media.example.com/a.wav"
HERE = AudioFile("/simulated/simulated-3.000-.wav", 3.0)
FLOW = f"""
flow: f
type: multicast
purpose: service
calls: {{attempts: 1, ring_timeout: 4s, short_hangup: 0s}}
steps:
  start: {{widget: start, next: call}}
  call: {{widget: make_call, on: {{connected: fetch, busy: end, no_answer: end, failed: end}}}}
  fetch: {{widget: play, url: "{URL}", fetch_timeout: 4s, repeat: 2, next: bye, on: {{error: sorry}}}}
  sorry: {{widget: play, say: Sorry., next: bye}}
  bye: {{widget: hang_up}}
""".encode()


def rig_with(sounds: MemorySounds) -> VoiceRig:
    runners: Runners = {FetchSound: FetchSounds(sounds, ObservedTelemetry())}
    return VoiceRig(flow=FLOW, runners=runners)


async def one(rig: VoiceRig) -> None:
    rig.call(number_for("answers", 1))
    await rig.finish()


def notes(rig: VoiceRig, kind: str) -> list[dict[str, object]]:
    told = [cast("list[dict[str, object]]", event.data["notes"]) for event in rig.journal.told("flow_walked")]
    return [note for notes in told for note in notes if note["kind"] == kind]


def test_it_is_fetched_once_and_heard_as_often_as_asked_for() -> None:
    sounds = MemorySounds({URL: HERE})
    rig = play(rig_with(sounds), one)
    (record_id,) = rig.handed
    assert rig.result(record_id).status == "COMPLETED"
    assert sounds.asked == [(rig.account.id, URL, False)]
    assert [note["url"] for note in notes(rig, "play")] == [URL, URL]
    (begun,) = rig.journal.told("errand_begun")
    assert begun.data["errand"] == "FetchSound"


def test_what_is_wrong_with_it_takes_the_branch() -> None:
    rig = play(rig_with(MemorySounds({URL: NoSound("url_no_audio", "no audio")})), one)
    (warning,) = notes(rig, "warning")
    assert (warning["failure"], warning["detail"]) == ("url_no_audio", "no audio")
    assert [note["say"] for note in notes(rig, "play")] == ["Sorry."]


def test_a_fetch_that_hangs_holds_up_its_own_call_only_and_not_for_long() -> None:
    sounds = MemorySounds(hangs={URL})

    async def story(rig: VoiceRig) -> None:
        rig.call(number_for("answers", 1))
        rig.call(number_for("hangs_up_at_once", 2))
        await rig.finish()

    rig = play(rig_with(sounds), story)
    waited, left = rig.handed
    assert rig.result(waited).status == "COMPLETED"
    assert rig.result(left).status == "PARTIAL_COMPLETE"
    (warning,) = notes(rig, "warning")
    assert (warning["failure"], warning["detail"]) == ("url_failed", "timeout: it could not be played within 4 s")
    assert sounds.dropped == 2


@pytest.mark.parametrize("on", [True, False])
def test_plain_http_is_the_accounts_switch(on: bool) -> None:
    sounds = MemorySounds({URL: HERE})

    async def story(rig: VoiceRig) -> None:
        if on:
            rig.account = replace(rig.account, switches=rig.account.switches | {Switch.PLAIN_HTTP_WEBHOOKS})
        await one(rig)

    play(rig_with(sounds), story)
    assert [plain for _, _, plain in sounds.asked] == [on]


def test_without_a_runner_the_step_fails_with_a_clear_word() -> None:
    rig = play(VoiceRig(flow=FLOW), one)
    (warning,) = notes(rig, "warning")
    assert warning["failure"] == "url_failed"
