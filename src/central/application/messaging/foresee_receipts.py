"""Most receipts are the first of a message of one part: what they do is decided before the message is read (path step 5).

``decide_receipts`` decides here as everywhere, on the message as it will most likely be. The store writes that where the message is
so; all other receipts are decided with their message under lock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, NamedTuple
from uuid import UUID

from central.application.messaging.decide_news import Lines, decide_receipts, receipt_data
from central.application.messaging.receipt_numbers import numbers_of
from central.application.ports.carriers import CarrierId, ReceiptCame
from central.application.ports.message_store import KnownPart, StoredMessage
from central.application.ports.settling import Foreseen
from central.application.ports.world import Ids
from central.domain.ids import AccountId, MessageId
from central.domain.statuses import SmsStatus

_NONE: Final = UUID(int=0)
_LONGEST_STATE: Final = 64
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)
_AWAITED: Final = StoredMessage(
    account_id=AccountId(_NONE), id=MessageId(_NONE), channel="sms", status=SmsStatus.SENT_TO_QUEUE, recipient="", sender="", text="",
    encoding="gsm7", parts=1, tries=1, carrier_id=CarrierId(_NONE), purpose="", created_at=_LONG_AGO, deadline=_LONG_AGO, ids={}, cost=0,
    testing=False, known_parts=(KnownPart(1, CarrierId(_NONE), "", SmsStatus.SENT_TO_QUEUE),),
)  # fmt: skip


def foresee(news: Sequence[ReceiptCame], ids: Ids) -> tuple[list[Foreseen], dict[UUID, ReceiptCame], list[ReceiptCame]]:
    """What can be foreseen, the receipts of its lines, and all other receipts, each in the order they came."""
    forms_of = [tuple(dict.fromkeys((receipt.remote_id, *receipt.same_ids))) for receipt in news]
    seen = Counter(form for forms in forms_of for form in forms)
    foreseen: list[Foreseen] = []
    told: dict[UUID, ReceiptCame] = {}
    others: list[ReceiptCame] = []
    for receipt, forms, id_ in zip(news, forms_of, ids.uuids(len(news)), strict=True):
        alone = bool(receipt.remote_id) and all(seen[form] == 1 for form in forms)
        usual = len(receipt.state) + len(receipt.error) <= _LONGEST_STATE  # what carriers write is kept in memory below
        end = _end(receipt.status, receipt.state, receipt.error, receipt.reason) if alone and usual else None
        if end is None:
            others.append(receipt)
            continue
        told[id_] = receipt
        foreseen.append(
            Foreseen(
                id=id_, remote_id=receipt.remote_id, forms=forms, at=receipt.at, kind=end.kind, status=end.status, reason=end.reason,
                key=end.key, data=receipt_data(receipt), about=[*receipt.about, *numbers_of(receipt)] if len(forms) > 1 else (),
            )
        )  # fmt: skip
    return foreseen, told, others


class _End(NamedTuple):
    kind: str
    status: str
    reason: str
    key: str


@lru_cache(maxsize=512)
def _end(status: SmsStatus | None, state: str, error: str, reason: str) -> _End | None:
    """What such receipts do; None: they do not settle the message. Carriers tell few different ones."""
    receipt = ReceiptCame("", "", (), status, state, reason, _LONG_AGO, error)
    decided = decide_receipts(_AWAITED, [(1, receipt)], Lines([_NONE]))
    if decided.move is None or decided.move.silent_at is not None:
        return None
    (line,), (part,) = decided.events, decided.parts
    return _End(line.kind, decided.move.status, decided.move.reason, part.part.states[0])
