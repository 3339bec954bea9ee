"""A flow waits for what becomes of its message: one look for all that wait, and an end also when nothing is heard."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from uuid import uuid4

import pytest

from central.application.conversation.await_receipts import AwaitReceipts
from central.application.conversation.send_messages import SendShortMessages
from central.application.ports.messages import MessageState
from central.domain.errors import DefectError
from central.domain.ids import AccountId, MessageId
from central.flow.errands import SendSms
from examples.carrier.demo import number_for
from tests.fakes.flow_player import after_answer
from tests.fakes.messages import MemorySms
from tests.fakes.observed import ObservedTelemetry
from tests.fakes.voice_rig import VoiceRig, play

FLOW = after_answer("""  first:
    widget: sms
    text: Hello.
    wait: 10s
    result: {Status: status, Why: reason}
    on: {accepted: open, delivered: good, not_delivered: bad, failed: refused}
  open: {widget: store_variable, set: {How: open}, next: bye}
  good: {widget: store_variable, set: {How: delivered}, next: bye}
  bad: {widget: store_variable, set: {How: not delivered}, next: bye}
  refused: {widget: store_variable, set: {How: refused}, next: bye}
  bye: {widget: hang_up}
""")
TO = number_for("answers", 1)


def rig_of(sms: MemorySms, telemetry: ObservedTelemetry | None = None) -> VoiceRig:
    receipts = AwaitReceipts(sms, telemetry or ObservedTelemetry())
    return VoiceRig(flow=FLOW, runners={SendSms: SendShortMessages(sms, receipts)})


async def one(rig: VoiceRig) -> None:
    rig.call(TO)
    await rig.finish()


def stored(rig: VoiceRig) -> Mapping[str, str]:
    return rig.result(next(iter(rig.handed))).variables


@pytest.mark.parametrize(
    ("end", "how", "status"),
    [
        (("DELIVERED", "delivered"), "delivered", "DELIVERED"),
        (("UNDELIVERED", "undeliverable"), "not delivered", "UNDELIVERED"),
        (("EXPIRED", "expired"), "not delivered", "EXPIRED"),
        (("REJECTED", "rejected"), "not delivered", "REJECTED"),
        (("FAILED", "throttled"), "not delivered", "FAILED"),
        (("INVALID_NUMBER", "x"), "not delivered", "INVALID_NUMBER"),
        (("OTHER", "unknown"), "open", "OTHER"),
        (None, "open", "SENT_TO_QUEUE"),
    ],
)
def test_the_branch_tells_what_became_of_it(end: tuple[str, str] | None, how: str, status: str) -> None:
    sms = MemorySms(becomes={} if end is None else {TO: end})
    kept = stored(play(rig_of(sms), one))
    assert (kept["How"], kept["Status"], kept["Why"]) == (how, status, end[1] if end is not None else "")
    assert len(sms.looks) == (2 if how != "open" else 19)


def test_a_message_that_is_refused_at_once_is_not_waited_for() -> None:
    sms = MemorySms(blocked=frozenset({TO}))
    assert stored(play(rig_of(sms), one))["How"] == "refused"
    assert sms.looks == []


def test_many_that_wait_are_one_look() -> None:
    numbers = [number_for("answers", n) for n in range(1, 21)]
    sms = MemorySms(becomes=dict.fromkeys(numbers, ("DELIVERED", "delivered")))

    async def story(rig: VoiceRig) -> None:
        for number in numbers:
            rig.call(number)
        await rig.finish()

    rig = play(rig_of(sms), story)
    assert {rig.result(record).variables["How"] for record in rig.handed} == {"delivered"}
    assert len(sms.looks) <= 4


def test_a_store_that_is_away_for_a_moment_is_asked_again() -> None:
    sms, telemetry = MemorySms(becomes={TO: ("DELIVERED", "delivered")}, unreadable=3), ObservedTelemetry()
    assert stored(play(rig_of(sms, telemetry), one))["How"] == "delivered"
    assert len(sms.looks) == 5


def test_a_customer_who_leaves_ends_the_wait() -> None:
    sms = MemorySms()

    async def story(rig: VoiceRig) -> None:
        rig.call(number_for("hangs_up_mid_flow", 1))
        await rig.finish()

    rig = play(rig_of(sms), story)
    assert rig.result(next(iter(rig.handed))).status == "PARTIAL_COMPLETE"
    assert 6 <= len(sms.looks) <= 9  # he hangs up after 4 s


class Broken:
    """States that cannot be read because of a defect."""

    async def states(self, wanted: Sequence[tuple[AccountId, MessageId]]) -> Mapping[MessageId, MessageState]:
        raise DefectError("broken", f"{len(wanted)} waited.")


async def test_where_looking_breaks_all_who_wait_hear_of_it_and_the_next_looks_anew() -> None:
    receipts = AwaitReceipts(Broken(), ObservedTelemetry())
    for _ in range(2):
        waits = (receipts(AccountId(uuid4()), MessageId(uuid4()), 60) for _ in range(2))
        results = await asyncio.gather(*waits, return_exceptions=True)
        assert [type(result) for result in results] == [DefectError] * 2
