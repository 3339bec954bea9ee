"""What was recorded in real calls is heard again: the tone that the far end said is in the file that the link leads to."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.acceptance.case_files import Case, case_files
from tests.acceptance.laboratory import Laboratory
from tests.acceptance.listening import download, unlike

CASES = [
    pytest.param(case, id=case.id, marks=pytest.mark.case_file(file.name))
    for file in case_files()
    for case in file.cases
    if case.recordings is not None
]


@pytest.mark.parametrize("case", CASES)
def test_recordings_hold_what_was_said(laboratory: Laboratory, case: Case) -> None:
    played = laboratory.played(case.file)
    record = played.api.get(f"/records/{played.seen[case.name].receipt['record_id']}")
    assert not unlike(case.recordings or (), record["recordings"])


@pytest.mark.case_file("recording")
def test_the_final_event_brings_links_to_the_recordings(laboratory: Laboratory) -> None:
    played = laboratory.played("recording")
    finals: dict[str, dict[str, Any]] = {}

    def all_here() -> bool:
        for post in laboratory.receiver.posts("recording"):
            body = json.loads(post.body)
            finals[body["client_identifier"]] = body
        return len(finals) == len(played.file.cases)

    assert played.until("all final events arrived", all_here, 40)
    for case in played.file.cases:
        told = finals[case.name]["recordings"]
        assert [one.get("step", "") for one in told] == [one["step"] for one in case.recordings or ()], case.name
        assert all(len(download(one)) == one["bytes"] for one in told)


@pytest.mark.case_file("switched_off")
def test_the_timeline_says_why_nothing_was_recorded(laboratory: Laboratory) -> None:
    played = laboratory.played("switched_off")
    (seen,) = played.seen.values()
    warnings = [entry["title"] for entry in seen.explanation["timeline"] if entry["kind"] == "warning"]
    assert warnings[0] == "Warning: the account may not record, so this was not recorded"
    told = " ".join(warnings[1:])
    for reason in ("The account may not record.", "The account may not send SMS.", "The account may not send e-mail."):
        assert reason in told
    flow = played.api.get(f"/flows/{played.flow_id}")
    codes = [finding["code"] for finding in flow["draft_findings"]]
    assert codes == ["recording_disabled", "recording_disabled", "sms_disabled", "email_disabled"]
