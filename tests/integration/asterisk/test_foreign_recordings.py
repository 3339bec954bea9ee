"""Recordings on an engine that somebody else runs: their files come over its API, and are deleted there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from central.adapters.asterisk.channel import AsteriskTelephony
from central.adapters.asterisk.config import AsteriskConfig, ForeignEngine, OwnEngine
from central.adapters.asterisk.engine import Engine
from central.adapters.system import SystemClock, SystemIds
from central.application.ports.telephony import (
    Accepted,
    LegAnswered,
    LegEnded,
    Originate,
    RecordLimits,
    TelephonyEvent,
    Trunk,
)
from central.domain.errors import NeighbourError
from central.domain.ids import LegId, TrunkId
from examples.carrier import Carrier
from examples.carrier.speech import TONE_HZ
from tests.tones import hear


@pytest.fixture
async def foreign(asterisk_root: Path, tmp_path: Path) -> AsyncIterator[tuple[AsteriskTelephony, Engine]]:
    """An adapter that knows no more of its engine than address, user and password."""
    own = OwnEngine(root=asterisk_root, state_dir=tmp_path / "engine", strict_rtp=False)
    engine = Engine(AsteriskConfig(engine=own), own, SystemIds().secret)
    access = await engine.start(None)
    far = ForeignEngine(url=access.url, user=access.user, password=access.password)
    telephony = AsteriskTelephony(AsteriskConfig(engine=far, rtp_timeout_s=0), SystemClock(), SystemIds())
    yield telephony, engine
    await telephony.stop()
    await engine.stop()


async def until(telephony: AsteriskTelephony, kind: type[TelephonyEvent]) -> None:
    async with asyncio.timeout(30):
        while not any(isinstance(event, kind) for event in await telephony.next_events()):
            pass


async def test_files_of_a_foreign_engine_are_fetched_once(
    foreign: tuple[AsteriskTelephony, Engine], tmp_path: Path
) -> None:
    telephony, engine = foreign
    with Carrier(["speaks_on"]) as carrier:
        trunk = Trunk(TrunkId(uuid4()), "speaks_on", "127.0.0.1", carrier.port("speaks_on"))
        await telephony.start([trunk])
        leg = LegId(uuid4())
        (answer,) = await telephony.originate([Originate(leg, trunk.id, "919800000001", None, 30, record="whole")])
        assert isinstance(answer, Accepted)
        await until(telephony, LegAnswered)
        assert isinstance(await telephony.record(leg, "part", RecordLimits(20, 20, beep=False)), Accepted)
        await asyncio.sleep(2)  # the tone is being said
        await telephony.hang_up(leg, "hangup_by_us")
        await until(telephony, LegEnded)
        for name, channels in (("part", 1), ("whole", 2)):
            file = tmp_path / "spool" / f"{name}.wav"
            assert await telephony.take_recording(name, file)
            heard = hear(file.read_bytes())
            assert len(heard.channels) == channels
            assert heard.tone_s(TONE_HZ) == pytest.approx(2, abs=0.5)
            assert not await telephony.take_recording(name, tmp_path / "again.wav")
        assert sorted(path.name for path in (tmp_path / "spool").iterdir()) == ["part.wav", "whole.wav"]
        await engine.stop()
        with pytest.raises(NeighbourError):
            await telephony.take_recording("part", tmp_path / "gone.wav")
