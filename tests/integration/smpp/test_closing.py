"""Closing a carrier: what is under way has its end, the SMSC is told, and nothing waits for ever."""

from __future__ import annotations

import asyncio

from central.adapters.smpp import pdu as wire
from central.adapters.smpp.config import Timers
from central.adapters.smpp.pdu import Pdu
from central.application.ports.carriers import NotSent, Taken, Uncertain
from tests.integration.smpp.peer import Link, carrier, message, polite, smsc

QUICK = Timers(response=0.5, reconnect=(0.05, 0.2), unbind=0.5, join=0.5)


async def test_closing_waits_for_answers_and_unbinds() -> None:
    async def slow(link: Link, pdu: Pdu) -> None:
        if pdu.command == wire.SUBMIT_SM:
            asyncio.get_running_loop().call_later(0.3, link.answer, pdu, 0, "1")
        else:
            await polite(link, pdu)

    async with smsc(slow) as peer, carrier(peer.port, window=2) as ours:
        await ours.carrier.submit([message() for _ in range(3)])
        await asyncio.sleep(0.05)
        await ours.carrier.close(5)
        await ours.task  # news end by themselves
        assert [type(answer) for answer in ours.answers()] == [NotSent, Taken, Taken]
        assert len(peer.heard(wire.UNBIND)) == 1
        assert len(peer.heard(wire.SUBMIT_SM)) == 2
        await ours.carrier.submit([message()])  # it says no, and does not raise


async def test_closing_has_an_end_when_the_peer_says_nothing() -> None:
    async def deaf(link: Link, pdu: Pdu) -> None:
        if pdu.command not in {wire.SUBMIT_SM, wire.UNBIND}:
            await polite(link, pdu)

    async with smsc(deaf) as peer, carrier(peer.port, timers=QUICK) as ours:
        await ours.carrier.submit([message()])
        await asyncio.sleep(0.05)
        async with asyncio.timeout(5):
            await ours.carrier.close(0.2)
            await ours.task
        assert [type(answer) for answer in ours.answers()] == [Uncertain]


async def test_closing_has_an_end_when_the_peer_reads_nothing_at_all() -> None:
    async def stuck(link: Link, pdu: Pdu) -> None:
        if pdu.command == wire.SUBMIT_SM:
            await asyncio.sleep(60)
        await polite(link, pdu)

    forever = Timers(response=60, unbind=0.2)
    async with smsc(stuck) as peer, carrier(peer.port, window=300, joining="payload", timers=forever) as ours:
        sent = [message(text="\u0416" * 30_000, parts=2) for _ in range(300)]  # more than all buffers between us hold
        await ours.carrier.submit(sent)
        await asyncio.sleep(0.5)
        async with asyncio.timeout(10):
            await ours.carrier.close(0.2)
            await ours.task
        assert len(ours.answers()) == sum(one.parts for one in sent)
        assert {type(answer) for answer in ours.answers()} <= {Uncertain, NotSent}
