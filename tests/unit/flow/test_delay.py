"""Delay: time passes while the customer hears silence or music."""

from __future__ import annotations

import pytest

from central.flow.checker import check
from central.flow.commands import CancelTimer, PlayMedia, StartTimer, StopMedia
from central.flow.document import parse
from central.flow.media import Prompt, Speech
from tests.fakes.flow_player import Player, after_answer

BYE = "  bye: {widget: hang_up}\n"


def delayed(what: str, variables: dict[str, str] | None = None) -> Player:
    steps = f"  first: {{widget: delay, {what}, next: bye}}\n{BYE}"
    return Player.of(after_answer(steps), variables=variables).connected()


def heard(player: Player) -> list[object]:
    return [item for command in player.all(PlayMedia) for item in command.items]


@pytest.mark.parametrize(
    ("what", "seconds"), [("for: 5s", 5), ("for: 90", 90), ("for: 1h", 3600), ("for: '{{ $flow.key.W }}'", 120)]
)
def test_it_waits_so_long_and_goes_on(what: str, seconds: float) -> None:
    player = delayed(what, {"W": "2m"})
    assert player.all(StartTimer)[-1].after_s == seconds
    assert heard(player) == [Prompt("silence:60")]
    player.fire(seconds)
    assert player.path[-1] == "bye"
    assert player.all(StopMedia)


def test_the_music_begins_again_until_the_time_is_up() -> None:
    player = delayed("for: 30s, file: hold-music").wait(9).played().wait(9).played()
    assert heard(player) == [Prompt("hold-music")] * 3
    player.played(ok=False, detail="no such file")
    assert len(heard(player)) == 3
    assert player.path[-1] == "first"
    assert player.fire(30).path[-1] == "bye"
    assert not player.all(StopMedia)


def test_music_of_no_length_gives_way_to_silence() -> None:
    player = delayed("for: 30s, file: 'silence:0'").played()
    assert heard(player) == [Prompt("silence:0"), Prompt("silence:60")]


def test_words_are_said_with_the_values_of_now() -> None:
    assert heard(delayed("for: 3s, say: 'Hello {{ $flow.key.N }}'", {"N": "Asha"})) == [Speech("Hello Asha")]


@pytest.mark.parametrize("value", ["", "soon", "0", "2h"])
def test_a_duration_that_cannot_be_read_is_passed_over(value: str) -> None:
    player = delayed("for: '{{ $flow.key.W }}'", {"W": value})
    assert player.path[-1] == "bye"
    assert "delay_invalid" in {note.data.get("failure") for note in player.notes("warning")}


def test_a_customer_who_leaves_ends_the_wait() -> None:
    player = delayed("for: 30s")
    (timer,) = [command.timer for command in player.all(StartTimer) if command.after_s == 30]
    player.ended("Connected")
    assert CancelTimer(timer) in player.commands
    assert player.ending.kind == "customer_left"


@pytest.mark.parametrize("what", ["for: 2h", "for: x", "next: bye"])
def test_findings(what: str) -> None:
    found = check(parse(after_answer(f"  first: {{widget: delay, {what}}}\n{BYE}")))
    assert {"delay_invalid", "field_missing"} & {finding.code for finding in found}
