"""A session on virtual time, with the far end played by the test: what it wrote as PDUs, what it said as events."""

from __future__ import annotations

from typing import TypeVar
from uuid import UUID

from central.adapters.smpp import events as told
from central.adapters.smpp import pdu as wire
from central.adapters.smpp.config import SmppConfig
from central.adapters.smpp.events import Event, Ticket
from central.adapters.smpp.frames import Frames
from central.adapters.smpp.pdu import Pdu
from central.adapters.smpp.session import Session, Side
from central.domain.ids import MessageId

E = TypeVar("E")
BODY = wire.encode_body(wire.Message(command=wire.SUBMIT_SM, dest="919876543210", short_message=b"hello"))


def config(**changes: object) -> SmppConfig:
    values: dict[str, object] = {"name": "c", "host": "smsc.example", "system_id": "esme", "password": "secret"}
    return SmppConfig(**(values | changes))  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def ticket(number: int = 1, recipient: str = "919876543210", tries: int = 1) -> Ticket:
    return Ticket(MessageId(UUID(int=number)), tries, 1, 1, recipient, "CENTRAL")


class Rig:
    def __init__(self, settings: SmppConfig | None = None, side: Side = "trx") -> None:
        self.session = Session(settings or config(), side, lambda: 0.5)
        self.now = 1_000.0
        self.events: list[Event] = []
        self._frames = Frames()

    # -- time and the connection
    def pass_time(self, seconds: float) -> list[Event]:
        """Let time pass, calling ``tick`` whenever it is due; the events of that time."""
        found: list[Event] = []
        end, turns = self.now + seconds, 0
        while self.session.due() <= end:
            turns += 1
            assert turns < 10_000, "a timer that is due for ever"
            self.now = max(self.now, self.session.due())
            found += self.session.tick(self.now)
        self.now = end
        self.events += found
        return found

    def connect(self) -> list[Pdu]:
        self.session.start(self.now)
        assert [type(event) for event in self.pass_time(0)] == [told.Connect]
        self.session.connected(self.now)
        return self.written()

    def lose(self, reason: str = "cut") -> list[Event]:
        found = self.session.lost(reason, self.now)
        self.events += found
        return found

    # -- PDUs
    def written(self) -> list[Pdu]:
        frames, error = self._frames.feed(self.session.output())
        assert error is None
        return [wire.decode(*frame) for frame in frames]

    def hear(self, *pdus: Pdu | bytes) -> list[Event]:
        data = b"".join(pdu if isinstance(pdu, bytes) else wire.encode(pdu) for pdu in pdus)
        found = self.session.received(data, self.now)
        self.events += found
        return found

    def bind(self, **answer: object) -> Rig:
        asked = self.connect()[0]
        values: dict[str, object] = {"system_id": "smsc", "tlvs": ((0x0210, b"\x34"),)}
        values |= answer
        self.hear(wire.BindAnswer(command=asked.command | wire.RESPONSE, sequence=asked.sequence, **values))  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        return self

    def bind_again(self) -> None:
        """Wait for the next connection, and bind on it."""
        events = self.pass_time(self.session.due() - self.now)
        assert [type(event) for event in events] == [told.Connect]
        self.session.connected(self.now)
        (asked,) = self.written()
        self.hear(wire.BindAnswer(command=asked.command | wire.RESPONSE, sequence=asked.sequence))

    def send(self, *tickets: Ticket, write: bool = True) -> list[Pdu]:
        self.session.send([(one, BODY) for one in tickets], self.now)
        return self.written() if write else []

    def answer(self, request: Pdu, status: int = 0, message_id: str = "1a2b") -> list[Event]:
        return self.hear(
            wire.MessageAnswer(
                command=request.command | wire.RESPONSE,
                sequence=request.sequence,
                status=status,
                message_id="" if status else message_id,
            )
        )

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]
