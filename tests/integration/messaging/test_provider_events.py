"""Events of a mail provider: the examples of Amazon's documentation, signed with a certificate that a local server shows."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from central.adapters.webhook.config import WebhookConfig
from central.adapters.webhook.pages import WebPages
from central.application.messaging.take_events import TakeEvents
from central.application.ports.carriers import CarrierId
from central.bootstrap.provider_events import HearProviderEvents
from central.domain.errors import Forbidden, InvalidInput, NeighbourError, NotFound
from tests.integration.messaging.conftest import Post
from tests.integration.messaging.mails import TOKENS, history, relay, sent, status, verp
from tests.integration.webhook.far_end import FarEnd, answer

TOPIC = "arn:aws:sns:us-west-2:123456789012:ses_messages"
CERTIFICATE = "/SimpleNotificationService-01d088a6f77103d0fe307c0069e40ed6.pem"
KEY = rsa.generate_private_key(65537, 2048)
LAB = WebhookConfig(timeout_s=5, allowed_networks=("127.0.0.1/32",))


class SnsHere:
    """Amazon's pages stand on a server of this machine: fetched by the product's own guarded client, at another address."""

    def __init__(self, far_end: FarEnd) -> None:
        self.far_end = far_end
        self.pages = WebPages(LAB, plain_http=True)

    async def get(self, url: str) -> bytes:
        parts = urlsplit(url)
        assert (parts.scheme, parts.hostname) == ("https", "sns.us-west-2.amazonaws.com")
        return await self.pages.get(self.far_end.url(f"{parts.path}?{parts.query}"))


@pytest.fixture
async def sns(post: Post) -> AsyncIterator[SnsHere]:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(KEY.public_key()).serial_number(1)
    now = post.clock.now()
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=30))
    pem = made.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
    async with FarEnd(otherwise=answer(200, pem)) as far_end:
        here = SnsHere(far_end)
        yield here
        await here.pages.close()


def signed(message: str, **changes: str) -> bytes:
    """As "Verifying the signatures of Amazon SNS messages" describes it."""
    fields = {
        "Type": "Notification",
        "MessageId": "da41e39f-ea4d-435a-b922-c6aae3915ebe",
        "TopicArn": TOPIC,
        "Message": message,
        "Timestamp": "2026-04-25T21:08:44.540Z",
        "SignatureVersion": "2",
        "SigningCertURL": f"https://sns.us-west-2.amazonaws.com{CERTIFICATE}",
    } | changes
    names = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    text = "".join(f"{name}\n{fields[name]}\n" for name in names if name in fields)
    fields["Signature"] = base64.b64encode(KEY.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()
    return json.dumps(fields).encode()


def notification(kind: str, source: str, detail: dict[str, Any], to: str = "jane@example.com") -> str:
    """A "notificationType" example of "Amazon SNS notification contents", with the sender and recipient of the test."""
    mail = {
        "timestamp": "2026-04-25T14:59:38.605Z", "messageId": "000001378603177f-7a5433e7-8edb-42ae-af10-f0181f34d6ee-000000",
        "source": source, "sourceArn": "arn:aws:ses:us-west-2:888888888888:identity/example.com", "sourceIp": "127.0.3.0",
        "sendingAccountId": "123456789012", "destination": [to], "headersTruncated": False,
        "headers": [{"name": "From", "value": '"Sender Name" <sender@example.com>'}],
        "commonHeaders": {"from": ["Sender Name <sender@example.com>"], "messageId": "custom-message-ID", "subject": "Message sent using Amazon SES"},
    }  # fmt: skip
    return json.dumps({"notificationType": kind, kind.lower(): detail, "mail": mail})


BOUNCE = {
    "bounceType": "Permanent", "reportingMTA": "dns; email.example.com", "bounceSubType": "General", "remoteMtaIp": "127.0.2.0",
    "bouncedRecipients": [{"emailAddress": "jane@example.com", "status": "5.1.1", "action": "failed", "diagnosticCode": "smtp; 550 5.1.1 <jane@example.com>... User"}],
    "timestamp": "2026-04-25T14:59:38.605Z", "feedbackId": "00000138111222aa-33322211-cccc-cccc-cccc-ddddaaaa068a-000000",
}  # fmt: skip
COMPLAINT = {
    "userAgent": "AnyCompany Feedback Loop (V0.01)", "complainedRecipients": [{"emailAddress": "jane@example.com"}],
    "complaintFeedbackType": "abuse", "arrivalDate": "2026-04-25T14:59:38.000Z", "timestamp": "2026-04-25T14:59:38.605Z",
    "feedbackId": "000001378603177f-18c07c78-fa81-4a58-9dd1-fedc3cb8f49a-000000",
}  # fmt: skip
DELIVERY = {
    "timestamp": "2026-04-25T14:59:38.000Z", "recipients": ["jane@example.com"], "processingTimeMillis": 546,
    "reportingMTA": "a8-70.smtp-out.amazonses.com", "smtpResponse": "250 ok:  Message 64111812 accepted", "remoteMtaIp": "127.0.2.0",
}  # fmt: skip


def published(kind: str, source: str, detail: dict[str, Any]) -> str:
    """An "eventType" example of "Examples of event data that Amazon SES publishes"."""
    whole = json.loads(notification(kind, source, detail))
    del whole["notificationType"]
    return json.dumps(whole | {"eventType": kind})


def door(post: Post, sns: SnsHere) -> TakeEvents:
    hear = HearProviderEvents(TOKENS, sns, post.clock)
    return TakeEvents(post.store, hear, post.clock, post.ids, post.telemetry)


@pytest.mark.parametrize(
    ("kind", "detail", "becomes", "suppressed"),
    [
        ("Bounce", BOUNCE, "Bounced", [("jane@example.com", "hard_bounce", "message")]),
        ("Bounce", BOUNCE | {"bounceType": "Transient"}, "Bounced", []),
        ("Complaint", COMPLAINT, "Complaint", [("jane@example.com", "complaint", "message")]),
        ("Delivery", DELIVERY, "Delivered", []),
    ],
)
async def test_amazon_s_examples_give_their_statuses(
    post: Post, sns: SnsHere, kind: str, detail: dict[str, Any], becomes: str, suppressed: list[tuple[str, ...]]
) -> None:
    account = post.stock.account()
    carrier = relay(post, account, topics=[TOPIC])
    mail = await sent(post, account)
    take = door(post, sns)
    body = signed(notification(kind, verp(mail), detail))
    assert await take(carrier, body) == 1
    assert status(post, mail) == becomes
    assert await take(carrier, body) == 1  # SNS repeats what it is not sure about
    assert len(history(post, mail, "report_came")) == 1
    assert post.stock.rows("select address, reason, source from suppression where since is not null") == suppressed
    assert [one.path for one in sns.far_end.received] == [CERTIFICATE]  # asked for once


async def test_opens_of_machines_are_told_apart_from_those_of_people(post: Post, sns: SnsHere) -> None:
    account = post.stock.account()
    carrier = relay(post, account, topics=[TOPIC])
    mail = await sent(post, account)
    take = door(post, sns)
    proxy = {
        "ipAddress": "66.249.84.1",
        "timestamp": post.clock.now().isoformat(),
        "userAgent": "Mozilla/5.0 (via ggpht.com GoogleImageProxy)",
    }
    await take(carrier, signed(published("Open", verp(mail), proxy), MessageId="1"))
    assert status(post, mail) == "Sent"
    person = {
        "ipAddress": "192.0.2.1",
        "timestamp": post.clock.now().isoformat(),
        "userAgent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1)",
    }
    click = person | {"link": "http://docs.aws.amazon.com/ses/latest/DeveloperGuide/send-email-smtp.html"}
    await take(carrier, signed(published("Open", verp(mail), person), MessageId="2"))
    assert status(post, mail) == "Opened"
    for _ in range(2):
        await take(carrier, signed(published("Click", verp(mail), click), MessageId="3"))
    assert status(post, mail) == "Clicked"
    assert [one["by"] for one in history(post, mail, "mail_opened")] == ["machine", "unknown"]
    assert [one["target"] for one in history(post, mail, "link_clicked")] == [click["link"]]


async def test_forged_and_strange_calls_change_nothing(post: Post, sns: SnsHere) -> None:
    account = post.stock.account()
    carrier = relay(post, account, topics=[TOPIC])
    mail = await sent(post, account)
    take = door(post, sns)
    good = signed(notification("Bounce", verp(mail), BOUNCE))
    for body, code in (
        (good.replace(b"Permanent", b"Transient"), "event_forged"),
        (signed(notification("Bounce", verp(mail), BOUNCE), TopicArn=TOPIC + "2"), "topic_unknown"),
        (
            signed(
                "x",
                SigningCertURL="https://sns.us-west-2.amazonaws.com.evil.example/SimpleNotificationService-01d088a6f77103d0.pem",
            ),
            "event_forged",
        ),
    ):
        with pytest.raises(Forbidden) as caught:
            await take(carrier, body)
        assert caught.value.code == code
    with pytest.raises(InvalidInput):
        await take(carrier, b"{}")
    assert status(post, mail) == "Sent"
    assert [keys["code"] for name, keys in post.telemetry.events if name == "provider_event_refused"] == [
        "event_forged", "topic_unknown", "event_forged",
    ]  # fmt: skip
    sns.far_end.otherwise = answer(500)
    with pytest.raises(NeighbourError):
        await door(post, sns)(carrier, good)  # Amazon's page is away: SNS tells it again
    assert status(post, mail) == "Sent"


async def test_a_forged_bounce_address_is_kept_and_moves_nothing(post: Post, sns: SnsHere) -> None:
    account = post.stock.account()
    carrier = relay(post, account, topics=[TOPIC])
    mail = await sent(post, account)
    forged = verp(mail).replace("@", "0@")
    assert await door(post, sns)(carrier, signed(notification("Bounce", forged, BOUNCE))) == 1
    assert status(post, mail) == "Sent"
    assert post.stock.value("select count(*) from unknown_report") == 1


async def test_a_topic_speaks_of_messages_of_its_own_account_only(post: Post, sns: SnsHere) -> None:
    mine, other = post.stock.account(), post.stock.account()
    carrier = relay(post, mine, topics=[TOPIC])
    relay(post, other)
    theirs = await sent(post, other)
    assert await door(post, sns)(carrier, signed(notification("Bounce", verp(theirs), BOUNCE))) == 1
    assert status(post, theirs) == "Sent"
    assert post.stock.rows("select address from suppression") == []


async def test_only_relays_with_topics_have_a_door(post: Post, sns: SnsHere) -> None:
    account = post.stock.account()
    take, body = door(post, sns), signed("{}")
    for carrier in (relay(post, account), CarrierId(post.ids.uuid()), post.carrier(account)):
        with pytest.raises(NotFound):
            await take(carrier, body)
    assert sns.far_end.received == []


async def test_a_relay_that_is_off_still_hears(post: Post, sns: SnsHere) -> None:
    account = post.stock.account()
    carrier = relay(post, account, topics=[TOPIC])
    mail = await sent(post, account)
    post.stock.run("update carrier set enabled = false")
    await door(post, sns)(carrier, signed(notification("Delivery", verp(mail), DELIVERY)))
    assert status(post, mail) == "Delivered"


async def test_subscriptions_of_our_topics_are_confirmed_and_no_others(post: Post, sns: SnsHere) -> None:
    carrier = relay(post, post.stock.account(), topics=[TOPIC])
    take = door(post, sns)
    token = "2336412f37fb687f5d51e6e241d09c805a5a57b30d712f794cc5f6a988666d92768dd60a747ba6f3beb71854e285d6ad02428b09ceece29417f1f02d609c582afbacc99c583a916b9981dd2728f4ae6fdb82efd087cc3b7849e05798d2d2785c03b0879594eeac82c01f235d0e717736"
    confirm = f"https://sns.us-west-2.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token={token}"
    asks = {"Type": "SubscriptionConfirmation", "Token": token, "SubscribeURL": confirm}
    text = f"You have chosen to subscribe to the topic {TOPIC}."
    assert await take(carrier, signed(text, **asks)) == 0
    assert len(sns.far_end.received) == 2  # the certificate, the confirmation
    for changes in ({"TopicArn": TOPIC + "2"}, {"SubscribeURL": "https://169.254.169.254/latest/meta-data/"}):
        with pytest.raises(Forbidden):
            await take(carrier, signed(text, **(asks | changes)))
    assert len(sns.far_end.received) == 2
