"""A carrier that tells of one message for ever fills no history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from central.application.messaging.decide_news import MOST_STATES, Lines, decide_receipts
from central.application.ports.carriers import CarrierId, ReceiptCame
from central.application.ports.message_store import KnownPart, StoredMessage
from central.domain.ids import AccountId, MessageId
from central.domain.statuses import SmsStatus

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CARRIER = CarrierId(UUID(int=3))
MESSAGE = StoredMessage(
    AccountId(UUID(int=1)), MessageId(UUID(int=2)), "sms", "SENT_TO_QUEUE", "919800000001", "", "x", "gsm7", 1, 1, CARRIER, "service",
    NOW, NOW + timedelta(days=1), {}, 0, False, known_parts=(KnownPart(1, CARRIER, "a", "SENT_TO_QUEUE"),),
)  # fmt: skip


def receipt(error: str, status: SmsStatus | None = None) -> tuple[int, ReceiptCame]:
    return 1, ReceiptCame("bind", "a", (), status, "ENROUTE", "", NOW, error)


def test_only_so_many_receipts_of_a_part_are_kept_and_its_end_all_the_same() -> None:
    told = [receipt(f"{number:03d}") for number in range(1000)]
    decided = decide_receipts(MESSAGE, told, Lines([UUID(int=number) for number in range(2000)]))
    assert len(decided.events) == len(decided.parts[0].part.states) == MOST_STATES
    late = decide_receipts(
        MESSAGE, [*told, receipt("end", SmsStatus.DELIVERED)], Lines([UUID(int=n) for n in range(2000)])
    )
    assert len(late.events) == MOST_STATES + 1
    assert late.move is not None
    assert late.move.status == "DELIVERED"
