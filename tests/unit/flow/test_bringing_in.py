"""Agent Connect, Transfer Call and the further leg of Make Call: whom they ask for, and which branch follows what."""

from __future__ import annotations

import pytest

from central.flow.checker import check
from central.flow.commands import StartTimer
from central.flow.document import parse
from central.flow.errands import BridgeNumber, ConnectAgent, TransferToFlow
from central.flow.media import Prompt, Speech
from tests.fakes.flow_player import START, Player, after_answer, document

ENDS = "".join(
    f"  {name}: {{widget: store_variable, set: {{Went: {name}}}, next: end}}\n" for name in ("one", "two", "three")
)


def at(step: str, variables: dict[str, str] | None = None, head: str = "") -> Player:
    return Player.of(after_answer(f"  first: {{{step}}}\n{ENDS}", head), variables=variables).connected()


def went(player: Player) -> str:
    return player.run.variables.get("Went", "")


def failures(player: Player) -> list[object]:
    return [note.data.get("failure") for note in player.notes("warning") if note.data["code"] == "step_failed"]


# -- Agent Connect -----------------------------------------------------------------------------------------------------
QUEUE = "widget: agent_connect, queue: support, on: {agent_allocated: one, no_agent_available: two}"


def test_a_customer_is_queued_up() -> None:
    player = at(QUEUE)
    assert player.asked == [ConnectAgent(queue="support")]
    assert player.all(StartTimer)[-1].after_s == 360.0


def test_every_input_may_come_from_a_variable() -> None:
    step = (
        "widget: agent_connect, queue: '{{ $flow.key.Q }}', skills: ['{{ $flow.key.S }}', b], priority: '{{ $flow.key.P }}',"
        " max_wait: '{{ $flow.key.W }}', music: '{{ $flow.key.M }}', announce_position: true, record: true,"
        " whisper: {say: 'For {{ $flow.key.Q }}'}, on: {agent_allocated: one, no_agent_available: two}"
    )
    player = at(step, {"Q": " desk ", "S": "hindi:3", "P": "9", "W": "90", "M": "hold"})
    assert player.asked == [
        ConnectAgent("desk", "", 90.0, ("hindi:3", "b"), 9, "hold", True, Speech("For  desk"), True)
    ]
    assert [dict(note.data) for note in player.notes("whisper")] == [{"say": "For  desk "}]


def test_what_a_variable_gives_and_cannot_be_read_is_the_usual() -> None:
    step = (
        "widget: agent_connect, queue: q, skills: ['{{ $flow.key.X }}'], priority: '{{ $flow.key.X }}', max_wait: '{{ $flow.key.X }}',"
        " music: '{{ $flow.key.X }}', whisper: {file: '{{ $flow.key.X }}'}, on: {agent_allocated: one, no_agent_available: two}"
    )
    player = at(step, {"X": "?!"})
    assert player.asked == [ConnectAgent("q")]
    assert sorted(map(str, player.warnings)) == ["input_unreadable"] * 3 + ["prompt_name_invalid"] * 2


@pytest.mark.parametrize("outcome", ["max_wait_time_reached", "queue_full", "agent_lost", "no_agent_available"])
def test_branches_that_are_not_wired_lead_where_nobody_was_there(outcome: str) -> None:
    player = at(QUEUE).returned(outcome)
    assert went(player) == "two"
    assert player.run.queue_outcome == outcome
    assert not failures(player)


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        ("not_configured", "queue_not_configured"),
        ("failed", "agent_connect_failed"),
        ("timed_out", "agent_connect_timed_out"),
    ],
)
def test_a_contact_center_that_is_not_there_takes_the_branch_of_nobody(outcome: str, code: str) -> None:
    player = at(QUEUE).returned(outcome)
    assert went(player) == "two"
    assert failures(player) == [code]
    assert player.run.queue_outcome == "no_agent_available"
    strict = at(QUEUE + ", on_failure: fail").returned(outcome)
    strict.ended("Connected", by="us")
    assert strict.ending.reason == "flow_error"
    assert went(at(QUEUE + ", on_failure: fail").returned("no_agent_available")) == "two"


def test_how_the_wait_ended_can_be_read() -> None:
    gone = "  gone: {widget: on_remote_hangup, next: mark}\n  mark: {widget: store_variable, set: {How: '{{ $flow.syskey.queue_outcome }}'}}\n"
    left = Player.of(after_answer(f"  first: {{{QUEUE}}}\n{ENDS}{gone}")).connected().ended("Connected")
    assert left.run.variables["How"] == "caller_abandoned"
    talked = Player.of(after_answer(f"  first: {{{QUEUE}}}\n{ENDS}{gone}")).connected().moved().ended("Connected")
    assert talked.run.variables == {"How": "agent_allocated", "Went": "one"}
    lost = Player.of(after_answer(f"  first: {{{QUEUE}}}\n{ENDS}{gone}")).connected().moved().moved("waiting")
    assert lost.ended("Connected").run.variables == {"How": "caller_abandoned"}


# -- Transfer Call -----------------------------------------------------------------------------------------------------
TALK = "on: {answered: one, failed: two}"


@pytest.mark.parametrize(
    ("to", "errand", "guard_s"),
    [
        ("number: '+91 98000-00009'", BridgeNumber("919800000009", 30.0), 60.0),
        ("number: '919800000009', ring_timeout: 20s, caller_id: anonymous, whisper: {file: hello}",
         BridgeNumber("919800000009", 20.0, "anonymous", Prompt("hello")), 50.0),
        ("queue: desk, max_wait: 1m", ConnectAgent(queue="desk", max_wait_s=60.0, ring_timeout_s=30.0), 120.0),
        ("agent: Asha, ring_timeout: 15s", ConnectAgent(agent="Asha", ring_timeout_s=15.0), 360.0),
        ("flow: night_line", TransferToFlow("night_line"), 15.0),
    ],
)  # fmt: skip
def test_whom_a_transfer_asks_for(to: str, errand: object, guard_s: float) -> None:
    player = at(f"widget: transfer_call, {to}, {TALK}")
    assert player.asked == [errand]
    assert player.all(StartTimer)[-1].after_s == guard_s


@pytest.mark.parametrize(
    ("to", "outcome", "code"),
    [
        ("number: '919800000009'", "busy", "transfer_busy"),
        ("number: '919800000009'", "no_answer", "transfer_no_answer"),
        ("number: '919800000009'", "failed", "transfer_failed"),
        ("number: '919800000009'", "timed_out", "transfer_timed_out"),
        ("number: '919800000009'", "not_configured", "bridge_not_configured"),
        ("queue: desk", "no_agent_available", "transfer_no_agent_available"),
        ("queue: desk", "agent_lost", "transfer_agent_lost"),
        ("agent: Asha", "not_configured", "queue_not_configured"),
        ("flow: night_line", "not_configured", "flow_transfer_not_available"),
        ("flow: night_line", "failed", "transfer_failed"),
    ],
)
def test_a_transfer_that_brings_nobody_fails_and_the_customer_is_still_there(to: str, outcome: str, code: str) -> None:
    player = at(f"widget: transfer_call, {to}, {TALK}").returned(outcome)
    assert went(player) == "two"
    assert failures(player) == [code]
    strict = at(f"widget: transfer_call, {to}, on: {{answered: one}}").returned(outcome).ended("Connected", by="us")
    assert (strict.ending.kind, strict.ending.reason) == ("failed", "flow_error")


@pytest.mark.parametrize(
    "to", ["number: '{{ $flow.key.V }}'", "queue: '{{ $flow.key.V }}'", "flow: '{{ $flow.key.V }}'"]
)
@pytest.mark.parametrize("value", ["", "\x00", "x" * 65])
def test_a_target_that_is_none_fails_without_an_errand(to: str, value: str) -> None:
    player = at(f"widget: transfer_call, {to}, {TALK}", {"V": value})
    assert went(player) == "two"
    assert player.asked == []


def test_a_transfer_to_a_queue_tells_how_the_wait_ended() -> None:
    assert at(f"widget: transfer_call, queue: q, {TALK}").returned("queue_full").run.queue_outcome == "queue_full"
    assert (
        at(f"widget: transfer_call, queue: q, {TALK}").moved().returned("agent_allocated").run.queue_outcome
        == "agent_allocated"
    )
    assert not at(f"widget: transfer_call, number: '919800000009', {TALK}").returned("busy").run.queue_outcome


# -- Make Call with `to` -----------------------------------------------------------------------------------------------
FURTHER = "widget: make_call, to: '919800000009', on: {connected: one, busy: two, failed: three}"


@pytest.mark.parametrize(
    ("outcome", "branch"),
    [
        ("answered", "one"),
        ("busy", "two"),
        ("no_answer", "three"),
        ("failed", "three"),
        ("not_configured", "three"),
        ("timed_out", "three"),
    ],
)
def test_the_branches_of_a_further_leg(outcome: str, branch: str) -> None:
    player = at(FURTHER + ", ring_timeout: 20s, caller_id: '911140000000'")
    assert player.asked == [BridgeNumber("919800000009", 20.0, "911140000000")]
    assert player.all(StartTimer)[-1].after_s == 50.0
    assert went(player.returned(outcome)) == branch


def test_a_further_leg_that_fails_without_a_branch_fails_the_record() -> None:
    player = (
        at("widget: make_call, to: '919800000009', on: {connected: one}").returned("failed").ended("Connected", by="us")
    )
    assert (player.ending.kind, player.ending.reason) == ("failed", "flow_error")
    busy = (
        at("widget: make_call, to: '919800000009', on: {connected: one}").returned("busy").ended("Connected", by="us")
    )
    assert busy.ending.kind == "end"


def test_a_further_leg_needs_the_customer() -> None:
    player = Player.of(
        document(
            "  start: {widget: start, next: a}\n  a: {widget: make_call, to: '919800000009', on: {connected: end, failed: end}}\n"
        )
    )
    assert failures(player.begun()) == ["no_leg"]
    found = check(
        parse(
            document(
                "  start: {widget: start, next: a}\n  a: {widget: make_call, to: '919800000009', on: {connected: end}}\n"
            )
        )
    )
    assert {finding.code for finding in found} == {"call_step_missing", "media_without_call"}


def test_without_to_a_second_make_call_finds_the_customer_connected() -> None:
    player = at("widget: make_call, on: {connected: one}")
    assert player.warnings == ["already_connected"]
    assert went(player) == "one"


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ("widget: agent_connect, on: {agent_allocated: end, no_agent_available: end}", "field_missing"),
        ("widget: agent_connect, queue: q", "branch_without_target"),
        (QUEUE + ", priority: 10", "field_out_of_range"),
        (QUEUE + ", max_wait: 2h", "field_out_of_range"),
        (QUEUE + ", max_wait: soon", "field_out_of_range"),
        (QUEUE + ", skills: ['?']", "skills_invalid"),
        (QUEUE + ", skills: [{a: b}]", "skills_invalid"),
        (QUEUE + f", skills: {['a'] * 21}", "skills_invalid"),
        (QUEUE + ", music: ../x", "prompt_name_invalid"),
        (QUEUE + ", record: maybe", "field_not_flag"),
        (QUEUE + ", whisper: {voice: x}", "media_missing"),
        (QUEUE + ", on_failure: continue", "failure_policy_invalid"),
        (QUEUE.replace("support", "x" * 65), "name_invalid"),
        (f"widget: transfer_call, {TALK}", "transfer_target_unclear"),
        (f"widget: transfer_call, number: '919800000009', queue: q, {TALK}", "transfer_target_unclear"),
        (f"widget: transfer_call, number: '0', {TALK}", "number_invalid"),
        (f"widget: transfer_call, number: '919800000009', max_wait: 1m, {TALK}", "field_without_effect"),
        (f"widget: transfer_call, flow: f, caller_id: x, {TALK}", "field_without_effect"),
        (f"widget: transfer_call, queue: q, ring_timeout: 5m, {TALK}", "field_out_of_range"),
        ("widget: transfer_call, number: '919800000009'", "branch_without_target"),
        (FURTHER + ", detect_machine: true", "field_without_effect"),
        (FURTHER + ", unconnected_branch: every", "field_without_effect"),
        ("widget: make_call, whisper: {say: x}, on: {connected: end}", "field_without_effect"),
        (FURTHER.replace("919800000009", "x"), "number_invalid"),
    ],
)
def test_findings(step: str, code: str) -> None:
    found = check(parse(after_answer(f"  first: {{{step}}}\n{ENDS}")))
    assert code in {finding.code for finding in found}


def test_steps_that_bring_somebody_in_stand_on_no_late_path_and_need_the_call() -> None:
    for step in (QUEUE, f"widget: transfer_call, queue: q, {TALK}", FURTHER):
        late = f"  first: {{widget: hang_up}}\n  gone: {{widget: on_remote_hangup, next: it}}\n  it: {{{step}}}\n{ENDS}"
        assert "media_on_late_path" in {finding.code for finding in check(parse(after_answer(late)))}
        before = f"  start: {{widget: start, next: it}}\n  it: {{{step}}}\n  call: {{widget: make_call, on: {{connected: end}}}}\n{ENDS}"
        codes = {finding.code for finding in check(parse(document(before)))}
        assert "media_without_call" in codes
    assert (
        check(
            parse(
                document(
                    START + f"  call: {{widget: make_call, on: {{connected: first}}}}\n  first: {{{FURTHER}}}\n{ENDS}"
                )
            )
        )
        == ()
    )
