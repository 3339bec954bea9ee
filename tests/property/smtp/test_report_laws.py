"""Any bytes are a report of some kind: nothing raises, what is not proved moves nothing, and the same bytes have the same name."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from central.adapters.smtp.reports import read_report
from central.adapters.smtp.translate import heard

REAL = [one.read_bytes() for one in sorted((Path(__file__).parents[2] / "unit/smtp/reports").glob("*.eml"))]
NOW = datetime(2026, 11, 23, tzinfo=UTC)
LINES = st.sampled_from([
    b"Content-Type: multipart/report; report-type=delivery-status; boundary=b", b"Content-Type: message/delivery-status", b"--b", b"--b--", b"",
    b"Content-Type: message/rfc822", b"Content-Type: message/feedback-report", b"Content-Type: text/rfc822-headers", b"Action: failed",
    b"Status: 5.1.1", b"Final-Recipient: rfc822; a@b.de", b"Feedback-Type: abuse", b"Return-Path: <b+1-2@x>", b"Message-ID: <x@y>",
    b"Content-Transfer-Encoding: base64", b"Content-Type: text/plain; charset*=x'y'%ff", b"Subject: =?utf-8?B?//8=?=", b"Date: 0", b" folded",
    b"Original-Envelope-Id: 1", b"Last-Attempt-Date: Mon, 1 Jan 1 00:00:00 +0000", b"Auto-Submitted: auto-replied", b"\xff\x00\xfe",
])  # fmt: skip


@given(st.one_of(st.binary(max_size=2000), st.lists(LINES, max_size=60).map(b"\r\n".join)))
def test_any_bytes(raw: bytes) -> None:
    report = read_report(raw)
    assert report == read_report(raw)
    for one in heard(report, raw, NOW, lambda _: None, recipients=["b+0-0@x"]):
        assert (one.status, one.suppress, one.id, one.envelope_id, one.message_id) == (None, "", None, "", "")


@given(st.sampled_from(REAL), st.lists(st.tuples(st.integers(0, 3000), st.binary(max_size=20)), max_size=8))
def test_real_reports_with_holes(raw: bytes, holes: list[tuple[int, bytes]]) -> None:
    for at, patch in holes:
        raw = raw[:at] + patch + raw[at + len(patch) * 2 :]
    assert read_report(raw).items
