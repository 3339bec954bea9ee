"""What an answered call can do: digits, prompts, hold, machine detection; and what the far end sees of us."""

from __future__ import annotations

import asyncio
import wave
from pathlib import Path
from uuid import uuid4

import pytest

from central.application.ports.telephony import (
    TRACE_AFTER_S,
    Accepted,
    Digit,
    HoldChanged,
    LegAnswered,
    LegEnded,
    Originate,
    PlaybackEnded,
    Rejected,
    Trunk,
)
from central.domain.ids import LegId, TrunkId
from examples.carrier import may_replay_captures
from tests.contract.telephony.rig import Switchboard


@pytest.fixture
def tone(tmp_path: Path) -> str:
    path = tmp_path / "tone.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(
            b"".join(int(8000 * ((i // 10) % 2) - 4000).to_bytes(2, "little", signed=True) for i in range(4000))
        )
    return str(path)


@pytest.mark.skipif(not may_replay_captures(), reason="replaying RTP needs raw sockets; INFO digits are tested below")
async def test_rtp_digits_arrive_once_each_and_in_order(board: Switchboard) -> None:
    await board.open("press_1", "press_2", "answer_dtmf", "press_4711")
    expected = {"press_1": "1", "press_2": "2", "answer_dtmf": "123", "press_4711": "4711#"}
    calls = {name: await board.place(name) for name in expected}
    for name, call in calls.items():
        await call.until(Digit, nth=len(expected[name]))
    await asyncio.sleep(0.5)  # a doubled digit would come within an end packet's repetition
    pressed = {name: "".join(e.digit for e in call.events if isinstance(e, Digit)) for name, call in calls.items()}
    assert pressed == expected
    assert all(e.duration_ms >= 100 for call in calls.values() for e in call.events if isinstance(e, Digit))


async def test_info_digits_arrive(board: Switchboard) -> None:
    await board.open("answer_info")
    call = await board.place("answer_info")
    await call.until(Digit, nth=2)
    assert [event.digit for event in call.events if isinstance(event, Digit)] == ["1", "2"]


async def test_hold_and_unhold_by_the_far_end_are_told(board: Switchboard) -> None:
    await board.open("hold")
    call = await board.place("hold")
    await call.until(HoldChanged, nth=2)
    assert [event.held for event in call.events if isinstance(event, HoldChanged)] == [True, False]
    await board.rig.telephony.hang_up(call.leg, "hangup_by_us")
    assert (await call.evidence()).local == "hangup_by_us"


async def test_playbacks_end_exactly_once_each(board: Switchboard, tone: str) -> None:
    await board.open("answer")
    telephony, call = board.rig.telephony, await board.place("answer")
    await call.until(LegAnswered)
    begun = asyncio.get_running_loop().time()
    assert isinstance(await telephony.play(call.leg, "two files", [tone, tone]), Accepted)
    assert (await call.until(PlaybackEnded, nth=1)).ok
    assert asyncio.get_running_loop().time() - begun >= 0.8  # two files of half a second
    await telephony.play(call.leg, "missing", ["/nonexistent/prompt.wav"])
    ended = await call.until(PlaybackEnded, nth=2)
    assert (ended.playback, ended.ok) == ("missing", False)
    await telephony.play(call.leg, "stopped", [tone] * 20)
    await telephony.stop_playback("stopped")
    assert (await call.until(PlaybackEnded, nth=3)).playback == "stopped"
    await telephony.play(call.leg, "cut off", [tone] * 20)
    await telephony.hang_up(call.leg, "hangup_by_us")
    await call.evidence()
    ended = await call.until(PlaybackEnded, nth=4)
    assert (ended.playback, ended.ok) == ("cut off", False)
    assert call.count(PlaybackEnded) == 4
    assert isinstance(call.events[-1], LegEnded)
    assert isinstance(await telephony.play(call.leg, "too late", [tone]), Rejected)


async def test_machine_detection_tells_human_machine_and_neither(board: Switchboard) -> None:
    await board.open("answer_human", "answer_machine", "answer", "c486")
    expected = {"answer_human": False, "answer_machine": True, "answer": None}
    calls = {name: await board.place(name, detect_machine=True) for name in expected}
    busy = await board.place("c486", detect_machine=True)
    assert {name: (await call.until(LegAnswered, seconds=15)).machine for name, call in calls.items()} == expected
    assert (await busy.evidence()).sip == 486
    for call in calls.values():
        await board.rig.telephony.hang_up(call.leg, "hangup_by_us")
        assert (await call.evidence()).local == "hangup_by_us"


async def test_a_hang_up_during_machine_detection_counts_as_answered(board: Switchboard) -> None:
    await board.open("far_bye")
    call = await board.place("far_bye", detect_machine=True)
    evidence = await call.evidence()
    assert (evidence.phase, evidence.local) == ("answered", "hangup_by_them")
    assert call.count(LegAnswered) == 1


async def test_the_far_end_sees_number_caller_and_header(board: Switchboard) -> None:
    await board.open("c486", "c404")
    untagged = Trunk(TrunkId(uuid4()), "untagged", "127.0.0.1", board.rig.trunk("c404").port)
    await board.rig.telephony.set_trunks([board.rig.trunk("c486"), untagged])
    header = f"{uuid4()};number=2;position=0"
    named = await board.place("c486", headers={"X-Central-Attempt": header})
    await named.evidence()
    hidden = await board.place("c486", caller_id=None)
    await hidden.evidence()
    plain = await board.place("c404", trunk=untagged, headers={"X-Central-Attempt": header})
    await plain.evidence()
    first, second = board.rig.invites("c486")
    assert (first.number, first.attempt) == ("919800000001", header)
    assert "sip:918000000001@" in first.caller
    assert "sip:anonymous@anonymous.invalid" in second.caller
    assert [invite.attempt for invite in board.rig.invites("c404")] == [""]


async def test_an_originate_said_twice_calls_once(board: Switchboard) -> None:
    await board.open("no_answer")
    call = await board.place("no_answer")
    leg, trunk = call.leg, board.rig.trunk("no_answer").id
    assert isinstance(
        (await board.rig.telephony.originate([Originate(leg, trunk, "919800000001", None, 60)]))[0], Accepted
    )
    await asyncio.sleep(0.3)  # time for a second INVITE to show
    assert len(board.rig.invites("no_answer")) == 1
    await board.rig.telephony.hang_up(leg, "cancelled_by_us")
    await call.evidence()
    await board.rig.telephony.hang_up(leg, "cancelled_by_us")
    assert call.count(LegEnded) == 1


async def test_what_cannot_be_dialled_is_rejected_with_its_reason(board: Switchboard) -> None:
    await board.open("c486")
    nowhere = Trunk(TrunkId(uuid4()), "nowhere", f"{'x' * 70}.example")
    await board.rig.telephony.set_trunks([board.rig.trunk("c486"), nowhere])
    unknown = Trunk(TrunkId(uuid4()), "unknown", "127.0.0.1")
    first = await board.place("", trunk=nowhere)
    second = await board.place("", trunk=unknown)
    assert isinstance(first.answer, Rejected)
    assert isinstance(second.answer, Rejected)
    assert (first.answer.local, second.answer.local) == ("unresolvable", "no_trunk")
    assert not first.events
    assert not second.events


async def test_a_trunk_that_the_engine_cannot_take_does_not_stop_the_others(board: Switchboard) -> None:
    await board.open("c486")
    good = board.rig.trunk("c486")
    bad = Trunk(TrunkId(uuid4()), "bad", "127.0.0.1", transport="pigeon")
    await board.rig.telephony.set_trunks([bad, good])
    assert set(board.rig.telephony.refused_trunks()) == {bad.id}
    refused = await board.place("", trunk=bad)
    assert isinstance(refused.answer, Rejected)
    assert refused.answer.local == "no_trunk"
    call = await board.place("c486")
    assert (await call.evidence()).sip == 486
    await board.rig.telephony.set_trunks([good])
    assert not board.rig.telephony.refused_trunks()


async def test_trunks_change_without_touching_calls(board: Switchboard) -> None:
    await board.open("answer", "c486")
    call = await board.place("answer")
    await call.until(LegAnswered)
    old = board.rig.trunk("answer")
    changed = Trunk(old.id, old.name, old.host, old.port, username="u", password="p")
    await board.rig.telephony.set_trunks([changed])
    gone = await board.place("c486")
    assert isinstance(gone.answer, Rejected)
    again = await board.place("answer")
    await again.until(LegAnswered)
    assert call.count(LegEnded) == 0
    for one in (call, again):
        await board.rig.telephony.hang_up(one.leg, "hangup_by_us")
        assert (await one.evidence()).local == "hangup_by_us"


async def test_the_trace_shows_the_call_without_its_secrets(board: Switchboard) -> None:
    await board.open("auth_407")
    call = await board.place("auth_407")
    await call.until(LegAnswered)
    await board.rig.telephony.hang_up(call.leg, "hangup_by_us")
    await call.evidence()
    await asyncio.sleep(TRACE_AFTER_S)
    trace = await board.rig.telephony.take_trace(call.leg)
    assert trace is not None
    lines = [
        ("> " if m.sent else "< ") + m.text.split(" ")[0 if m.sent and "SIP/2.0 " not in m.text[:8] else 1]
        for m in trace.messages
    ]
    assert lines[:2] == ["> INVITE", "< 407"]
    assert "> BYE" in lines
    assert "Proxy-Authorization: [redacted]" in "".join(m.text for m in trace.messages)
    assert "response=" not in "".join(m.text for m in trace.messages)
    assert [m.at for m in trace.messages] == sorted(m.at for m in trace.messages)
    assert await board.rig.telephony.take_trace(call.leg) is None
    assert await board.rig.telephony.take_trace(LegId(uuid4())) is None
