"""Answer Call: ringing, the announcement before the answer, callers who leave, and what the checker says about it."""

from __future__ import annotations

import pytest

from central.flow.checker import check
from central.flow.commands import Answer, HangUp, PlayMedia, Ring
from central.flow.document import parse
from tests.fakes.flow_player import Player, after_answer

HEAD = "flow: f\ntype: inbound\npurpose: service\nsteps:\n  start: {widget: start, next: answer}\n"
MENU = '  menu: {widget: menu, say: "1?", digits: {"1": end}, on: {no_input: end, invalid_exhausted: end}}\n'
GONE = "  gone: {widget: on_remote_hangup, next: end}\n"


def called(answer: str) -> Player:
    return Player.of(
        f"{HEAD}  answer: {{widget: answer_call, {answer}next: menu}}\n{MENU}{GONE}".encode(), inbound=True
    )


def test_a_call_is_answered_at_once() -> None:
    player = called("").begun()
    assert player.all(Answer)
    assert not player.all(Ring)
    player.answered()
    assert player.path == ["start", "answer", "menu"]


def test_it_rings_then_announces_then_answers() -> None:
    player = called("ring: 3s, early: Hello., ").begun()
    assert player.all(Ring)
    assert not player.all(Answer)
    player.fire(3)
    assert player.said == ["Hello."]
    assert not player.all(Answer)
    player.played()
    assert player.all(Answer)
    assert player.answered().run.connected


def test_an_announcement_that_cannot_be_played_does_not_keep_the_caller_waiting() -> None:
    player = called("early: {file: nowhere}, ").begun().played(ok=False, detail="prompt_missing")
    assert player.warnings == ["playback_failed"]
    assert player.all(Answer)


def test_a_caller_who_gives_up_runs_the_path_of_those_who_left() -> None:
    player = called("ring: 3s, ").begun().ended("Cancelled", position=0)
    assert player.path == ["start", "answer", "gone"]
    assert player.ending.kind == "customer_left"
    assert not player.ending.connected


def test_a_flow_that_ends_before_the_answer_refuses_the_call() -> None:
    player = Player.of(f"{HEAD}  answer: {{widget: hang_up, cause: busy}}\n".encode(), inbound=True).begun()
    assert [command.cause for command in player.all(HangUp)] == ["busy"]
    assert not player.ended("Cancelled", by="us", position=0).ending.connected


def test_a_second_answer_goes_on_with_a_warning() -> None:
    steps = "  answer: {widget: answer_call, next: again}\n  again: {widget: answer_call, next: menu}\n"
    player = Player.of(f"{HEAD}{steps}{MENU}".encode(), inbound=True).begun().answered()
    assert player.warnings == ["already_answered"]
    assert player.path[-1] == "menu"


def test_in_an_outbound_flow_there_is_nothing_to_answer() -> None:
    player = Player.of(after_answer("  first: {widget: answer_call, next: end}\n")).connected()
    assert player.warnings == ["already_answered"]
    assert not player.all(PlayMedia)


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (f"{HEAD}  answer: {{widget: play, say: Hello., next: end}}\n", "answer_missing"),
        (f"{HEAD}  answer: {{widget: play, say: Hello., next: end}}\n", "media_without_call"),
        (
            f"{HEAD}  answer: {{widget: answer_call, next: call}}\n  call: {{widget: make_call, on: {{connected: end}}}}\n",
            "call_in_inbound",
        ),
        (f"{HEAD}  answer: {{widget: answer_call, ring: 11s, next: end}}\n", "field_out_of_range"),
        (after_answer("  first: {widget: answer_call, next: end}\n").decode(), "answer_in_outbound"),
    ],
)
def test_findings(document: str, code: str) -> None:
    assert code in {finding.code for finding in check(parse(document.encode()))}


def test_a_right_flow_has_no_findings() -> None:
    assert not check(parse(f"{HEAD}  answer: {{widget: answer_call, next: menu}}\n{MENU}{GONE}".encode()))
