"""What a live call does when something takes it away: the lease, the store, the engine, the account's user."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from msgspec.structs import replace

from central.adapters.simulator.callees import behaviour
from central.application.ports.telephony import Digit, LegAnswered, LegEnded, LegProgress, Originate, TelephonyEvent
from central.domain.evidence import Evidence, Phase
from central.domain.ids import LegId, RecordId
from examples.carrier.demo import number_for
from tests.fakes.voice_rig import LEASE, PRICE, VoiceRig, play


@dataclass(slots=True)
class Faults:
    """Commits that fail: the first ``n``, or all while ``on``."""

    n: int = 0
    on: bool = False

    def __call__(self) -> bool:
        self.n -= 1
        return self.on or self.n >= 0


def only(rig: VoiceRig) -> RecordId:
    (record_id,) = rig.handed
    return record_id


# -- the lease ---------------------------------------------------------------------------------------------------------
def test_a_record_taken_away_before_its_leg_row_is_not_dialled() -> None:
    async def story(rig: VoiceRig) -> None:
        record_id = rig.call(number_for("presses_1", 1))
        rig.journal.take_away(record_id)
        await rig.idle()

    rig = play(VoiceRig(), story)
    assert not rig.telephony.received
    assert not rig.journal.results
    assert ("lease_lost", {"record_id": str(only(rig))}) in rig.telemetry.events


def test_a_record_taken_away_in_mid_call_loses_its_leg_and_stores_no_result() -> None:
    async def story(rig: VoiceRig) -> None:
        record_id = rig.call(number_for("answers", 1))
        await asyncio.sleep(2)
        rig.journal.take_away(record_id)
        rig.driver.lease_lost(record_id)
        await rig.idle()
        await asyncio.sleep(1)
        assert rig.telephony.channels == 0

    rig = play(VoiceRig(), story)
    assert not rig.journal.results


def test_a_result_that_comes_after_the_lease_was_lost_is_kept_as_late_news() -> None:
    async def story(rig: VoiceRig) -> None:
        record_id = rig.call(number_for("hangs_up_mid_flow", 1))
        await asyncio.sleep(2)
        rig.journal.take_away(record_id)
        await rig.idle()

    rig = play(VoiceRig(), story)
    assert not rig.journal.results
    (late,) = rig.journal.told("late_news")
    assert late.late
    assert (late.data["status"], late.data["refused"]) == ("PARTIAL_COMPLETE", "lost")


def test_a_record_that_comes_again_while_its_earlier_call_is_up_has_one_call_only() -> None:
    async def story(rig: VoiceRig) -> None:
        record_id = rig.call(number_for("answers", 1))
        await asyncio.sleep(2)
        rig.journal.take_away(record_id)
        record = replace(rig.handed[record_id].record, fence=rig.journal.records[record_id].fence, attempts_made=1)
        rig.hand_over(record)
        await asyncio.sleep(2)
        assert rig.telephony.channels == 1
        assert list(rig.desk.by_leg) == [rig.telephony.received[1].leg]
        await rig.idle()

    rig = play(VoiceRig(), story)
    (result,) = rig.journal.results
    assert (result.attempt_number, result.status) == (2, "COMPLETED")


def test_a_process_that_stood_still_past_its_lease_dials_nothing_even_if_the_row_was_accepted() -> None:
    async def story(rig: VoiceRig) -> None:
        rig.journal.before = store_is_away = Faults(on=True)
        rig.call(number_for("presses_1", 1))
        await asyncio.sleep(LEASE.total_seconds())
        store_is_away.on = False
        await rig.idle()

    rig = play(VoiceRig(), story)
    assert rig.journal.legs
    assert not rig.telephony.received


# -- the store ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_store_that_is_away_for_a_while_costs_time_and_nothing_else(when: str) -> None:
    async def story(rig: VoiceRig) -> None:
        setattr(rig.journal, when, Faults(5))
        rig.call(number_for("presses_1", 1), number_for("busy", 1))
        await rig.idle()
        setattr(rig.journal, when, Faults(5))
        rig.call(number_for("busy", 1), number_for("presses_1", 1))
        await rig.finish()

    rig = play(VoiceRig(), story)
    assert [rig.result(record_id).status for record_id in rig.handed] == ["COMPLETED", "COMPLETED"]
    assert len(rig.telephony.received) == 3
    assert len(rig.journal.results) == 2


def test_a_paused_request_gets_its_record_held_with_what_it_would_have_been() -> None:
    async def story(rig: VoiceRig) -> None:
        rig.call(number_for("busy", 1), control="paused")
        await rig.idle()

    rig = play(VoiceRig(), story)
    result = rig.result(only(rig))
    assert (result.status, result.due_at, result.held_status) == ("PAUSE", None, "REATTEMPT_SCHEDULED")
    assert result.held_due_at is not None


def test_a_stopping_request_gets_no_further_attempt() -> None:
    async def story(rig: VoiceRig) -> None:
        rig.call(number_for("busy", 1), control="stopping")
        await rig.idle()

    rig = play(VoiceRig(), story)
    assert (rig.result(only(rig)).status, rig.result(only(rig)).reason) == ("PARTIAL_COMPLETE", "stopped_by_user")


def test_a_final_result_is_accepted_whatever_the_request_is_told_to_do() -> None:
    async def story(rig: VoiceRig) -> None:
        rig.call(number_for("presses_1", 1), control="paused")
        rig.call(number_for("presses_1", 2), control="stopping")
        await rig.idle()

    rig = play(VoiceRig(), story)
    assert [rig.result(record_id).status for record_id in rig.handed] == ["COMPLETED", "COMPLETED"]


# -- the user ----------------------------------------------------------------------------------------------------------
def test_a_forced_stop_while_ringing_cancels_the_leg() -> None:
    async def story(rig: VoiceRig) -> None:
        record_id = rig.call(number_for("rings_out", 1))
        await asyncio.sleep(1)
        rig.driver.stop(record_id)
        rig.driver.stop(record_id)
        await rig.idle()

    rig = play(VoiceRig(), story)
    assert [(end.status, end.hangup_by) for end in rig.legs(only(rig))] == [("Cancelled", "SYSTEM")]
    assert (rig.result(only(rig)).status, rig.result(only(rig)).reason) == ("PARTIAL_COMPLETE", "stopped_by_user")


def test_a_forced_stop_in_mid_conversation_hangs_up() -> None:
    async def story(rig: VoiceRig) -> None:
        record_id = rig.call(number_for("answers", 1))
        await asyncio.sleep(2)
        rig.driver.stop(record_id)
        await rig.idle()

    rig = play(VoiceRig(), story)
    assert [(end.status, end.local) for end in rig.legs(only(rig))] == [("Connected", "hangup_by_us")]
    assert rig.result(only(rig)).reason == "stopped_by_user"


def test_a_forced_stop_while_waiting_for_a_channel_sends_nothing() -> None:
    async def story(rig: VoiceRig) -> None:
        rig.call(number_for("hangs_up_mid_flow", 1))
        await asyncio.sleep(0.5)
        record_id = rig.call(number_for("presses_1", 1))
        await asyncio.sleep(1)
        rig.driver.stop(record_id)
        await rig.idle()

    rig = play(VoiceRig(trunks=(("lab", 1, 100),)), story)
    _, second = rig.handed
    assert len(rig.telephony.received) == 1
    assert rig.result(second).reason == "stopped_by_user"


def test_a_leg_whose_row_was_stored_when_its_call_was_over_ends_unsent() -> None:
    async def story(rig: VoiceRig) -> None:
        rig.journal.before = store_is_away = Faults(on=True)
        record_id = rig.call(number_for("answers", 1))
        await asyncio.sleep(0.1)
        rig.driver.stop(record_id)
        await asyncio.sleep(15)
        store_is_away.on = False
        await rig.idle()
        await asyncio.sleep(1)

    rig = play(VoiceRig(), story)
    assert not rig.telephony.received
    assert [(end.status, end.local) for end in rig.legs(only(rig))] == [("Cancelled", "cancelled_by_us")]
    assert rig.result(only(rig)).reason == "stopped_by_user"


def test_a_forced_stop_while_the_leg_row_is_on_its_way_leaves_no_open_leg() -> None:
    async def story(rig: VoiceRig) -> None:
        rig.journal.before = store_is_away = Faults(on=True)
        record_id = rig.call(number_for("presses_1", 1))
        await asyncio.sleep(1)
        rig.driver.stop(record_id)
        await asyncio.sleep(1)
        store_is_away.on = False
        await rig.idle()
        await asyncio.sleep(1)

    rig = play(VoiceRig(), story)
    assert not rig.telephony.received
    assert [(end.status, end.phase) for end in rig.legs(only(rig))] == [("Cancelled", "none")]
    assert rig.result(only(rig)).reason == "stopped_by_user"


# -- the engine --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("behaviour_", "after_s", "status", "reason", "word"),
    [
        ("rings_out", 1.0, "REATTEMPT_SCHEDULED", "unknown", "Channel Unavailable"),
        ("answers", 2.0, "FAILURE", "engine_lost", "Connected"),
    ],
)
def test_an_engine_that_ends_leaves_its_calls_unknown_or_failed(
    behaviour_: str, after_s: float, status: str, reason: str, word: str
) -> None:
    async def story(rig: VoiceRig) -> None:
        rig.call(number_for(behaviour_, 1))
        await asyncio.sleep(after_s)
        rig.telephony.kill_engine()
        await rig.idle()
        rig.telephony.revive()

    rig = play(VoiceRig(), story)
    result = rig.result(only(rig))
    assert (result.status, result.reason) == (status, reason)
    assert [end.status for end in rig.legs(only(rig))] == [word]


def test_an_engine_that_is_away_when_a_call_should_start_costs_no_attempt() -> None:
    async def story(rig: VoiceRig) -> None:
        rig.telephony.kill_engine()
        rig.call(number_for("presses_1", 1))
        await rig.idle()

    rig = play(VoiceRig(), story)
    result = rig.result(only(rig))
    assert (result.status, result.reason, result.charged) == ("REATTEMPT_SCHEDULED", "platform_fault", False)
    assert not rig.telephony.received


def test_a_connection_cut_in_mid_call_changes_nothing_once_it_is_back() -> None:
    async def story(rig: VoiceRig) -> None:
        rig.call(number_for("hangs_up_mid_flow", 1))
        await asyncio.sleep(2)
        rig.telephony.cut()
        await asyncio.sleep(10)
        assert not rig.journal.results
        rig.telephony.mend()
        await rig.idle()

    rig = play(VoiceRig(), story)
    (end,) = rig.legs(only(rig))
    assert (rig.result(only(rig)).status, end.local) == ("PARTIAL_COMPLETE", "hangup_by_them")
    assert end.answered_ms is not None
    assert end.answered_ms < 6_000  # by when it happened, not by when we heard of it


def test_a_leg_whose_end_cannot_be_heard_ends_when_we_hung_up() -> None:
    async def story(rig: VoiceRig) -> None:
        record_id = rig.call(number_for("answers", 1))
        await asyncio.sleep(2)
        rig.telephony.cut()
        rig.driver.stop(record_id)
        await rig.idle()
        rig.telephony.mend()
        await asyncio.sleep(1)

    rig = play(VoiceRig(), story)
    (end,) = rig.legs(only(rig))
    assert (end.status, end.local, end.engine["end"], end.cost) == ("Connected", "hangup_by_us", "dropped", PRICE)
    assert end.answered_ms is not None
    assert end.answered_ms < 2_000
    assert rig.result(only(rig)).cost == PRICE


def test_legs_of_an_earlier_life_are_hung_up_when_the_engine_is_reached() -> None:
    async def story(rig: VoiceRig) -> None:
        trunk = rig.desk.trunks[0].trunk.id
        await rig.telephony.originate([Originate(LegId(rig.ids.uuid()), trunk, number_for("answers", 1), None, 60)])
        rig.unrowed.clear()  # the row belongs to the earlier life
        rig.call(number_for("answers", 2))
        await asyncio.sleep(2)
        assert rig.telephony.channels == 2
        rig.telephony.cut()
        rig.telephony.mend()
        await asyncio.sleep(0.5)
        assert rig.telephony.channels == 1
        await rig.idle()

    rig = play(VoiceRig(), story)
    assert rig.result(only(rig)).status == "COMPLETED"


def test_a_node_that_must_end_charges_nothing_that_was_never_sent() -> None:
    async def story(rig: VoiceRig) -> None:
        rig.call(number_for("answers", 1))
        await asyncio.sleep(1)
        rig.call(number_for("answers", 2))
        await asyncio.sleep(1)
        for call in list(rig.desk.calls.values()):
            rig.driver.give_up(call)
        await rig.idle()
        await asyncio.sleep(10)

    rig = play(VoiceRig(trunks=(("lab", 1, 100),)), story)
    first, second = rig.handed
    assert [(end.status, end.engine["end"]) for end in rig.legs(first)] == [("Connected", "lost")]
    assert (rig.result(second).reason, rig.result(second).charged) == ("platform_fault", False)


def test_a_node_that_must_end_says_what_is_true() -> None:
    async def story(rig: VoiceRig) -> None:
        rig.call(number_for("rings_out", 1))
        rig.call(number_for("answers", 1))
        await asyncio.sleep(1)
        for call in list(rig.desk.calls.values()):
            rig.driver.give_up(call)
        await rig.idle()
        await asyncio.sleep(1)
        assert rig.telephony.channels == 0

    rig = play(VoiceRig(), story)
    assert [rig.result(record_id).reason for record_id in rig.handed] == ["unknown", "engine_lost"]


# -- the wire ----------------------------------------------------------------------------------------------------------
def test_doubled_and_late_news_move_nothing() -> None:
    async def story(rig: VoiceRig) -> None:
        rig.call(number_for("presses_1", 1))
        await asyncio.sleep(1)
        leg, now = rig.telephony.received[0].leg, rig.clock.now()
        again: list[TelephonyEvent] = [
            LegProgress(leg, now, Phase.RINGING, "x"),
            LegAnswered(leg, now),
            LegProgress(leg, now, Phase.DIALING),
            LegAnswered(leg, now),
        ]
        rig.driver.hear(again)
        await rig.idle()
        late = LegEnded(leg, rig.clock.now(), Evidence(sip=486, phase=Phase.RINGING))
        rig.driver.hear([*again, late, Digit(leg, rig.clock.now(), "2", 100), late])
        await rig.idle()

    rig = play(VoiceRig(), story)
    (end,) = rig.legs(only(rig))
    assert (rig.result(only(rig)).status, end.status, end.local) == ("COMPLETED", "Connected", "hangup_by_us")
    assert end.sip_call_id != "x"
    assert len(rig.journal.results) == 1


def test_an_answer_that_crosses_our_cancel_is_a_ring_timeout() -> None:
    async def story(rig: VoiceRig) -> None:
        rig.call(number_for("presses_1", 1))
        await rig.idle()

    rig = play(VoiceRig(plan=lambda _call, _trunk: behaviour("cancel_crossed")), story)
    (end,) = rig.legs(only(rig))
    assert (end.status, end.engine["end"]) == ("Ring Timeout", "dropped")
