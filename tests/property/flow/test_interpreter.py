"""The interpreter is total: any event in any state gives a state; every run ends, and ends once, and survives storage."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from central.flow.commands import (
    Answer,
    Command,
    Dial,
    HangUp,
    MainPathEnded,
    PlayMedia,
    RunEnded,
    RunErrand,
    StartTimer,
)
from central.flow.document import parse
from central.flow.errands import (
    TRANSFERRED,
    CallWebhook,
    Errand,
    FetchSound,
    RecogniseSpeech,
    RecordVoice,
    TransferToFlow,
)
from central.flow.events import (
    Begun,
    DigitReceived,
    ErrandDone,
    ErrandMoved,
    FlowEvent,
    FundsShort,
    LegAnswered,
    LegEnded,
    PlaybackEnded,
    StatusDecided,
    StopForced,
    TimerFired,
)
from central.flow.interpreter import begin, enter, step
from central.flow.preparation import prepare
from central.flow.program import Program
from central.flow.run import Place, Run, RunFacts
from tests.fakes.flow_player import HEAD, T0
from tests.fakes.sleeping import slept

EXAMPLE = Path(__file__).parents[3] / "examples/appointment-reminder.yaml"
NAMES = [f"s{i}" for i in range(8)]
OTHERS = [
    "answer_call", "counter", "time_condition", "operation", "multi_play", "delay", "record", "start_flow", "short_link", "update_contact", "webhook",
]  # fmt: skip
ASKING = ["sms", "email", "agent_connect", "transfer_call", "further_leg"]
OUTCOMES = [
    "accepted", "delivered", "not_delivered", "failed", "answered", "busy", "no_answer", "agent_allocated", "max_wait_time_reached", "no_agent_available",
    "queue_full", "agent_lost", "customer_left", "not_configured", "timed_out", "odd", "recorded", "empty",
    "started", "shortened", "updated", "success", "failure", "fetched", "heard", "nothing",
    "transferred", "flow_unknown",
]  # fmt: skip
_BROUGHT = {
    "words": "yes", "confidence": "0.9", "file": "/f.wav", "name": "n", "link": "l", "status": "DELIVERED", "response_raw": '{"a": "1"}',
}  # fmt: skip
_WORDS: dict[type[Errand], str] = {
    RecordVoice: "recorded",
    CallWebhook: "success",
    FetchSound: "fetched",
    RecogniseSpeech: "heard",
    TransferToFlow: TRANSFERRED,
}
PLACE = Place("abcd1234", "other", "2")
STATUSES = ["Connected", "Busy", "Ring Timeout", "User Rejected", "Channel Busy", "Unallocated Number", "no such word"]

targets = st.sampled_from([*NAMES, "end", "nowhere"])
texts = st.sampled_from([
    "Hello.", "", "{{ $flow.key.A }}", "{{ $flow.syskey.now }}{{ $flow.key.B }}", "{{ broken", "{{ $call.dnis.number }}",
    "{{ $user.key.L }}",
])  # fmt: skip
policies = st.sampled_from(["", "branch", "continue", "fail"])


@st.composite
def webhooks(draw: st.DrawFn) -> dict[str, Any]:
    """A step that asks the web."""
    url = draw(st.sampled_from(["https://h.example/{{ $flow.key.A }}", "{{ $flow.key.B }}", "x"]))
    more = draw(st.sampled_from([{}, {"json": {"a": draw(texts)}}, {"form": {"a": draw(texts)}}]))
    wired = draw(st.sampled_from([{}, {"failure": draw(targets)}]))
    return {"widget": "webhook", "url": url, "query": {"q": draw(texts)}, "headers": {"X-A": draw(texts)}, **more,
            "result": {"B": draw(st.sampled_from(["a", "$", "[0].b"]))}, "on": {"success": draw(targets), **wired},
            "on_failure": draw(policies)}  # fmt: skip


@st.composite
def others(draw: st.DrawFn, kind: str, on: dict[str, Any]) -> dict[str, Any]:
    """A step that counts, computes or lets time pass."""
    match kind:
        case "answer_call":
            early = draw(st.sampled_from([{}, {"early": draw(texts)}]))
            return {"widget": kind, "ring": draw(st.sampled_from(["0s", "3s"])), **early, "next": draw(targets)}
        case "counter":
            wired = {name: draw(targets) for name in ("below_limit", "limit_reached")}
            return {
                "widget": kind,
                "limit": draw(st.integers(-2, 3)),
                "name": draw(st.sampled_from(["x", "y"])),
                "on": wired,
            }
        case "time_condition":
            window = {"hours": draw(st.sampled_from(["09:00-09:30", "22:00-09:31", "x"])), "next": draw(targets)}
            return {"widget": kind, "windows": [window], "holidays": ["2026-03-02"], "else": draw(targets)}
        case "operation":
            what = draw(st.sampled_from([("add", 2), ("upper", 1), ("date_add", 2), ("divide", 2), ("odd", 1)]))
            return {"widget": kind, "do": what[0], "of": [draw(texts) for _ in range(what[1])], "store": "B",
                    "on": {"success": draw(targets), **on}, "on_failure": draw(policies)}  # fmt: skip
        case "multi_play":
            items = st.sampled_from(
                [{"say": "Hello."}, {"file": "a"}, {"number": "{{ $flow.key.A }}"}, {"date": "2026-01-01"}]
            )
            return {"widget": kind, "items": draw(st.lists(items, min_size=1, max_size=3)), "stop_by": "1", "store": "A",
                    "next": draw(targets), "on": on, "on_failure": draw(policies)}  # fmt: skip
        case "record":
            said = draw(st.sampled_from([{}, {"say": draw(texts)}, {"file": draw(texts)}]))
            wired = {name: draw(targets) for name in ("recorded", "empty")}
            return {"widget": kind, **said, "max": draw(st.sampled_from(["5s", "2h"])), "store": "A", "on": {**wired, **on},
                    "stop_on": draw(st.sampled_from(["#", "12", "none", "x"])), "on_failure": draw(policies)}  # fmt: skip
        case "start_flow":
            delay = draw(st.sampled_from(["5", "2h", "{{ $flow.key.A }}", "x"]))
            return {"widget": kind, "flow": draw(texts), "delay": delay, "variables": {"A": draw(texts)}, "store": "B",
                    "on": {"started": draw(targets), **({"failed": draw(targets)} if on else {})},
                    "on_failure": draw(policies)}  # fmt: skip
        case "short_link":
            return {"widget": kind, "url": draw(texts), "store": "B", "next": draw(targets), "on": on,
                    "on_failure": draw(policies)}  # fmt: skip
        case "update_contact":
            return {"widget": kind, "set": {"L": draw(texts), "M": "{{ $user.key.L }}"}, "next": draw(targets), "on": on,
                    "on_failure": draw(policies)}  # fmt: skip
        case "webhook":
            return draw(webhooks())
        case _:
            said = draw(st.sampled_from([{}, {"say": draw(texts)}, {"file": draw(texts)}]))
            return {"widget": kind, "for": draw(st.sampled_from(["1s", "1h", "{{ $flow.key.A }}"])), **said,
                    "next": draw(targets), "on": on, "on_failure": draw(policies)}  # fmt: skip


@st.composite
def asking(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    """A step that asks others for something, or for somebody."""
    failed = {"failed": draw(targets)} if draw(st.booleans()) else {}
    to = st.sampled_from(["919800000009", "{{ $flow.key.A }}", "x", ""])
    whisper = draw(st.sampled_from([{}, {"whisper": {"say": "Hello."}}, {"whisper": {"file": "{{ $flow.key.A }}"}}]))
    match kind:
        case "sms":
            ends = {name: draw(targets) for name in draw(st.sets(st.sampled_from(["delivered", "not_delivered"])))}
            waits: list[dict[str, Any]] = [
                {},
                {"wait": "30s"},
                {"wait": "{{ $flow.key.A }}", "result": {"B": "status"}},
            ]
            wait = draw(st.sampled_from(waits))
            return {"widget": kind, "text": draw(texts), "to": draw(to), "on": {"accepted": draw(targets), **failed, **ends},
                    "on_failure": draw(policies), **wait}  # fmt: skip
        case "email":
            return {"widget": kind, "to": [draw(st.sampled_from(["a@example.com", "{{ $flow.key.A }}"]))], "subject": draw(texts),
                    "html": draw(texts), "on": {"accepted": draw(targets), **failed}, "on_failure": draw(policies)}  # fmt: skip
        case "agent_connect":
            wired = {name: draw(targets) for name in ("agent_allocated", "no_agent_available", "agent_lost")}
            return {"widget": kind, "queue": draw(texts), "priority": draw(st.sampled_from(["3", "{{ $flow.key.A }}"])),
                    "max_wait": "30s", "on": wired, "on_failure": draw(st.sampled_from(["", "fail"])), **whisper}  # fmt: skip
        case "transfer_call":
            way = draw(st.sampled_from(["number", "queue", "agent", "flow"]))
            return {"widget": kind, way: draw(to), "on": {"answered": draw(targets), **failed}, **whisper}
        case _:
            wired = {name: draw(targets) for name in draw(st.sets(st.sampled_from(["busy", "no_answer", "failed"])))}
            return {"widget": "make_call", "to": draw(to), "on": {"connected": draw(targets), **wired}, **whisper}


@st.composite
def steps(draw: st.DrawFn) -> dict[str, Any]:
    """One step of any widget, wired to anything, sometimes wrongly."""
    on = {"error": draw(targets)} if draw(st.booleans()) else {}
    kind = draw(
        st.sampled_from(["play", "menu", "decision", "store_variable", "make_call", "hang_up", "odd", *OTHERS, *ASKING])
    )
    match kind:
        case "play":
            address = draw(st.sampled_from(["https://h.example/{{ $flow.key.A }}.wav", "{{ $flow.key.B }}", "x"]))
            said = draw(st.sampled_from([{"say": draw(texts)}, {"file": draw(texts)}, {"url": address}]))
            return {"widget": kind, **said, "next": draw(targets), "on": on, "on_failure": draw(policies),
                    "repeat": draw(st.integers(1, 3)), "barge_in": draw(st.booleans())}  # fmt: skip
        case "menu":
            more: dict[str, Any] = draw(
                st.sampled_from([{}, {"length": 3, "min_length": 2, "store": "A"}, {"invalid": "No."}])
            )
            wired = {name: draw(targets) for name in ("no_input", "invalid_exhausted", "collected")}
            if draw(st.booleans()):
                more |= {
                    "speech": {"phrases": draw(st.sampled_from([{"1": ["yes"]}, {"2": "no", "12": ["oh", "no"]}]))}
                }
                wired |= draw(st.sampled_from([{}, {"speech_not_configured": "s0"}]))
            said = draw(
                st.sampled_from(
                    [{"say": draw(texts)}, {"items": [{"say": draw(texts)}, {"number": "{{ $flow.key.A }}"}]}]
                )
            )
            keys = {key: draw(targets) for key in draw(st.sets(st.sampled_from(["1", "2", "12", "#"]), min_size=1))}
            return {"widget": kind, **said, "digits": keys, "tries": draw(st.integers(1, 3)), **more,
                    "finish_on": draw(st.sampled_from(["", "#"])), "on": {**wired, **on},
                    "barge_in": draw(st.booleans()), "type_ahead": draw(st.booleans())}  # fmt: skip
        case "decision":
            condition = {
                "value": draw(texts),
                "is": draw(st.sampled_from(["=", "<", "regex", "in"])),
                "to": draw(texts),
            }
            return {"widget": kind, "rules": [{"when": condition, "next": draw(targets)}], "else": draw(targets)}
        case "store_variable":
            name = draw(st.sampled_from(["A", "B", "user.key.L"]))
            return {"widget": kind, "set": {name: draw(texts)}, "next": draw(targets)}
        case "make_call":
            wired = {name: draw(targets) for name in ("connected", "busy", "no_answer", "failed", "machine")}
            return {"widget": kind, "on": wired, "detect_machine": draw(st.booleans()),
                    "unconnected_branch": draw(st.sampled_from(["last", "every"]))}  # fmt: skip
        case _ if kind in ASKING:
            return draw(asking(kind))
        case _:
            return draw(others(kind, on)) if kind in OTHERS else {"widget": kind}


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """The example, or any flow whatever of eight steps and all entry points."""
    if draw(st.integers(0, 3)) == 0:
        return prepare(parse(EXAMPLE.read_bytes()))
    body: dict[str, Any] = {
        "start": {"widget": "start", "next": "call"},
        "call": {"widget": "make_call", "on": {"connected": "s0", "busy": draw(targets), "failed": draw(targets)}},
        "gone": {"widget": "on_remote_hangup", "next": draw(targets)},
        "done": {"widget": "on_flow_complete", "next": draw(targets)},
        **{name: draw(steps()) for name in NAMES},
    }
    secret = "true" if draw(st.booleans()) else "false"
    lines = "".join(f"  {name}: {json.dumps(value)}\n" for name, value in body.items())
    return prepare(parse(f"{HEAD}variables: {{A: {{secret: {secret}}}}}\nsteps:\n{lines}".encode()))


@st.composite
def events(draw: st.DrawFn) -> FlowEvent:
    """Any news, true or not, in time or not."""
    at = T0 + timedelta(seconds=draw(st.sampled_from([-5.0, 0.0, 1.0, 30.0, 7199.0, 7200.0])))
    small = st.integers(-1, 6)
    kind = draw(st.integers(0, 13))
    match kind:
        case 0:
            return Begun(at)
        case 1:
            return LegAnswered(draw(small), at, draw(st.booleans()))
        case 2:
            answered = draw(st.sampled_from([None, 0.0, 2.5, -1.0]))
            return LegEnded(
                draw(small), at, draw(st.sampled_from(STATUSES)), draw(st.sampled_from(["us", "them"])), answered
            )
        case 3:
            return FundsShort(draw(small), at)
        case 4:
            return StopForced(at)
        case 5:
            return StatusDecided("COMPLETED", "", at)
        case 6 | 7:
            return PlaybackEnded(draw(small), draw(st.booleans()), at, "detail")
        case 8 | 9:
            return TimerFired(draw(small), at)
        case 10:
            return ErrandDone(draw(small), draw(st.sampled_from(OUTCOMES)), at, _BROUGHT, "detail")
        case 11:
            return ErrandMoved(draw(small), draw(st.sampled_from(["waiting", "conversation"])), at)
        case _:
            return DigitReceived(draw(st.sampled_from([*"12#*9A", "", "xx", "é"])), at)


facts = st.builds(
    RunFacts,
    numbers=st.sampled_from([(), ("919800000001",), ("919800000001", "919800000002", "919800000003")]),
    variables=st.sampled_from([{}, {"A": "1"}, {"A": "x" * 4096, "B": "2026-01-01"}]),
    struck=st.frozensets(st.integers(0, 2)),
    user=st.sampled_from([{}, {"L": "hi"}, {"K": "x" * 4096}]),
    last_attempt=st.booleans(),
    inbound=st.booleans(),
)


_index: st.SearchStrategy[Any] = st.integers(0, 1000)
_chance: st.SearchStrategy[Any] = st.booleans()


class Driver:
    """Keeps the promises of the commands: what was asked for comes, in some order, mixed with any other news."""

    def __init__(self, program: Program, known: RunFacts, other: Program) -> None:
        self.program, self.other = program, other
        self.run = begin(program, known)
        self.commands: list[Command] = []
        self.owed: list[FlowEvent] = [Begun(T0)]

    def feed(self, event: FlowEvent) -> None:
        before = self.run
        if isinstance(event, ErrandDone) and event.outcome == TRANSFERRED:
            self.run, news = enter(self.program, before, event, self.other, PLACE)
            assert enter(self.program, before, event, self.other, PLACE) == (self.run, news)
            assert (self.run != before) is bool(news)
            self.program = self.other if self.run.place == PLACE else self.program
        else:
            self.run, news = step(self.program, before, event)
            assert step(self.program, before, event) == (self.run, news)
        assert Run.from_json(self.run.to_json()) == self.run
        self.run = slept(self.program, self.run, T0)
        for command in news:
            self.perform(command)

    def perform(self, command: Command) -> None:
        self.commands.append(command)
        match command:
            case Dial():
                assert command.position not in [old.position for old in self.commands[:-1] if isinstance(old, Dial)]
                self.owed.append(LegEnded(command.position, T0, "Busy", "them"))
            case Answer():
                self.owed.append(LegAnswered(0, T0))
            case HangUp():
                self.owed.append(LegEnded(self.run.leg.position, T0, "Connected", "us", 1.0))
            case PlayMedia():
                self.owed.append(PlaybackEnded(command.playback, True, T0))
            case RunErrand():
                self.owed.append(ErrandMoved(command.number, "conversation", T0))
                word = _WORDS.get(type(command.errand), "answered")
                self.owed.append(ErrandDone(command.number, word, T0, _BROUGHT))
            case StartTimer():
                self.owed.append(TimerFired(command.timer, T0))
            case MainPathEnded():
                self.owed.append(StatusDecided("FAILURE", command.reason, T0))
            case _:
                pass

    def count(self, kind: type[Command]) -> int:
        return sum(isinstance(command, kind) for command in self.commands)


@settings(max_examples=300)
@given(program=programs(), other=programs(), known=facts, news=st.lists(events(), max_size=40), data=st.data())
def test_any_news_in_any_order_and_every_run_ends_once(
    program: Program, other: Program, known: RunFacts, news: list[FlowEvent], data: st.DataObject
) -> None:
    driver = Driver(program, known, other)
    for event in news:
        driver.feed(event)
        if driver.owed and data.draw(_chance):
            driver.feed(driver.owed.pop(data.draw(_index) % len(driver.owed)))
        assert driver.count(MainPathEnded) <= 1
    rounds = 0
    while driver.run.phase != "done":
        rounds += 1
        assert rounds < 10_000, driver.run
        # The leg's end and the limit of 120 minutes come at last, whatever else is lost.
        driver.feed(driver.owed.pop(0) if driver.owed else TimerFired(driver.run.limit, T0))
    assert driver.count(MainPathEnded) == 1
    assert driver.count(RunEnded) == 1
    for event in news:
        assert step(driver.program, driver.run, event) == (driver.run, ())


@settings(max_examples=100)
@given(program=programs(), known=facts, news=st.lists(events(), max_size=30))
def test_the_doubled_event_has_no_effect_where_it_is_about_one_thing(
    program: Program, known: RunFacts, news: list[FlowEvent]
) -> None:
    run = begin(program, known)
    for event in [Begun(T0), *news]:
        given_out = run.playbacks, run.timers, run.errands
        run, _ = step(program, run, event)
        if isinstance(event, StatusDecided) and run.phase == "status":
            continue  # passed over, because the time limit ended the main path: now it is awaited
        if not isinstance(event, DigitReceived | LegAnswered | LegEnded | FundsShort) and _known(event, *given_out):
            assert step(program, run, event) == (run, ())


def _known(event: FlowEvent, playbacks: int, timers: int, errands: int) -> bool:
    """Whether it is about something that was asked for before: else the first of the two may have asked for it."""
    match event:
        case PlaybackEnded():
            return event.playback <= playbacks
        case TimerFired():
            return event.timer <= timers
        case ErrandDone() | ErrandMoved():
            return event.number <= errands
        case _:
            return True
