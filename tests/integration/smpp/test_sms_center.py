"""The carrier against node-smpp, an SMSC that we did not write: every behaviour of its script, each way of joining, TLS, SIGKILL."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Literal

import pytest

from central.adapters.smpp import pdu as wire
from central.adapters.smpp.config import ErrorMeaning, ExtraTlv, Joining, Submit, Throttling, Timers, Tls
from central.adapters.smpp.events import Question
from central.adapters.smpp.transport import no_delay
from central.application.ports.carriers import (
    Cancellation,
    NotSent,
    NotTaken,
    PartAnswered,
    ReceiptCame,
    Submission,
    Taken,
    TextCame,
    Uncertain,
)
from central.domain.statuses import SmsStatus
from examples.carrier.sms_center import NUMBERS, SmsCenter, number_for
from tests.integration.smpp.peer import Reader, carrier, message

QUICK = Timers(response=0.8, reconnect=(0.05, 0.3), unbind=1.0)
DELIVERED, WAITS, OTHER = SmsStatus.DELIVERED, SmsStatus.SENT_TO_QUEUE, SmsStatus.OTHER
TOLD: dict[str, list[SmsStatus | None]] = {
    "delivered": [DELIVERED],
    "expired": [SmsStatus.EXPIRED],
    "deleted": [SmsStatus.UNDELIVERED],
    "undeliverable": [SmsStatus.UNDELIVERED],
    "accepted_only": [WAITS],
    "unknown": [OTHER],
    "rejected_later": [SmsStatus.REJECTED],
    "unknown_subscriber": [SmsStatus.INVALID_NUMBER],
    "failed_later": [SmsStatus.FAILED],
    "new_word": [OTHER],
    "receipt_first": [DELIVERED],
    "corrected": [SmsStatus.UNDELIVERED, DELIVERED],
    "receipt_twice": [DELIVERED, DELIVERED],
    "no_receipt": [],
    "says_stop": [DELIVERED],
    "slow_answer": [DELIVERED],
    "on_its_way": [None, DELIVERED],
    "told_by_query": [],
    "foreign_receipt": [DELIVERED],
    "broken_receipt": [DELIVERED],
    "late_intermediate": [DELIVERED, None],
    "no_id": [],
}
REFUSED: dict[str, tuple[str, SmsStatus | None, bool]] = {
    "invalid_number": ("bad_recipient", SmsStatus.INVALID_NUMBER, False),
    "refused": ("submit_failed", SmsStatus.REJECTED, False),
    "throttled_once": ("throttled", SmsStatus.FAILED, True),
    "throttled_always": ("throttled", SmsStatus.FAILED, True),
    "queue_full": ("queue_full", SmsStatus.FAILED, True),
    "vendor_refusal": ("refused_by_carrier", SmsStatus.REJECTED, False),
    "fails_once": ("carrier_system_error", SmsStatus.FAILED, True),
}
BROKEN: dict[str, bool] = {  # behaviour -> whether the message was taken all the same
    "no_answer": False, "cut": False, "accepted_then_cut": True, "accepted_without_answer": True,
}  # fmt: skip
ALONE = {"unbinds", "malformed", "nack"}


@pytest.fixture(scope="module")
def center(far_ends_cache: Path) -> Iterator[SmsCenter]:
    with SmsCenter(far_ends_cache, options=["--slow-ms", "300"]) as running:
        yield running


def ids_of(ours: Reader, sent: Submission) -> set[str]:
    return {
        news.answer.remote_id for news in ours.of(PartAnswered) if news.id == sent.id and isinstance(news.answer, Taken)
    }


def receipts_of(ours: Reader, sent: Submission) -> list[SmsStatus | None]:
    """As the store matches: an answer's id is one of the receipt's forms, whichever of the two came first."""
    ids = ids_of(ours, sent)
    return [news.status for news in ours.of(ReceiptCame) if ids & set(news.same_ids)]


async def told(ours: Reader, sent: Submission, receipts: int) -> None:
    """Wait for all answers and so many receipts."""
    await ours.until(lambda: ours.answered(sent) and len(receipts_of(ours, sent)) >= receipts)


def test_every_behaviour_is_tested() -> None:
    assert TOLD.keys() | REFUSED.keys() | BROKEN.keys() | ALONE == NUMBERS.keys()


@pytest.mark.parametrize("receipts", ["both", "text", "tlv"])
@pytest.mark.parametrize("ids", ["hex", "dec", "mixed"])
async def test_receipts(
    far_ends_cache: Path, receipts: Literal["both", "text", "tlv"], ids: Literal["hex", "dec", "mixed"]
) -> None:
    errors = {"1": ErrorMeaning(reason="unknown_subscriber", status=SmsStatus.INVALID_NUMBER)}
    with SmsCenter(far_ends_cache, receipts=receipts, ids=ids, options=["--slow-ms", "200"]) as center:
        form = "hex_then_decimal" if ids == "mixed" else "learn"  # ids this small fit both ways: nothing to learn from
        async with carrier(center.port, window=50, errors=errors, ids=form) as ours:
            sent = {behaviour: message(number_for(behaviour, 1)) for behaviour in TOLD}
            await ours.carrier.submit(list(sent.values()))
            for behaviour, one in sent.items():
                want = TOLD[behaviour]
                await told(ours, one, len(want))
                assert receipts_of(ours, one) == want, behaviour
            assert [news.text for news in ours.of(TextCame)] == ["STOP"]
            assert all(isinstance(answer, Taken) for answer in ours.answers())


async def test_refusals(center: SmsCenter) -> None:
    async with carrier(center.port, throttling=Throttling(pause=(0.05, 0.1), queue_delay=(0.1, 0.1))) as ours:
        for behaviour, (reason, status, retry) in REFUSED.items():
            await ours.until(lambda: ours.carrier.room() > 0)
            one = message(number_for(behaviour, 2))
            await ours.carrier.submit([one])
            await told(ours, one, 0)
            (answer,) = [news.answer for news in ours.of(PartAnswered) if news.id == one.id]
            assert isinstance(answer, NotTaken), behaviour
            assert (answer.reason, answer.status, answer.retry) == (reason, status, retry), behaviour


async def test_what_leaves_us_and_is_not_answered_is_uncertain_and_never_sent_again(center: SmsCenter) -> None:
    for behaviour, taken in BROKEN.items():
        async with carrier(center.port, timers=QUICK) as ours:
            one = message(number_for(behaviour, 3))
            await ours.carrier.submit([one])
            await told(ours, one, 0)
            (answer,) = ours.answers()
            assert isinstance(answer, Uncertain), behaviour
            if taken:
                await ours.until(lambda: any(news.status is DELIVERED for news in ours.of(ReceiptCame)))
        assert [submit.to for submit in center.submits()].count(one.to) == 1


@pytest.mark.parametrize("behaviour", sorted(ALONE))
async def test_links_that_are_ended_come_back(center: SmsCenter, behaviour: str) -> None:
    async with carrier(center.port, timers=QUICK) as ours:
        one, after = message(number_for(behaviour, 4)), message(number_for("delivered", 4))
        await ours.carrier.submit([one])
        await ours.until(lambda: ours.links().count("up") >= 2)
        assert ours.answered(one)
        await ours.carrier.submit([after])
        await ours.until(lambda: DELIVERED in receipts_of(ours, after))


@pytest.mark.parametrize("submit", ["submit_sm", "data_sm"])
@pytest.mark.parametrize("joining", ["udh8", "udh16", "sar", "payload"])
@pytest.mark.parametrize("text", ["[Grüße] " * 60, "Привет 😀 " * 30, "short {€}"])
async def test_texts_arrive_as_they_were_written(
    center: SmsCenter, joining: Joining, text: str, submit: Submit
) -> None:
    async with carrier(center.port, joining=joining, submit=submit) as ours:
        one = message(number_for("delivered", 5), text)
        await ours.carrier.submit([one])
        await ours.until(lambda: ours.answered(one) and DELIVERED in receipts_of(ours, one))
        remote = ids_of(ours, one)
        came = sorted((part for part in center.submits() if part.id in remote), key=lambda part: part.part or (0, 0, 0))
        assert "".join(part.text for part in came) == text
        assert len(came) == (1 if joining == "payload" else max(one.parts, len(came)))
        assert {part.sender for part in came} == {"CENTRAL"}
        assert {one["command"] for one in center.events() if one["kind"] == "submit" and one.get("id") in remote} == {
            submit
        }


async def test_registration_ids_go_as_tlvs_where_the_carrier_asks(center: SmsCenter) -> None:
    wanted = (ExtraTlv(tag=0x1400, source="entity"), ExtraTlv(tag=0x1401, source="template", form="octets"))
    async with carrier(center.port, tlvs=wanted) as ours:
        one = message(number_for("delivered", 6), ids={"entity": "1101", "template": "1107"})
        without = message(number_for("delivered", 6))
        await ours.carrier.submit([one, without])
        await ours.until(lambda: ours.answered(one) and ours.answered(without))
        (came,) = [part for part in center.submits() if part.id in ids_of(ours, one)]
        assert came.tlvs == {"0x1400": b"1101\0".hex(), "0x1401": b"1107".hex()}
        assert [news.answer for news in ours.of(PartAnswered) if news.id == without.id] == [
            NotTaken("", "", "dlt_missing", SmsStatus.FAILED, detail="the carrier wants 'entity' (TLV 0x1400)")
        ]


def queried(ours: Reader) -> list[ReceiptCame]:
    """What query_sm told; receipts owed from other tests come on the same bind."""
    return [
        news for news in ours.of(ReceiptCame) if news.raw.startswith("query_sm_resp") or news.reason == "query_failed"
    ]


def asked_again(ours: Reader, before: int) -> bool:
    return len(queried(ours)) > before


def cancelled(ours: Reader) -> list[ReceiptCame]:
    return [news for news in ours.of(ReceiptCame) if news.state == "CANCEL"]


async def test_taking_back_is_told_as_the_center_answers_it(center: SmsCenter) -> None:
    async with carrier(center.port) as ours:
        waiting = message(number_for("no_receipt", 9))
        await ours.carrier.submit([waiting])
        await ours.until(lambda: ours.answered(waiting))
        (held,) = ids_of(ours, waiting)
        await ours.carrier.cancel(
            [Cancellation(held, waiting.sender, waiting.to), Cancellation("nobody", "", "919800000001")]
        )
        await ours.until(lambda: len(cancelled(ours)) == 2)
        told = {news.remote_id: (news.status, news.reason, news.error) for news in cancelled(ours)}
        assert told[held] == (SmsStatus.UNDELIVERED, "taken_back", "")
        assert told["nobody"][:2] == (None, "cancel_failed")
        assert told["nobody"][2].startswith("0x000000")
        await ours.carrier.cancel([Cancellation("x" * 100, "", "919800000001")])
        await ours.until(lambda: len(cancelled(ours)) == 3)
        assert cancelled(ours)[-1].error == "unasked"


async def test_queries_cancels_and_replacements(center: SmsCenter) -> None:
    async with carrier(center.port) as ours:
        known, waiting = message(number_for("told_by_query", 7)), message(number_for("no_receipt", 7))
        await ours.carrier.submit([known, waiting])
        await ours.until(lambda: ours.answered(known) and ours.answered(waiting))
        (remote,), (held,) = ids_of(ours, known), ids_of(ours, waiting)
        await ours.carrier.query([held, "nobody"])
        await ours.until(lambda: len(queried(ours)) == 2)
        assert [(news.remote_id, news.status) for news in queried(ours)] == [(held, WAITS), ("nobody", None)]
        while DELIVERED not in receipts_of(ours, known):  # it is delivered a moment after it was taken
            asked = len(queried(ours))
            await ours.carrier.query([remote])
            await ours.until(partial(asked_again, ours, asked))
        addresses = {"source_ton": 5, "source": "CENTRAL"}
        replace = wire.Replace(command=wire.REPLACE_SM, message_id=held, short_message=b"new", **addresses)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        cancel = wire.Cancel(command=wire.CANCEL_SM, message_id=held, dest=waiting.to, **addresses)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        assert ours.carrier.ask(replace, Question(held))
        assert ours.carrier.ask(cancel, Question(held))
        await ours.carrier.query([held])
        await ours.until(lambda: receipts_of(ours, waiting)[-1:] == [SmsStatus.UNDELIVERED])


def make_certificate(key: Path, cert: Path) -> None:
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        str(key),
        "-out",
        str(cert),
        "-days",
        "2",
    ]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*command, *names], check=True, capture_output=True)


@pytest.mark.parametrize("name", ["good", "unknown authority"])
async def test_tls(far_ends_cache: Path, tmp_path: Path, name: str) -> None:
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    await asyncio.to_thread(make_certificate, key, cert)
    tls = Tls(authorities=cert.read_text() if name == "good" else "", server_name="localhost")
    with SmsCenter(far_ends_cache, tls=(key, cert)) as center:
        async with carrier(center.port, bound=name == "good", tls=tls, timers=QUICK) as ours:
            one = message(number_for("delivered", 8))
            if name != "good":
                await asyncio.sleep(0.5)
            await ours.carrier.submit([one])
            await ours.until(lambda: ours.answered(one))
            assert [type(answer) for answer in ours.answers()] == [Taken if name == "good" else NotSent]


async def test_small_writes_go_out_at_once(center: SmsCenter) -> None:
    async with carrier(center.port) as ours:
        wired = ours.carrier.binds[0]._wire  # pyright: ignore[reportPrivateUsage]
        assert wired is not None
        transport = wired._transport  # pyright: ignore[reportPrivateUsage]
        assert transport is not None
        no_delay(transport)
        assert isinstance(transport.get_extra_info("ssl_object"), ssl.SSLObject | None)


async def room_or_news(ours: Reader, seen: int) -> None:
    await ours.until(lambda: ours.carrier.room() > 0 or len(ours.news) > seen)


async def test_killed_under_load_nothing_is_lost_and_nothing_doubled(far_ends_cache: Path) -> None:
    window, binds = 20, 2
    with SmsCenter(far_ends_cache) as center:
        async with carrier(center.port, window=window, binds=binds, timers=QUICK) as ours:
            await ours.until(lambda: ours.links().count("up") == binds)
            waiting = [message(number_for("delivered", n % 10_000), text=f"no {n}") for n in range(3_000)]
            texts = {one.id: (one.to, one.text) for one in waiting}
            kills, asked, seen = 0, 0, 0
            while waiting or asked:
                batch, waiting = waiting[: ours.carrier.room()], waiting[ours.carrier.room() :]
                await ours.carrier.submit(batch)
                asked += len(batch)
                await asyncio.sleep(0)
                await room_or_news(ours, seen)
                fresh, seen = ours.news[seen:], len(ours.news)
                for news in fresh:
                    if isinstance(news, PartAnswered):
                        asked -= 1
                        if isinstance(news.answer, NotSent):  # safe to send again
                            to, text = texts[news.id]
                            waiting.append(message(to, text, id=news.id))
                if kills < 2 and seen > 1_500 * (kills + 1):
                    kills += 1
                    before = sum(isinstance(answer, Uncertain) for answer in ours.answers())
                    await asyncio.to_thread(center.kill)
                    await ours.until(lambda: ours.carrier.room() == 0)
                    await asyncio.to_thread(center.start)
                    await ours.until(lambda: ours.carrier.room() > 0)
                    assert sum(isinstance(answer, Uncertain) for answer in ours.answers()) - before <= window * binds
            taken = {news.id for news in ours.of(PartAnswered) if isinstance(news.answer, Taken)}
            unsure = {news.id for news in ours.of(PartAnswered) if isinstance(news.answer, Uncertain)}
            assert taken | unsure == texts.keys()
            came = Counter((to, text) for to, text, _ in center.accepted().elements())
            assert max(came.values()) == 1  # none twice
            assert {texts[one] for one in taken} <= came.keys()  # none lost
            assert came.keys() <= {texts[one] for one in taken | unsure}
