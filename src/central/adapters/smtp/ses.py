"""Events of Amazon SES (and of those that imitate it) as news of the port. Pure.

Step 3 of the path (channel). Source: Amazon SES, "Amazon SNS notification contents" (notificationType) and "Examples of event data that
Amazon SES publishes" (eventType). One news for each recipient; what is not known changes nothing and is looked at by a person.
Opens and clicks tell who asked (``facts``): whoever stores them decides first whether it was a machine (domain/mail_hits).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, Literal

import msgspec

from central.adapters.smtp.report_reasons import COMPLAINT, FEEDBACK, HARD, SOFT, UNKNOWN, Meaning
from central.adapters.smtp.translate import LIMIT_RAW, Prove
from central.application.ports.carriers import MailHeard
from central.domain.statuses import EmailStatus

LIMIT_RECIPIENTS: Final = 50  # SES's own limit for one message
_LIMIT_TEXT: Final = 2000


class _CommonHeaders(msgspec.Struct, rename="camel"):
    message_id: str = ""


class _Mail(msgspec.Struct, rename="camel"):
    message_id: str = ""
    source: str = ""
    destination: list[str] = []
    common_headers: _CommonHeaders = msgspec.field(default_factory=_CommonHeaders)


class _Recipient(msgspec.Struct, rename="camel"):
    email_address: str = ""
    status: str = ""
    diagnostic_code: str = ""


class _Detail(msgspec.Struct, rename="camel"):
    """The fields of all kinds of events that are read; each kind has some of them."""

    timestamp: str = ""
    bounce_type: str = ""
    bounce_sub_type: str | None = ""
    bounced_recipients: list[_Recipient] = []
    complained_recipients: list[_Recipient] = []
    complaint_feedback_type: str | None = ""
    delayed_recipients: list[_Recipient] = []
    delay_type: str = ""
    recipients: list[str] = []
    smtp_response: str = ""
    reason: str = ""
    error_message: str = ""
    ip_address: str = ""
    user_agent: str = ""
    link: str = ""


class _Event(msgspec.Struct, rename="camel"):
    mail: _Mail = msgspec.field(default_factory=_Mail)
    notification_type: str = ""
    event_type: str = ""
    bounce: _Detail | None = None
    complaint: _Detail | None = None
    delivery: _Detail | None = None
    send: _Detail | None = None
    reject: _Detail | None = None
    open: _Detail | None = None
    click: _Detail | None = None
    failure: _Detail | None = None
    delivery_delay: _Detail | None = None


BOUNCES: Final[dict[str, Meaning]] = {
    "permanent": HARD,
    "transient": SOFT,
}
"""bounceType; ``Undetermined`` and every other word: unknown."""

SUB_TYPES: Final[dict[str, str]] = {
    "mailboxfull": "mailbox_full",
    "noemail": "no_such_mailbox",
    "suppressed": "suppressed_by_provider",
    "onaccountsuppressionlist": "suppressed_by_provider",
    "messagetoolarge": "content",
    "contentrejected": "content",
    "attachmentrejected": "content",
    "customtimeoutexceeded": "expired_at_provider",
}
"""bounceSubType: the reason that is told."""

EVENTS: Final[dict[str, Meaning]] = {
    "send": Meaning(EmailStatus.SENT, reason="sent", source="provider"),
    "delivery": Meaning(EmailStatus.DELIVERED, reason="delivered", source="provider"),
    "reject": Meaning(EmailStatus.REJECTED, "ours", "content"),
    "open": Meaning(EmailStatus.OPENED, reason="opened", source="provider"),
    "click": Meaning(EmailStatus.CLICKED, reason="clicked", source="provider"),
    "renderingfailure": Meaning(EmailStatus.FAILURE, "ours", "rendering", alert=True),
    "deliverydelay": Meaning(reason="delayed"),
    "subscription": Meaning(reason="subscription"),
}
"""eventType and notificationType but for bounces and complaints, in small letters without spaces."""


def read_ses(event_text: str, report_id: str, at: datetime, prove: Prove) -> list[MailHeard]:
    """The news of one event whose origin was proved. report_id: of the delivery, the same when it is repeated."""
    raw = event_text.encode(errors="replace")[:LIMIT_RAW]
    try:
        event = msgspec.json.decode(event_text, type=_Event)
    except (msgspec.DecodeError, UnicodeError):
        return [MailHeard(report_id=report_id, kind="other", at=at, alert=True, reason="not_ses", raw=raw)]
    name = (event.event_type or event.notification_type).replace(" ", "")
    kind = name.lower()
    detail = _detail(event, kind)
    meaning = _meaning(kind, detail)
    found = _about(event, kind, detail)
    sub_type = detail.bounce_sub_type or detail.delay_type or detail.complaint_feedback_type or ""
    facts = (("link", detail.link), ("agent", detail.user_agent), ("address", detail.ip_address))
    whole = MailHeard(
        report_id=report_id,
        kind=_kind(kind, meaning),
        at=at,
        id=prove(event.mail.source),
        remote_id=event.mail.message_id,
        message_id=event.mail.common_headers.message_id.strip().removeprefix("<").removesuffix(">"),
        status=meaning.status,
        source=meaning.source if meaning.status is EmailStatus.DELIVERED else "",
        sort=meaning.sort,
        suppress=meaning.suppress,
        alert=meaning.alert,
        reason=meaning.reason,
        word="/".join(word for word in (name, detail.bounce_type, sub_type) if word),
        told_at=_time(detail.timestamp),
        facts={key: value[:_LIMIT_TEXT] for key, value in facts if value},
        raw=raw,
    )
    told = detail.smtp_response or detail.reason or detail.error_message
    return [
        msgspec.structs.replace(
            whole,
            report_id=report_id if not number else f"{report_id}#{number}",
            recipient=one.email_address,
            code=one.status,
            detail=(one.diagnostic_code or told)[:_LIMIT_TEXT],
        )
        for number, one in enumerate(found[:LIMIT_RECIPIENTS])
    ]


def _kind(kind: str, meaning: Meaning) -> Literal["report", "complaint", "event"]:
    if kind == "bounce":
        return "report"
    return "complaint" if kind == "complaint" and meaning.status is not None else "event"


def _detail(event: _Event, kind: str) -> _Detail:
    details = {
        "bounce": event.bounce, "complaint": event.complaint, "delivery": event.delivery, "send": event.send, "reject": event.reject,
        "open": event.open, "click": event.click, "renderingfailure": event.failure, "deliverydelay": event.delivery_delay,
    }  # fmt: skip
    return details.get(kind) or _Detail()


def _meaning(kind: str, detail: _Detail) -> Meaning:
    if kind == "bounce":
        meaning = BOUNCES.get(detail.bounce_type.lower(), UNKNOWN)
        reason = SUB_TYPES.get((detail.bounce_sub_type or "").lower())
        return msgspec.structs.replace(meaning, reason=reason) if reason else meaning
    if kind == "complaint":
        return FEEDBACK.get((detail.complaint_feedback_type or "").lower(), COMPLAINT)
    return EVENTS.get(kind, Meaning(reason="unknown_event", alert=True))


def _about(event: _Event, kind: str, detail: _Detail) -> list[_Recipient]:
    """The recipients of an event; where it names none, those of the message."""
    named = {
        "bounce": detail.bounced_recipients,
        "complaint": detail.complained_recipients,
        "deliverydelay": detail.delayed_recipients,
    }.get(kind, [])
    return named or [_Recipient(one) for one in detail.recipients or event.mail.destination] or [_Recipient()]


def _time(value: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo is not None else None
