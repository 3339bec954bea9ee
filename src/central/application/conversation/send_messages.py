"""Runners of the errands SendSms and SendEmail: a step's message becomes a channel's, and its answer the step's (path step 4).

A message's id follows from its attempt and errand: the same step of the same attempt is the same message, however often it is
handed over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from central.application.conversation.await_receipts import AwaitReceipts
from central.application.conversation.gather_messages import GatherMessages
from central.application.conversation.live_call import LiveCall
from central.application.conversation.run_errands import Returned
from central.application.ports.messages import (
    Accepted,
    Answer,
    Mail,
    MailChannel,
    MessageState,
    Refused,
    ShortMessage,
    SmsChannel,
)
from central.domain.ids import MessageId, RequestId, derived_uuid
from central.domain.statuses import SmsStatus
from central.domain.variable_rules import MASK
from central.flow.errands import SendEmail, SendSms

_OUTCOMES: Final = {
    SmsStatus.DELIVERED: "delivered",
    SmsStatus.SENT_TO_QUEUE: "accepted",
    SmsStatus.OTHER: "accepted",
}
"""Of a message that was taken; every other status is an end that is no delivery."""


class SendShortMessages:
    """Runs SendSms."""

    def __init__(self, channel: SmsChannel, receipts: AwaitReceipts) -> None:
        self._receipts = receipts
        self._batches: GatherMessages[ShortMessage, Answer] = GatherMessages(channel.send)

    async def __call__(self, call: LiveCall, errand: SendSms, /) -> Returned:
        """Hand it over, and wait as the errand says. Raises NeighbourError when the channel is away."""
        message = ShortMessage(
            id=_id_of(call),
            account_id=call.account_id,
            record_id=call.record_id,
            step=call.run.step,
            client_identifier=call.handed.record.client_identifier or "",
            request_id=RequestId(call.request_id),
            testing=call.handed.record.testing,
            purpose=call.flow.purpose,
            to=errand.to,
            text=errand.text,
            encoding=errand.encoding,
            parts=errand.parts,
            sender=errand.sender,
            template_id=errand.template_id,
            entity_id=errand.entity_id,
            shorten=errand.shorten,
            priority=errand.priority,
            shown=errand.shown,
            hidden=errand.hidden,
        )
        returned = _returned(message.id, [await self._batches.one(message)], (errand.to,) if errand.hidden else ())
        if returned.outcome != "accepted":
            return returned
        state = MessageState(SmsStatus.SENT_TO_QUEUE)
        if errand.wait_s:
            state = await self._receipts(call.account_id, message.id, errand.wait_s)
        outcome = _OUTCOMES.get(SmsStatus(state.status), "not_delivered")
        return Returned(outcome, {**returned.values, "status": state.status, "reason": state.reason})


class SendMails:
    """Runs SendEmail."""

    def __init__(self, channel: MailChannel) -> None:
        self._batches: GatherMessages[Mail, Sequence[Answer]] = GatherMessages(channel.send)

    async def __call__(self, call: LiveCall, errand: SendEmail, /) -> Returned:
        """Hand it over; accepted when it is for one recipient at least. Raises NeighbourError when the channel is away."""
        mail = Mail(
            id=_id_of(call),
            account_id=call.account_id,
            record_id=call.record_id,
            step=call.run.step,
            client_identifier=call.handed.record.client_identifier or "",
            request_id=RequestId(call.request_id),
            testing=call.handed.record.testing,
            purpose=call.flow.purpose,
            to=errand.to,
            cc=errand.cc,
            bcc=errand.bcc,
            subject=errand.subject,
            text=errand.text,
            html=errand.html,
            sender=errand.sender,
            attachments=errand.attachments,
            tracking=errand.tracking,
            shown=errand.shown,
            hidden=errand.hidden,
        )
        hidden = (*errand.to, *errand.cc, *errand.bcc) if errand.hidden else ()
        return _returned(mail.id, await self._batches.one(mail), hidden)


def _id_of(call: LiveCall) -> MessageId:
    return MessageId(derived_uuid(call.handed.attempt_id, call.errand_in_hand()))


def _returned(message: MessageId, answers: Sequence[Answer], hidden: Sequence[str]) -> Returned:
    """``hidden``: recipients that no timeline names."""
    if any(isinstance(answer, Accepted) for answer in answers):
        return Returned("accepted", {"message_id": str(message)})
    refused = next((answer for answer in answers if isinstance(answer, Refused)), None)
    if refused is None:
        return Returned("failed", detail="The channel gave no answer.")
    detail = refused.detail or refused.reason
    for recipient in hidden:
        detail = detail.replace(recipient, MASK)
    return Returned("failed", {"status": refused.status, "reason": refused.reason}, detail)
