"""Whatever carriers tell, in whatever order and how often: a message moves along the published table, and nothing goes twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from central.application.messaging.decide_news import (
    Decided,
    Lines,
    decide_lost,
    decide_overdue,
    decide_receipts,
    decide_silent,
    decide_sms_answers,
    worst_of,
)
from central.application.ports.carriers import (
    Answer,
    CarrierId,
    NotSent,
    NotTaken,
    PartAnswered,
    ReceiptCame,
    Taken,
    Uncertain,
)
from central.application.ports.message_store import StoredMessage
from central.domain.ids import AccountId, MessageId
from central.domain.message_routes import CarrierRoute
from central.domain.moves import lawful
from central.domain.statuses import SmsStatus

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ONE, TWO = CarrierId(UUID(int=1)), CarrierId(UUID(int=2))
ROUTES = (CarrierRoute(ONE), CarrierRoute(TWO, priority=2))
ids = count(10)

answers: st.SearchStrategy[Answer] = st.one_of(
    st.builds(Taken, st.sampled_from(["a", "b", ""])),
    st.builds(
        NotTaken, st.just("0x45"), st.just("X"), st.just("r"), st.sampled_from([None, *SmsStatus]), retry=st.booleans()
    ),
    st.just(NotSent("link_down")),
    st.just(Uncertain("no_answer")),
)


@dataclass(frozen=True)
class Step:
    """News of one kind: answers to each part, receipts of parts, or a time that is over."""

    kind: str
    answers: list[Answer] = field(default_factory=list[Answer])
    receipts: list[tuple[int, ReceiptCame]] = field(default_factory=list[tuple[int, ReceiptCame]])


def receipt(status: SmsStatus | None, state: str) -> ReceiptCame:
    return ReceiptCame("bind", "a", (), status, state, "r", NOW)


receipts = st.builds(
    receipt, st.sampled_from([None, *SmsStatus]), st.sampled_from(["DELIVRD", "EXPIRED", "ENROUTE", "odd"])
)
steps = st.lists(
    st.one_of(
        st.builds(Step, st.just("answer"), st.lists(answers, min_size=3, max_size=3)),
        st.builds(Step, st.just("receipt"), st.just([]), st.lists(st.tuples(st.integers(1, 3), receipts), max_size=4)),
        st.builds(Step, st.sampled_from(["lost", "silent", "overdue"])),
    ),
    max_size=12,
)


def fresh(parts: int) -> StoredMessage:
    return StoredMessage(
        account_id=AccountId(UUID(int=5)), id=MessageId(UUID(int=6)), channel="sms", status="SENT_TO_QUEUE",
        recipient="919800000001", sender="", text="x", encoding="gsm7", parts=parts, tries=1, carrier_id=ONE, purpose="service",
        created_at=NOW, deadline=NOW + timedelta(days=1), ids={}, cost=0, testing=False, handed=True,
    )  # fmt: skip


def after(message: StoredMessage, decided: Decided) -> tuple[StoredMessage, bool]:
    """The row as the store would keep it, and whether it waits to be sent again."""
    known = {part.part: part for part in message.known_parts} | {move.part.part: move.part for move in decided.parts}
    message = msgspec.structs.replace(message, known_parts=tuple(known[n] for n in sorted(known)))
    move = decided.move
    if move is None:
        return message, False
    kept = msgspec.structs.replace(
        message, status=move.status, reason=move.reason, carrier_id=move.carrier_id, handed=False
    )
    return kept, move.due_at is not None


@given(st.integers(1, 3), steps)
def test_every_order_of_news_is_lawful_and_nothing_goes_twice(parts: int, news: list[Step]) -> None:
    message, gone = fresh(parts), False
    for news_step in news:
        kind = news_step.kind
        lines = Lines([UUID(int=next(ids)) for _ in range(20)])
        before = message
        if kind == "answer":
            told = [
                PartAnswered(message.id, message.tries, n + 1, answer, NOW)
                for n, answer in enumerate(news_step.answers[:parts])
            ]
            gone = gone or (message.handed and any(isinstance(one.answer, Taken | Uncertain) for one in told))
            decided = decide_sms_answers(message, told, ROUTES, NOW, lines)
        elif kind == "receipt":
            known = {part.part for part in message.known_parts}
            placed = [(n, one) for n, one in news_step.receipts if n in known]
            decided = decide_receipts(message, placed, lines)
        elif kind == "lost":
            if not message.handed:
                continue
            gone = True
            decided = decide_lost(message, NOW, lines)
        elif kind == "silent":
            if message.handed:
                continue
            decided = decide_silent(message, NOW, lines)
        else:
            if message.handed or gone or message.status != "SENT_TO_QUEUE":
                continue
            decided = decide_overdue(message, NOW, lines)
        message, again = after(message, decided)
        assert message.status == before.status or lawful("sms", before.status, message.status)
        assert not (gone and again), "what may have left is never sent again"
        told_moves = [(line.from_status, line.to_status) for line in decided.events if line.to_status]
        assert bool(told_moves) == (message.status != before.status)
        if told_moves:
            assert told_moves[0][0] == before.status
            assert told_moves[-1][1] == message.status


@given(st.lists(st.sampled_from(list(SmsStatus)), min_size=1, max_size=10))
def test_the_worst_part_tells(statuses: list[SmsStatus]) -> None:
    worst = worst_of(statuses)
    assert worst in statuses
    assert (worst is SmsStatus.DELIVERED) == all(status is SmsStatus.DELIVERED for status in statuses)
