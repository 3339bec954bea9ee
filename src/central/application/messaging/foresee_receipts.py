"""Most receipts are the first of a message of one part: what they do is decided before the message is read (path step 5).

``decide_receipts`` decides here as everywhere, on the message as it will most likely be. The store writes that where the message is
so; all other receipts are decided with their message under lock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from central.application.messaging.decide_news import Lines, decide_receipts
from central.application.messaging.receipt_numbers import numbers_of
from central.application.ports.carriers import CarrierId, ReceiptCame
from central.application.ports.message_store import KnownPart, StoredMessage
from central.application.ports.settling import Foreseen
from central.application.ports.world import Ids
from central.domain.ids import AccountId, MessageId
from central.domain.statuses import SmsStatus

_NONE: Final = UUID(int=0)
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)
_AWAITED: Final = StoredMessage(
    account_id=AccountId(_NONE), id=MessageId(_NONE), channel="sms", status=SmsStatus.SENT_TO_QUEUE, recipient="", sender="", text="",
    encoding="gsm7", parts=1, tries=1, carrier_id=CarrierId(_NONE), purpose="", created_at=_LONG_AGO, deadline=_LONG_AGO, ids={}, cost=0,
    testing=False, known_parts=(KnownPart(1, CarrierId(_NONE), "", SmsStatus.SENT_TO_QUEUE),),
)  # fmt: skip


def foresee(news: Sequence[ReceiptCame], ids: Ids) -> tuple[list[Foreseen], dict[UUID, ReceiptCame], list[ReceiptCame]]:
    """What can be foreseen, the receipts of its lines, and all other receipts, each in the order they came."""
    seen = Counter(form for receipt in news for form in {receipt.remote_id, *receipt.same_ids})
    foreseen: list[Foreseen] = []
    told: dict[UUID, ReceiptCame] = {}
    others: list[ReceiptCame] = []
    lines = Lines(ids.uuids(len(news)))
    for receipt in news:
        forms = dict.fromkeys((receipt.remote_id, *receipt.same_ids))
        alone = bool(receipt.remote_id) and all(seen[form] == 1 for form in forms)
        one = _foreseen(receipt, tuple(forms), lines) if alone else None
        if one is None:
            others.append(receipt)
        else:
            foreseen.append(one)
            told[one.id] = receipt
    return foreseen, told, others


def _foreseen(receipt: ReceiptCame, forms: Sequence[str], lines: Lines) -> Foreseen | None:
    """None: it does not settle the message."""
    decided = decide_receipts(_AWAITED, [(1, receipt)], lines)
    if decided.move is None or decided.move.silent_at is not None:
        return None
    (line,), (part,) = decided.events, decided.parts
    return Foreseen(
        id=line.id, remote_id=receipt.remote_id, forms=forms, about=[*receipt.about, *numbers_of(receipt)], at=line.at, kind=line.kind,
        status=decided.move.status, reason=decided.move.reason, key=part.part.states[0], data=line.data,
    )  # fmt: skip
