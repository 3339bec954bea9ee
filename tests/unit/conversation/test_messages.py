"""Errands of live calls: messages go to their channel in batches, and the flow hears of it."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from central.application.conversation.await_receipts import AwaitReceipts
from central.application.conversation.gather_messages import GatherMessages
from central.application.conversation.run_errands import Runner, Staged
from central.application.conversation.send_messages import SendMails, SendShortMessages
from central.application.ports.messages import Accepted, Answer, ShortMessage
from central.domain.errors import NeighbourError
from central.domain.ids import AccountId, MessageId, RecordId, derived_uuid
from central.domain.policies import Purpose
from central.flow.errands import Errand, SendEmail, SendSms
from examples.carrier.demo import number_for
from tests.fakes.flow_player import after_answer
from tests.fakes.messages import MemoryMail, MemorySms
from tests.fakes.observed import ObservedTelemetry
from tests.fakes.voice_rig import VoiceRig, play

SMS = after_answer("""  first: {widget: sms, text: "Price: 5 €", sender: CLINIC, on: {accepted: good, failed: bad}}
  good: {widget: store_variable, set: {How: taken}, next: bye}
  bad: {widget: store_variable, set: {How: "no"}, next: bye}
  bye: {widget: hang_up}
""")
EMAIL = after_answer("""  first: {widget: email, to: "a@example.com, b@example.com", subject: Hello, text: Hello., on: {accepted: good, failed: bad}}
  good: {widget: store_variable, set: {How: taken}, next: bye}
  bad: {widget: store_variable, set: {How: "no"}, next: bye}
  bye: {widget: hang_up}
""")


def stays(n: int = 1) -> str:
    return number_for("answers", n)


def message() -> ShortMessage:
    return ShortMessage(
        id=MessageId(uuid4()), account_id=AccountId(uuid4()), record_id=RecordId(uuid4()), step="tell", purpose=Purpose.SERVICE,
        to="919800000001", text="Hello.", encoding="gsm7", parts=1,
    )  # fmt: skip


def outcome(rig: VoiceRig, nth: int = 0) -> tuple[str, str | None]:
    record = list(rig.handed)[nth]
    return rig.result(record).status, rig.result(record).variables.get("How")


async def one(rig: VoiceRig) -> None:
    rig.call(stays())
    await rig.finish()


def sending(sms: MemorySms, mail: MemoryMail | None = None) -> VoiceRig:
    runners: dict[type[Errand], Runner | Staged] = {
        SendSms: SendShortMessages(sms, AwaitReceipts(sms, ObservedTelemetry()))
    }
    if mail is not None:
        runners[SendEmail] = SendMails(mail)
    return VoiceRig(flow=SMS if mail is None else EMAIL, runners=runners)


def test_a_message_goes_out_with_what_the_channel_must_know() -> None:
    sms = MemorySms()
    rig = play(sending(sms), one)
    (message,) = sms.sent
    (record,) = rig.handed
    assert (message.account_id, message.record_id, message.step) == (rig.account.id, record, "first")
    assert (message.to, message.text, message.sender) == (stays(), "Price: 5 €", "CLINIC")
    assert (message.encoding, message.parts, message.purpose) == ("gsm7", 1, "service")
    assert outcome(rig) == ("COMPLETED", "taken")


def test_the_same_errand_of_an_attempt_is_the_same_message() -> None:
    sms = MemorySms()
    rig = play(sending(sms), one)
    (handed,) = rig.handed.values()
    assert [message.id for message in sms.sent] == [derived_uuid(handed.attempt_id, 1)]


def test_what_many_calls_send_at_one_moment_is_one_batch() -> None:
    sms = MemorySms()

    async def story(rig: VoiceRig) -> None:
        for n in range(1, 21):
            rig.call(stays(n))
        await rig.finish()

    play(sending(sms), story)
    assert len(sms.sent) == 20
    assert len(sms.batches) < 20


def test_a_national_number_is_read_as_the_accounts_country_writes_it() -> None:
    sms = MemorySms()
    rig = sending(sms)
    rig.flow = SMS.replace(b"sender: CLINIC", b"to: '98765 43210'")
    play(rig, one)
    assert [message.to for message in sms.sent] == ["919876543210"]


async def test_a_caller_who_waits_no_more_does_not_stop_the_others() -> None:
    sms = MemorySms()
    gather: GatherMessages[ShortMessage, Answer] = GatherMessages(sms.send)
    first, second = (asyncio.ensure_future(gather.one(message())) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == Accepted()
    assert [len(batch) for batch in sms.batches] == [2]
    sms.away = True
    results = await asyncio.gather(*(gather.one(message()) for _ in range(3)), return_exceptions=True)
    assert [type(result) for result in results] == [NeighbourError] * 3


def test_a_message_that_is_refused_takes_its_branch() -> None:
    rig = play(sending(MemorySms(blocked=frozenset({stays()}))), one)
    assert outcome(rig) == ("COMPLETED", "no")


def test_a_channel_that_is_away_takes_the_branch_too() -> None:
    rig = play(sending(MemorySms(away=True)), one)
    assert outcome(rig) == ("COMPLETED", "no")


def test_without_a_channel_nothing_is_said_to_have_begun() -> None:
    rig = play(VoiceRig(flow=SMS), one)
    assert outcome(rig) == ("COMPLETED", "no")
    assert "errand_begun" not in {event.kind for event in rig.journal.events}


def test_an_errand_is_stored_as_begun_before_it_is_done() -> None:
    rig = play(sending(MemorySms()), one)
    (begun,) = [event for event in rig.journal.events if event.kind == "errand_begun"]
    assert begun.data == {"attempt": 1, "step": "first", "errand": "SendSms"}


@pytest.mark.parametrize(
    ("suppressed", "how"), [((), "taken"), (("a@example.com",), "taken"), (("a@example.com", "b@example.com"), "no")]
)
def test_an_e_mail_is_taken_when_it_is_for_one_recipient(suppressed: tuple[str, ...], how: str) -> None:
    mail = MemoryMail(suppressed=frozenset(suppressed))
    rig = play(sending(MemorySms(), mail), one)
    (sent,) = mail.mails.values()
    assert (sent.to, sent.subject, sent.text) == (("a@example.com", "b@example.com"), "Hello", "Hello.")
    assert outcome(rig) == ("COMPLETED", how)
