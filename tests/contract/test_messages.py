"""The promises of SmsChannel and MailChannel. The rooms that bring a real channel add it to the list of this suite."""

from __future__ import annotations

from uuid import uuid4

import pytest

from central.application.ports.messages import Accepted, Mail, MailChannel, Refused, ShortMessage, SmsChannel
from central.domain.errors import NeighbourError
from central.domain.ids import AccountId, MessageId, RecordId
from central.domain.policies import Purpose
from central.domain.short_messages import measure
from tests.fakes.messages import MemoryMail, MemorySms

GOOD, BLOCKED = "919800000001", "919800000002"


def sms(to: str = GOOD, text: str = "Hello.") -> ShortMessage:
    size = measure(text)
    return ShortMessage(
        id=MessageId(uuid4()), account_id=AccountId(uuid4()), record_id=RecordId(uuid4()), step="tell", purpose=Purpose.SERVICE,
        to=to, text=text, encoding=size.encoding, parts=size.parts,
    )  # fmt: skip


def mail(*to: str, cc: tuple[str, ...] = ()) -> Mail:
    return Mail(
        id=MessageId(uuid4()), account_id=AccountId(uuid4()), record_id=RecordId(uuid4()), step="write",
        purpose=Purpose.SERVICE, to=to, cc=cc, subject="Hello", text="Hello.",
    )  # fmt: skip


@pytest.fixture(params=["memory"])
def sms_channel() -> SmsChannel:
    return MemorySms(blocked=frozenset({BLOCKED}))


@pytest.fixture(params=["memory"])
def mail_channel() -> MailChannel:
    return MemoryMail(suppressed=frozenset({"b@example.com"}))


async def test_each_message_has_its_answer_in_order(sms_channel: SmsChannel) -> None:
    first, second, third = await sms_channel.send([sms(), sms(BLOCKED), sms(text="नमस्ते")])
    assert (type(first), type(third)) == (Accepted, Accepted)
    assert isinstance(second, Refused)
    assert (second.status, second.reason) == ("FAILED", "blacklisted")


async def test_the_same_message_again_goes_out_once(sms_channel: SmsChannel) -> None:
    message = sms()
    assert await sms_channel.send([message]) == await sms_channel.send([message])
    assert isinstance(sms_channel, MemorySms)
    assert [sent.id for sent in sms_channel.sent] == [message.id]


async def test_no_message_has_no_answer(sms_channel: SmsChannel, mail_channel: MailChannel) -> None:
    assert list(await sms_channel.send([])) == []
    assert list(await mail_channel.send([])) == []


async def test_each_recipient_has_his_answer_to_then_cc(mail_channel: MailChannel) -> None:
    ((first, second), (third,)) = await mail_channel.send(
        [mail("a@example.com", cc=("b@example.com",)), mail("c@example.com")]
    )
    assert (type(first), type(third)) == (Accepted, Accepted)
    assert isinstance(second, Refused)
    assert second.status == "Rejected"


@pytest.mark.parametrize("channel", [MemorySms(away=True), MemoryMail(away=True)])
async def test_a_channel_that_is_away_says_so(channel: MemorySms | MemoryMail) -> None:
    with pytest.raises(NeighbourError):
        await channel.send([])
