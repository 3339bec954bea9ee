"""A call that goes on in another flow: what it brings along, what begins anew, and what stays hidden."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from central.flow.checker import check
from central.flow.commands import CancelTimer, Dial, HangUp, Note, StartTimer
from central.flow.document import parse
from central.flow.errands import FLOW_REFUSALS, CallWebhook, TransferToFlow
from central.flow.run import Place
from tests.fakes.flow_player import HEAD, Player, after_answer, document

OVER = "  first: {widget: transfer_call, flow: other, on: {failed: sorry}}\n  sorry: {widget: play, say: Sorry., next: end}\n"
MENU = (
    "  menu: {widget: menu, say: Press., digits: {'1': one}, tries: 1, on: {no_input: end, invalid_exhausted: end}}\n"
)
ONE = "  one: {widget: store_variable, set: {Heard: '{{ $flow.key.Name }} {{ $flow.syskey.flow_id }} {{ $flow.syskey.flow_version }}'}}\n"
INBOUND = (
    b"flow: other\ntype: inbound\npurpose: service\nsteps:\n  start: {widget: start, next: answer}\n"
    + f"  answer: {{widget: answer_call, next: menu}}\n{MENU}{ONE}".encode()
)


def transferring(head: str = "", variables: dict[str, str] | None = None, more: str = "") -> Player:
    """A connected call that asks to go on in the flow ``other``."""
    return Player.of(after_answer(OVER + more, head), variables=variables).connected()


def other(steps: str, head: str = "") -> bytes:
    """A flow that is entered at ``here``."""
    return document(f"  start: {{widget: start, next: here}}\n{steps}", head)


def test_the_call_goes_on_behind_answer_call_and_the_customer_is_asked_there() -> None:
    player = transferring(variables={"Name": "Asha"})
    assert player.asked == [TransferToFlow("other")]
    player.goes_on(INBOUND)
    assert player.run.place == Place("abcd1234", "other", "7")
    assert player.path == ["start", "call", "first", "start", "answer", "menu"]
    assert not player.warnings
    assert [dict(note.data) for note in player.notes("flow")] == [{"flow": "other", "id": "abcd1234", "version": "7"}]
    assert player.notes("flow")[0].step == "first"
    player.press("1")
    assert player.run.variables["Heard"] == "Asha abcd1234 7"
    player.ended("Connected", by="us")
    assert player.ending.kind == "end"


def test_the_first_make_call_passes_too_and_nobody_is_called() -> None:
    player = transferring().goes_on(after_answer("  first: {widget: play, say: Hello., next: end}\n"))
    assert player.said == ["Hello."]
    assert len(player.all(Dial)) == 1
    assert not player.warnings


def test_the_errands_time_limit_is_over_and_that_of_the_execution_goes_on() -> None:
    player = transferring()
    whole, *_, guard = player.all(StartTimer)
    player.goes_on(INBOUND)
    cancelled = [command.timer for command in player.all(CancelTimer)]
    assert guard.timer in cancelled
    assert whole.timer not in cancelled
    player.at += timedelta(minutes=120)
    player.fire(whole.after_s)
    assert player.all(HangUp)
    player.ended("Connected", by="us")
    assert (player.ending.kind, player.ending.reason) == ("failed", "duration_limit")


def test_a_flow_that_is_found_too_late_is_not_entered() -> None:
    player = transferring()
    player.at += timedelta(minutes=120)
    player.goes_on(INBOUND)
    assert player.run.place is None
    assert player.all(HangUp)
    player.ended("Connected", by="us")
    assert player.ending.reason == "duration_limit"


def test_an_errand_that_nobody_waits_for_moves_nothing() -> None:
    player = transferring()
    before = player.run
    assert player.goes_on(INBOUND, errand=9).run == before
    assert player.news == ()
    left = transferring().ended("Connected")
    assert left.goes_on(INBOUND, errand=1).news == ()
    assert left.run.place is None


def test_keys_that_were_pressed_before_wait_for_the_first_menu() -> None:
    player = transferring().press("1").goes_on(INBOUND)
    assert "one" in player.path
    assert [pressed.digit for pressed in player.run.digits] == ["1"]


def test_counters_begin_anew_and_variables_and_visits_do_not() -> None:
    count = "  first: {widget: counter, name: x, limit: 5, store: N, on: {below_limit: over, limit_reached: end}}\n"
    over = "  over: {widget: transfer_call, flow: other, on: {}}\n"
    player = Player.of(after_answer(count + over), variables={"A": "1"}).connected()
    assert player.run.counters == {"x": 1}
    visits = player.run.visits
    player.goes_on(other(count.replace("first", "here") + "  over: {widget: delay, for: 5s, next: end}\n"))
    assert player.run.counters == {"x": 1}
    assert player.run.variables == {"A": "1", "N": "1"}
    assert player.run.visits == visits + 3


def test_two_flows_that_transfer_to_each_other_end_by_the_limit_of_steps() -> None:
    back = other("  here: {widget: transfer_call, flow: other, on: {}}\n")
    player = transferring()
    for _ in range(1_000):
        if player.all(HangUp):
            break
        player.goes_on(back)
    player.ended("Connected", by="us")
    assert player.ending.reason == "step_limit"
    assert player.run.visits == 1_001


def test_the_late_paths_are_those_of_the_flow_in_which_the_call_is() -> None:
    late = "  {0}: {{widget: {1}, next: {0}2}}\n  {0}2: {{widget: store_variable, set: {{{2}: '1'}}}}\n"
    ours = late.format("gone", "on_remote_hangup", "OurGone") + late.format("done", "on_flow_complete", "OurDone")
    theirs = late.format("gone", "on_remote_hangup", "TheirGone") + late.format("done", "on_flow_complete", "TheirDone")
    player = transferring(more=ours).goes_on(other("  here: {widget: delay, for: 5s, next: end}\n" + theirs))
    player.ended("Connected").decided("PARTIAL_COMPLETE")
    assert player.ending.kind == "customer_left"
    assert player.over
    assert player.run.variables == {"TheirGone": "1", "TheirDone": "1"}


def test_a_flow_without_start_fails_the_record() -> None:
    player = transferring().goes_on(document("  here: {widget: hang_up}\n")).ended("Connected", by="us")
    assert (player.ending.kind, player.ending.reason) == ("failed", "flow_error")


@pytest.mark.parametrize("refusal", sorted(FLOW_REFUSALS))
def test_a_flow_that_cannot_be_entered_takes_the_failed_branch_with_its_reason(refusal: str) -> None:
    player = transferring().returned(refusal, detail="Why.")
    assert player.said == ["Sorry."]
    (warning,) = player.notes("warning")
    assert (warning.data["failure"], warning.data["detail"]) == (refusal, "Why.")


def test_of_a_transfer_to_a_flow_only_failed_is_taken() -> None:
    assert transferring().returned("answered").said == ["Sorry."]
    assert not [finding for finding in check(parse(after_answer(OVER))) if finding.severity == "error"]
    wired = OVER.replace("{failed: sorry}", "{failed: sorry, answered: sorry}")
    assert "branch_never_taken" in {finding.code for finding in check(parse(after_answer(wired)))}


# -- secrets -----------------------------------------------------------------------------------------------------------
SECRET = "variables: {Pin: {secret: true}}\n"
HIDDEN = {"Pin": "48151623"}


def shown(player: Player) -> str:
    """All that the timeline shows of the run."""
    return json.dumps([dict(note.data) for note in player.all(Note)])


def test_what_the_first_flow_holds_secret_stays_masked_in_the_second() -> None:
    steps = "  here: {widget: play, say: 'It is {{ $flow.key.Pin }}', next: end}\n"
    player = transferring(SECRET, HIDDEN).goes_on(other(steps))
    assert player.said == ["It is 48151623"]
    assert "48151623" not in shown(player)
    assert "***" in shown(player)


def test_what_is_made_of_it_is_masked_too_and_not_kept_about_the_customer() -> None:
    steps = (
        "  here: {widget: store_variable, set: {Copy: '{{ $flow.key.Pin }}', Again: 'x{{ $flow.key.Copy }}', user.key.Pin: '{{ $flow.key.Again }}'}, next: sum}\n"
        "  sum: {widget: operation, do: add, of: ['{{ $flow.key.Pin }}', 1], store: Sum, on: {success: say}}\n"
        "  say: {widget: play, say: '{{ $flow.key.Again }} {{ $flow.key.Sum }}', next: end}\n"
    )
    player = transferring(SECRET, HIDDEN).goes_on(other(steps))
    assert player.said == ["x48151623 48151624"]
    assert "4815162" not in shown(player)
    assert player.warnings == ["secret_laid_open"]
    assert player.run.facts.user == {}
    assert {"Pin", "Copy", "Again", "Sum"} <= player.run.masked


def test_keys_for_a_variable_of_that_name_are_masked() -> None:
    steps = "  here: {widget: menu, say: Your pin., length: 2, store: Pin, tries: 1, on: {collected: end, no_input: end, invalid_exhausted: end}}\n"
    player = transferring(SECRET).goes_on(other(steps)).press("42")
    assert player.run.variables["Pin"] == "42"
    assert [pressed.digit for pressed in player.run.digits] == ["x", "x"]
    assert player.run.entries == ("***",)
    assert "42" not in shown(player)


def test_a_web_request_with_it_is_sealed_and_the_default_payload_masks_it() -> None:
    steps = "  here: {widget: webhook, url: 'https://h.example/?p={{ $flow.key.Pin }}', method: POST, json: {p: '{{ $flow.key.Pin }}'}, on: {success: saved, failure: end}}\n"
    saved = "  saved: {widget: webhook, endpoint: crm, method: POST, on: {success: end, failure: end}}\n"
    player = transferring(SECRET, HIDDEN).goes_on(other(steps + saved))
    errand = player.asked[-1]
    assert isinstance(errand, CallWebhook)
    assert errand.sealed
    player.returned("success", {"response_status_code": "200", "response_raw": "you sent 48151623"})
    assert player.run.variables["response_raw"] == "you sent ***"
    errand = player.asked[-1]
    assert isinstance(errand, CallWebhook)
    assert json.loads(errand.body or "")["variables"]["Pin"] == "***"
    assert "48151623" not in shown(player)


def test_an_answer_from_which_it_is_taken_is_not_shown() -> None:
    steps = (
        "  here: {widget: webhook, url: 'https://h.example/', result: {Pin: pin}, on: {success: end, failure: end}}\n"
    )
    player = transferring(SECRET).goes_on(other(steps))
    player.returned("success", {"response_status_code": "200", "response_raw": '{"pin": "42"}'})
    assert player.run.variables["Pin"] == "42"
    assert player.run.variables["response_raw"] == "***"
    assert "42" not in shown(player)


def test_secrets_of_both_are_masked_in_a_third() -> None:
    third = other("  here: {widget: play, say: '{{ $flow.key.Pin }} {{ $flow.key.Card }}', next: end}\n")
    second = other(OVER.replace("first", "here"), "variables: {Card: {secret: true}}\n")
    player = transferring(SECRET, HIDDEN | {"Card": "4111"}).goes_on(second).goes_on(third, "third")
    assert player.said == ["48151623 4111"]
    assert "48151623" not in shown(player)
    assert "4111" not in shown(player)
    assert player.run.masked == {"Pin", "Card"}


def test_within_one_flow_nothing_is_masked_beyond_its_own() -> None:
    player = Player.of(
        f"{HEAD}steps:\n  start: {{widget: start, next: a}}\n  a: {{widget: store_variable, set: {{B: x}}}}\n".encode()
    )
    player.begun()
    assert player.run.masked == frozenset()
    assert player.notes("variable")[0].data["value"] == "x"
