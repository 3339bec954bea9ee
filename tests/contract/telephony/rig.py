"""What the telephony contract needs of the world: an adapter, far ends that behave, and a record of what they received."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar
from uuid import UUID, uuid4

from central.adapters.asterisk.channel import AsteriskTelephony
from central.adapters.asterisk.config import AsteriskConfig, OwnEngine
from central.adapters.system import SystemClock, SystemIds
from central.application.ports.telephony import (
    Accepted,
    Answer,
    CallOffered,
    LegEnded,
    NodeDown,
    NodeUp,
    Originate,
    Telephony,
    TelephonyEvent,
    Trunk,
)
from central.domain.evidence import Evidence
from central.domain.ids import LegId, TrunkId
from examples.carrier import Carrier, Invite

NUMBER = "919800000001"
CALLER = "918000000001"
Kind = TypeVar("Kind")


class Rig(Protocol):
    """One adapter with a carrier behind it."""

    @property
    def telephony(self) -> Telephony:
        """The adapter under contract."""
        ...

    async def open(self, *behaviours: str) -> None:
        """Start far ends with these behaviours, and the adapter with a trunk to each."""
        ...

    def trunk(self, behaviour: str) -> Trunk:
        """The trunk that leads to a behaviour."""
        ...

    def invites(self, behaviour: str) -> list[Invite]:
        """The INVITE transactions that the far end received."""
        ...

    async def close(self) -> None:
        """Stop everything."""
        ...


@dataclass
class AsteriskRig:
    """Real Asterisk, real SIPp, on loopback."""

    root: Path
    state: Path
    rtp_timeout_s: int = 0
    sip_port: int = 0
    phone_check_s: int = 15
    telephony: AsteriskTelephony = field(init=False)
    carrier: Carrier | None = None
    trunks: dict[str, Trunk] = field(default_factory=dict[str, Trunk])

    def __post_init__(self) -> None:
        engine = OwnEngine(root=self.root, state_dir=self.state, strict_rtp=False, sip_port=self.sip_port)
        config = AsteriskConfig(
            engine=engine, tls_verify=False, rtp_timeout_s=self.rtp_timeout_s, phone_check_s=self.phone_check_s
        )
        self.telephony = AsteriskTelephony(config, SystemClock(), SystemIds())

    async def open(self, *behaviours: str) -> None:
        if behaviours:
            self.carrier = await asyncio.to_thread(Carrier(behaviours).start)
        for name in behaviours:
            user, secret = ("central", "secret") if name == "auth_407" else ("", "")
            port = self.carrier.port(name) if self.carrier is not None else 0
            self.trunks[name] = Trunk(
                TrunkId(uuid4()), name, "127.0.0.1", port, username=user, password=secret, tag_calls=True
            )
        await self.telephony.start(list(self.trunks.values()))

    def trunk(self, behaviour: str) -> Trunk:
        return self.trunks[behaviour]

    def invites(self, behaviour: str) -> list[Invite]:
        assert self.carrier is not None
        return self.carrier.invites(behaviour)

    async def close(self) -> None:
        await self.telephony.stop()
        if self.carrier is not None:
            await asyncio.to_thread(self.carrier.stop)


@dataclass
class Call:
    """One leg and everything that was said about it."""

    leg: LegId
    answer: Answer = field(default_factory=Accepted)
    events: list[TelephonyEvent] = field(default_factory=list[TelephonyEvent])
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, kind: type[Kind], nth: int = 1, seconds: float = 45.0) -> Kind:
        """Wait for the ``nth`` event of this kind."""
        async with asyncio.timeout(seconds):
            while True:
                found = [event for event in self.events if isinstance(event, kind)]
                if len(found) >= nth:
                    return found[nth - 1]
                self.changed.clear()
                await self.changed.wait()

    async def evidence(self, seconds: float = 45.0) -> Evidence:
        """The evidence of its end."""
        return (await self.until(LegEnded, seconds=seconds)).evidence

    def count(self, kind: type[TelephonyEvent]) -> int:
        """How many events of this kind there were."""
        return sum(isinstance(event, kind) for event in self.events)


class Switchboard:
    """Fetches the adapter's news and hands it to the calls."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.calls: dict[UUID, Call] = {}
        self.node: list[NodeUp | NodeDown] = []
        self.offers: asyncio.Queue[CallOffered] = asyncio.Queue()
        self.node_changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def open(self, *behaviours: str) -> None:
        """Open the rig and begin to listen."""
        await self.rig.open(*behaviours)
        self._task = asyncio.create_task(self._fetch())

    async def _fetch(self) -> None:
        while True:
            for event in await self.rig.telephony.next_events():
                if isinstance(event, NodeUp | NodeDown):
                    self.node.append(event)
                    self.node_changed.set()
                elif isinstance(event, CallOffered):
                    self.calls[event.leg] = Call(event.leg)
                    self.offers.put_nowait(event)
                elif event.leg in self.calls:
                    self.calls[event.leg].events.append(event)
                    self.calls[event.leg].changed.set()

    async def place(
        self,
        behaviour: str,
        *,
        caller_id: str | None = CALLER,
        timeout_s: float = 60.0,
        headers: Mapping[str, str] | None = None,
        detect_machine: bool = False,
        trunk: Trunk | None = None,
        record: str = "",
    ) -> Call:
        """Originate one call to a behaviour."""
        leg = LegId(uuid4())
        call = self.calls[leg] = Call(leg)
        where = (trunk or self.rig.trunk(behaviour)).id
        wanted = Originate(leg, where, NUMBER, caller_id, timeout_s, headers or {}, detect_machine, record)
        call.answer = (await self.rig.telephony.originate([wanted]))[0]
        return call

    async def ring(self, agent: UUID, *, timeout_s: float = 60.0, record: str = "") -> Call:
        """Call an agent's phone."""
        leg = LegId(uuid4())
        call = self.calls[leg] = Call(leg)
        wanted = Originate(leg, None, "", CALLER, timeout_s, record=record, phone=agent)
        call.answer = (await self.rig.telephony.originate([wanted]))[0]
        return call

    async def node_news(self, kind: type[NodeUp | NodeDown], nth: int = 1) -> NodeUp | NodeDown:
        """Wait for the ``nth`` NodeUp or NodeDown."""
        async with asyncio.timeout(30):
            while True:
                found = [event for event in self.node if isinstance(event, kind)]
                if len(found) >= nth:
                    return found[nth - 1]
                self.node_changed.clear()
                await self.node_changed.wait()

    async def close(self) -> None:
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
