"""An SMSC played by a test: a server on loopback whose answers the test decides, and a carrier of ours that is read all the time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from central.adapters.smpp import pdu as wire
from central.adapters.smpp.channel import SmppCarrier
from central.adapters.smpp.config import SmppConfig
from central.adapters.smpp.frames import Frames
from central.adapters.smpp.pdu import Pdu
from central.adapters.system import SystemClock, SystemIds
from central.application.ports.carriers import Answer, LinkMoved, NewsBatch, PartAnswered, Submission
from central.application.ports.reach import Reach
from central.domain.ids import MessageId
from central.domain.short_messages import measure
from tests.fakes.observed import ObservedTelemetry
from tests.fakes.reach import loopback_reach

IDS = SystemIds()
N = TypeVar("N")


class Link:
    """One connection at the SMSC's side."""

    def __init__(self, smsc: Smsc, writer: asyncio.StreamWriter) -> None:
        self.smsc, self.writer = smsc, writer
        self.heard: list[Pdu] = []
        self.sequence = 0

    def send(self, *pdus: Pdu | bytes) -> None:
        self.writer.write(b"".join(one if isinstance(one, bytes) else wire.encode(one) for one in pdus))

    def answer(self, request: Pdu, status: int = 0, message_id: str = "") -> None:
        kind = wire.LAYOUTS[request.command | wire.RESPONSE][0]
        fields: dict[str, object] = {"message_id": message_id} if message_id else {}
        fields |= {"command": request.command | wire.RESPONSE, "sequence": request.sequence, "status": status}
        self.send(msgspec.convert(fields, kind))

    def deliver(
        self,
        text: bytes,
        *,
        esm_class: int = 4,
        source: str = "919800000000",
        source_ton: int = 0,
        tlvs: wire.Tlvs = (),
    ) -> int:
        self.sequence += 1
        self.send(
            wire.Message(
                command=wire.DELIVER_SM,
                sequence=self.sequence,
                source_ton=source_ton,
                source=source,
                dest="CENTRAL",
                esm_class=esm_class,
                short_message=text,
                tlvs=tlvs,
            )
        )
        return self.sequence

    def cut(self) -> None:
        self.writer.transport.abort()


Answering = Callable[[Link, Pdu], Awaitable[None]]


async def polite(link: Link, pdu: Pdu) -> None:
    """Binds everybody and takes everything."""
    if pdu.command == wire.SUBMIT_SM:
        link.smsc.taken += 1
        link.answer(pdu, message_id=f"{link.smsc.taken:08x}")
    elif pdu.command < wire.RESPONSE:
        link.answer(pdu)


@dataclass
class Smsc:
    """The server; ``answering`` is called for every PDU that comes."""

    answering: Answering = polite
    port: int = 0
    taken: int = 0
    links: list[Link] = field(default_factory=list[Link])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link, frames = Link(self, writer), Frames()
        self.links.append(link)
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                found, error = frames.feed(data)
                assert error is None
                for frame in found:
                    pdu = wire.decode(*frame)
                    link.heard.append(pdu)
                    await self.answering(link, pdu)
        writer.close()

    def heard(self, command: int) -> list[Pdu]:
        return [pdu for link in self.links for pdu in link.heard if pdu.command == command]


@contextlib.asynccontextmanager
async def smsc(answering: Answering = polite) -> AsyncGenerator[Smsc]:
    peer = Smsc(answering)
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        for link in peer.links:
            link.cut()
        for link in peer.links:
            link.cut()
        await server.wait_closed()


class Reader:
    """Reads a carrier's news as a messenger does, and acknowledges them unless ``storing`` says otherwise."""

    def __init__(self, carrier: SmppCarrier) -> None:
        self.carrier = carrier
        self.news: list[object] = []
        self.storing = True
        self.batches: list[NewsBatch] = []
        self._changed = asyncio.Event()
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for batch in self.carrier.news():
            self.batches.append(batch)
            self.news += batch.news
            await (batch.ack if self.storing else batch.refuse)()
            self._changed.set()
        self._changed.set()

    def of(self, kind: type[N]) -> list[N]:
        return [news for news in self.news if isinstance(news, kind)]

    def links(self) -> list[str]:
        return [news.news for news in self.of(LinkMoved)]

    def answers(self) -> list[Answer]:
        return [news.answer for news in self.of(PartAnswered)]

    def answered(self, sent: Submission) -> bool:
        """Whether each of its parts has an answer."""
        return sum(news.id == sent.id for news in self.of(PartAnswered)) >= sent.parts

    async def until(self, true: Callable[[], bool], limit_s: float = 20) -> None:
        async with asyncio.timeout(limit_s):
            while not true():
                self._changed.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), 0.02)  # what the peer saw changes without news


@contextlib.asynccontextmanager
async def carrier(
    port: int, *, bound: bool = True, reach: Reach | None = None, **changes: object
) -> AsyncGenerator[Reader]:
    values: dict[str, object] = {
        "name": "c",
        "host": "127.0.0.1",
        "port": port,
        "system_id": "esme",
        "password": "secret",
    }
    config = SmppConfig(**(values | changes))  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    ours = SmppCarrier(config, SystemClock(), IDS, ObservedTelemetry(), reach or loopback_reach())
    ours.start()
    reader = Reader(ours)
    try:
        if bound:
            await reader.until(lambda: "up" in reader.links())
        yield reader
    finally:
        await ours.close(1.0)
        await reader.task


def message(to: str = "919876543210", text: str = "hello", *, parts: int = 1, **more: object) -> Submission:
    counted = measure(text)
    values: dict[str, object] = {
        "id": MessageId(IDS.uuid()), "to": to, "sender": "CENTRAL", "text": text, "encoding": counted.encoding,
        "parts": counted.parts if parts == 1 else parts,
    }  # fmt: skip
    return Submission(**(values | more))  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
