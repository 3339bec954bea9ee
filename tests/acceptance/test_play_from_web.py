"""Why nothing was played is told in the record's history, for each case of tests/cases/play_from_web.toml."""

from __future__ import annotations

import json

import pytest

from tests.acceptance.laboratory import Laboratory

pytestmark = pytest.mark.case_file("play_from_web")
ERRORS = {
    "a page that is not there": "HTTP 404",
    "a page that is no recording": "url_no_audio",
    "a server that never answers": "could not be played within 3 s",
    "a body of a billion bytes": "url_too_large",
    "a redirect to an address that may not be reached": "url_refused",
}


def test_what_went_wrong_is_told(laboratory: Laboratory) -> None:
    played = laboratory.played("play_from_web")
    assert not played.faults
    for name, error in ERRORS.items():
        assert error in json.dumps(played.seen[name].explanation), name
