"""Recorded prompts in a live call: each asked for in the language of its step, all played in their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from central.adapters.simulator.speech import SimulatedPrompts
from central.application.ports.speech import Audio
from central.domain.ids import AccountId
from examples.carrier.demo import number_for
from tests.fakes.flow_player import after_answer
from tests.fakes.voice_rig import VoiceRig, play

FLOW = after_answer("""  first:
    widget: menu
    file: ask
    digits: {"1": end}
    tries: 2
    invalid: {file: oops, language: hi}
    on: {no_input: end, invalid_exhausted: end}
""")


class Recordings(SimulatedPrompts):
    """Remembers what was asked for, by name in a language or (``held``) by content."""

    def __init__(self) -> None:
        super().__init__({"ask": 1.0, "oops": 2.0, "c0ffee": 1.5})
        self.asked: list[tuple[str, tuple[str, ...]]] = []

    async def contents(self, contents: Sequence[str]) -> Sequence[Audio]:
        self.asked.append(("held", tuple(contents)))
        return await super().contents(contents)

    async def find(self, account_id: AccountId, names: Sequence[str], language: str = "") -> Sequence[Audio]:
        self.asked.append((language, tuple(names)))
        return await super().find(account_id, names, language)


def test_a_playback_of_two_languages_finds_each_recording_in_its_own() -> None:
    recordings = Recordings()

    async def story(rig: VoiceRig) -> None:
        rig.desk.prompts = recordings
        rig.call(number_for("presses_2", 1))
        await rig.finish()

    rig = play(VoiceRig(flow=FLOW), story)
    (record_id,) = rig.handed
    assert rig.result(record_id).status == "COMPLETED"
    assert recordings.asked == [("en", ("ask",)), ("en", ("ask",)), ("hi", ("oops",))]


def test_a_name_that_the_version_holds_is_played_by_its_content() -> None:
    recordings = Recordings()

    async def story(rig: VoiceRig) -> None:
        rig.desk.prompts = recordings
        rig.prepared = replace(rig.prepared, prompts={("ask", "en"): "c0ffee", ("oops", "en"): "other"})
        rig.call(number_for("presses_2", 1))
        await rig.finish()

    rig = play(VoiceRig(flow=FLOW), story)
    (record_id,) = rig.handed
    assert rig.result(record_id).status == "COMPLETED"
    assert recordings.asked == [("held", ("c0ffee",)), ("held", ("c0ffee",)), ("hi", ("oops",))]
