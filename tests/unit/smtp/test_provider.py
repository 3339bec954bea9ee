"""Events of a mail provider: believed only with SNS's signature and a topic of ours, stored before they are answered.

The events follow the examples of Amazon's documentation; no Amazon account was asked.
"""

from __future__ import annotations

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from central.adapters.smtp.provider import ProviderEvents
from central.adapters.smtp.ses import read_ses
from central.adapters.smtp.sns import NotSns, read_sns
from central.application.ports.carriers import MailHeard
from central.domain.errors import CentralError, NeighbourError
from central.domain.ids import MessageId
from central.domain.mail_tokens import TokenKey, TokenKeys, bounce_address, bounced_message
from central.domain.statuses import EmailStatus
from tests.unit.smtp.talking import message_id

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
TOPIC = "arn:aws:sns:eu-west-1:123456789012:mail"
URL = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
TOKENS = TokenKeys((TokenKey(1, b"k" * 32),))
KEY = rsa.generate_private_key(65537, 2048)
VERP = bounce_address(TOKENS, message_id(5), "bounce.example")


def certificate(begins: datetime = NOW - timedelta(days=1)) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(KEY.public_key()).serial_number(1)
    made = made.not_valid_before(begins).not_valid_after(begins + timedelta(days=30))
    return made.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


class Pages:
    """What is on the provider's pages; ``asked``: the addresses that were fetched."""

    def __init__(self, pem: bytes = b"") -> None:
        self.asked: list[str] = []
        self._pem = pem or certificate()

    async def get(self, url: str) -> bytes:
        self.asked.append(url)
        if "away" in url:
            raise NeighbourError("provider_away", "nobody answers")
        return self._pem


class Now:
    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0


def prove(address: str) -> MessageId | None:
    return bounced_message(TOKENS, address)


def signed(message: object, *, version: str = "2", **changes: str) -> dict[str, str]:
    """A message of SNS as Amazon's page says it is signed: written out here once more, not taken from the code."""
    fields = {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": TOPIC,
        "Message": message if isinstance(message, str) else json.dumps(message),
        "Timestamp": "2026-11-23T15:00:00.000Z",
        "SignatureVersion": version,
        "SigningCertURL": URL,
    } | changes
    names = ["Message", "MessageId"]
    names += ["Subject"] if "Subject" in fields else []
    names += ["SubscribeURL"] if fields["Type"] != "Notification" else []
    names += ["Timestamp"]
    names += ["Token"] if fields["Type"] != "Notification" else []
    names += ["TopicArn", "Type"]
    text = "".join(f"{name}\n{fields[name]}\n" for name in names)
    digest = hashes.SHA1() if version == "1" else hashes.SHA256()
    fields["Signature"] = base64.b64encode(KEY.sign(text.encode(), padding.PKCS1v15(), digest)).decode()
    return fields


def event(kind: str, **detail: Any) -> dict[str, Any]:
    mail = {
        "timestamp": "2026-11-23T14:59:38.237Z",
        "messageId": "0102018f-ses-id",
        "source": VERP,
        "destination": ["jane@example.com"],
        "commonHeaders": {"messageId": "<m1@brand.example>"},
    }
    return {"eventType": kind, "mail": mail} | detail


EVENTS: list[tuple[dict[str, Any], EmailStatus | None, str, str, str, bool]] = [
    # event, status, sort, suppress, reason, alert
    (
        event("Bounce", bounce={"bounceType": "Permanent", "bounceSubType": "General", "bouncedRecipients": [{"emailAddress": "jane@example.com", "status": "5.1.1", "diagnosticCode": "smtp; 550"}]}),
        EmailStatus.BOUNCED, "hard", "hard", "no_such_mailbox", False,
    ),
    (event("Bounce", bounce={"bounceType": "Permanent", "bounceSubType": "OnAccountSuppressionList"}), EmailStatus.BOUNCED, "hard", "hard", "suppressed_by_provider", False),
    (event("Bounce", bounce={"bounceType": "Transient", "bounceSubType": "MailboxFull"}), EmailStatus.BOUNCED, "soft", "soft", "mailbox_full", False),
    (event("Bounce", bounce={"bounceType": "Undetermined", "bounceSubType": "Undetermined"}), EmailStatus.BOUNCED, "unknown", "soft", "unknown_bounce", False),
    (event("Complaint", complaint={"complaintFeedbackType": "abuse", "complaintSubType": None}), EmailStatus.COMPLAINT, "", "complaint", "complaint", False),
    (event("Complaint", complaint={"complaintFeedbackType": "not-spam"}), None, "", "", "not_spam", False),
    (event("Complaint", complaint={}), EmailStatus.COMPLAINT, "", "complaint", "complaint", False),
    (event("Delivery", delivery={"recipients": ["jane@example.com"], "smtpResponse": "250 ok"}), EmailStatus.DELIVERED, "", "", "delivered", False),
    (event("Send", send={}), EmailStatus.SENT, "", "", "sent", False),
    (event("Reject", reject={"reason": "Bad content"}), EmailStatus.REJECTED, "ours", "", "content", False),
    (event("Open", open={"ipAddress": "192.0.2.1", "userAgent": "x"}), EmailStatus.OPENED, "", "", "opened", False),
    (event("Click", click={"ipAddress": "192.0.2.1", "userAgent": "x", "link": "https://a.example"}), EmailStatus.CLICKED, "", "", "clicked", False),
    (event("Rendering Failure", failure={"errorMessage": "x"}), EmailStatus.FAILURE, "ours", "", "rendering", True),
    (event("DeliveryDelay", deliveryDelay={"delayType": "MailboxFull", "delayedRecipients": [{"emailAddress": "jane@example.com"}]}), None, "", "", "delayed", False),
    (event("Subscription", subscription={}), None, "", "", "subscription", False),
    (event("Levitation"), None, "", "", "unknown_event", True),
    ({"notificationType": "Delivery", "mail": {}, "delivery": {}}, EmailStatus.DELIVERED, "", "", "delivered", False),
]  # fmt: skip


@pytest.mark.parametrize(("what", "status", "sort", "suppress", "reason", "alert"), EVENTS)
def test_an_event(
    what: dict[str, Any], status: EmailStatus | None, sort: str, suppress: str, reason: str, alert: bool
) -> None:
    [news] = read_ses(json.dumps(what), "sns:1", NOW, prove)
    assert (news.status, news.sort, news.suppress, news.reason, news.alert) == (status, sort, suppress, reason, alert)
    assert news.source == ("provider" if status is EmailStatus.DELIVERED else "")


def test_an_event_names_its_message_in_every_way() -> None:
    what = event(
        "Bounce",
        bounce={
            "bounceType": "Permanent",
            "bounceSubType": "NoEmail",
            "timestamp": "2026-11-23T14:59:40.000Z",
            "bouncedRecipients": [
                {"emailAddress": "a@x.example", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1"},
                {"emailAddress": "b@x.example"},
            ],
        },
    )
    first, second = read_ses(json.dumps(what), "sns:1", NOW, prove)
    assert (first.id, first.remote_id, first.message_id) == (message_id(5), "0102018f-ses-id", "m1@brand.example")
    assert (first.kind, first.recipient, first.code, first.detail) == (
        "report",
        "a@x.example",
        "5.1.1",
        "smtp; 550 5.1.1",
    )
    assert (first.report_id, second.report_id, second.recipient) == ("sns:1", "sns:1#1", "b@x.example")
    assert first.word == "Bounce/Permanent/NoEmail"
    assert first.told_at == datetime(2026, 11, 23, 14, 59, 40, tzinfo=UTC)


def test_who_opened_and_clicked_is_told() -> None:
    [news] = read_ses(
        json.dumps(event("Click", click={"ipAddress": "192.0.2.1", "userAgent": "Bot/1", "link": "https://a.example"})),
        "x",
        NOW,
        prove,
    )
    assert news.facts == {"link": "https://a.example", "agent": "Bot/1", "address": "192.0.2.1"}


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"mail": 3}', "Successfully validated SNS topic", "\ud800", "null", '{"eventType": ["Bounce"]}'],
)
def test_what_is_no_event_is_kept_and_looked_at(text: str) -> None:
    [news] = read_ses(text, "x", NOW, prove)
    assert (news.kind, news.status, news.alert) == ("other", None, True)


async def take(body: bytes, *, pages: Pages | None = None) -> tuple[str, list[MailHeard], Pages]:
    """The code of the refusal ("" = none), the news, and what was fetched."""
    pages = pages or Pages()
    ours = ProviderEvents(frozenset({TOPIC}), Now(), prove, pages)
    try:
        return "", list(await ours.hear(body)), pages
    except CentralError as error:
        return error.code, [], pages


@pytest.mark.parametrize("version", ["1", "2"])
async def test_a_signed_event_is_heard(version: str) -> None:
    answer, told, pages = await take(json.dumps(signed(event("Delivery", delivery={}), version=version)).encode())
    assert answer == ""
    assert [one.status for one in told] == [EmailStatus.DELIVERED]
    assert told[0].report_id == "sns:22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324"
    assert pages.asked == [URL]


async def test_a_subject_is_signed_too() -> None:
    assert (await take(json.dumps(signed(event("Send"), Subject="hello\nworld")).encode()))[0] == ""


@pytest.mark.parametrize("field", ["Message", "MessageId", "Timestamp"])
async def test_a_changed_field_is_refused(field: str) -> None:
    fields = signed(event("Bounce", bounce={"bounceType": "Permanent"}))
    fields[field] += " "
    answer, told, _ = await take(json.dumps(fields).encode())
    assert (answer, told) == ("event_forged", [])


async def test_a_stranger_with_a_good_signature_is_refused() -> None:
    answer, told, pages = await take(json.dumps(signed(event("Send"), TopicArn=TOPIC + "2")).encode())
    assert (answer, told, pages.asked) == ("topic_unknown", [], [])


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.s3.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
        "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-0123456789abcdef.pem",
        "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
        "https://sns.eu-west-1.amazonaws.com:8443/SimpleNotificationService-0123456789abcdef.pem",
        "https://sns.eu-west-1.amazonaws.com@evil.example/SimpleNotificationService-0123456789abcdef.pem",
        "https://evil.example@sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
        "https://sns.eu-west-1.amazonaws.com/?Action=x",
        "https://sns.eu-west-1.amazonaws.com:x/SimpleNotificationService-0123456789abcdef.pem",
        "file:///etc/passwd",
        "",
    ],
)
async def test_certificates_come_from_sns_alone(url: str) -> None:
    answer, told, pages = await take(json.dumps(signed(event("Send"), SigningCertURL=url)).encode())
    assert (answer, told, pages.asked) == ("event_forged", [], [])


async def test_certificates_must_hold_now() -> None:
    body = json.dumps(signed(event("Send"))).encode()
    assert (await take(body, pages=Pages(certificate(NOW - timedelta(days=60)))))[0] == "event_forged"
    assert (await take(body, pages=Pages(b"no certificate")))[0] == "event_forged"


async def test_a_provider_that_is_away_is_asked_again() -> None:
    away = URL.replace("eu-west-1", "away-1")
    assert (await take(json.dumps(signed(event("Send"), SigningCertURL=away)).encode()))[0] == "provider_away"


async def test_a_subscription_of_our_topic_is_confirmed() -> None:
    confirm = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"
    fields = signed("You have chosen to subscribe", Type="SubscriptionConfirmation", SubscribeURL=confirm, Token="t")
    answer, told, pages = await take(json.dumps(fields).encode())
    assert (answer, told, pages.asked) == ("", [], [URL, confirm])
    fields = signed("x", Type="SubscriptionConfirmation", SubscribeURL="https://evil.example/", Token="t")
    answer, _, pages = await take(json.dumps(fields).encode())
    assert (answer, pages.asked) == ("event_forged", [])


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"\xff\xfe", b'{"Type": "Notification"}', b"x" * 600_000, b"[" * 100_000]
)
def test_what_is_no_message_of_sns(body: bytes) -> None:
    with pytest.raises(NotSns):
        read_sns(body)


async def test_calls_with_ever_new_certificates_do_not_make_us_ask_for_ever() -> None:
    pages = Pages(b"no certificate")
    ours = ProviderEvents(frozenset({TOPIC}), Now(), prove, pages)
    codes: list[str] = []
    for number in range(30):
        url = f"https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-{number:032x}.pem"
        with pytest.raises(CentralError) as caught:
            await ours.hear(json.dumps(signed(event("Send"), SigningCertURL=url)).encode())
        codes.append(caught.value.code)
    assert len(pages.asked) == 10
    assert codes[9:11] == ["event_forged", "provider_busy"]


async def test_a_certificate_that_comes_slowly_keeps_none_waiting_whose_certificate_is_known() -> None:
    class Slow(Pages):
        async def get(self, url: str) -> bytes:
            if "ffff" in url:
                await asyncio.Event().wait()
            return await super().get(url)

    events = ProviderEvents(frozenset({TOPIC}), Now(), prove, Slow())
    known = json.dumps(signed(event("Send", send={}))).encode()
    assert await events.hear(known)
    forged = json.dumps(signed("x", SigningCertURL=URL.replace("0123456789abcdef" * 2, "f" * 32))).encode()
    waiting = asyncio.create_task(events.hear(forged))
    try:
        await asyncio.sleep(0)
        async with asyncio.timeout(10):
            assert await events.hear(known)
        assert not waiting.done()
    finally:
        waiting.cancel()
