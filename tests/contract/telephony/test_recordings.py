"""Recording on the engine: what the far side says, what ends it, both sides of a whole call, and what is left when it dies."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from central.adapters.asterisk.tapes import BEEP_HZ
from central.application.ports.telephony import (
    Accepted,
    LegAnswered,
    LegEnded,
    PlaybackEnded,
    RecordingEnded,
    RecordLimits,
    Rejected,
)
from examples.carrier.speech import TONE_HZ
from tests.contract.telephony.rig import AsteriskRig, Call, Switchboard
from tests.tones import Heard, hear, sine

OURS_HZ = 1000


async def recorded(board: Switchboard, behaviour: str, limits: RecordLimits) -> Call:
    await board.open(behaviour)
    call = await board.place(behaviour)
    await call.until(LegAnswered)
    assert isinstance(await board.rig.telephony.record(call.leg, "r1", limits), Accepted)
    assert isinstance(await board.rig.telephony.record(call.leg, "r1", limits), Accepted)  # safe to repeat
    return call


async def taken(board: Switchboard, tmp_path: Path, name: str = "r1") -> Heard:
    file = tmp_path / "taken" / f"{name}.wav"
    assert await board.rig.telephony.take_recording(name, file)
    assert not await board.rig.telephony.take_recording(name, tmp_path / "again.wav")
    return hear(file.read_bytes())


async def test_silence_ends_it_and_the_tone_is_in_it(board: Switchboard, tmp_path: Path) -> None:
    call = await recorded(board, "speaks", RecordLimits(30, 2))
    ended = await call.until(RecordingEnded)
    assert (ended.recording, ended.ok) == ("r1", True)
    heard = await taken(board, tmp_path)
    assert len(heard.channels) == 1
    assert heard.tone_s(TONE_HZ) == pytest.approx(3.0, abs=0.2)
    assert heard.tone_s(OURS_HZ) == heard.tone_s(BEEP_HZ) == 0


async def test_the_limit_ends_it(board: Switchboard, tmp_path: Path) -> None:
    call = await recorded(board, "speaks_on", RecordLimits(2, 5, beep=False))
    await call.until(RecordingEnded)
    heard = await taken(board, tmp_path)
    assert 2 <= heard.seconds <= 4.5  # a backstop that counts whole seconds
    assert heard.tone_s(TONE_HZ) == pytest.approx(heard.seconds, abs=0.3)


async def test_we_end_it(board: Switchboard, tmp_path: Path) -> None:
    call = await recorded(board, "speaks_on", RecordLimits(30, 5, beep=False))
    await asyncio.sleep(1.5)  # the tone is being said
    await board.rig.telephony.stop_recording("r1")
    assert (await call.until(RecordingEnded)).ok
    assert (await taken(board, tmp_path)).tone_s(TONE_HZ) == pytest.approx(1.5, abs=0.4)
    await board.rig.telephony.stop_recording("r1")
    assert call.count(RecordingEnded) == 1


async def test_the_far_side_that_leaves_leaves_what_it_said(board: Switchboard, tmp_path: Path) -> None:
    call = await recorded(board, "speaks_and_leaves", RecordLimits(30, 5, beep=False))
    await call.until(LegEnded)
    kinds = [type(event) for event in call.events]
    assert kinds.index(RecordingEnded) < kinds.index(LegEnded)
    assert kinds.count(RecordingEnded) == 1
    assert (await taken(board, tmp_path)).tone_s(TONE_HZ) == pytest.approx(4, abs=0.4)


async def test_a_far_side_that_sends_nothing_at_all_is_silence(board: Switchboard, tmp_path: Path) -> None:
    call = await recorded(board, "answer", RecordLimits(10, 2))
    ended = await call.until(RecordingEnded)
    assert ended.ok, ended
    if await board.rig.telephony.take_recording("r1", tmp_path / "r1.wav"):
        assert hear((tmp_path / "r1.wav").read_bytes()).loud_s() == 0
    assert call.count(LegEnded) == 0


async def test_a_leg_that_is_gone_is_not_recorded(board: Switchboard, tmp_path: Path) -> None:
    await board.open("c486")
    call = await board.place("c486")
    await call.until(LegEnded)
    assert isinstance(await board.rig.telephony.record(call.leg, "r1", RecordLimits(5, 5)), Rejected)
    assert not await board.rig.telephony.take_recording("r1", tmp_path / "none.wav")


@pytest.mark.parametrize("detect", [False, True])
async def test_a_whole_call_keeps_its_sides_apart_and_in_step(
    board: Switchboard, tmp_path: Path, *, detect: bool
) -> None:
    prompt = tmp_path / "prompt.wav"
    prompt.write_bytes(sine(OURS_HZ, 1))
    await board.open("speaks_on")
    call = await board.place("speaks_on", detect_machine=detect, record="whole")
    await call.until(LegAnswered)
    for n in ("1", "2"):
        await board.rig.telephony.play(call.leg, f"p{n}", [str(prompt)])
    await call.until(PlaybackEnded, nth=2)
    await board.rig.telephony.hang_up(call.leg, "hangup_by_us")
    await call.until(LegEnded)
    assert call.count(LegAnswered) == 1
    heard = await taken(board, tmp_path, "whole")
    assert len(heard.channels) == 2
    theirs, ours = 0, 1
    assert heard.tone_s(OURS_HZ, ours) == pytest.approx(2, abs=0.3)
    assert heard.tone_s(OURS_HZ, theirs) == 0
    assert heard.tone_s(TONE_HZ, theirs) == pytest.approx(heard.seconds, abs=0.4)
    assert heard.tone_s(TONE_HZ, ours) == 0
    assert heard.seconds >= 2 - 0.1


async def test_a_recorded_leg_that_ends_unanswered_leaves_nothing(board: Switchboard, tmp_path: Path) -> None:
    await board.open("c486")
    call = await board.place("c486", record="whole")
    await call.until(LegEnded)
    assert not await board.rig.telephony.take_recording("whole", tmp_path / "none.wav")


async def test_what_a_killed_engine_had_written_can_be_taken(
    rig: AsteriskRig, board: Switchboard, tmp_path: Path
) -> None:
    await recorded(board, "speaks_on", RecordLimits(30, 5, beep=False))
    await asyncio.sleep(5)  # the tone is being said; the engine writes every two seconds
    pid = rig.telephony.engine_pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    heard = await taken(board, tmp_path)
    assert heard.tone_s(TONE_HZ) > 1.5
