"""What the history of tests/cases/spoken_menu.toml tells of an installation that recognises no speech."""

from __future__ import annotations

import json

import pytest

from tests.acceptance.laboratory import Laboratory

pytestmark = pytest.mark.case_file("spoken_menu")


def test_each_call_is_warned_once_that_only_keys_count(laboratory: Laboratory) -> None:
    played = laboratory.played("spoken_menu")
    assert not played.faults
    for name, seen in played.seen.items():
        told = json.dumps(seen.explanation["timeline"])
        assert told.count('"code": "speech_not_configured"') == 1, name
        assert '"say": "December 25, 2027"' in told
