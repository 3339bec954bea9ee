"""Messages that a record's steps sent: listed, told line by line, and without the recipients that are secrets."""

from __future__ import annotations

import pytest

from central.application.reporting.documents import to_document
from central.application.reporting.explain_record import explain
from central.application.reporting.explanation import Explanation, Kind
from central.domain.secret_recipients import is_secret_recipient
from central.entrypoints.api.masking import mask_document
from central.entrypoints.cli_views.decode import explanation as decoded
from central.entrypoints.cli_views.decode import record_detail
from central.entrypoints.cli_views.show_explanation import show_explanation
from central.entrypoints.cli_views.show_record import show_record_page
from tests.unit.reporting.stories import Story, finished_call, policy, prepared
from tests.unit.reporting.test_views import printed


def sent_two() -> Story:
    story = finished_call()
    story.message(2, (2, "message_accepted", "SENT_TO_QUEUE"), (4, "receipt_came", "DELIVERED"))
    story.message(
        3, (3, "message_accepted", "Success"), channel="email", status="Sent", reason="", recipient="asha@example.com"
    )
    return story


def told(story: Story) -> Explanation:
    return explain(story.history(), prepared(), policy())


def test_the_messages_stand_in_the_record_with_their_explanation() -> None:
    record = told(sent_two()).record
    ((sms,), (mail,)) = (record.sms, record.emails)
    assert (sms.step, sms.to, sms.status, sms.parts) == ("thanks", "919800000001", "DELIVERED", 2)
    assert sms.explanation.startswith("The operator confirms")
    assert (mail.to, mail.status, mail.reason, mail.parts) == ("asha@example.com", "Sent", None, None)


def test_each_line_of_their_history_stands_at_its_time() -> None:
    timeline = told(sent_two()).timeline
    lines = [(entry.title, entry.sentence) for entry in timeline if entry.kind is Kind.MESSAGE]
    assert [title for title, _ in lines] == [
        "SMS of step thanks to 919800000001: SENT_TO_QUEUE",
        "E-mail of step thanks to asha@example.com: Success",
        "SMS of step thanks to 919800000001: DELIVERED",
    ]
    assert lines[2][1] == "Receipt: DELIVRD."
    assert [entry.at for entry in timeline] == sorted(entry.at for entry in timeline)


def test_the_pages_show_them_and_the_documents_come_back() -> None:
    explained = told(sent_two())
    assert decoded(to_document(explained)) == explained
    assert record_detail(to_document(explained.record)) == explained.record
    for page in (show_explanation(explained), show_record_page(explained.record)):
        text = printed(page)
        assert "SMS 919800000001" in text
        assert "e-mail asha@example.com" in text


def test_numbers_are_masked_in_them_too() -> None:
    assert "919800000001" not in str(mask_document(to_document(told(sent_two()))))


def test_a_recipient_that_is_a_secret_is_shown_nowhere() -> None:
    story = sent_two()
    story.variables = {"Name": "Asha", "Pin": "+91 98000 00009"}
    story.attempts.clear()
    story.message(
        3, (3, "answered", None), recipient="919800000009", status="FAILED", reason="x", detail="919800000009 is unknown."
    )  # fmt: skip
    document = str(to_document(told(story)))
    assert "919800000009" not in document
    assert "*** is unknown." in document
    assert "919800000001" in document


@pytest.mark.parametrize(
    ("recipient", "secret", "same"),
    [
        ("919800000009", "919800000009", True),
        ("919800000009", "+91 98000-00009", True),
        ("919800000009", "09800000009", True),
        ("919800000009", "0009", False),
        ("919800000009", "", False),
        ("asha@example.com", "b@x.example, Asha@Example.com", True),
        ("asha@example.com", "asha", False),
    ],
)
def test_what_is_the_same_number_or_address(recipient: str, secret: str, *, same: bool) -> None:
    assert is_secret_recipient(recipient, [secret]) is same
