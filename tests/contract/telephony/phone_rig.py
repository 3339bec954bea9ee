"""What the contract of phones needs of the world: an adapter, and phones that register at it and behave."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from uuid import UUID, uuid4

from central.adapters.simulator.callees import Act, Callee, behaviour, by_trunk
from central.adapters.simulator.channel import SimulatedTelephony
from central.adapters.system import SystemClock
from central.application.ports.telephony import Trunk, phone_user
from central.domain.ids import TrunkId
from central.entrypoints.workers.loop_timers import LoopTimers
from examples.carrier import Invite
from examples.carrier.phones import BEHAVIOURS, RefusingPhone, SipPhone
from examples.carrier.sipp import free_ports
from tests.contract.telephony.rig import AsteriskRig, Rig

_BY_SIPP = ("declines", "forwards")


class PhoneRig(Rig, Protocol):
    """A rig with phones."""

    async def plug_in(self, agent: UUID, password: str, behaviour: str, tone_hz: int = 700) -> None:
        """A phone is switched on and registers, with success or without; ``tone_hz``: what is said into it."""
        ...

    async def unplug(self, agent: UUID) -> None:
        """It is switched off, and says so."""
        ...

    async def kill_engine(self) -> None:
        """The engine's process dies, and is started again."""
        ...


async def until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for something that nobody tells."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.02)


@dataclass
class AsteriskPhones(AsteriskRig):
    """Real Asterisk, real phones."""

    phones: dict[UUID, SipPhone | RefusingPhone] = field(default_factory=dict[UUID, SipPhone | RefusingPhone])

    def __post_init__(self) -> None:
        self.sip_port = self.sip_port or free_ports("127.0.0.1", 1)[0]
        super().__post_init__()

    @property
    def address(self) -> tuple[str, int]:
        """Where phones register."""
        return ("127.0.0.1", self.sip_port)

    async def plug_in(self, agent: UUID, password: str, behaviour: str, tone_hz: int = 700) -> None:
        does, user = BEHAVIOURS[behaviour], phone_user(agent)
        if behaviour in _BY_SIPP:
            refusing = self.phones[agent] = RefusingPhone(user, password, self.address, does.refuses)
            await asyncio.to_thread(refusing.wait_registered)
            return
        phone = self.phones[agent] = SipPhone(user, password, self.address, does, tone_hz=tone_hz)
        await asyncio.to_thread(phone.start)
        await asyncio.to_thread(phone.wait_registered)

    async def unplug(self, agent: UUID) -> None:
        await asyncio.to_thread(self.phones[agent].stop)

    async def kill_engine(self) -> None:
        pid = self.telephony.engine_pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    def softphone(self, agent: UUID) -> SipPhone:
        """The phone itself."""
        phone = self.phones[agent]
        assert isinstance(phone, SipPhone)
        return phone

    async def close(self) -> None:
        for phone in self.phones.values():
            await asyncio.to_thread(phone.stop)
        await super().close()


_SIMULATED = {
    "answers": behaviour("answer"),
    "hangs_up": behaviour("far_bye"),
    "never_answers": behaviour("no_answer"),
    "busy": behaviour("c486"),
    "declines": Callee((Act(0.01, "trying"), Act(0.01, "ring"), Act(0.01, "refuse", sip=603))),
}


@dataclass
class SimulatorRig:
    """No telephone at all, in real time."""

    telephony: SimulatedTelephony = field(init=False)
    trunks: dict[str, Trunk] = field(default_factory=dict[str, Trunk])

    def __post_init__(self) -> None:
        self.telephony = SimulatedTelephony(SystemClock(), LoopTimers(), by_trunk)

    async def open(self, *behaviours: str) -> None:
        self.trunks = {name: Trunk(TrunkId(uuid4()), name, "127.0.0.1") for name in behaviours}
        await self.telephony.start(list(self.trunks.values()))

    def trunk(self, behaviour: str) -> Trunk:
        return self.trunks[behaviour]

    def invites(self, behaviour: str) -> list[Invite]:
        return [
            Invite("", call.attempt, call.number, "") for call in self.telephony.received if call.trunk == behaviour
        ]

    async def plug_in(self, agent: UUID, password: str, behaviour: str, tone_hz: int = 700) -> None:
        del tone_hz
        self.telephony.register(agent, password, _SIMULATED[behaviour])

    async def unplug(self, agent: UUID) -> None:
        self.telephony.unregister(agent)

    async def kill_engine(self) -> None:
        self.telephony.kill_engine()
        self.telephony.revive()

    async def close(self) -> None:
        await self.telephony.stop()


def rig_of(kind: str, root: Callable[[], Path], state: Path) -> AsteriskPhones | SimulatorRig:
    """A rig by name: asterisk or simulator."""
    return AsteriskPhones(root(), state) if kind == "asterisk" else SimulatorRig()
