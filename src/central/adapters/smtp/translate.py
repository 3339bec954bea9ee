"""A report that was read, as news of the port: which message it is about, who proved that, and what it means. Pure.

Step 3 of the path (channel). A message is proved by its own envelope sender (VERP), whose MAC nobody else can make: as the
address that the report was sent to, or as the one that a complaint or a returned message names. An address that has the shape of
ours and a wrong MAC is a forgery, and then nothing of the report is believed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final, Literal

from central.adapters.smtp.report_reasons import meaning_of, told_code
from central.adapters.smtp.reports import AutoReply, BounceGuess, Complaint, DeliveryReport, Item, Report
from central.application.ports.carriers import MailHeard
from central.domain.ids import MessageId

Prove = Callable[[str], MessageId | None]
"""The message that an envelope sender of ours belongs to, None when its MAC is not ours."""

LIMIT_RAW: Final = 64 * 1024
_SHAPE: Final = "b+"


def heard(
    report: Report, raw: bytes, at: datetime, prove: Prove, *, recipients: Iterable[str] = (), trusting: bool = False
) -> list[MailHeard]:
    """The news of one message that came in. recipients: of its envelope, where that is known; else its headers say it.

    trusting: delivery reports without a proof may be matched by envelope id and Message-ID. Complaints always may: providers
    leave addresses out, and who knows a Message-ID had the message.
    """
    addresses = [*(list(recipients) or report.to), *report.senders]
    proved = next((found for one in addresses if (found := prove(one)) is not None), None)
    forged = proved is None and any(one.lower().startswith(_SHAPE) for one in addresses)
    news: list[MailHeard] = []
    for number, item in enumerate(report.items):
        meaning = meaning_of(item)
        known = proved is not None or (not forged and (trusting or isinstance(item, Complaint)))
        believed = known or meaning.status is None
        news.append(
            MailHeard(
                report_id=report.id if not number else f"{report.id}#{number}",
                kind=_kind(item) if believed else "other",
                at=at,
                id=proved,
                envelope_id=report.envelope_id if known else "",
                message_id=report.message_id if known else "",
                recipient=_recipient(item),
                status=meaning.status if believed else None,
                source=meaning.source if believed else "",
                sort=meaning.sort if believed else "",
                suppress=meaning.suppress if believed else "",
                alert=meaning.alert and believed,
                reason=meaning.reason if believed else ("forged" if forged else "unproved"),
                word=_word(item),
                code=told_code(item.status, item.diagnostic) if isinstance(item, DeliveryReport) else "",
                detail=item.diagnostic if isinstance(item, DeliveryReport) else "",
                told_at=item.at if isinstance(item, DeliveryReport | Complaint) else None,
                raw=raw[:LIMIT_RAW],
            )
        )
    return news


def _kind(item: Item) -> Literal["report", "complaint", "reply", "other"]:
    match item:
        case DeliveryReport() | BounceGuess():
            return "report"
        case Complaint():
            return "complaint"
        case AutoReply():
            return "reply"
        case _:
            return "other"


def _recipient(item: Item) -> str:
    match item:
        case DeliveryReport() | Complaint():
            return item.recipient
        case BounceGuess(recipients):
            return recipients[0]
        case _:
            return ""


def _word(item: Item) -> str:
    match item:
        case DeliveryReport():
            return item.action
        case Complaint():
            return item.feedback
        case BounceGuess():
            return "guess"
        case _:
            return ""
