"""Start Flow, Short Link and Update Contact: what is asked for, and what becomes of the answer."""

from __future__ import annotations

import pytest

from central.flow.checker import check
from central.flow.commands import DropErrand, RunErrand
from central.flow.document import parse
from central.flow.errands import Errand, ShortenLink, StartFlow, UpdateContact
from central.flow.events import ErrandDone
from tests.fakes.flow_player import Player, after_answer

BYE = "  bye: {widget: hang_up}\n  other: {widget: hang_up}\n"
SECRET = "variables: {Pin: {secret: true}}\n"


def at_first(what: str, variables: dict[str, str] | None = None, head: str = "") -> Player:
    return Player.of(after_answer(f"  first: {{{what}}}\n{BYE}", head), variables=variables).connected()


def asked(player: Player) -> list[Errand]:
    return [command.errand for command in player.all(RunErrand)]


def back(player: Player, outcome: str, **values: str) -> Player:
    return player.feed(ErrandDone(player.run.errands, outcome, player.at, values, "why"))


@pytest.mark.parametrize(("delay", "seconds"), [("5", 300), ("90s", 90), ("1d", 86_400), ("'{{ $flow.key.D }}'", 7200)])
def test_another_flow_is_asked_to_call(delay: str, seconds: float) -> None:
    what = f"widget: start_flow, flow: b, number: '15550199', delay: {delay}, variables: {{N: '{{{{ $flow.key.D }}}}'}}"
    player = at_first(f"{what}, client_identifier: c, store: R, on: {{started: bye}}", {"D": "2h"})
    assert asked(player) == [StartFlow("b", "15550199", seconds, {"N": "2h"}, "c")]
    back(player, "started", record_id="r-9")
    assert player.path[-1] == "bye"
    assert player.run.variables["R"] == "r-9"


@pytest.mark.parametrize(
    "what",
    ["flow: b, delay: 31d", "flow: b, delay: soon", "delay: 5", "flow: b, variables: {1x: a}", "flow: b, store: 1x"],
)
def test_what_cannot_be_started_is_found(what: str) -> None:
    found = check(parse(after_answer(f"  first: {{widget: start_flow, {what}, on: {{started: bye}}}}\n{BYE}")))
    codes = {finding.code for finding in found if finding.severity == "error"}
    assert codes & {"delay_invalid", "field_missing", "variable_name_invalid"}


def test_flows_that_start_flows_for_ever_are_found() -> None:
    found = check(parse(after_answer("  first: {widget: start_flow, flow: b, on: {started: first}}\n")))
    assert "loop_without_wait" in {finding.code for finding in found}


@pytest.mark.parametrize(
    ("wired", "then"),
    [
        ("{started: bye}", "bye"),
        ("{started: bye, failed: other}", "other"),
        ("{started: bye}, on_failure: fail", "first"),
    ],
)
def test_a_refused_record_takes_the_branch_of_its_policy(wired: str, then: str) -> None:
    player = at_first(f"widget: start_flow, flow: b, number: '15550199', on: {wired}")
    assert back(player, "failed").path[-1] == then
    assert "step_failed" in player.warnings


def test_secrets_of_an_address_are_masked_where_it_is_shown() -> None:
    url = "https://x.example/?p={{ $flow.key.Pin }}"
    player = at_first(f"widget: short_link, url: '{url}', store: L, days: 3, next: bye", {"Pin": "99"}, SECRET)
    assert asked(player) == [ShortenLink("https://x.example/?p=99", "https://x.example/?p=***", 3)]
    assert back(player, "shortened", link="http://c/l/abc").run.variables["L"] == "http://c/l/abc"


def test_what_is_kept_is_read_at_once_and_an_empty_text_removes_it() -> None:
    player = at_first("widget: update_contact, set: {L: hi, M: '{{ $user.key.L }}!', N: ''}, next: bye")
    assert asked(player) == [UpdateContact({"L": "hi", "M": "hi!", "N": ""})]
    assert player.run.facts.user == {"L": "hi", "M": "hi!"}
    assert back(player, "updated").path[-1] == "bye"
    assert not player.warnings


def test_a_value_that_is_too_long_leaves_the_contact_as_it_was() -> None:
    player = at_first("widget: update_contact, set: {L: '{{ $flow.key.X }}.', M: b}, next: bye", {"X": "x" * 4096})
    assert asked(player) == [UpdateContact({"M": "b"})]
    assert "value_too_long" in player.warnings
    alone = at_first("widget: update_contact, set: {L: '{{ $flow.key.X }}.'}, next: bye", {"X": "x" * 4096})
    assert not asked(alone)
    assert alone.path[-1] == "bye"


@pytest.mark.parametrize("widget", ["update_contact, set: {L: ", "store_variable, set: {user.key.L: "])
def test_a_secret_is_not_kept_about_a_contact(widget: str) -> None:
    steps = f"  first: {{widget: {widget}'{{{{ $flow.key.Pin }}}}'}}, next: bye}}\n  bye: {{widget: hang_up}}\n"
    assert "secret_laid_open" in {finding.code for finding in check(parse(after_answer(steps, SECRET)))}


def test_a_customer_who_leaves_drops_the_errand() -> None:
    player = at_first("widget: update_contact, set: {L: hi}, next: bye")
    player.ended("Connected")
    assert DropErrand(1) in player.commands
    assert player.ending.kind == "customer_left"


def test_unknown_values_of_the_platform_are_found() -> None:
    steps = "  first: {widget: play, say: '{{ $user.syskey.age }} {{ $user.syskey.number }}', next: bye}\n" + BYE
    found = [f for f in check(parse(after_answer(steps))) if f.code == "system_variable_unknown"]
    assert [finding.message for finding in found] == ["There is no $user.syskey.age."]


def test_a_secret_that_another_flow_gets_is_warned_of() -> None:
    step = "  first: {widget: start_flow, flow: b, variables: {P: '{{ $flow.key.Pin }}'}, on: {started: bye}}\n"
    found = check(parse(after_answer(step + BYE, SECRET)))
    assert [finding.severity for finding in found if finding.code == "secret_laid_open"] == ["warning"]
