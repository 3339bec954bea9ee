"""Multi-play: texts, recordings and values as their language says them, one after the other."""

from __future__ import annotations

from datetime import timedelta, timezone, tzinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.domain.errors import InvalidInput
from central.flow.checker import check
from central.flow.commands import PlayMedia, StopMedia
from central.flow.configuration import Formats
from central.flow.document import parse
from central.flow.media import Prompt, Speech
from central.flow.spoken_values import SAYINGS, say_money
from tests.fakes.flow_player import Player, after_answer

HEAD = "formats: {date: [dd-MM-yyyy], time: ['HH:mm']}\nvariables: {Pin: {secret: true}, V: {}}\n"
BYE = "  bye: {widget: hang_up}\n  sorry: {widget: hang_up}\n"


def reciting(items: str, more: str = "", **variables: str) -> Player:
    steps = f"  first: {{widget: multi_play, items: [{items}], {more} next: bye, on: {{error: sorry}}}}\n{BYE}"
    return Player.of(after_answer(steps, HEAD), variables=variables).connected()


def heard(player: Player) -> list[object]:
    return [item for command in player.all(PlayMedia) for item in command.items]


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ("{number: '1200.50'}", "1200.5"),
        ("{number: '-3', language: de}", "-3"),
        ("{number: '0.5', language: de}", "0,5"),
        ("{digits: '+91 98-00'}", "plus, 9, 1, 9, 8, 0, 0"),
        ("{digits: '4*', language: fr}", "4, *"),
        ("{money: '1200.5', currency: INR}", "1200.50 Indian rupees"),
        ("{money: '1', currency: eur, language: de}", "1 Euro"),
        ("{date: 25-12-2026}", "December 25, 2026"),
        ("{date: 25-12-2026, language: en-IN}", "25 December 2026"),
        ("{date: '2026-12-25T22:00:00Z', language: de}", "25. Dezember 2026"),
        ("{time: '15:04'}", "3:04 PM"),
        ("{time: 25-12-2026 09:05, language: de}", "09:05"),
        ("{say: 'Hello {{ $flow.key.V }}'}", "Hello Asha"),
    ],
)
def test_what_is_said(item: str, said: str) -> None:
    (found,) = heard(reciting(item, V="Asha"))
    assert isinstance(found, Speech)
    assert found.text == said


def test_items_follow_each_other_and_digits_are_kept() -> None:
    player = reciting("{say: Your balance is}, {money: '5', currency: USD}, {file: thanks}")
    player.played().press("7").played().played()
    assert heard(player) == [Speech("Your balance is"), Speech("5 US dollars"), Prompt("thanks")]
    assert player.path[-1] == "bye"
    assert player.run.typed == "7"
    assert not player.all(StopMedia)


def test_a_stop_key_ends_it_and_can_be_kept() -> None:
    player = reciting("{say: One}, {say: Two}", "stop_by: '12', store: Key,").press("9").press("2")
    assert player.path[-1] == "bye"
    assert player.run.variables["Key"] == "2"
    assert len(heard(player)) == 1
    assert player.all(StopMedia)


def test_what_cannot_be_played_is_passed_over_with_a_warning() -> None:
    player = reciting("{number: much}, {say: ''}, {file: gone}, {say: Bye}", V="")
    player.played(ok=False, detail="no such file").fire(1)
    assert heard(player) == [Prompt("gone"), Speech("Bye")]
    assert player.played().path[-1] == "bye"
    warned = [(note.data.get("item"), note.data.get("failure")) for note in player.notes("warning")]
    assert (1, "not_a_number") in warned
    assert (3, None) in warned


def test_nothing_to_play_at_all_is_a_failure() -> None:
    assert reciting("{number: x}, {date: y}").path[-1] == "sorry"


def test_a_secret_is_said_but_not_written_down() -> None:
    player = reciting("{digits: '{{ $flow.key.Pin }}'}, {date: '{{ $flow.key.Pin }}'}", Pin="4711")
    assert heard(player) == [Speech("4, 7, 1, 1")]
    player.played()
    assert "4711" not in str([note.data for note in player.notes("play") + player.notes("warning")])
    assert "4, 7" not in str([note.data for note in player.notes("play")])


@pytest.mark.parametrize(
    ("items", "code"),
    [
        ("", "field_missing"),
        ("hello", "field_not_mapping"),
        ("{say: a, number: '1'}", "media_twice"),
        ("{money: '1'}", "field_missing"),
        ("{number: '1', language: qqq}", "language_unknown"),
        ("{say: a, language: ../x}", "language_invalid"),
        ("{say: a, voice: -o}", "voice_invalid"),
        (f"{{say: {'x' * 2001}}}", "text_too_long"),
        ("{}", "media_missing"),
        ("{shout: a}", "unknown_field"),
        (", ".join(["{say: a}"] * 51), "too_many_items"),
    ],
)
def test_findings(items: str, code: str) -> None:
    steps = f"  first: {{widget: multi_play, items: [{items}], next: bye}}\n{BYE}"
    assert code in {finding.code for finding in check(parse(after_answer(steps, HEAD)))}


@pytest.mark.parametrize(
    "step", ["{widget: store_variable, set: {Open: '{{ $flow.key.Pin }}'}, next: bye}",
             "{widget: operation, do: upper, of: '{{ $flow.key.Pin }}', store: Open, on: {success: bye}}"],
)  # fmt: skip
def test_a_secret_cannot_be_stored_where_it_would_be_seen(step: str) -> None:
    found = check(parse(after_answer(f"  first: {step}\n{BYE}", HEAD)))
    assert "secret_laid_open" in {finding.code for finding in found}


values = st.text(max_size=70) | st.sampled_from(
    ["0001-01-01T00:00+14:00", "9999-12-31", "9" * 19, "-0", "+", "1e9", "٣"]
)


def _in_yen(text: str, language: str, _formats: Formats, _zone: tzinfo) -> str:
    return say_money(text, "JPY", language)


@given(values, st.sampled_from(["en", "hi", "ar", "de-CH", "xx", "", "é", "en_US_POSIX", "zh-Hant-TW"]))
def test_any_value_in_any_language_is_said_or_refused(text: str, language: str) -> None:
    zone = timezone(timedelta(hours=-12))
    for say in [*SAYINGS.values(), _in_yen]:
        try:
            said = say(text, language, Formats(), zone)
        except InvalidInput as error:
            said = error.code
        assert said
