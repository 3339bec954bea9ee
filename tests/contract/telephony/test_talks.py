"""Who hears whom: bridges of two and three, hold with music, silence, keys, and a supervisor's ear; real and simulated.

Every phone says a tone of its own and keeps what it hears. A talk goes in phases of some seconds; on the simulator each is looked at,
on the real engine the phones' recordings must hold each tone for as long as the phases say.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import pytest

from central.adapters.asterisk.music import MUSIC_HZ
from central.adapters.simulator.channel import SimulatedTelephony
from central.application.ports.telephony import Accepted, LegAnswered, LegEnded, Phone, Rejected
from central.domain.ids import LegId
from tests.contract.telephony.phone_rig import AsteriskPhones, PhoneRig, rig_of, until
from tests.contract.telephony.rig import Call, Switchboard
from tests.tones import Heard, hear

TONES_HZ: Final = {"customer": 700, "agent": 1100, "third": 1700}
MUSIC: Final = "music"
PHASE_S: Final = 2.5
SLACK_S: Final = 1.0  # what a change takes, and what a busy machine swallows


class Room(Switchboard):
    """Phones of three people, and what they should have heard."""

    rig: PhoneRig

    def __init__(self, rig: PhoneRig) -> None:
        super().__init__(rig)
        self.agents: dict[str, UUID] = {}
        self.people: dict[str, Call] = {}
        self.wanted: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))

    async def gather(self, *names: str) -> None:
        """Everybody's phone is registered, rung, and answers."""
        await self.open()
        self.agents = {name: uuid4() for name in names}
        await self.rig.telephony.set_phones([Phone(agent, "secret") for agent in self.agents.values()])
        await asyncio.gather(
            *(self.rig.plug_in(agent, "secret", "answers", TONES_HZ[name]) for name, agent in self.agents.items())
        )
        await until(lambda: self.rig.telephony.registered_phones() >= set(self.agents.values()))
        self.people = {name: await self.ring(agent) for name, agent in self.agents.items()}
        await asyncio.gather(*(call.until(LegAnswered) for call in self.people.values()))

    def leg(self, name: str) -> LegId:
        return self.people[name].leg

    async def phase(self, hears: Mapping[str, set[str]], seconds: float = PHASE_S) -> None:
        """For so long everybody hears these, and nobody else."""
        telephony = self.rig.telephony
        if isinstance(telephony, SimulatedTelephony):
            names = {self.leg(name): name for name in self.people}
            told = {name: {names[leg] for leg in telephony.hears(self.leg(name))} for name in self.people}
            for name in self.people:
                told[name] |= {MUSIC} if self.leg(name) in telephony.held else set()
            assert told == {name: hears.get(name, set()) for name in self.people}
            return
        for name, voices in hears.items():
            for voice in voices:
                self.wanted[name][voice] += seconds
        await asyncio.sleep(seconds)  # they talk

    async def leave_all(self) -> None:
        """Everybody's leg ends, and nothing is left."""
        for call in self.people.values():
            await self.rig.telephony.hang_up(call.leg, "hangup_by_us")
        for call in self.people.values():
            await call.until(LegEnded)
        if isinstance(self.rig, AsteriskPhones):
            rig = self.rig
            for agent in self.agents.values():
                await asyncio.to_thread(rig.softphone(agent).wait, "CALL_CLOSED")
                await asyncio.to_thread(rig.softphone(agent).leave)
            heard = {name: hear(rig.softphone(agent).heard()) for name, agent in self.agents.items()}
            assert {name: self.differences(name, heard[name]) for name in heard} == {name: [] for name in heard}

    def differences(self, name: str, heard: Heard) -> list[str]:
        """Tones that were heard longer or shorter than they should have been."""
        lines: list[str] = []
        for voice, hertz in {**TONES_HZ, MUSIC: MUSIC_HZ}.items():
            lasted, wanted = heard.mixed_s(hertz), self.wanted[name][voice]
            if abs(lasted - wanted) > SLACK_S or (not wanted and lasted > 0.3):
                lines.append(f"{voice} is heard for {lasted:.1f} s, must be {wanted:.1f}")
        return lines

    async def channels(self) -> int:
        """How many channels the engine has."""
        telephony = self.rig.telephony
        if isinstance(telephony, SimulatedTelephony):
            return telephony.channels + len(telephony.listening)
        assert isinstance(self.rig, AsteriskPhones)
        return await self.rig.telephony.count_channels()


@pytest.fixture(params=["asterisk", "simulator"])
async def room(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Room]:
    def root() -> Path:
        found: Path = request.getfixturevalue("asterisk_root")
        return found

    rig = rig_of(request.param, root, tmp_path / "engine")
    made = Room(rig)
    try:
        yield made
    finally:
        await made.close()
        await rig.close()


TWO: Final = {"customer": {"agent"}, "agent": {"customer"}}
THREE: Final = {"customer": {"agent", "third"}, "agent": {"customer", "third"}, "third": {"customer", "agent"}}


async def test_who_is_held_hears_music_and_comes_back(room: Room) -> None:
    await room.gather("customer", "agent")
    telephony, customer, agent = room.rig.telephony, room.leg("customer"), room.leg("agent")
    assert isinstance(await telephony.bridge("b1", [customer, agent]), Accepted)
    await room.phase(TWO)
    await telephony.leave("b1", customer)
    await telephony.leave("b1", customer)  # safe to repeat
    assert isinstance(await telephony.hold(customer), Accepted)
    await room.phase({"customer": {MUSIC}})
    await telephony.unhold(customer)
    assert isinstance(await telephony.bridge("b1", [customer]), Accepted)
    await room.phase(TWO)
    await room.leave_all()


async def test_who_is_mute_is_not_heard_and_hears(room: Room) -> None:
    await room.gather("customer", "agent")
    telephony, customer, agent = room.rig.telephony, room.leg("customer"), room.leg("agent")
    await telephony.bridge("b1", [customer, agent])
    assert isinstance(await telephony.mute(agent), Accepted)
    await room.phase({"agent": {"customer"}})
    await telephony.unmute(agent)
    await room.phase(TWO)
    await room.leave_all()


async def test_a_third_comes_into_the_bridge_and_one_leaves_it(room: Room) -> None:
    await room.gather("customer", "agent", "third")
    telephony = room.rig.telephony
    await telephony.bridge("b1", [room.leg("customer"), room.leg("agent")])
    await room.phase(TWO)
    assert isinstance(await telephony.bridge("b1", [room.leg("third")]), Accepted)
    await room.phase(THREE)
    await telephony.leave("b1", room.leg("agent"))
    await room.phase({"customer": {"third"}, "third": {"customer"}})
    await room.leave_all()


async def test_an_ear_hears_both_then_is_heard_by_one_then_by_nobody(room: Room) -> None:
    await room.gather("customer", "agent", "third")
    telephony, agent, ear = room.rig.telephony, room.leg("agent"), room.leg("third")
    await telephony.bridge("b1", [room.leg("customer"), agent])
    assert isinstance(await telephony.listen(ear, agent), Accepted)
    assert isinstance(await telephony.listen(ear, agent), Accepted)  # safe to repeat
    both = {"customer", "agent"}
    await room.phase({**TWO, "third": both})
    assert isinstance(await telephony.listen(ear, agent, speaks=True), Accepted)
    await room.phase({"customer": {"agent"}, "agent": {"customer", "third"}, "third": both})
    await telephony.stop_listening(ear)
    await telephony.stop_listening(ear)
    await room.phase(TWO)
    await room.leave_all()


@pytest.mark.parametrize("who", ["third", "agent"])
async def test_nothing_is_left_of_an_ear_when_a_leg_goes(room: Room, who: str) -> None:
    await room.gather("customer", "agent", "third")
    telephony, agent, ear = room.rig.telephony, room.leg("agent"), room.leg("third")
    await telephony.bridge("b1", [room.leg("customer"), agent])
    assert isinstance(await telephony.listen(ear, agent, speaks=True), Accepted)
    assert await room.channels() > 3
    await telephony.hang_up(room.leg(who), "hangup_by_us")
    await room.people[who].until(LegEnded)
    async with asyncio.timeout(10):
        while await room.channels() != 2:  # noqa: ASYNC110 - nobody tells of channels that are no legs
            await asyncio.sleep(0.05)
    if isinstance(telephony, SimulatedTelephony):
        await room.phase(TWO if who == "third" else {})


async def test_legs_that_are_gone_are_told(room: Room) -> None:
    await room.gather("customer")
    telephony, gone, there = room.rig.telephony, LegId(uuid4()), room.leg("customer")
    for answer in (
        await telephony.hold(gone),
        await telephony.mute(gone),
        await telephony.send_digits(gone, "1"),
        await telephony.bridge("b1", [gone]),
        await telephony.listen(there, gone),
    ):
        assert isinstance(answer, Rejected), answer
    assert await room.channels() == 1


async def test_keys_reach_the_far_side(room: Room) -> None:
    await room.gather("customer", "agent")
    telephony, customer = room.rig.telephony, room.leg("customer")
    await telephony.bridge("b1", [customer, room.leg("agent")])
    await room.phase(TWO, 1.0)
    assert isinstance(await telephony.send_digits(customer, "42#"), Accepted)
    if isinstance(telephony, SimulatedTelephony):
        assert telephony.pressed[customer] == "42#"
        return
    assert isinstance(room.rig, AsteriskPhones)
    phone = room.rig.softphone(room.agents["customer"])
    await asyncio.to_thread(phone.wait, "CALL_DTMF_START", 3)
    assert [e["param"] for e in phone.events if e["type"] == "CALL_DTMF_START"] == ["4", "2", "#"]
