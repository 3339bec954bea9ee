"""The carrier over real sockets against an SMSC that does what none should: nothing is lost, nothing hangs, each part has its end."""

from __future__ import annotations

import asyncio
from itertools import count

import pytest

from central.adapters.smpp import pdu as wire
from central.adapters.smpp.config import Throttling, Timers
from central.adapters.smpp.pdu import Pdu
from central.application.ports.carriers import (
    LinkMoved,
    NotSent,
    NotTaken,
    PartAnswered,
    ReceiptCame,
    Taken,
    TextCame,
    Uncertain,
)
from central.domain.short_messages import measure
from central.domain.statuses import SmsStatus
from tests.integration.smpp.peer import Link, carrier, message, polite, smsc

QUICK = Timers(response=0.5, reconnect=(0.05, 0.2), unbind=0.5, join=0.5)


async def test_every_part_is_answered_and_the_far_end_heard_each_once() -> None:
    async with smsc() as peer, carrier(peer.port, window=20, binds=3) as ours:
        await ours.until(lambda: ours.links().count("up") == 3)
        batch = [message(to=str(919_000_000_000 + n), text="x" * (400 if n % 10 == 0 else 20)) for n in range(200)]
        wanted = sum(one.parts for one in batch)
        while batch:
            room = ours.carrier.room()
            await ours.carrier.submit(batch[:room])
            del batch[:room]
            await ours.until(lambda: ours.carrier.room() > 0)
        await ours.until(lambda: len(ours.answers()) == wanted)
        assert all(isinstance(answer, Taken) for answer in ours.answers())
        assert len({(news.id, news.part) for news in ours.of(PartAnswered)}) == wanted
        assert peer.taken == wanted
        for link in peer.links:  # parts of one message: one bind, in order
            assert link.heard
            parts = [pdu for pdu in link.heard if isinstance(pdu, wire.Message) and pdu.esm_class == 0x40]
            numbers = [(pdu.dest, pdu.short_message[5]) for pdu in parts]
            assert numbers == [(dest, n) for dest in dict.fromkeys(one for one, _ in numbers) for n in (1, 2, 3)]


async def test_a_peer_that_answers_nothing_leaves_at_most_a_window_unsure() -> None:
    async def silent(link: Link, pdu: Pdu) -> None:
        if pdu.command != wire.SUBMIT_SM:
            await polite(link, pdu)

    async with smsc(silent) as peer, carrier(peer.port, window=5, timers=QUICK) as ours:
        await ours.carrier.submit([message() for _ in range(5)])
        assert ours.carrier.room() == 0
        await ours.carrier.submit([message() for _ in range(5)])
        await ours.until(lambda: len(ours.answers()) == 10)
        assert sum(isinstance(answer, Uncertain) for answer in ours.answers()) <= 5
        await ours.until(lambda: ours.links().count("up") >= 2)
        heard = len(peer.heard(wire.SUBMIT_SM))
        assert heard <= 5  # what waited behind the window never left us, and nothing was sent again
        assert sum(isinstance(answer, NotSent) for answer in ours.answers()) >= 5


async def test_a_peer_that_closes_at_once_is_left_alone_longer_and_longer() -> None:
    async def rude(link: Link, _pdu: Pdu) -> None:
        link.cut()

    async with smsc(rude) as peer, carrier(peer.port, bound=False, timers=QUICK) as ours:
        await asyncio.sleep(1.0)
        assert 3 <= len(peer.links) <= 20
        assert ours.carrier.room() == 0
        await ours.carrier.submit([message()])
        await ours.until(lambda: len(ours.answers()) == 1)
        assert isinstance(ours.answers()[0], NotSent)


async def test_nobody_there_is_not_sent() -> None:
    async with smsc() as peer:
        port = peer.port
    async with carrier(port, bound=False, timers=QUICK) as ours:
        await ours.carrier.submit([message(text="x" * 400)])
        await ours.until(lambda: len(ours.answers()) == 3)
        assert {type(answer) for answer in ours.answers()} == {NotSent}
        await ours.until(lambda: "down" in ours.links())
        await asyncio.sleep(0.5)
        assert ours.links() == ["down"]  # told once, though it is tried again and again
        assert "no connection" in ours.of(LinkMoved)[0].detail


async def test_a_cut_in_the_middle_splits_into_answered_unsure_and_not_sent() -> None:
    async def cutting(link: Link, pdu: Pdu) -> None:
        await polite(link, pdu)
        if pdu.command == wire.SUBMIT_SM and link.smsc.taken == 7:
            await link.writer.drain()
            link.writer.close()
            link.smsc.answering = polite

    async with smsc(cutting) as peer, carrier(peer.port, window=10, timers=QUICK) as ours:
        sent = [message(to=str(919_000_000_000 + n)) for n in range(20)]
        await ours.carrier.submit(sent)
        await ours.until(lambda: len(ours.answers()) == 20)
        taken = [news for news in ours.of(PartAnswered) if isinstance(news.answer, Taken)]
        unsure = [news for news in ours.of(PartAnswered) if isinstance(news.answer, Uncertain)]
        not_sent = [news for news in ours.of(PartAnswered) if isinstance(news.answer, NotSent)]
        assert len(taken) >= 1
        assert len(unsure) <= 10
        heard = {pdu.dest for pdu in peer.heard(wire.SUBMIT_SM) if isinstance(pdu, wire.Message)}
        by_id = {one.id: one.to for one in sent}
        assert {by_id[news.id] for news in taken} <= heard
        assert not {by_id[news.id] for news in not_sent} & heard  # safe to send again
        await ours.until(lambda: ours.links().count("up") == 2)
        await ours.carrier.submit([one for one in sent if one.id in {news.id for news in not_sent}])
        await ours.until(lambda: len(ours.answers()) == 20 + len(not_sent))
        dests = [pdu.dest for pdu in peer.heard(wire.SUBMIT_SM) if isinstance(pdu, wire.Message)]
        assert len(dests) == len(set(dests))  # none twice


async def test_throttling_slows_the_bind_and_one_message_holds_up_nobody() -> None:
    refusals = count()

    async def throttling(link: Link, pdu: Pdu) -> None:
        if pdu.command == wire.SUBMIT_SM and next(refusals) < 1:
            link.answer(pdu, wire.RTHROTTLED)
        else:
            await polite(link, pdu)

    async with smsc(throttling) as peer, carrier(peer.port, throttling=Throttling(pause=(0.2, 1.0))) as ours:
        await ours.carrier.submit([message() for _ in range(3)])
        await ours.until(lambda: len(ours.answers()) == 3)
        refused = [answer for answer in ours.answers() if isinstance(answer, NotTaken)]
        assert [(one.name, one.retry, one.status) for one in refused] == [("ESME_RTHROTTLED", True, SmsStatus.FAILED)]
        assert refused[0].delay_s > 0
        assert "slow" in ours.links()
        await ours.until(lambda: ours.carrier.room() > 0)
        await ours.carrier.submit([message()])
        await ours.until(lambda: len(ours.answers()) == 4)
        assert isinstance(ours.answers()[-1], Taken)


async def test_what_waits_behind_a_bind_that_must_rest_may_go_another_way() -> None:
    async def full(link: Link, pdu: Pdu) -> None:
        if isinstance(pdu, wire.Message) and pdu.dest == "911":
            link.answer(pdu, wire.RTHROTTLED)
        else:
            await polite(link, pdu)

    async with smsc(full) as peer, carrier(peer.port, window=2, throttling=Throttling(pause=(0.3, 1.0))) as ours:
        begun, waits = message("912", "x" * 400), message("913")
        await ours.carrier.submit([message("911"), begun, waits])
        await ours.until(lambda: len(ours.answers()) == 5)
        by_id = {news.id: news.answer for news in ours.of(PartAnswered)}
        assert by_id[waits.id] == NotSent("throttled")
        assert isinstance(by_id[begun.id], Taken)  # all of its parts, by the same bind
        assert len(peer.heard(wire.SUBMIT_SM)) == 4


@pytest.mark.parametrize("octets", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0" * 64, b"\xff" * 64, bytes(range(256))])
async def test_garbage_closes_the_link_and_it_comes_back(octets: bytes) -> None:
    async def confused(link: Link, pdu: Pdu) -> None:
        if pdu.command == wire.SUBMIT_SM and len(link.smsc.links) == 1:
            link.send(octets)
        else:
            await polite(link, pdu)

    async with smsc(confused) as peer, carrier(peer.port, timers=QUICK) as ours:
        await ours.carrier.submit([message()])
        await ours.until(lambda: len(ours.answers()) == 1)
        assert isinstance(ours.answers()[0], Uncertain)
        await ours.until(lambda: ours.links().count("up") == 2)
        await ours.carrier.submit([message()])
        await ours.until(lambda: len(ours.answers()) == 2)
        assert isinstance(ours.answers()[1], Taken)


async def test_frames_that_come_in_splinters_or_all_at_once_are_the_same_frames() -> None:
    held: list[Pdu] = []

    async def splintering(link: Link, pdu: Pdu) -> None:
        if pdu.command != wire.SUBMIT_SM:
            await polite(link, pdu)
            return
        held.append(pdu)
        if len(held) < 10:
            return
        frames = [
            wire.encode(
                wire.MessageAnswer(command=one.command | wire.RESPONSE, sequence=one.sequence, message_id=f"{n}")
            )
            for n, one in enumerate(held)
        ]
        for octet in b"".join(frames[:3]):
            link.send(bytes([octet]))
            await link.writer.drain()
        link.send(b"".join(frames[3:]))

    async with smsc(splintering) as peer, carrier(peer.port) as ours:
        await ours.carrier.submit([message() for _ in range(10)])
        await ours.until(lambda: len(ours.answers()) == 10)
        assert [answer.remote_id for answer in ours.answers() if isinstance(answer, Taken)] == [
            str(n) for n in range(10)
        ]


async def test_nacks_and_wrong_numbers() -> None:
    async def muddled(link: Link, pdu: Pdu) -> None:
        if pdu.command != wire.SUBMIT_SM:
            await polite(link, pdu)
            return
        link.send(
            wire.MessageAnswer(command=wire.SUBMIT_SM | wire.RESPONSE, sequence=pdu.sequence + 999, message_id="no")
        )
        link.send(wire.Bare(command=wire.ENQUIRE_LINK | wire.RESPONSE, sequence=pdu.sequence))
        link.send(wire.Bare(command=wire.GENERIC_NACK, status=wire.RINVCMDID, sequence=pdu.sequence))

    async with smsc(muddled) as peer, carrier(peer.port) as ours:
        await ours.carrier.submit([message()])
        await ours.until(lambda: len(ours.answers()) == 1)
        (answer,) = ours.answers()
        assert isinstance(answer, NotTaken)
        assert (answer.code, answer.status, answer.alert) == ("0x00000003", SmsStatus.FAILED, True)
        assert ours.carrier.room() > 0


@pytest.mark.parametrize("limits", [("window", 1), ("window", 3), ("rate", 20.0), ("account_rate", 20.0)])
async def test_a_window_or_a_rate_below_a_message_does_not_hold_it_up(limits: tuple[str, object]) -> None:
    async with smsc() as peer, carrier(peer.port, bound=True, **dict([limits])) as ours:  # type: ignore[arg-type]
        waiting = [message(text="x" * 700), message(), message(text="x" * 1_500)]
        wanted = sum(one.parts for one in waiting)
        while waiting:
            await ours.until(lambda: ours.carrier.room() > 0)
            room = ours.carrier.room()
            while waiting and waiting[0].parts <= room:  # as the platform hands over: never more than there is room for
                room -= waiting[0].parts
                await ours.carrier.submit([waiting.pop(0)])
            await asyncio.sleep(0.01)
        await ours.until(lambda: len(ours.answers()) == wanted)
        assert {type(answer) for answer in ours.answers()} == {Taken}


async def test_three_refused_log_ins_and_no_fourth() -> None:
    async def refusing(link: Link, pdu: Pdu) -> None:
        link.answer(pdu, 0x0E)

    async with smsc(refusing) as peer, carrier(peer.port, bound=False, timers=QUICK) as ours:
        await ours.until(lambda: len(ours.links()) == 3)
        await asyncio.sleep(1.0)
        assert len(peer.links) == 3
        assert [news.news for news in ours.of(LinkMoved)] == ["refused"] * 3
        assert "not tried again" in ours.of(LinkMoved)[-1].detail


@pytest.mark.parametrize("as_nack", [False, True])
async def test_an_smsc_without_transceivers_gets_a_pair(as_nack: bool) -> None:
    async def old(link: Link, pdu: Pdu) -> None:
        if pdu.command != wire.BIND_TRANSCEIVER:
            await polite(link, pdu)
        elif as_nack:
            link.send(wire.Bare(command=wire.GENERIC_NACK, status=wire.RINVCMDID, sequence=pdu.sequence))
        else:
            link.answer(pdu, wire.RINVCMDID)

    async with smsc(old) as peer, carrier(peer.port, timers=QUICK) as ours:
        await ours.until(lambda: ours.links().count("up") == 2)
        await ours.carrier.submit([message()])
        await ours.until(lambda: len(ours.answers()) == 1)
        receiver = next(link for link in peer.links if any(pdu.command == wire.BIND_RECEIVER for pdu in link.heard))
        receiver.deliver(b"id:00000001 stat:DELIVRD err:000")
        await ours.until(lambda: len(ours.of(ReceiptCame)) == 1)
        assert ours.of(ReceiptCame)[0].status is SmsStatus.DELIVERED


# -- what comes in -------------------------------------------------------------------------------------------------------
def answers_to(link: Link) -> list[tuple[int, int]]:
    return [(pdu.sequence, pdu.status) for pdu in link.heard if pdu.command == wire.DELIVER_SM | wire.RESPONSE]


async def test_a_receipt_is_answered_after_it_is_stored_and_refused_when_it_is_not() -> None:
    async with smsc() as peer, carrier(peer.port) as ours:
        (link,) = peer.links
        ours.storing = False
        link.deliver(b"id:1 stat:DELIVRD")
        await ours.until(lambda: len(answers_to(link)) == 1)
        assert answers_to(link) == [(1, wire.RMSGQFUL)]
        ours.storing = True
        for n in range(50):
            link.deliver(b"id:%d stat:DELIVRD" % n)
        await ours.until(lambda: len(answers_to(link)) == 51)
        assert {status for _, status in answers_to(link)[1:]} == {0}
        assert len(ours.batches) < 40  # what came together is stored together


async def test_a_store_that_hangs_stops_the_reading_but_not_the_link() -> None:
    async with smsc() as peer, carrier(peer.port, held=10) as ours:
        (link,) = peer.links
        bind = ours.carrier.binds[0]
        ours.task.cancel()  # nobody reads the news
        for n in range(15):
            link.deliver(b"id:%d stat:DELIVRD" % n)
        await ours.until(lambda: not bind.session.reading)
        assert answers_to(link) == []
        assert len(bind.session.reception) <= 20
        with pytest.raises(asyncio.CancelledError):
            await ours.task
        ours.task = asyncio.create_task(ours._read())  # pyright: ignore[reportPrivateUsage]
        await ours.until(lambda: len(answers_to(link)) == 15)
        assert bind.session.reading


async def test_texts_of_persons_whole_in_parts_and_with_a_part_missing() -> None:
    async with smsc() as peer, carrier(peer.port, timers=QUICK) as ours:
        (link,) = peer.links
        link.deliver(b"STOP", esm_class=0)
        link.deliver(b"\x05\x00\x03\x07\x02\x02world", esm_class=0x40)
        link.deliver(b"\x05\x00\x03\x07\x02\x01hello ", esm_class=0x40)
        await ours.until(lambda: len(ours.of(TextCame)) == 2)
        assert [news.text for news in ours.of(TextCame)] == ["STOP", "hello world"]
        link.deliver(b"\x05\x00\x03\x08\x03\x02middle", esm_class=0x40)
        sequence = link.deliver(b"\x05\x00\x03\x08\x03\x03 end", esm_class=0x40)
        await ours.until(lambda: len(ours.of(TextCame)) == 3)
        assert ours.of(TextCame)[-1].text == "[...]middle end"
        await ours.until(lambda: (sequence, 0) in answers_to(link))


async def test_late_answers_are_told_and_receipts_may_come_before_them() -> None:
    async def late(link: Link, pdu: Pdu) -> None:
        if pdu.command == wire.SUBMIT_SM and isinstance(pdu, wire.Message) and pdu.dest.endswith("1"):
            link.deliver(b"id:late stat:DELIVRD")
            asyncio.get_running_loop().call_later(0.8, link.answer, pdu, 0, "late")
        else:
            await polite(link, pdu)

    async with smsc(late) as peer, carrier(peer.port, timers=QUICK) as ours:
        await ours.carrier.submit([message("911"), message("912")])
        await ours.until(lambda: len(ours.answers()) == 3)
        assert [type(answer) for answer in ours.answers()] == [Taken, Uncertain, Taken]
        assert ours.answers()[-1] == Taken("late")
        kinds = [type(news) for news in ours.news if isinstance(news, ReceiptCame | PartAnswered)]
        assert kinds.index(ReceiptCame) < len(kinds) - 1


async def test_questions_keep_to_the_window_and_all_are_answered() -> None:
    open_questions = [0, 0]

    async def counting(link: Link, pdu: Pdu) -> None:
        if pdu.command != wire.QUERY_SM:
            await polite(link, pdu)
            return
        open_questions[0] += 1
        open_questions[1] = max(open_questions)
        asyncio.get_running_loop().call_later(0.02, answered, link, pdu)

    def answered(link: Link, pdu: Pdu) -> None:
        open_questions[0] -= 1
        link.answer(pdu, message_id="x")

    async with smsc(counting) as peer, carrier(peer.port, window=5) as ours:
        names = [*(str(n) for n in range(40)), "too-long" * 20]
        await ours.carrier.query(names)
        await ours.until(lambda: len(ours.of(ReceiptCame)) == 41)
        assert {news.remote_id for news in ours.of(ReceiptCame)} == set(names)
        assert open_questions == [0, 5]


async def test_bad_messages_are_refused_before_anything_is_sent() -> None:
    async with smsc() as peer, carrier(peer.port) as ours:
        await ours.carrier.submit([
            message(sender="a name that is far too long"),
            message(to="+91 98"),
            message(text="`", encoding="gsm7"),
            message(text="a" * 1_000_000),
            message(validity_s=0.0),
            message(text="\ud83d \0 \U0001f600"),
        ])  # fmt: skip
        wanted = 5 + measure("a" * 1_000_000).parts
        await ours.until(lambda: len(ours.answers()) == wanted)
        refused = {answer.reason: answer.status for answer in ours.answers() if isinstance(answer, NotTaken)}
        assert refused == {
            "bad_sender": SmsStatus.REJECTED, "bad_recipient": SmsStatus.INVALID_NUMBER, "bad_text": SmsStatus.FAILED,
            "validity_over": SmsStatus.EXPIRED,
        }  # fmt: skip
        (sent,) = peer.heard(wire.SUBMIT_SM)
        assert isinstance(sent, wire.Message)
        assert sent.short_message == "\ufffd \0 \U0001f600".encode("utf-16-be")
