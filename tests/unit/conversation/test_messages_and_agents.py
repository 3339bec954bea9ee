"""Errands of live calls: messages go to their channel in batches, customers to the contact center, and the flow hears of it."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from central.application.conversation.await_receipts import AwaitReceipts
from central.application.conversation.connect_agents import ConnectAgents
from central.application.conversation.gather_messages import GatherMessages
from central.application.conversation.run_errands import Runner, Staged
from central.application.conversation.send_messages import SendMails, SendShortMessages
from central.application.ports.messages import Accepted, Answer, ShortMessage
from central.domain.errors import NeighbourError
from central.domain.ids import AccountId, MessageId, RecordId, derived_uuid
from central.domain.policies import Purpose
from central.flow.errands import ConnectAgent, Errand, SendEmail, SendSms
from examples.carrier.demo import number_for
from tests.fakes.contact_center import MemoryContactCenter, MemoryQueue
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
AGENT = after_answer("""  first:
    widget: agent_connect
    queue: support
    max_wait: 10s
    whisper: {say: Somebody asks.}
    on: {agent_allocated: talked, max_wait_time_reached: late, no_agent_available: nobody, queue_full: full, agent_lost: lost}
  talked: {widget: store_variable, set: {How: talked}, next: tell}
  tell: {widget: sms, text: Thank you.}
  late: {widget: store_variable, set: {How: late}, next: end}
  nobody: {widget: store_variable, set: {How: nobody}, next: end}
  full: {widget: store_variable, set: {How: full}, next: end}
  lost: {widget: store_variable, set: {How: lost}, next: end}
  gone: {widget: on_remote_hangup, next: left}
  left: {widget: store_variable, set: {Left: "{{ $flow.syskey.queue_outcome }}"}}
""")


def stays(n: int = 1) -> str:
    return number_for("answers", n)


def leaves(n: int = 1) -> str:
    """Hangs up 4 s after it answered."""
    return number_for("hangs_up_mid_flow", n)


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


# -- agents ------------------------------------------------------------------------------------------------------------
def queueing(door: MemoryContactCenter, sms: MemorySms | None = None) -> VoiceRig:
    sms = sms or MemorySms()
    channel = SendShortMessages(sms, AwaitReceipts(sms, ObservedTelemetry()))
    return VoiceRig(flow=AGENT, runners={ConnectAgent: Staged(ConnectAgents(door)), SendSms: channel})


def center(*agents: str, **queue: float) -> MemoryContactCenter:
    return MemoryContactCenter({"support": MemoryQueue(list(agents), **queue)})  # type: ignore[arg-type]


def test_a_customer_talks_with_an_agent_and_is_still_there() -> None:
    door, sms = center("Asha"), MemorySms()
    rig = play(queueing(door, sms), one)
    assert outcome(rig) == ("COMPLETED", "talked")
    (wish,) = door.wishes
    (leg,) = rig.legs(next(iter(rig.handed)))
    assert (wish.leg, wish.queue, wish.number, wish.max_wait_s) == (leg.id, "support", stays(), 10.0)
    assert wish.whisper is not None
    assert wish.whisper.text == "Somebody asks."
    assert leg.hangup_by == "SYSTEM"
    assert len(sms.sent) == 1


def test_a_customer_who_hangs_up_in_the_conversation_has_reached_the_flows_end() -> None:
    door, sms = center("Asha", talks_s=60.0), MemorySms()

    async def story(rig: VoiceRig) -> None:
        rig.call(leaves())
        await rig.finish()

    rig = play(queueing(door, sms), story)
    assert outcome(rig) == ("COMPLETED", "talked")
    assert rig.result(next(iter(rig.handed))).variables["Left"] == "agent_allocated"
    assert len(sms.sent) == 1  # steps without media still run
    assert (door.let_go, door.queues["support"].agents) == (1, ["Asha"])
    assert rig.legs(next(iter(rig.handed)))[0].hangup_by == "CUSTOMER"


def test_a_customer_who_hangs_up_while_he_waits_has_left() -> None:
    door = center()

    async def story(rig: VoiceRig) -> None:
        rig.call(leaves())
        await rig.finish()

    rig = play(queueing(door), story)
    assert outcome(rig) == ("PARTIAL_COMPLETE", None)
    assert rig.result(next(iter(rig.handed))).variables["Left"] == "caller_abandoned"
    assert door.inside == {"support": 0}


@pytest.mark.parametrize(
    ("door", "how"),
    [
        (center(), "late"),
        (center(places=0), "full"),
        (center("Asha", lost=True), "lost"),
        (center("Asha", logged_in=False), "nobody"),
        (MemoryContactCenter(), "nobody"),
    ],
)
def test_what_becomes_of_a_wait(door: MemoryContactCenter, how: str) -> None:
    rig = play(queueing(door), one)
    assert outcome(rig) == ("COMPLETED", how)


def test_a_conversation_outlasts_the_limit_of_the_wait() -> None:
    rig = play(queueing(center("Asha", talks_s=110.0)), one)  # 10 s of waiting and a minute of grace
    assert outcome(rig) == ("COMPLETED", "talked")


def test_a_forced_stop_lets_the_agent_go() -> None:
    door = center("Asha", talks_s=60.0)

    async def story(rig: VoiceRig) -> None:
        record = rig.call(stays())
        await asyncio.sleep(5)
        rig.driver.stop(record)
        await rig.finish()

    rig = play(queueing(door), story)
    assert outcome(rig)[0] == "PARTIAL_COMPLETE"
    assert door.let_go == 1
