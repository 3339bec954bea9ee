"""A flow without a call on a node without a voice engine: messages go, delays sleep, and nothing is asked of the engine."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from central.application.conversation.absent_engine import AbsentEngine
from central.application.conversation.await_receipts import AwaitReceipts
from central.application.conversation.send_messages import SendShortMessages
from central.application.ports.speech import NoAudio, SpeechRequest
from central.application.ports.telephony import Rejected
from central.domain.ids import AccountId, LegId
from central.flow.errands import SendSms
from tests.fakes.messages import MemorySms
from tests.fakes.observed import ObservedTelemetry
from tests.fakes.voice_rig import VoiceRig, play

FLOW = b"""
flow: f
type: multicast
purpose: service
calls: {attempts: 2}
steps:
  start: {widget: start, next: tell}
  tell: {widget: sms, text: Hello., on_failure: fail, on: {accepted: later}}
  later: {widget: delay, for: 10m, next: again}
  again: {widget: sms, text: Do not forget., on: {accepted: end, failed: end}}
  done: {widget: on_flow_complete, next: after}
  after: {widget: store_variable, set: {Became: "{{ $flow.syskey.status }}"}, next: end}
"""
NUMBER = "919800000001"


def listed(sms: MemorySms, n: int) -> VoiceRig:
    async def story(rig: VoiceRig) -> None:
        rig.desk.telephony = AbsentEngine()
        for _ in range(n):
            rig.call(NUMBER)
        await rig.finish()

    return play(
        VoiceRig(flow=FLOW, runners={SendSms: SendShortMessages(sms, AwaitReceipts(sms, ObservedTelemetry()))}), story
    )


def ends(rig: VoiceRig) -> set[tuple[str, str | None, str, bool, str]]:
    return {(r.status, r.reason, r.result, r.charged, r.variables["Became"]) for r in rig.journal.results}


def test_a_list_is_written_to_and_each_message_is_one() -> None:
    sms = MemorySms()
    rig = listed(sms, 20)
    assert ends(rig) == {("COMPLETED", "completed", "none", True, "COMPLETED")}
    assert len(rig.journal.results) == 20
    assert len({message.id for message in sms.sent}) == len(sms.sent) == 40
    assert len(sms.batches) < 40
    assert not rig.journal.ends


def test_a_message_that_nobody_takes_fails_its_record_where_the_flow_says_so() -> None:
    rig = listed(MemorySms(blocked=frozenset({NUMBER})), 3)
    assert ends(rig) == {("FAILURE", "flow_error", "none", True, "FAILURE")}


def test_a_run_that_must_stop_is_left_to_whoever_reads_the_rows() -> None:
    async def story(rig: VoiceRig) -> None:
        rig.call(NUMBER)
        await asyncio.sleep(0)
        (call,) = rig.desk.calls.values()
        rig.driver.give_up(call)
        await rig.idle()

    sms = MemorySms()
    rig = play(
        VoiceRig(flow=FLOW, runners={SendSms: SendShortMessages(sms, AwaitReceipts(sms, ObservedTelemetry()))}), story
    )
    assert not rig.journal.results


async def test_the_absent_engine_refuses_and_says_why() -> None:
    engine, leg = AbsentEngine(), LegId(uuid4())
    await engine.start(())
    for answer in (await engine.play(leg, "p", ["a"]), await engine.bridge("b", [leg])):
        assert isinstance(answer, Rejected)
        assert "no voice engine" in answer.detail
    assert [type(audio) for audio in await engine.render([SpeechRequest("a")])] == [NoAudio]
    assert [type(audio) for audio in await engine.find(AccountId(uuid4()), ["a", "b"])] == [NoAudio] * 2
    news = asyncio.ensure_future(engine.next_events())
    await asyncio.sleep(0)
    assert not news.done()
    news.cancel()
