"""The connection to the engine is cut, or the engine dies, while calls are up: nothing is lost, nothing is told twice."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psutil
import pytest

from central.adapters.asterisk.channel import AsteriskTelephony
from central.adapters.asterisk.config import AsteriskConfig, ForeignEngine, OwnEngine
from central.adapters.asterisk.engine import Engine
from central.adapters.system import SystemClock, SystemIds
from central.application.ports.telephony import (
    Accepted,
    LegAnswered,
    LegEnded,
    LegProgress,
    NodeDown,
    NodeUp,
    PlaybackEnded,
    Rejected,
    Trunk,
)
from central.domain.errors import NeighbourError
from central.domain.ids import TrunkId
from examples.carrier import Carrier, Invite
from tests.contract.telephony.rig import AsteriskRig, Switchboard
from tests.integration.asterisk.fronts import Front


@dataclass
class DistantRig:
    """An engine that somebody else runs, reached through a front that can be cut."""

    engine: Engine
    hep_port: int
    front: Front = field(init=False)
    config: AsteriskConfig = field(init=False)
    telephony: AsteriskTelephony = field(init=False)
    carrier: Carrier | None = None
    trunks: dict[str, Trunk] = field(default_factory=dict[str, Trunk])

    async def open(self, *behaviours: str) -> None:
        access = await self.engine.start(("127.0.0.1", self.hep_port))
        self.front = Front(urlsplit(access.url).port or 0)
        port = await self.front.start()
        foreign = ForeignEngine(
            url=f"http://127.0.0.1:{port}/ari", user=access.user, password=access.password, hep_port=self.hep_port
        )
        self.config = AsteriskConfig(engine=foreign)
        self.telephony = AsteriskTelephony(self.config, SystemClock(), SystemIds())
        self.carrier = await asyncio.to_thread(Carrier(behaviours).start)
        for name in behaviours:
            self.trunks[name] = Trunk(TrunkId(uuid4()), name, "127.0.0.1", self.carrier.port(name))
        await self.telephony.start(list(self.trunks.values()))

    def trunk(self, behaviour: str) -> Trunk:
        return self.trunks[behaviour]

    def invites(self, behaviour: str) -> list[Invite]:
        assert self.carrier is not None
        return self.carrier.invites(behaviour)

    async def close(self) -> None:
        await self.telephony.stop()
        await self.front.stop()
        await self.engine.stop()
        if self.carrier is not None:
            await asyncio.to_thread(self.carrier.stop)


@pytest.fixture
async def distant(asterisk_root: Path, tmp_path: Path, free_port: int) -> AsyncIterator[Switchboard]:
    own = OwnEngine(root=asterisk_root, state_dir=tmp_path, strict_rtp=False)
    rig = DistantRig(Engine(AsteriskConfig(engine=own), own, SystemIds().secret), free_port)
    board = Switchboard(rig)
    yield board
    await board.close()
    await rig.close()


@pytest.fixture
async def near(asterisk_root: Path, tmp_path: Path) -> AsyncIterator[Switchboard]:
    rig = AsteriskRig(asterisk_root, tmp_path)
    board = Switchboard(rig)
    yield board
    await board.close()
    await rig.close()


def front(board: Switchboard) -> Front:
    assert isinstance(board.rig, DistantRig)
    return board.rig.front


async def test_calls_that_ended_while_we_were_deaf_get_their_evidence_from_the_wire(distant: Switchboard) -> None:
    await distant.open("far_bye_q16", "ring_480", "answer", "answer_delay", "no_answer")
    ended = {name: await distant.place(name) for name in ("far_bye_q16", "ring_480")}
    stays, answers, cancelled = [await distant.place(name) for name in ("answer", "answer_delay", "no_answer")]
    await stays.until(LegAnswered)
    for call in (ended["ring_480"], answers, cancelled):
        await call.until(LegProgress, nth=2)
    front(distant).cut()
    await distant.node_news(NodeDown)
    refused = await distant.place("answer")
    await distant.rig.telephony.hang_up(cancelled.leg, "cancelled_by_us")
    await asyncio.sleep(2)  # meanwhile the far ends act, after 1.5 s
    front(distant).mend()
    up = await distant.node_news(NodeUp, nth=2)
    assert isinstance(refused.answer, Rejected)
    assert (refused.answer.local, refused.answer.uncertain) == ("engine_lost", False)
    assert isinstance(up, NodeUp)
    assert up.legs == {stays.leg, cancelled.leg}
    bye, busy = await ended["far_bye_q16"].evidence(), await ended["ring_480"].evidence()
    assert (bye.phase, bye.local, bye.q850, bye.end) == ("answered", "hangup_by_them", 16, "normal")
    assert (busy.phase, busy.sip, busy.end) == ("ringing", 480, "normal")
    given_up = await answers.evidence()  # the engine hangs up what is answered while no application listens
    assert (given_up.phase, given_up.local, given_up.end) == ("answered", "hangup_by_us", "lost")
    assert (await cancelled.evidence()).local == "cancelled_by_us"
    await distant.rig.telephony.hang_up(stays.leg, "hangup_by_us")
    assert (await stays.evidence()).local == "hangup_by_us"
    calls = [*ended.values(), stays, answers, cancelled]
    assert [call.count(LegEnded) for call in calls] == [1] * 5
    assert [call.count(LegAnswered) for call in calls] == [1, 0, 1, 1, 0]


async def test_a_playback_that_ended_while_we_were_deaf_is_told_once(distant: Switchboard, tmp_path: Path) -> None:
    short, long = (_silence(tmp_path, seconds) for seconds in (1, 6))
    await distant.open("answer")
    calls = [await distant.place("answer") for _ in range(2)]
    for call in calls:
        await call.until(LegAnswered)
    for call, file in zip(calls, (short, long), strict=True):
        assert isinstance(await distant.rig.telephony.play(call.leg, call.leg.hex, [file]), Accepted)
    front(distant).cut()
    await distant.node_news(NodeDown)
    await asyncio.sleep(2)  # meanwhile the short one ends
    front(distant).mend()
    ended = await calls[0].until(PlaybackEnded, seconds=5)
    assert (ended.playback, ended.ok) == (calls[0].leg.hex, True)
    assert calls[1].count(PlaybackEnded) == 0
    await calls[1].until(PlaybackEnded, seconds=10)
    for call in calls:
        await distant.rig.telephony.hang_up(call.leg, "hangup_by_us")
        await call.evidence()
    assert [call.count(PlaybackEnded) for call in calls] == [1, 1]


def _silence(folder: Path, seconds: int) -> str:
    path = folder / f"silence-{seconds}.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(16_000 * seconds))
    return str(path)


async def test_an_engine_that_dies_ends_its_calls_and_is_started_again(near: Switchboard) -> None:
    await near.open("answer", "no_answer")
    talking, ringing = await near.place("answer"), await near.place("no_answer")
    await talking.until(LegAnswered)
    await ringing.until(LegProgress, nth=2)
    assert isinstance(near.rig, AsteriskRig)
    assert near.rig.telephony.engine_pid is not None
    psutil.Process(near.rig.telephony.engine_pid).kill()
    spoken, rung = await talking.evidence(), await ringing.evidence()
    assert (spoken.phase, spoken.local, spoken.end) == ("answered", None, "lost")
    assert (rung.phase, rung.local, rung.end) == ("ringing", "engine_lost", "lost")
    assert any(isinstance(event, NodeDown) and event.engine_lost for event in near.node)
    await near.node_news(NodeUp, nth=2)
    again = await near.place("answer")
    await again.until(LegAnswered)
    await near.rig.telephony.hang_up(again.leg, "hangup_by_us")
    assert (await again.evidence()).local == "hangup_by_us"


async def test_a_second_client_of_the_same_application_stops_the_first_loudly(distant: Switchboard) -> None:
    await distant.open("answer")
    assert isinstance(distant.rig, DistantRig)
    await distant.close()
    quiet = replace(distant.rig.config, trace=False)
    intruder = AsteriskTelephony(quiet, SystemClock(), SystemIds())
    await intruder.start([])

    async def listen() -> None:
        while True:
            await distant.rig.telephony.next_events()

    with pytest.raises(NeighbourError) as caught:
        await asyncio.wait_for(listen(), 10)
    assert caught.value.code == "application_replaced"
    await intruder.stop()


async def test_no_engine_at_all_is_a_neighbours_error(free_port: int) -> None:
    foreign = ForeignEngine(url=f"http://127.0.0.1:{free_port}/ari", user="u", password="p")
    telephony = AsteriskTelephony(AsteriskConfig(engine=foreign, connect_timeout_s=0.5), SystemClock(), SystemIds())
    with pytest.raises(NeighbourError) as caught:
        await telephony.start([])
    assert caught.value.code == "engine_unreachable"


async def test_a_wrong_password_is_told_at_once(asterisk_root: Path, tmp_path: Path) -> None:
    own = OwnEngine(root=asterisk_root, state_dir=tmp_path)
    engine = Engine(AsteriskConfig(engine=own), own, SystemIds().secret)
    access = await engine.start(None)
    foreign = ForeignEngine(url=access.url, user=access.user, password="wrong")
    with pytest.raises(NeighbourError) as caught:
        await AsteriskTelephony(AsteriskConfig(engine=foreign), SystemClock(), SystemIds()).start([])
    assert caught.value.code == "engine_refused_login"
    await engine.stop()
