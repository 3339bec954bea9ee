"""What a record ends as, by what its callee does: the call driver on the simulator."""

from __future__ import annotations

import pytest

from central.adapters.simulator.callees import CODES
from examples.carrier.demo import BEHAVIOURS, number_for
from tests.fakes.voice_rig import VoiceRig, play

# behaviour -> (record status, reason, attempts, words of the legs)
EXPECTED: dict[str, tuple[str, str, int, list[str]]] = {
    "presses_1": ("COMPLETED", "completed", 1, ["Connected"]),
    "presses_2": ("COMPLETED", "completed", 1, ["Connected"]),
    "presses_1_2_3": ("COMPLETED", "completed", 1, ["Connected"]),
    "answers": ("COMPLETED", "completed", 1, ["Connected"]),
    "hangs_up_mid_flow": ("PARTIAL_COMPLETE", "customer_left", 1, ["Connected"]),
    "hangs_up_at_once": ("SHORT_HANGUP", "short_hangup", 1, ["Connected"]),
    "busy": ("FAILURE", "attempts_exhausted", 2, ["Busy", "Busy"]),
    "rings_out": ("FAILURE", "attempts_exhausted", 2, ["Ring Timeout", "Ring Timeout"]),
    "trying_only": ("FAILURE", "attempts_exhausted", 2, ["No User Responding", "No User Responding"]),
    "silent": ("FAILURE", "attempts_exhausted", 2, ["No User Responding", "No User Responding"]),
    "not_found": ("FAILURE", "not_retryable", 1, ["Unallocated Number"]),
    "unavailable": ("FAILURE", "attempts_exhausted", 2, ["Temporary Failure", "Temporary Failure"]),
    "early_media_then_busy": ("FAILURE", "attempts_exhausted", 2, ["Busy", "Busy"]),
    "answers_on_second_attempt": ("COMPLETED", "completed", 2, ["Busy", "Connected"]),
}


def test_the_number_plan_is_that_of_the_demo_carrier() -> None:
    assert {name: code for code, name in CODES.items()} == BEHAVIOURS


@pytest.mark.parametrize("behaviour", EXPECTED)
def test_a_callee_decides_the_record(behaviour: str) -> None:
    async def story(rig: VoiceRig) -> None:
        rig.call(number_for(behaviour, 1))
        await rig.finish()

    rig = play(VoiceRig(), story)
    (record_id,) = rig.handed
    result = rig.result(record_id)
    words = [end.status for end in rig.legs(record_id)]
    assert (result.status, result.reason, result.attempt_number, words) == EXPECTED[behaviour]


@pytest.mark.parametrize("behaviour", ["forbidden", "not_acceptable", "server_error", "congested", "declined"])
def test_every_other_refusal_ends_the_record_with_its_own_word(behaviour: str) -> None:
    async def story(rig: VoiceRig) -> None:
        rig.call(number_for(behaviour, 1))
        await rig.finish()

    rig = play(VoiceRig(), story)
    (record_id,) = rig.handed
    assert rig.result(record_id).status == "FAILURE"
    assert all(end.sip_code is not None and end.hangup_by == "CUSTOMER" for end in rig.legs(record_id))


def test_alternates_are_tried_in_order_within_one_attempt() -> None:
    async def story(rig: VoiceRig) -> None:
        rig.call(number_for("busy", 1), number_for("not_found", 1), number_for("presses_1", 1))
        await rig.finish()

    rig = play(VoiceRig(), story)
    (record_id,) = rig.handed
    assert [call.number[7:9] for call in rig.telephony.received] == ["05", "07", "01"]
    assert rig.result(record_id).status == "COMPLETED"
    assert rig.result(record_id).cost == 1000
    assert {leg.position: leg.reserved for leg in rig.journal.legs.values()} == {0: 0, 1: 1000, 2: 1000}


def test_a_reattempt_waits_its_interval_and_skips_struck_numbers() -> None:
    async def story(rig: VoiceRig) -> None:
        rig.call(number_for("not_found", 1), number_for("busy", 1))
        await rig.finish()

    rig = play(VoiceRig(), story)
    first, second, third = rig.telephony.received
    assert [call.number[7:9] for call in (first, second, third)] == ["07", "05", "05"]
    assert 6.0 <= third.at_s - second.at_s < 7.0


def test_the_same_seed_gives_the_same_run() -> None:
    async def story(rig: VoiceRig) -> None:
        for behaviour in BEHAVIOURS:
            rig.call(number_for(behaviour, 3))
        await rig.finish()

    first, second = (play(VoiceRig(seed=7), story) for _ in range(2))
    assert first.journal.events == second.journal.events
    assert first.journal.ends == second.journal.ends
    assert first.journal.events != play(VoiceRig(seed=8), story).journal.events
