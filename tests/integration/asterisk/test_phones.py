"""Agents' phones on the real engine: what is heard, who may register, what a phone may do by itself, and how it is missed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

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
    Phone,
    phone_user,
)
from examples.carrier.callers import Caller, Calls
from examples.carrier.phones import SipPhone
from examples.carrier.speech import TONE_HZ
from tests.contract.telephony.phone_rig import AsteriskPhones, until
from tests.contract.telephony.rig import Call, Switchboard
from tests.integration.asterisk.fronts import Front
from tests.tones import hear

PHONE_HZ = 700  # what a phone says


class Floor(Switchboard):
    """A switchboard with real phones."""

    rig: AsteriskPhones

    async def agent(self, behaviour: str = "answers") -> UUID:
        agent = uuid4()
        await self.rig.telephony.set_phones([Phone(agent, "secret")])
        await self.rig.plug_in(agent, "secret", behaviour)
        await until(lambda: agent in self.rig.telephony.registered_phones())
        return agent

    async def refused(self, call: Call) -> None:
        await self.rig.telephony.hang_up(call.leg, "cancelled_by_us", 21)
        await call.until(LegEnded)


@pytest.fixture
async def floor(asterisk_root: Path, tmp_path: Path) -> AsyncIterator[Floor]:
    rig = AsteriskPhones(asterisk_root, tmp_path / "engine", phone_check_s=2)
    made = Floor(rig)
    try:
        yield made
    finally:
        await made.close()
        await rig.close()


async def registrations(floor: Floor, name: str, *, of: str, by: str, login: tuple[str, str], count: int = 1) -> Calls:
    """SIPp registers ``of`` (To), says it is ``by`` (From), with a log-in; each comes out as the name says."""
    caller = Caller(name, floor.rig.address, called=of, caller=by, login=login, count=count, per_s=300)
    try:
        return await asyncio.to_thread(caller.wait, 60)
    finally:
        caller.remove()


async def test_agent_and_customer_hear_each_other(floor: Floor, tmp_path: Path) -> None:
    await floor.open("speaks_on")
    agent, telephony = await floor.agent(), floor.rig.telephony
    theirs, ours = await floor.place("speaks_on", record="customer"), await floor.ring(agent, record="agent")
    await asyncio.gather(theirs.until(LegAnswered), ours.until(LegAnswered))
    assert isinstance(await telephony.bridge("b1", [theirs.leg, ours.leg]), Accepted)
    await asyncio.sleep(4)  # they talk
    await telephony.hang_up(ours.leg, "hangup_by_us")
    await ours.until(LegEnded)
    assert not theirs.count(LegEnded)
    await telephony.unbridge("b1")
    await telephony.hang_up(theirs.leg, "hangup_by_us")
    await theirs.until(LegEnded)
    phone = floor.rig.softphone(agent)
    await asyncio.to_thread(phone.wait, "CALL_CLOSED")
    await asyncio.to_thread(phone.leave)
    heard_by_agent = hear(phone.heard())
    assert heard_by_agent.tone_s(TONE_HZ) > 2
    assert heard_by_agent.tone_s(PHONE_HZ) == 0
    file = tmp_path / "customer.wav"
    assert await telephony.take_recording("customer", file)
    customer = hear(file.read_bytes())
    assert customer.tone_s(PHONE_HZ, 1) > 2  # what the customer heard
    assert customer.tone_s(TONE_HZ, 1) == 0


async def test_nobody_registers_without_the_password_or_for_another(floor: Floor) -> None:
    await floor.open()
    telephony, own, other, nobody = floor.rig.telephony, uuid4(), uuid4(), phone_user(uuid4())
    await telephony.set_phones([Phone(own, "secret"), Phone(other, "other")])
    me, them = phone_user(own), phone_user(other)
    assert (await registrations(floor, "registers_wrongly", of=me, by=me, login=(me, "guess"))).good == 1
    assert (await registrations(floor, "registers_wrongly", of=nobody, by=nobody, login=(nobody, "guess"))).good == 1
    assert (await registrations(floor, "registers_wrongly", of=them, by=them, login=(me, "secret"))).good == 1
    assert (await registrations(floor, "registers_for_another", of=them, by=me, login=(me, "secret"))).good == 1
    assert not telephony.registered_phones()
    assert (await registrations(floor, "registers", of=me, by=me, login=(me, "secret"))).good == 1
    await until(lambda: telephony.registered_phones() == frozenset({own}))


async def test_a_flood_of_registrations_leaves_one_contact_and_the_calls_alone(floor: Floor) -> None:
    await floor.open()
    agent, telephony = await floor.agent(), floor.rig.telephony
    user, attacker = phone_user(agent), phone_user(uuid4())
    call = await floor.ring(agent)
    await call.until(LegAnswered)
    log = floor.rig.state / "log/messages"
    before = log.stat().st_size
    wrong, strange = await asyncio.gather(
        registrations(floor, "registers_wrongly", of=user, by=user, login=(user, "guess"), count=600),
        registrations(floor, "registers_wrongly", of=attacker, by=attacker, login=(attacker, "x"), count=600),
    )
    assert (wrong.good, strange.good) == (600, 600)
    assert telephony.registered_phones() == frozenset({agent})
    assert not call.count(LegEnded)
    assert log.stat().st_size - before < 1_000
    assert telephony.trace_dropped == 0
    await telephony.hang_up(call.leg, "hangup_by_us")
    assert (await call.evidence()).end == "normal"
    trace = await telephony.take_trace(call.leg)
    assert trace is not None
    assert "REGISTER" not in {message.text.split(" ")[0] for message in trace.messages}
    owned = await registrations(floor, "registers", of=user, by=user, login=(user, "secret"), count=200)
    assert owned.good == 200
    again = await floor.ring(agent)  # the newest of them, and none other, would be rung: it is gone by now
    assert isinstance(again.answer, Accepted)
    await telephony.hang_up(again.leg, "ring_timeout_without_ringing")
    assert (await again.evidence()).local == "ring_timeout_without_ringing"


async def test_a_phone_that_died_is_missed(floor: Floor) -> None:
    await floor.open()
    agent, telephony = await floor.agent(), floor.rig.telephony
    await asyncio.to_thread(floor.rig.softphone(agent).die)
    call = await floor.ring(agent)  # nobody has noticed yet
    await asyncio.sleep(1)
    await telephony.hang_up(call.leg, "ring_timeout_without_ringing")
    evidence = await call.evidence()
    assert (evidence.local, evidence.phase.value) == ("ring_timeout_without_ringing", "dialing")
    await until(lambda: not telephony.registered_phones(), 15)
    await asyncio.to_thread(floor.rig.softphone(agent).stop)
    await floor.rig.plug_in(agent, "secret", "answers")
    await until(lambda: telephony.registered_phones() == frozenset({agent}))


async def test_what_a_phone_dials_is_offered_and_reaches_nobody(floor: Floor) -> None:
    await floor.open()
    agent, telephony = await floor.agent("never_answers"), floor.rig.telephony
    phone = floor.rig.softphone(agent)
    phone.dial("919800000001")
    offer = await asyncio.wait_for(floor.offers.get(), 10)
    assert (offer.called, offer.phone, offer.trunks) == ("919800000001", agent, frozenset())
    await floor.refused(floor.calls[offer.leg])
    closed = await asyncio.to_thread(phone.wait, "CALL_CLOSED")
    assert "403" in closed["param"]
    phone.dial(phone_user(agent))  # itself, and so any other
    closed = await asyncio.to_thread(phone.wait, "CALL_CLOSED", 2)
    assert "404" in closed["param"]
    stranger = SipPhone(phone_user(uuid4()), "secret", floor.rig.address)
    try:
        await asyncio.to_thread(stranger.start)
        stranger.dial("919800000001")
        assert "401" in (await asyncio.to_thread(stranger.wait, "CALL_CLOSED"))["param"]
    finally:
        await asyncio.to_thread(stranger.stop)
    assert floor.offers.empty()
    assert telephony.registered_phones() == frozenset({agent})


async def test_a_forwarding_set_at_the_phone_calls_nobody(floor: Floor) -> None:
    await floor.open()
    call = await floor.ring(await floor.agent("forwards"))
    evidence = await call.evidence()
    assert (evidence.sip, evidence.side) == (302, "them")
    assert floor.offers.empty()


async def test_a_phone_that_registers_over_tcp_is_rung_over_its_connection(floor: Floor) -> None:
    await floor.open()
    agent, telephony = uuid4(), floor.rig.telephony
    await telephony.set_phones([Phone(agent, "secret")])
    with_tcp = SipPhone(phone_user(agent), "secret", floor.rig.address, transport="tcp")
    floor.rig.phones[agent] = await asyncio.to_thread(with_tcp.start)
    await until(lambda: telephony.registered_phones() == frozenset({agent}))
    call = await floor.ring(agent)
    await call.until(LegAnswered)
    await telephony.hang_up(call.leg, "hangup_by_us")
    assert (await call.evidence()).end == "normal"
    trace = await telephony.take_trace(call.leg)
    assert trace is not None
    assert "/TCP " in trace.messages[0].text


@pytest.mark.parametrize("password", ["", "new"])
async def test_a_phone_that_is_withdrawn_or_changed_in_mid_call_hangs_up_like_any(floor: Floor, password: str) -> None:
    await floor.open()
    agent, telephony = await floor.agent(), floor.rig.telephony
    call, phone = await floor.ring(agent), floor.rig.softphone(agent)
    await call.until(LegAnswered)
    await asyncio.to_thread(phone.wait, "CALL_ESTABLISHED")
    await telephony.set_phones([Phone(agent, password)] if password else [])
    phone.hang_up()
    evidence = await call.evidence()
    assert (evidence.local, evidence.end) == ("hangup_by_them", "normal")
    assert not telephony.registered_phones()


async def test_a_phone_cannot_transfer_its_call(floor: Floor) -> None:
    await floor.open()
    agent = await floor.agent()
    call, phone = await floor.ring(agent), floor.rig.softphone(agent)
    await call.until(LegAnswered)
    phone.transfer("919800000001")
    await asyncio.sleep(1)  # a call that it made would be offered
    assert floor.offers.empty()
    assert not call.count(LegEnded)
    await floor.rig.telephony.hang_up(call.leg, "hangup_by_us")
    assert (await call.evidence()).local == "hangup_by_us"
    trace = await floor.rig.telephony.take_trace(call.leg)
    assert trace is not None
    said = [message.text for message in trace.messages if re.search(r"CSeq: \d+ REFER", message.text)]
    assert {text.split(" ")[0] for text in said} == {"REFER"}  # asked for, and never agreed to


async def test_a_cut_connection_leaves_phones_registered(asterisk_root: Path, tmp_path: Path, free_port: int) -> None:
    config = AsteriskConfig(engine=OwnEngine(root=asterisk_root, state_dir=tmp_path / "engine"))
    engine = Engine(config, config.engine, lambda: "secret") if isinstance(config.engine, OwnEngine) else None
    assert engine is not None
    access = await engine.start(("127.0.0.1", free_port))
    front = Front(int(access.url.split(":")[2].split("/")[0]))
    url = f"http://127.0.0.1:{await front.start()}/ari"
    foreign = ForeignEngine(url=url, user=access.user, password=access.password, hep_port=free_port)
    telephony = AsteriskTelephony(AsteriskConfig(engine=foreign), SystemClock(), SystemIds())
    stays, goes = uuid4(), uuid4()
    phones = [SipPhone(phone_user(agent), "secret", ("127.0.0.1", engine.sip_port)) for agent in (stays, goes)]
    try:
        await telephony.start([])
        await telephony.set_phones([Phone(stays, "secret"), Phone(goes, "secret")])
        for phone in phones:
            await asyncio.to_thread(phone.start)
        await until(lambda: telephony.registered_phones() == frozenset({stays, goes}))
        front.cut()
        await _news(telephony, NodeDown)
        assert not telephony.registered_phones()
        await telephony.set_phones([Phone(stays, "secret")])
        front.mend()
        await _news(telephony, NodeUp)
        assert telephony.registered_phones() == frozenset({stays})
        await telephony.stop()
        again = AsteriskTelephony(AsteriskConfig(engine=foreign), SystemClock(), SystemIds())
        try:  # another life of the node, which does not know what the one before had pushed
            await again.start([])
            assert not again.registered_phones()
            await again.set_phones([Phone(stays, "secret")])
            assert not again.registered_phones()
        finally:
            await again.stop()
    finally:
        for phone in phones:
            await asyncio.to_thread(phone.stop)
        await telephony.stop()
        await front.stop()
        await engine.stop()


async def _news(telephony: AsteriskTelephony, kind: type[NodeUp | NodeDown]) -> None:
    async with asyncio.timeout(20):
        while not any(isinstance(event, kind) for event in await telephony.next_events()):
            pass


async def test_a_phone_s_own_hang_up_before_and_after_the_answer(floor: Floor) -> None:
    await floor.open()
    agent = await floor.agent("never_answers")
    phone = floor.rig.softphone(agent)
    call = await floor.ring(agent)
    await call.until(LegProgress)
    await asyncio.to_thread(phone.wait, "CALL_INCOMING")
    phone.hang_up()
    assert (await call.evidence()).sip == 486
