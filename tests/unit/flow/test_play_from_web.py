"""Play with a URL: fetched first, in silence, then played like any other; what goes wrong with it has a word each."""

from __future__ import annotations

import pytest

from central.flow.checker import check
from central.flow.commands import DropErrand, PlayMedia, StopMedia
from central.flow.document import parse
from central.flow.errands import SOUND_ERRORS, FetchSound
from central.flow.media import Sound
from tests.fakes.flow_player import Player, after_answer

URL = "https://media.example.com/{{ $flow.key.Name }}.mp3"
STEPS = """  first: {widget: play, url: "URL", FIELDS next: ask, on: {error: bad}}
  ask: {widget: menu, say: Press one., digits: {"1": kept}, on: {no_input: bye, invalid_exhausted: bye}}
  kept: {widget: hang_up}
  bad: {widget: hang_up}
  bye: {widget: hang_up}
"""


def playing(fields: str = "", url: str = URL, head: str = "", **variables: str) -> Player:
    steps = after_answer(STEPS.replace("FIELDS", fields).replace("URL", url), head)
    return Player.of(steps, variables={"Name": "Asha", **variables}).connected()


def found(url: str, head: str = "", more: str = "") -> list[str]:
    steps = STEPS.replace("FIELDS", more).replace("URL", url)
    return [finding.code for finding in check(parse(after_answer(steps, head)))]


def test_it_is_fetched_and_then_heard_as_often_as_asked_for() -> None:
    player = playing("repeat: 2, fetch_timeout: 7s,")
    assert player.asked == [FetchSound("https://media.example.com/Asha.mp3", 7.0)]
    assert not player.all(PlayMedia)
    player.returned("fetched", {"file": "/cache/x.wav"})
    (heard,) = player.all(PlayMedia)
    assert heard.items == (Sound("/cache/x.wav", "https://media.example.com/Asha.mp3"),)
    assert player.played().path[-1] == "first"
    assert player.played().path[-1] == "ask"
    assert len(player.asked) == 1


def test_values_are_data_in_the_address_and_may_not_choose_another_server() -> None:
    assert playing(Name="a/b?c#d").asked == [FetchSound("https://media.example.com/a%2Fb%3Fc%23d.mp3", 10.0)]
    player = playing(url="https://{{ $flow.key.Name }}.example/x.wav", Name="evil.com/")
    assert not player.asked
    assert player.path[-1] == "bad"
    assert player.notes("warning")[-1].data["failure"] == "url_invalid"


def test_a_whole_address_may_come_from_a_variable() -> None:
    player = playing(url="{{ $flow.key.Where }}", Where="https://a.example/1.wav")
    assert player.asked == [FetchSound("https://a.example/1.wav", 10.0)]
    for wrong in ("file:///etc/passwd", "", "ftp://a.example/x", "https://u:p@a.example/"):
        assert playing(url="{{ $flow.key.Where }}", Where=wrong).path[-1] == "bad"


@pytest.mark.parametrize("error", SOUND_ERRORS)
def test_each_failure_has_its_word(error: str) -> None:
    player = playing().returned("failed", {"error": error}, detail="why")
    assert player.path[-1] == "bad"
    assert player.notes("warning")[-1].data["failure"] == error


@pytest.mark.parametrize("outcome", ["failed", "not_configured", "odd"])
def test_whatever_else_comes_back_is_a_failed_fetch(outcome: str) -> None:
    player = playing().returned(outcome, {"error": "no such word"})
    assert player.notes("warning")[-1].data["failure"] == "url_failed"


def test_it_does_not_wait_for_ever() -> None:
    player = playing("fetch_timeout: 3s,").fire(8.0)
    assert player.path[-1] == "bad"
    assert player.all(DropErrand)


def test_keys_pressed_meanwhile_are_for_the_next_menu() -> None:
    player = playing().press("1")
    assert player.path[-1] == "first"
    assert player.returned("fetched", {"file": "/x"}).played().path[-1] == "kept"


def test_with_barge_in_a_key_ends_the_wait() -> None:
    player = playing("barge_in: true,").press("1")
    assert player.path[-1] == "kept"
    assert player.all(DropErrand)
    assert not player.all(PlayMedia)


def test_with_barge_in_a_key_ends_the_playback() -> None:
    player = playing("barge_in: true,").returned("fetched", {"file": "/x"}).press("1")
    assert player.path[-1] == "kept"
    assert player.all(StopMedia)


def test_a_sound_that_cannot_be_played_is_a_failed_playback() -> None:
    player = playing().returned("fetched", {"file": "/x"}).played(ok=False, detail="gone").fire(1.0)
    assert player.path[-1] == "bad"


def test_the_customer_who_leaves_drops_the_fetch() -> None:
    assert playing().ended("Connected").all(DropErrand)


def test_a_secret_in_the_address_is_shown_nowhere() -> None:
    head = "variables: {Name: {secret: true}}\n"
    player = playing(head=head, Name="quite-a-secret").returned("fetched", {"file": "/x"})
    assert "quite-a-secret" in vars_of(player)
    assert "quite-a-secret" not in repr(player.asked)
    assert not [
        note for kind in ("errand", "play") for note in player.notes(kind) if "quite-a-secret" in str(note.data)
    ]
    assert "secret_in_address" in found(URL, head)


def vars_of(player: Player) -> str:
    (asked,) = player.asked
    assert isinstance(asked, FetchSound)
    return asked.url


@pytest.mark.parametrize(
    ("url", "more", "code"),
    [
        ("no address", "", "url_invalid"),
        ("file:///etc/passwd", "", "url_invalid"),
        ("https://a.example/../x", "", "url_invalid"),
        ("http://a.example/x.wav", "", "url_plain_http"),
        (URL, "say: Hello.,", "media_twice"),
        (URL, "file: a,", "media_twice"),
        (URL, "fetch_timeout: 31s,", "field_out_of_range"),
    ],
)
def test_what_cannot_be_is_found(url: str, more: str, code: str) -> None:
    assert code in found(url, more=more)


def test_a_good_address_is_found_good() -> None:
    assert not found("https://media.example.com/x.wav")
