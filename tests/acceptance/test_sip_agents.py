"""Agents with SIP phones: what the phone itself heard, and what its owner's history says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.acceptance.atlas import add_messages
from tests.acceptance.laboratory import Laboratory, catalogue
from tests.acceptance.phones import TONE_HZ
from tests.tones import hear

FILE = "sip_agents"
pytestmark = pytest.mark.case_file(FILE)


def test_the_agents_phone_heard_the_customer(laboratory: Laboratory) -> None:
    heard = hear(laboratory.played(FILE).phones["Farid"].heard)
    assert heard.tone_s(440) >= 1
    assert heard.tone_s(TONE_HZ) == 0


def test_a_call_to_a_phone_is_told_without_a_trunk(laboratory: Laboratory) -> None:
    seen = laboratory.played(FILE).seen["they hear each other, and the agent hangs up"]
    agent = seen.legs[1]
    assert agent["number_to"].startswith("a")
    assert agent["number_from"] == laboratory.played(FILE).did


def test_every_status_of_an_agent_is_reached_and_told_with_how_long_it_lasted(laboratory: Laboratory) -> None:
    histories = laboratory.played(FILE).histories
    assert [event["to_status"] for event in histories["Farid"]] == [
        "IDLE", "INCOMING", "ON_CALL", "WRAPPING_UP", "IDLE", "LOGGED_OUT",
    ]  # fmt: skip
    talked = histories["Farid"][3]
    assert talked["from_status"] == "ON_CALL"
    assert 1_000 < talked["lasted_ms"] < 10_000  # its owner hangs up after two seconds
    paused = histories["Indu"][2]
    assert (paused["to_status"], paused["pause_code"], paused["reason"]) == ("PAUSED", "MISSED_OFFERS", "missed_offers")
    told = {f"{FILE}/{name}": _told(events) for name, events in histories.items()}
    assert add_messages("agent", [str(row["name"]) for row in catalogue()["agent"]], told) == []


def _told(events: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A history as the atlas takes it."""
    lines = [
        {
            "at": event["at"], "kind": "agent", "to": event["to_status"],
            "sentence": f"{event['to_status']}: {event['reason'].replace('_', ' ')}",
        }
        for event in events
    ]  # fmt: skip
    return {"status": events[-1]["to_status"], "history": lines}
