"""Agents' phones at the voice engine, real and simulated: they register, are rung, answer, refuse, and are gone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from central.application.ports.telephony import (
    Accepted,
    LegAnswered,
    LegEnded,
    LegProgress,
    NodeUp,
    Phone,
    Rejected,
)
from central.domain.evidence import Phase
from tests.contract.telephony.phone_rig import PhoneRig, rig_of, until
from tests.contract.telephony.rig import Call, Switchboard


class PhoneBoard(Switchboard):
    """A switchboard whose rig has phones."""

    rig: PhoneRig

    async def agent(self, behaviour: str, password: str = "secret") -> UUID:
        """An agent whose phone is known and registered."""
        agent = uuid4()
        await self.know(Phone(agent, password))
        await self.rig.plug_in(agent, password, behaviour)
        await until(lambda: self.there(agent))
        return agent

    async def know(self, *phones: Phone) -> None:
        await self.rig.telephony.set_phones(phones)
        assert not self.rig.telephony.refused_phones()

    def there(self, agent: UUID) -> bool:
        return agent in self.rig.telephony.registered_phones()


@pytest.fixture(params=["asterisk", "simulator"])
async def phones(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[PhoneBoard]:
    def root() -> Path:
        found: Path = request.getfixturevalue("asterisk_root")
        return found

    rig = rig_of(request.param, root, tmp_path / "engine")
    board = PhoneBoard(rig)
    try:
        yield board
    finally:
        await board.close()
        await rig.close()


def word(call: Call) -> str:
    """Why a call was not placed."""
    assert isinstance(call.answer, Rejected)
    assert not call.answer.uncertain
    assert not call.events
    return call.answer.local


async def test_a_registered_phone_is_rung_and_answers(phones: PhoneBoard) -> None:
    await phones.open()
    agent = await phones.agent("answers")
    call = await phones.ring(agent)
    assert isinstance(call.answer, Accepted)
    await call.until(LegAnswered)
    assert Phase.RINGING in [event.phase for event in call.events if isinstance(event, LegProgress)]
    assert phones.there(agent)
    await phones.rig.telephony.hang_up(call.leg, "hangup_by_us")
    evidence = await call.evidence()
    assert (evidence.local, evidence.phase, evidence.end) == ("hangup_by_us", Phase.ANSWERED, "normal")


@pytest.mark.parametrize(("behaviour", "code"), [("busy", 486), ("declines", 603)])
async def test_a_phone_refuses_with_its_own_code(phones: PhoneBoard, behaviour: str, code: int) -> None:
    await phones.open()
    call = await phones.ring(await phones.agent(behaviour))
    evidence = await call.evidence()
    assert (evidence.local, evidence.sip, evidence.side) == (None, code, "them")


async def test_a_phone_that_nobody_picks_up_rings_until_we_stop(phones: PhoneBoard) -> None:
    await phones.open()
    call = await phones.ring(await phones.agent("never_answers"))
    await until(lambda: any(isinstance(event, LegProgress) and event.phase is Phase.RINGING for event in call.events))
    await phones.rig.telephony.hang_up(call.leg, "ring_timeout_after_ringing")
    evidence = await call.evidence()
    assert (evidence.local, evidence.phase, evidence.end) == ("ring_timeout_after_ringing", Phase.RINGING, "normal")


async def test_an_agent_hangs_up(phones: PhoneBoard) -> None:
    await phones.open()
    call = await phones.ring(await phones.agent("hangs_up"))
    await call.until(LegAnswered)
    assert (await call.evidence()).local == "hangup_by_them"


async def test_a_phone_that_is_not_there_is_not_rung(phones: PhoneBoard) -> None:
    await phones.open()
    agent, stranger = uuid4(), uuid4()
    await phones.know(Phone(agent, "secret"))
    assert not phones.rig.telephony.registered_phones()
    assert word(await phones.ring(agent)) == "unresolvable"
    assert word(await phones.ring(stranger)) == "no_trunk"
    await phones.rig.plug_in(agent, "secret", "answers")
    await until(lambda: phones.there(agent))
    await phones.rig.unplug(agent)
    await until(lambda: not phones.there(agent))
    assert word(await phones.ring(agent)) == "unresolvable"


async def test_a_new_password_ends_the_old_registration(phones: PhoneBoard) -> None:
    await phones.open()
    agent = await phones.agent("answers", "old")
    await phones.know(Phone(agent, "old"))  # said again: nothing changes
    assert phones.there(agent)
    call = await phones.ring(agent)
    await call.until(LegAnswered)
    await phones.know(Phone(agent, "new"))
    assert not phones.there(agent)
    assert word(await phones.ring(agent)) == "unresolvable"
    assert not call.count(LegEnded)
    await phones.rig.telephony.hang_up(call.leg, "hangup_by_us")
    assert (await call.evidence()).end == "normal"
    await phones.rig.unplug(agent)
    await phones.rig.plug_in(agent, "old", "answers")
    assert not phones.there(agent)
    await phones.rig.unplug(agent)
    await phones.rig.plug_in(agent, "new", "answers")
    await until(lambda: phones.there(agent))


async def test_a_phone_that_is_withdrawn_keeps_its_call(phones: PhoneBoard) -> None:
    await phones.open()
    leaves, stays = await phones.agent("answers"), uuid4()
    call = await phones.ring(leaves)
    await call.until(LegAnswered)
    await phones.know(Phone(stays, "secret"))
    assert not phones.there(leaves)
    assert word(await phones.ring(leaves)) == "no_trunk"
    assert not call.count(LegEnded)
    await phones.rig.telephony.hang_up(call.leg, "hangup_by_us")
    evidence = await call.evidence()
    assert (evidence.local, evidence.end) == ("hangup_by_us", "normal")
    await phones.know(Phone(stays, "secret"), Phone(leaves, "secret"))
    assert not phones.there(leaves)  # it has to prove itself again


async def test_after_the_engine_s_death_phones_register_again(phones: PhoneBoard) -> None:
    await phones.open()
    agent = await phones.agent("answers")
    call = await phones.ring(agent)
    await call.until(LegAnswered)
    await phones.rig.kill_engine()
    await phones.node_news(NodeUp, nth=2)
    assert not phones.there(agent)
    assert word(await phones.ring(agent)) == "unresolvable"
    await phones.rig.unplug(agent)
    await phones.rig.plug_in(agent, "secret", "answers")  # the engine was told of it again by the adapter alone
    await until(lambda: phones.there(agent))
    again = await phones.ring(agent)
    await again.until(LegAnswered)
    await phones.rig.telephony.hang_up(again.leg, "hangup_by_us")
    assert (await again.evidence()).local == "hangup_by_us"
