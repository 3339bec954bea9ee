"""Reports of a real Postfix 3.7 (``reports/*.eml``, sent by our own sender), and what each means; hostile messages stay cheap.

The first line of each file is the envelope recipient. ``complains``, ``replies``, ``bounces-oddly`` and ``forged`` are made by hand by
the far end: no mail provider has seen them.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from central.adapters.smtp.report_reasons import ACTIONS, FAILED, FEEDBACK, meaning_of
from central.adapters.smtp.reports import LIMIT_PARTS, Complaint, DeliveryReport, Other, read_report
from central.adapters.smtp.translate import heard
from central.application.ports.carriers import MailHeard
from central.domain.ids import MessageId
from central.domain.mail_tokens import TokenKey, TokenKeys, bounce_address, bounced_message
from central.domain.statuses import EmailStatus
from tests.unit.smtp.talking import message_id

FOLDER = Path(__file__).parent / "reports"
KEYS = TokenKeys((TokenKey(1, b"k" * 32),))
NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
BOUNCED, DELIVERED = EmailStatus.BOUNCED, EmailStatus.DELIVERED


def prove(address: str) -> MessageId | None:
    return bounced_message(KEYS, address)


def hear(raw: bytes, *recipients: str, trusting: bool = False) -> list[MailHeard]:
    return heard(read_report(raw), raw, NOW, prove, recipients=recipients, trusting=trusting)


def hear_file(name: str) -> MailHeard:
    first, _, raw = (FOLDER / f"{name}.eml").read_bytes().partition(b"\r\n")
    [news] = hear(raw, first.decode().partition(": ")[2])
    return news


REAL: dict[str, tuple[EmailStatus | None, str, str, str, str]] = {
    # file: status, sort, suppress, reason, code
    "delivered-at-home-delivered": (DELIVERED, "", "", "delivered", "2.0.0"),
    "boxed-at-box-delivered": (DELIVERED, "", "", "delivered", "2.0.0"),
    "delivered-at-far-relayed": (None, "", "", "relayed", "2.0.0"),
    "list-at-home-expanded": (None, "", "", "expanded", "2.0.0"),
    "unknown-at-far-failed": (BOUNCED, "hard", "hard", "no_such_mailbox", "5.1.1"),
    "disabled-at-far-failed": (BOUNCED, "hard", "hard", "mailbox_disabled", "5.2.1"),
    "full-at-far-failed": (BOUNCED, "soft", "soft", "mailbox_full", "5.2.2"),
    "someone-at-nowhere-failed": (BOUNCED, "hard", "hard", "no_such_domain", "5.4.4"),
    "policy-at-far-failed": (BOUNCED, "policy", "", "policy", "5.7.1"),
    "spam-at-far-failed": (BOUNCED, "policy", "", "policy", "5.7.1"),
    "blocked-at-far-failed": (BOUNCED, "policy", "", "policy", "5.0.0"),  # bare 550; the text speaks of a list
    "bare-at-far-failed": (BOUNCED, "unknown", "soft", "unknown_bounce", "5.0.0"),
    "content-at-far-failed": (BOUNCED, "ours", "", "content", "5.6.0"),
    "large-at-home-failed": (BOUNCED, "ours", "", "content", "5.3.4"),
    "deferred-at-far-delayed": (None, "", "", "delayed", "4.3.0"),
    "deferred-at-far-failed": (BOUNCED, "soft", "soft", "not_delivered", "4.3.0"),
    "busy-at-far-delayed": (None, "", "", "delayed", "4.5.3"),
    "busy-at-far-failed": (BOUNCED, "soft", "soft", "not_delivered", "4.5.3"),
    "someone-at-dead-delayed": (None, "", "", "delayed", "4.4.1"),
    "someone-at-dead-failed": (BOUNCED, "soft", "soft", "not_delivered", "4.4.1"),
    "bounces-oddly-at-far-other": (BOUNCED, "unknown", "soft", "unknown_bounce", ""),
    "complains-at-far-other": (EmailStatus.COMPLAINT, "", "complaint", "complaint", ""),
    "replies-at-far-other": (None, "", "", "automatic_reply", ""),
}


@pytest.mark.parametrize("name", sorted(one.stem for one in FOLDER.glob("*.eml") if one.stem != "forged-failed"))
def test_a_real_report(name: str) -> None:
    news = hear_file(name)
    assert (news.status, news.sort, news.suppress, news.reason, news.code) == REAL[name]
    assert news.id is not None
    assert news.source == ("dsn" if news.status is DELIVERED else "")
    assert news.report_id
    assert not news.report_id.startswith("sha256:")


def test_a_report_names_its_message_in_every_way() -> None:
    news = hear_file("unknown-at-far-failed")
    assert news.id == message_id(5)
    assert UUID(news.envelope_id) == news.id
    assert news.message_id == f"{message_id(5).hex}@brand.example"
    assert (news.recipient, news.word, news.detail) == ("unknown@far.example", "failed", "550 5.1.1 No such user here")
    assert news.kind == "report"
    assert news.raw.startswith(b"Received: by mx.relay.example")


def test_a_forged_address_changes_nothing() -> None:
    news = hear_file("forged-failed")
    assert (news.kind, news.reason, news.status, news.id) == ("other", "forged", None, None)
    assert (news.envelope_id, news.message_id, news.suppress, news.sort) == ("", "", "", "")


def test_a_complaint_to_another_address_is_proved_by_the_sender_it_names() -> None:
    raw = (FOLDER / "complains-at-far-other.eml").read_bytes().partition(b"\r\n")[2]
    [news] = hear(raw, "fbl@bounce.example")
    assert (news.kind, news.status) == ("complaint", EmailStatus.COMPLAINT)
    assert news.id is not None
    redacted = raw.replace(b"Original-Mail-From", b"X-Gone").replace(b"b+", b"r-")
    [news] = hear(redacted, "fbl@bounce.example")
    assert (news.id, news.status, bool(news.message_id)) == (None, EmailStatus.COMPLAINT, True)


def test_a_delivery_report_without_proof_is_believed_only_where_the_mailbox_is_trusted() -> None:
    raw = (FOLDER / "unknown-at-far-failed.eml").read_bytes().partition(b"\r\n")[2].replace(b"b+", b"r-")
    [news] = hear(raw, "bounces@brand.example")
    assert (news.kind, news.status, news.reason, news.envelope_id) == ("other", None, "unproved", "")
    [news] = hear(raw, "bounces@brand.example", trusting=True)
    assert (news.kind, news.status, news.id, UUID(news.envelope_id)) == ("report", BOUNCED, None, message_id(5))


def dsn(*groups: str, head: str = "") -> bytes:
    text = "\r\n\r\n".join(["Reporting-MTA: dns; x", *groups])
    return (
        f"Message-ID: <r1@x>\r\n{head}MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        f"--b\r\nContent-Type: text/plain\r\n\r\nsorry\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n{text}\r\n\r\n--b--\r\n"
    ).encode()


@pytest.mark.parametrize(
    ("code", "diagnostic", "sort", "suppress", "alert"),
    [
        ("5.1.0", "", "hard", "hard", False),
        ("5.1.10", "", "hard", "hard", False),
        ("5.1.7", "", "ours", "", True),
        ("5.1.8 (bad sender)", "", "ours", "", True),
        ("5.2.0", "", "soft", "soft", False),
        ("5.2.3", "", "ours", "", True),
        ("5.2.4", "", "soft", "soft", False),
        ("5.3.0", "", "soft", "soft", False),
        ("5.4.7", "", "soft", "soft", False),
        ("5.5.0", "", "ours", "", True),
        ("5.7.26", "", "policy", "", False),
        ("5.9.9", "", "unknown", "soft", False),
        ("", "", "unknown", "soft", False),
        ("nonsense", "smtp; nonsense", "unknown", "soft", False),
        ("2.0.0", "", "unknown", "soft", False),
        ("5.0.0", "smtp; 550 5.1.1 no such user", "hard", "hard", False),
        ("5.0.0", "smtp; 550 no such person", "unknown", "soft", False),
        ("5.0.0", "smtp; 554 blocked by spamhaus", "policy", "", False),
        ("5.0.0", "smtp; 550 from 10.5.1.1 refused", "unknown", "soft", False),
        ("4.7.1", "smtp; 451 4.7.1 greylisted", "soft", "soft", False),
    ],
)
def test_codes_of_failures(code: str, diagnostic: str, sort: str, suppress: str, alert: bool) -> None:
    group = f"Final-Recipient: rfc822; a@b.de\r\nAction: FAILED\r\nStatus: {code}\r\nDiagnostic-Code: {diagnostic}"
    [news] = hear(dsn(group), bounce_address(KEYS, message_id(1), "x.example"))
    assert (news.status, news.sort, news.suppress, news.alert, news.recipient) == (
        BOUNCED,
        sort,
        suppress,
        alert,
        "a@b.de",
    )


def test_an_action_that_nobody_knows_changes_nothing_and_is_told() -> None:
    [news] = hear(
        dsn("Final-Recipient: rfc822; a@b.de\r\nAction: evaporated\r\nStatus: 5.0.0"),
        bounce_address(KEYS, message_id(1), "x"),
    )
    assert (news.status, news.alert, news.reason) == (None, True, "unknown_action")


def test_several_recipients_are_several_news_with_names_of_their_own() -> None:
    groups = [f"Final-Recipient: rfc822; p{n}@b.de\r\nAction: failed\r\nStatus: 5.1.1" for n in range(3)]
    news = hear(dsn(*groups), bounce_address(KEYS, message_id(1), "x"))
    assert [(one.recipient, one.report_id) for one in news] == [
        ("p0@b.de", "r1@x"),
        ("p1@b.de", "r1@x#1"),
        ("p2@b.de", "r1@x#2"),
    ]


@pytest.mark.parametrize(
    ("feedback", "status", "alert"),
    [
        ("abuse", EmailStatus.COMPLAINT, False),
        ("Fraud", EmailStatus.COMPLAINT, True),
        ("virus", EmailStatus.COMPLAINT, True),
        ("other", EmailStatus.COMPLAINT, False),
        ("newly-invented", EmailStatus.COMPLAINT, False),
        ("", EmailStatus.COMPLAINT, False),
        ("not-spam", None, False),
        ("auth-failure", None, True),
    ],
)
def test_kinds_of_complaints(feedback: str, status: EmailStatus | None, alert: bool) -> None:
    meaning = meaning_of(Complaint(feedback.lower(), "", None))
    assert (meaning.status, meaning.alert) == (status, alert)
    assert (meaning.suppress == "complaint") is (status is not None)


def test_a_read_receipt_is_kept_and_nothing_else() -> None:
    raw = b"Content-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n--b\r\n\r\nread\r\n--b--\r\n"
    [news] = hear(raw, bounce_address(KEYS, message_id(1), "x"))
    assert (news.kind, news.reason, news.status) == ("other", "disposition", None)


@pytest.mark.parametrize(
    "date",
    ["", "yesterday", "Mon, 23 Nov 2026 14:55:00", "Mon, 99 Nov 99999 99:99:99 +9999", "1 Jan 1970 00:00:00 +999999"],
)
def test_dates_that_cannot_be_are_none(date: str) -> None:
    report = read_report(dsn(f"Final-Recipient: rfc822; a@b.de\r\nAction: failed\r\nLast-Attempt-Date: {date}"))
    [item] = report.items
    assert isinstance(item, DeliveryReport)
    assert item.at is None


def test_wrong_character_sets_do_no_harm() -> None:
    raw = dsn(
        "Final-Recipient: rfc822; \xff\xfe\u00e4@b.de\r\nAction: failed\r\nDiagnostic-Code: smtp; 550 \u20ac",
        head="Subject: =?x-none?Q?=FF?=\r\n",
    )
    for one in (raw, raw.decode().encode("utf-16"), raw.decode().encode("cp1252", "replace")):
        assert read_report(one).items


HOSTILE = {
    "deep multiparts": b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(3000)
    ),
    "deep messages": b"Content-Type: message/rfc822\r\n\r\n" * 5000,
    "as deep as allowed, many lines": b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(LIMIT_PARTS)
    )
    + b"x\n" * 200_000,
    "a type of many parameters": b"Content-Type: text/plain" + b";a=b" * 100_000 + b"\r\n\r\n",
    "a folded type": b"Content-Type: text/plain" + b";\r\n a*0*=b" * 50_000 + b"\r\n\r\n",
    "many headers": b"Received: x\r\n" * 100_000 + b"\r\n",
    "one long line": b"Subject: " + b"(" * 5_000_000,
    "many groups": dsn(*["Final-Recipient: rfc822; a@b.de\r\nAction: failed"] * 5000),
    "qmail-like": b"Hi. This is the qmail-send program\r\n" + b"<" * 200_000 + b"\r\n\r\n" + b"<a@b>:\r\n" * 100_000,
    "digest": b"Content-Type: multipart/digest; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 4000,
    "nothing but newlines": b"\n" * 1_000_000,
    "empty": b"",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_messages_cost_little(name: str) -> None:
    begun = time.process_time()
    report = read_report(HOSTILE[name])
    assert time.process_time() - begun < 1.5
    assert 1 <= len(report.items) <= 21


def test_what_is_too_deep_is_said_so() -> None:
    assert read_report(HOSTILE["deep multiparts"]).items == (Other("too_complex"),)


def test_every_row_of_the_tables_has_a_reason() -> None:
    assert all(meaning.reason for _, meaning in FAILED)
    assert all(meaning.reason for meaning in [*ACTIONS.values(), *FEEDBACK.values()])
