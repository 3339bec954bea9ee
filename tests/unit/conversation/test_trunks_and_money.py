"""What stands between a flow's wish to dial and an INVITE: trunks, their caps, failover, and the account's money."""

from __future__ import annotations

import asyncio

import pytest

from central.adapters.simulator.callees import by_trunk
from examples.carrier.demo import number_for
from tests.fakes.voice_rig import FLOW, PRICE, VoiceRig, play

NUMBER = "919812345678"


def test_a_trunk_that_is_full_elsewhere_is_followed_by_the_next_one_within_the_attempt() -> None:
    async def story(rig: VoiceRig) -> None:
        rig.call(NUMBER)
        await rig.finish()

    rig = play(VoiceRig(plan=by_trunk, trunks=(("c503", 10, 100), ("presses_1", 10, 100))), story)
    (record_id,) = rig.handed
    assert [call.trunk for call in rig.telephony.received] == ["c503", "presses_1"]
    assert [end.status for end in rig.legs(record_id)] == ["Congestion", "Connected"]
    assert rig.result(record_id).status == "COMPLETED"
    assert rig.journal.free == 10**12  # the second leg of the same number asks for no further reservation


def test_a_refusal_of_the_callee_is_not_followed_by_another_trunk() -> None:
    async def story(rig: VoiceRig) -> None:
        rig.call(NUMBER)
        await rig.idle()

    rig = play(VoiceRig(plan=by_trunk, trunks=(("c486", 10, 100), ("presses_1", 10, 100))), story)
    assert [call.trunk for call in rig.telephony.received] == ["c486"]


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        ("+91 80000 00001", "918000000001"),
        ("anonymous", None),
        ("14155550100", "918000000001"),  # not a DID of the flow: nobody shows somebody else's number
        ("918000000001\\r\\nX-Evil: 1", "918000000001"),
    ],
)
def test_a_flow_shows_its_own_dids_or_none(wanted: str, shown: str | None) -> None:
    async def story(rig: VoiceRig) -> None:
        rig.call(number_for("busy", 1))
        await rig.idle()

    step = b'{widget: make_call, caller_id: "%s", on' % wanted.encode()
    rig = play(VoiceRig(flow=FLOW.replace(b"{widget: make_call, on", step)), story)
    assert [call.caller for call in rig.telephony.received] == [shown]
    told = "caller_id_refused" in str([event.data for event in rig.journal.events])
    assert told == (wanted not in {"+91 80000 00001", "anonymous"})


def test_a_phone_that_rang_is_not_made_to_ring_again_over_another_trunk() -> None:
    async def story(rig: VoiceRig) -> None:
        rig.call(NUMBER)
        await rig.idle()

    rig = play(VoiceRig(plan=by_trunk, trunks=(("c503_q34", 10, 100), ("presses_1", 10, 100))), story)
    (record_id,) = rig.handed
    assert [call.trunk for call in rig.telephony.received] == ["c503_q34"]
    result = rig.result(record_id)
    assert (result.status, result.last_call_status) == ("REATTEMPT_SCHEDULED", "Congestion")


def test_the_last_trunks_word_stands_when_all_fail() -> None:
    async def story(rig: VoiceRig) -> None:
        rig.call(NUMBER)
        await rig.idle()

    rig = play(VoiceRig(plan=by_trunk, trunks=(("c503", 10, 100), ("c488", 10, 100))), story)
    (record_id,) = rig.handed
    assert rig.result(record_id).last_call_status == "Channel Unavailable"


def test_a_call_without_a_channel_waits_its_time_and_is_channel_busy_at_no_cost() -> None:
    async def story(rig: VoiceRig) -> None:
        rig.call(number_for("answers", 1))
        await asyncio.sleep(1)
        rig.call(number_for("presses_1", 1))
        await rig.idle()

    rig = play(VoiceRig(trunks=(("lab", 1, 100),)), story)
    _, second = rig.handed
    result = rig.result(second)
    assert [call.number for call in rig.telephony.received] == [number_for("answers", 1)]
    assert [(end.status, end.local) for end in rig.legs(second)] == [("Channel Busy", "trunk_channel_cap")]
    assert (result.status, result.charged, result.platform_faults) == ("REATTEMPT_SCHEDULED", False, 1)


def test_a_channel_that_comes_free_in_time_is_taken_by_the_one_that_waited_longest() -> None:
    async def story(rig: VoiceRig) -> None:
        for n, behaviour in enumerate(("hangs_up_at_once", "hangs_up_at_once", "presses_1")):
            rig.call(number_for(behaviour, n))
        await rig.idle()

    rig = play(VoiceRig(trunks=(("lab", 1, 100),)), story)
    assert [call.number[-3:] for call in rig.telephony.received] == ["000", "001", "002"]


def test_calls_start_no_faster_than_the_trunk_allows() -> None:
    async def story(rig: VoiceRig) -> None:
        for n in range(20):
            rig.call(number_for("busy", n))
        await rig.idle()

    rig = play(VoiceRig(trunks=(("lab", 100, 5),)), story)
    times = [call.at_s for call in rig.telephony.received]
    assert len(times) == 20
    assert all(later - earlier >= 0.99 for earlier, later in zip(times, times[6:], strict=False))


def test_an_account_without_a_trunk_for_the_number_has_no_channel() -> None:
    async def story(rig: VoiceRig) -> None:
        rig.call(NUMBER)
        await rig.idle()

    rig = play(VoiceRig(trunks=()), story)
    (record_id,) = rig.handed
    assert [(end.status, end.local) for end in rig.legs(record_id)] == [("Channel Unavailable", "no_trunk")]


def test_a_further_number_that_cannot_be_paid_ends_the_record() -> None:
    async def story(rig: VoiceRig) -> None:
        rig.journal.free = PRICE - 1
        rig.call(number_for("busy", 1), number_for("presses_1", 1))
        await rig.finish()

    rig = play(VoiceRig(), story)
    (record_id,) = rig.handed
    assert [call.number[7:9] for call in rig.telephony.received] == ["05"]
    assert (rig.result(record_id).status, rig.result(record_id).due_at) == ("INSUFFICIENT_BALANCE", None)


def test_the_claim_paid_for_the_first_number_that_is_left() -> None:
    async def story(rig: VoiceRig) -> None:
        record_id = rig.call(number_for("not_found", 1), number_for("busy", 1))
        await rig.idle()
        rig.journal.free = 0
        assert rig.result(record_id).struck == 1
        rig.again(rig.result(record_id))
        await rig.idle()

    rig = play(VoiceRig(), story)
    assert [call.number[7:9] for call in rig.telephony.received] == ["07", "05", "05"]
    assert [result.reason for result in rig.journal.results] == ["not_reached", "attempts_exhausted"]


@pytest.mark.parametrize(("money", "dialled"), [(PRICE, 2), (2 * PRICE, 3)])
def test_each_further_number_is_paid_once(money: int, dialled: int) -> None:
    async def story(rig: VoiceRig) -> None:
        rig.journal.free = money
        rig.call(*(number_for("busy", n) for n in range(3)))
        await rig.idle()

    rig = play(VoiceRig(), story)
    assert len(rig.telephony.received) == dialled
    assert rig.journal.free == 0
