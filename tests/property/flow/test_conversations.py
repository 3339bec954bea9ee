"""A customer who hangs up in a conversation: whatever follows, nothing is played to him, and the end is the one of domain 5.1."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from central.flow.commands import Dial, PlayMedia, RunErrand
from central.flow.errands import BridgeNumber, ConnectAgent
from central.flow.events import TimerFired
from central.flow.run import OnErrand
from central.flow.widgets.table import WIDGETS
from tests.fakes.flow_player import Player, after_answer

NAMES = [f"s{i}" for i in range(6)]
targets = st.sampled_from([*NAMES, "end"])
_chance: st.SearchStrategy[Any] = st.booleans()


@st.composite
def steps(draw: st.DrawFn) -> dict[str, Any]:
    """A step of a kind that may follow a conversation."""
    to = draw(targets)
    return draw(
        st.sampled_from(
            [
                {"widget": "store_variable", "set": {"A": "1"}, "next": to},
                {"widget": "decision", "rules": [{"when": {"value": "1", "is": "=", "to": "1"}, "next": to}], "else": "end"},
                {"widget": "sms", "text": "Hello.", "on": {"accepted": to, "failed": draw(targets)}},
                {"widget": "delay", "for": "1s", "next": to},
                {"widget": "counter", "limit": 3, "on": {"below_limit": to, "limit_reached": draw(targets)}},
                {"widget": "operation", "do": "divide", "of": ["1", "0"], "store": "B", "on_failure": "fail",
                 "on": {"success": to}},
                {"widget": "play", "say": "Hello.", "next": to},
                {"widget": "menu", "say": "Hello.", "digits": {"1": to}, "on": {"no_input": to, "invalid_exhausted": to}},
                {"widget": "agent_connect", "queue": "q", "on": {"agent_allocated": to, "no_agent_available": to}},
                {"widget": "make_call", "to": "918000000011", "on": {"connected": to, "failed": to}},
                {"widget": "hang_up"},
            ]
        )
    )  # fmt: skip


begins = st.sampled_from(
    [
        {"widget": "transfer_call", "number": "918000000010", "on": {"answered": "s0", "failed": "end"}},
        {"widget": "agent_connect", "queue": "q", "on": {"agent_allocated": "s0", "no_agent_available": "end"}},
        {"widget": "make_call", "to": "918000000010", "on": {"connected": "s0", "failed": "end"}},
    ]
)  # fmt: skip


@settings(max_examples=200)
@given(first=begins, rest=st.lists(steps(), min_size=6, max_size=6), early=st.booleans(), data=st.data())
def test_the_end_is_the_flows_end_unless_a_step_needed_him(
    first: dict[str, Any], rest: list[dict[str, Any]], early: bool, data: st.DataObject
) -> None:
    body = {"first": first, **dict(zip(NAMES, rest, strict=True))}
    text = "".join(f"  {name}: {json.dumps(step)}\n" for name, step in body.items())
    text += "  gone: {widget: on_remote_hangup, next: mark}\n  mark: {widget: store_variable, set: {Left: 'yes'}, next: end}\n"
    player = Player.of(after_answer(text)).connected().moved().wait(10)
    seen = len(player.commands)
    if early:  # the runner knows it before the engine does
        player.returned("customer_left")
    player.ended("Connected")
    for _ in range(50):
        wait = player.run.wait
        if wait is None:
            break
        if isinstance(wait, OnErrand) and data.draw(_chance):
            player.returned("accepted")
        else:
            player.feed(TimerFired(wait.pending[0], player.at))
    if player.run.wait is not None:  # a loop that would go on for long
        player.feed(TimerFired(player.run.limit, player.at))
    after = player.commands[seen:]
    assert not [command for command in after if isinstance(command, Dial | PlayMedia)]
    asked = [command.errand for command in after if isinstance(command, RunErrand)]
    assert not [errand for errand in asked if isinstance(errand, BridgeNumber | ConnectAgent)]
    entered = [note.step for note in player.notes("step")]
    assert entered[-2:] == ["gone", "mark"]
    assert entered.count("gone") == 1
    ending = player.ending
    needing = ending.step in body and (WIDGETS[body[ending.step]["widget"]].media or "to" in body[ending.step])
    assert ending.parted
    assert (ending.kind == "customer_left") == needing
    assert ending.kind in {"end", "customer_left", "failed"}
    assert ending.step not in entered[entered.index("first") + 1 :] or not needing
