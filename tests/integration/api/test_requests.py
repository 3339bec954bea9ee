from __future__ import annotations

import io
import zipfile
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.api.conftest import Stage, Tenant

CSV = {"Content-Type": "text/csv"}
ROWS = b"tel1,name\n919876543210,Ada\n"


def submission(**fields: Any) -> dict[str, Any]:
    return {
        "flow": "appointment_reminder",
        "records": [{"numbers": ["+91 98765 43210"], "variables": {"age": 7}}],
    } | fields


async def test_records_get_a_result_each(stage: Stage, tenant: Tenant) -> None:
    made = await tenant.post("/requests", submission(mode="testing", name="monday", priority=3))
    assert made.status_code == 201, made.text
    assert made.headers["location"].endswith(made.json()["request_id"])
    assert (made.json()["accepted"] + made.json()["refused"], len(made.json()["records"])) == (1, 1)
    account, sent = stage.intake.submitted[0]
    assert (account, sent.mode, sent.name, sent.priority) == (tenant.id, "testing", "monday", 3)
    assert sent.records[0].variables == {"age": "7"}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (submission(records=[{"numbers": ["1"]}] * 501), 422, "too_many_records"),
        (submission(colour="red"), 422, "invalid_body"),
        (submission(records=[{"numbers": ["1"], "tel": "1"}]), 422, "invalid_body"),
        (submission(mode="wild"), 422, "invalid_body"),
        (submission(end_at="2030-01-01T00:00:00"), 422, "invalid_body"),
        (submission(records="all"), 422, "invalid_body"),
        ({"flow": "x"}, 422, "invalid_body"),
    ],
)
async def test_bad_submissions_get_a_clear_problem(
    stage: Stage, tenant: Tenant, body: dict[str, Any], status: int, code: str
) -> None:
    answer = await tenant.post("/requests", body)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert stage.intake.submitted == []


async def test_who_may_test_may_not_load(tenant: Tenant) -> None:
    designer = await tenant.with_key("flow_designer")
    assert (await designer.post("/requests", submission(mode="testing"))).status_code == 201
    assert (await designer.post("/requests", submission())).json()["code"] == "missing_right"
    viewer = await tenant.with_key("report_viewer")
    assert (await viewer.post("/requests", submission(mode="testing"))).json()["code"] == "missing_right"
    upload = await viewer.post("/requests/upload?flow=x", content=ROWS, headers=CSV)
    assert upload.json()["code"] == "missing_right"


async def test_a_file_streams_in_under_the_name_that_came(stage: Stage, tenant: Tenant) -> None:
    plain = await tenant.post("/requests/upload?flow=f&mode=testing", content=ROWS, headers=CSV)
    assert plain.status_code == 202, plain.text
    named = await tenant.post(
        "/requests/upload?flow=f",
        content=ROWS,
        headers={
            "Content-Type": "application/octet-stream",
            "Content-Disposition": "attachment; filename*=UTF-8''L%C3%ADste.csv",
        },
    )
    assert named.json()["file_name"] == "Líste.csv"
    query = await tenant.post(
        "/requests/upload?flow=f&filename=list.ndjson", content=b"{}", headers={"Content-Type": "text/plain"}
    )
    assert query.json()["file_name"] == "list.ndjson"
    assert [(upload.file_name, content) for _, upload, content in stage.intake.uploaded] == [
        ("upload.csv", ROWS),
        ("Líste.csv", ROWS),
        ("list.ndjson", b"{}"),
    ]
    nameless = await tenant.post(
        "/requests/upload?flow=f", content=ROWS, headers={"Content-Type": "application/octet-stream"}
    )
    assert (nameless.status_code, nameless.json()["code"]) == (415, "unsupported_media_type")
    wrong = await tenant.post("/requests/upload?flow=f", content=ROWS, headers={"Content-Type": "image/png"})
    assert wrong.status_code == 415
    assert (await tenant.post("/requests/upload", content=ROWS, headers=CSV)).status_code == 400


async def test_a_form_with_one_file_works_and_two_do_not(stage: Stage, tenant: Tenant) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("list.csv", bytes(range(256)) * 4000)
    form = {"file": ("list.zip", packed.getvalue(), "application/zip")}
    sent = await tenant.post("/requests/upload?flow=f", files=form, data={"comment": "hello"})
    assert sent.status_code == 202, sent.text
    _, upload, content = stage.intake.uploaded[0]
    assert (upload.file_name, upload.media_type) == ("list.zip", "application/zip")
    assert content == packed.getvalue()
    two = [("file", ("a.csv", ROWS, "text/csv")), ("file", ("b.csv", ROWS, "text/csv"))]
    assert (await tenant.post("/requests/upload?flow=f", files=two)).json()["code"] == "several_files"
    none = await tenant.post("/requests/upload?flow=f", files={"comment": (None, b"hello")})
    assert none.json()["code"] == "file_missing"
    cut = await tenant.post(
        "/requests/upload?flow=f",
        content=b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\ntel1\n',
        headers={"Content-Type": "multipart/form-data; boundary=b"},
    )
    assert (cut.status_code, cut.json()["code"]) == (400, "unreadable_multipart")
    assert len(stage.intake.uploaded) == 1


async def test_a_repeated_upload_with_its_key_is_taken_once(stage: Stage, tenant: Tenant) -> None:
    headers = CSV | {"Idempotency-Key": "list-1"}
    first = await tenant.post("/requests/upload?flow=f", content=ROWS, headers=headers)
    second = await tenant.post("/requests/upload?flow=f", content=ROWS, headers=headers)
    assert first.json() == second.json()
    assert second.headers["idempotent-replayed"] == "true"
    other = await tenant.post("/requests/upload?flow=f", content=ROWS + b"1\n", headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert len(stage.intake.uploaded) == 1


async def test_numbers_are_masked_without_the_right(stage: Stage, tenant: Tenant) -> None:
    request_id, record_id = str(uuid4()), str(uuid4())
    record = {
        "record_id": record_id,
        "numbers": ["919876543210"],
        "legs": [{"number_to": "919876543210", "sip": ["INVITE sip:919876543210@carrier SIP/2.0"]}],
    }
    stage.reports.documents |= {
        (tenant.id, request_id): {"request_id": request_id, "status": "Completed"},
        (tenant.id, record_id): record,
    }
    stage.reports.record_rows[tenant.id, request_id] = [record]
    viewer = await tenant.with_key("report_viewer")
    for path in (f"/records/{record_id}", f"/records/{record_id}/timeline", f"/requests/{request_id}/records"):
        assert "919876543210" in (await tenant.get(path)).text
        masked = (await viewer.get(path)).text
        assert "919876543210" not in masked
        assert "9198******10" in masked


async def test_a_malformed_number_is_masked_too_and_hidden_digits_cannot_be_tried_out(
    stage: Stage, tenant: Tenant
) -> None:
    request_id, record_id, written = str(uuid4()), str(uuid4()), "+91 (98000) 18002"
    record = {"record_id": record_id, "numbers": [written], "sentence": f"{written} is no number."}
    stage.reports.documents |= {
        (tenant.id, request_id): {"request_id": request_id, "status": "Completed"},
        (tenant.id, record_id): record,
    }
    stage.reports.record_rows[tenant.id, request_id] = [record]
    viewer = await tenant.with_key("report_viewer")
    records = f"/requests/{request_id}/records"
    for path in (
        f"/records/{record_id}",
        f"/records/{record_id}/timeline",
        records,
        f"/requests/{request_id}/rejects.csv",
    ):
        assert "18002" in (await tenant.get(path)).text
        assert "18002" not in (await viewer.get(path)).text
    refused = await viewer.get(records, params={"number": written})
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_right")
    assert refused.json()["details"] == {"right": "numbers:unmask"}
    assert (await tenant.get(records, params={"number": written})).status_code == 200


async def test_what_is_told_of_a_submission_is_masked_without_the_right(stage: Stage, tenant: Tenant) -> None:
    del stage
    loader = await tenant.with_key("campaign_manager")
    for somebody, seen in ((tenant, True), (loader, False)):
        told = (await somebody.post("/requests", submission())).json()["records"][0]
        assert ("98765 43210" in str(told) or "9876543210" in str(told)) is seen


async def test_records_page_by_cursor(stage: Stage, tenant: Tenant) -> None:
    request_id = str(uuid4())
    rows: list[dict[str, Any]] = [{"record_id": f"00000000-0000-7000-8000-{n:012d}", "numbers": []} for n in range(5)]
    stage.reports.documents[tenant.id, request_id] = {"request_id": request_id, "status": "In process"}
    stage.reports.record_rows[tenant.id, request_id] = rows
    seen: list[str] = []
    cursor = ""
    while True:
        page = (await tenant.get(f"/requests/{request_id}/records?limit=2{cursor}")).json()
        seen += [row["record_id"] for row in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == [row["record_id"] for row in rows]


async def test_the_reject_file_runs_no_formula(stage: Stage, tenant: Tenant) -> None:
    request_id = str(uuid4())
    stage.reports.documents[tenant.id, request_id] = {"request_id": request_id}
    stage.reports.record_rows[tenant.id, request_id] = [
        {
            "row": 2,
            "record_id": "r",
            "status": "REJECTED",
            "reason": "x",
            "sentence": 'a "quote"',
            "client_identifier": "=cmd|' /C calc'!A0",
            "numbers": ["+1"],
        }
    ]
    answer = await tenant.get(f"/requests/{request_id}/rejects.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.text.splitlines() == [
        "row,record_id,status,reason,sentence,client_identifier,numbers",
        '2,r,REJECTED,x,"a ""quote""",\'=cmd|\' /C calc\'!A0,\'+1',
    ]


async def test_live_counts_end_when_the_request_does(
    stage: Stage, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    request_id = str(uuid4())
    state: dict[str, Any] = {"request_id": request_id, "status": "In process", "counts": {"pending": 1}}
    stage.reports.documents[tenant.id, request_id] = state
    asked = 0

    def answer(account: object, key: str, what: str) -> dict[str, Any]:
        nonlocal asked
        del account, key, what
        asked += 1
        return state if asked < 4 else state | {"status": "Completed", "counts": {"pending": 0}}

    monkeypatch.setattr(stage.reports, "_find", answer)
    text = (await tenant.get(f"/requests/{request_id}/events")).text
    assert [line for line in text.splitlines() if line.startswith("event:")] == [
        "event: counts",
        "event: counts",
        "event: end",
    ]
    assert '"pending":0' in text
