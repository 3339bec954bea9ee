"""Agents with SIP phones: what the phone itself heard, and what its owner's history says."""

from __future__ import annotations

import pytest

from tests.acceptance.laboratory import Laboratory
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
