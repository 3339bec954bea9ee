"""What we write on the wire, read by tshark: every kind of PDU that the carrier sends, and not one malformed frame."""

from __future__ import annotations

import asyncio
from pathlib import Path

from central.adapters.smpp import pdu as wire
from central.adapters.smpp.config import Address, Addresses, ExtraTlv, Joining, Submit, Timers
from central.adapters.smpp.events import Question
from central.application.ports.carriers import PartAnswered, ReceiptCame, Taken
from examples.carrier.sms_center import SmsCenter, number_for
from tests.far_ends.judges import Wire
from tests.integration.smpp.peer import Reader, carrier, message

JOININGS: tuple[Joining, ...] = ("udh8", "udh16", "sar", "payload")
SUBMITS: tuple[Submit, ...] = ("submit_sm", "data_sm")
TEXTS = ("short", "@$_ {€}", "Привет 😀", "x" * 400, "Ж" * 200, "NUL \0 and \ud83d")
ASKED = Timers(enquire=0.3)


async def speak(ours: Reader, texts: tuple[str, ...]) -> None:
    sent = [message(number_for("delivered", 1), text, ids={"entity": "1101"}) for text in texts]
    await ours.carrier.submit(sent)
    await ours.until(lambda: all(map(ours.answered, sent)) and len(ours.of(ReceiptCame)) >= len(sent))
    remote = next(news.answer.remote_id for news in ours.of(PartAnswered) if isinstance(news.answer, Taken))
    await ours.carrier.query([remote, "nobody"])
    ours.carrier.ask(wire.Replace(command=wire.REPLACE_SM, message_id=remote, short_message=b"new"), Question(remote))
    ours.carrier.ask(wire.Cancel(command=wire.CANCEL_SM, message_id=remote, dest="91"), Question(remote))
    await asyncio.sleep(0.5)  # an enquire_link in between


async def test_no_frame_of_ours_is_malformed(far_ends_cache: Path) -> None:
    with SmsCenter(far_ends_cache) as center:
        capture = await asyncio.to_thread(Wire(far_ends_cache, center.port).__enter__)
        try:
            for joining in JOININGS:
                for submit in SUBMITS:
                    async with carrier(center.port, joining=joining, submit=submit, window=20, timers=ASKED) as ours:
                        await speak(ours, TEXTS)
            plus = Addresses(recipient=Address(ton=0, npi=1, prefix="+"))
            tlvs = (ExtraTlv(tag=0x1400, source="entity"), ExtraTlv(tag=0x1402, source="=x", form="octets"))
            async with carrier(
                center.port, mode="pair", window=20, timers=ASKED, addresses=plus, tlvs=tlvs, validity="absolute"
            ) as ours:
                await ours.until(lambda: ours.links().count("up") == 2)
                await speak(ours, TEXTS)
            verdict = await asyncio.to_thread(capture.judge)
        finally:
            await asyncio.to_thread(capture.stop)
    assert verdict.bad == ()
    kinds = {
        wire.BIND_TRANSCEIVER, wire.BIND_TRANSMITTER, wire.BIND_RECEIVER, wire.SUBMIT_SM, wire.DELIVER_SM | wire.RESPONSE,
        wire.DATA_SM, wire.ENQUIRE_LINK, wire.QUERY_SM, wire.REPLACE_SM, wire.CANCEL_SM, wire.UNBIND,
    }  # fmt: skip
    assert kinds <= verdict.commands.keys()
