"""A Delay without a leg: the run is stored, the record given back, and the same attempt goes on where it is claimed again."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import msgspec
import pytest
from msgspec.structs import replace

from central.application.conversation.live_call import LiveCall
from central.application.conversation.run_errands import Returned
from central.application.ports.journal import RecordEvent, SleepRow
from central.application.ports.sleeping import KeptCall
from central.domain.errors import DefectError
from central.domain.ids import RecordId
from central.flow.errands import UpdateContact
from central.flow.run import Place
from central.flow.sleeping import SLEEP_FROM, sleeps_on
from examples.carrier.demo import number_for
from tests.fakes.voice_rig import PRICE, VoiceRig, play


def flow(steps: str, calls: str = "") -> bytes:
    return f"""
flow: f
type: multicast
purpose: service
calls: {{attempts: 1, interval: 6s, ring_timeout: 4s, short_hangup: 1s, channel_wait: 5s{calls}}}
steps:
  start: {{widget: start, next: first}}
{steps}
  bye: {{widget: hang_up}}
""".encode()


BEFORE = flow("""
  first: {widget: counter, name: n, limit: 3, on: {below_limit: wait, limit_reached: wait}}
  wait: {widget: delay, for: 60s, next: more}
  more: {widget: counter, name: n, limit: 3, on: {below_limit: call, limit_reached: bye}}
  call: {widget: make_call, on: {connected: bye, busy: end, no_answer: end, failed: end}}
""")
AFTER_BUSY = flow("""
  first: {widget: make_call, on: {connected: bye, busy: wait, no_answer: end, failed: end}}
  wait: {widget: delay, for: 60s, next: keep}
  keep: {widget: update_contact, set: {missed: "yes"}, next: end}
""")


def answers(n: int = 1) -> str:
    return number_for("answers", n)


async def asleep(rig: VoiceRig, record_id: RecordId) -> SleepRow:
    """The one run that sleeps, with nothing of it left on the node."""
    await rig.idle()
    row = rig.journal.sleepers[record_id]
    assert rig.journal.records[record_id].owner is None
    return row


def notes(rig: VoiceRig) -> list[tuple[object, object]]:
    walked: list[RecordEvent] = rig.journal.told("flow_walked")
    return [(n["kind"], n["step"]) for event in walked for n in event.data["notes"]]  # type: ignore[attr-defined]


def test_before_a_call_it_sleeps_and_goes_on_where_it_stood() -> None:
    rig = VoiceRig(flow=BEFORE)

    async def story(rig: VoiceRig) -> None:
        record_id = rig.call(answers())
        begun, first = rig.clock.now(), rig.handed[record_id]
        row = await asleep(rig, record_id)
        assert row.due_at - begun == timedelta(seconds=60)
        assert (row.attempt_id, row.attempt_number, row.charged, row.result) == (first.attempt_id, 1, False, "none")
        assert row.data["step"] == "wait"
        await rig.finish()
        result = rig.result(record_id)
        assert (result.status, result.attempt_number, result.fence, result.cost) == ("COMPLETED", 1, 2, PRICE)
        assert [leg.reserved for leg in rig.journal.legs.values()] == [
            0
        ]  # the claim's money is used, not set aside anew

    play(rig, story)
    steps = [step for kind, step in notes(rig) if kind == "step"]
    assert steps == ["start", "first", "wait", "more", "call", "bye"]
    counted = [n["count"] for e in rig.journal.told("flow_walked") for n in e.data["notes"] if n["kind"] == "count"]  # type: ignore[attr-defined]
    assert counted == [1, 2]


def test_after_a_call_that_did_not_connect_its_legs_go_along() -> None:
    done: list[UpdateContact] = []

    async def keep(_call: LiveCall, errand: UpdateContact) -> Returned:
        done.append(errand)
        return Returned("success")

    rig = VoiceRig(flow=AFTER_BUSY, runners={UpdateContact: keep})

    async def story(rig: VoiceRig) -> None:
        record_id = rig.call(number_for("busy", 1))
        row = await asleep(rig, record_id)
        assert (row.charged, row.result, row.last_call_status) == (True, "Busy", "Busy")
        assert not done
        await rig.finish()
        assert len(done) == len(rig.legs(record_id)) == 1
        result = rig.result(record_id)
        assert (result.status, result.reason, result.attempts_charged) == ("FAILURE", "attempts_exhausted", 1)
        assert (result.result, result.data["fallback_ran"]) == ("Busy", True)

    play(rig, story)


def test_a_short_delay_stays_awake() -> None:
    rig = VoiceRig(flow=BEFORE.replace(b"60s", f"{SLEEP_FROM.seconds - 1}s".encode()))

    async def story(rig: VoiceRig) -> None:
        record_id = rig.call(answers())
        await rig.finish()
        assert rig.result(record_id).status == "COMPLETED"
        assert not rig.journal.slept

    play(rig, story)


def test_with_the_customer_on_the_line_nothing_sleeps() -> None:
    steps = """
  first: {widget: make_call, on: {connected: wait, busy: end, no_answer: end, failed: end}}
  wait: {widget: delay, for: 30s, next: bye}
"""
    rig = VoiceRig(flow=flow(steps))

    async def story(rig: VoiceRig) -> None:
        rig.call(answers())
        await rig.finish()
        assert not rig.journal.slept

    play(rig, story)


def test_a_late_path_stays_awake() -> None:
    steps = """
  first: {widget: make_call, on: {connected: bye, busy: end, no_answer: end, failed: end}}
  done: {widget: on_flow_complete, next: late}
  late: {widget: delay, for: 30s, next: end}
"""
    rig = VoiceRig(flow=flow(steps))

    async def story(rig: VoiceRig) -> None:
        rig.call(answers())
        await rig.finish()
        assert not rig.journal.slept

    play(rig, story)


def test_a_run_that_was_taken_away_is_not_given_back() -> None:
    rig = VoiceRig(flow=BEFORE)

    async def story(rig: VoiceRig) -> None:
        record_id = rig.call(answers())
        rig.journal.take_away(record_id)
        await rig.idle()
        assert not rig.journal.sleepers
        assert rig.journal.records[record_id].owner == "tracker"
        assert ("lease_lost", {"record_id": str(record_id)}) in rig.telemetry.events

    play(rig, story)


def test_a_store_that_is_away_gets_the_run_once_it_is_back() -> None:
    rig = VoiceRig(flow=BEFORE)

    async def story(rig: VoiceRig) -> None:
        rig.journal.before = lambda: rig.journal.commits < 4
        rig.journal.after = lambda: rig.journal.commits < 6  # and its answer is lost twice
        record_id = rig.call(answers())
        await asleep(rig, record_id)
        assert len(rig.journal.slept) == 1
        await rig.finish()
        assert rig.result(record_id).status == "COMPLETED"

    play(rig, story)


def test_a_stop_while_the_row_is_on_its_way_is_the_trackers() -> None:
    """The call is out of the node's hands once its run is on the way to the store: the waiting record is stopped there."""
    rig = VoiceRig(flow=BEFORE)

    async def story(rig: VoiceRig) -> None:
        record_id = rig.call(answers())
        rig.driver.stop(record_id)
        await asleep(rig, record_id)
        assert not rig.journal.results
        rig.journal.sleepers.clear()

    play(rig, story)


def test_what_was_kept_and_cannot_be_read_is_left_to_the_reaper() -> None:
    rig = VoiceRig(flow=BEFORE)

    async def story(rig: VoiceRig) -> None:
        record_id = rig.call(answers())
        row = await asleep(rig, record_id)
        rig.wake(replace(row, kept='{"run": 1}'))
        await rig.idle()
        assert not rig.journal.results
        assert any(name == "sleeper_unreadable" for name, _ in rig.telemetry.events)

    play(rig, story)


def test_the_time_limit_counts_the_delay_and_not_what_held_it_longer() -> None:
    rig = VoiceRig(flow=BEFORE.replace(b"60s", b"1h"))

    async def story(rig: VoiceRig) -> None:
        record_id = rig.call(answers())
        row = await asleep(rig, record_id)
        await asyncio.sleep(5 * 3600)  # calling hours, a pause
        rig.wake(row)
        call = rig.desk.calls[record_id]
        begun_at = call.run.begun_at
        assert call.run.limit in call.timers  # it runs again
        assert begun_at is not None
        assert rig.clock.now() - begun_at == timedelta(hours=1)
        await rig.finish()
        assert rig.result(record_id).status == "COMPLETED"

    play(rig, story)


def test_two_delays_of_an_hour_are_the_end_of_an_execution() -> None:
    steps = """
  first: {widget: delay, for: 1h, next: second}
  second: {widget: delay, for: 1h, next: call}
  call: {widget: make_call, on: {connected: bye, busy: end, no_answer: end, failed: end}}
"""
    rig = VoiceRig(flow=flow(steps))

    async def story(rig: VoiceRig) -> None:
        record_id = rig.call(answers())
        await rig.finish()
        assert (rig.result(record_id).status, rig.result(record_id).reason) == ("FAILURE", "duration_limit")
        assert not rig.telephony.received

    play(rig, story)


def test_a_node_that_ends_waits_for_no_sleeper() -> None:
    rig = VoiceRig(flow=BEFORE)

    async def story(rig: VoiceRig) -> None:
        record_ids = [rig.call(answers(n)) for n in range(20)]
        await rig.idle()
        assert set(rig.journal.sleepers) == set(record_ids)
        assert rig.journal.commits <= 2  # all in one group commit
        rig.journal.sleepers.clear()

    play(rig, story)


def test_what_is_kept_is_read_back_equal() -> None:
    rig = VoiceRig(flow=AFTER_BUSY)

    async def story(rig: VoiceRig) -> None:
        row = await asleep(rig, rig.call(number_for("busy", 1)))
        kept = KeptCall.from_json(row.kept)
        assert KeptCall.from_json(kept.to_json()) == kept
        assert msgspec.json.decode(row.kept)["run"]["variables"] == {}
        rig.journal.sleepers.clear()

    play(rig, story)


def test_nothing_else_is_read() -> None:
    for text in ("", "{}", "[]", '{"run": {}}'):
        with pytest.raises(DefectError):
            KeptCall.from_json(text)


def test_callers_and_calls_that_went_on_in_another_flow_stay_awake() -> None:
    rig = VoiceRig(flow=AFTER_BUSY)

    async def story(rig: VoiceRig) -> None:
        row = await asleep(rig, rig.call(number_for("busy", 1)))
        run = KeptCall.from_json(row.kept).run
        assert sleeps_on(run)
        assert not sleeps_on(replace(run, place=Place("abcdefgh", "other", "1")))
        assert not sleeps_on(replace(run, facts=replace(run.facts, inbound=True)))
        assert not sleeps_on(replace(run, phase="complete"))
        rig.journal.sleepers.clear()

    play(rig, story)
