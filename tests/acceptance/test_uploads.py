"""A list that comes as a file is loaded by the background worker and called like any other; its refused rows come back."""

from __future__ import annotations

import csv
import io
import time

import pytest

from tests.acceptance.counting import Counting
from tests.acceptance.laboratory import Laboratory

pytestmark = pytest.mark.case_file("register")


def test_a_file_with_good_and_bad_rows_is_called_and_its_rejects_are_told(laboratory: Laboratory) -> None:
    played = laboratory.played("register")
    (busy, listed, exempt) = (played.numbers[case.name][0] for case in played.file.cases)
    rows = [
        "tel1,tel2,client_identifier,start_time",
        f"{busy},,one,",
        f'"+{busy[:5]} {busy[5:]}",,"two, quoted",',
        f"{listed},{exempt},three,",
        f"{listed},,four,",
        "12345,,=cmd,",
        f"{busy},,six,after lunch",
    ]
    content = "\r\n".join(rows).encode("utf-8-sig")
    accepted = played.api.send(
        "POST", "/requests/upload", content, "text/csv", flow=played.flow_id, filename="contacts.csv"
    )
    path = f"/requests/{accepted['request_id']}"
    counting = Counting()
    end = time.monotonic() + 40
    request = played.api.get(path)
    while request["status"] != "Completed" and time.monotonic() < end:
        counting.look(request)
        time.sleep(0.3)
        request = played.api.get(path)
    counting.look(request)
    assert not counting.wrong
    assert request["statuses"] == {
        "FAILURE": 3, "INVALID_CALL_START_TIME_FORMAT": 1, "INVALID_CONTACT_NUMBER": 1, "NCPR_CHECK_FAILED": 1
    }  # fmt: skip
    assert request["calls"] == {"Busy": 3}
    rejects = list(csv.DictReader(io.StringIO(played.api.get(f"{path}/rejects.csv"))))
    assert [row["status"] for row in rejects] == [
        "NCPR_CHECK_FAILED", "INVALID_CONTACT_NUMBER", "INVALID_CALL_START_TIME_FORMAT"
    ]  # fmt: skip
    assert rejects[1]["client_identifier"] == "'=cmd"
    report = played.api.get(f"{path}/report")
    assert (report["legs"], report["attempts"], report["classes"]["ncpr"]) == (3, 3, 1)
