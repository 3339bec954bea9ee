"""What news do to a message: the next status, place and history lines. Pure; asked with the row under lock (path step 5).

The lifecycles are the published table of moves (domain/moves.py) and the tables of the messaging reference: a status never goes
back, but for the corrections that the table holds; late news are kept as late lines. Nothing that left us uncertainly is sent again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

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
from central.application.ports.message_store import KnownPart, MessageEvent, Move, PartMove, StoredMessage
from central.domain.ids import EventId
from central.domain.message_events import MessageEvent as Kind
from central.domain.message_retries import retry_at
from central.domain.message_routes import CarrierRoute, carriers_for
from central.domain.moves import lawful
from central.domain.statuses import EmailStatus, SmsStatus

RECEIPT_GRACE: Final = timedelta(hours=72)
"""How long after a message's deadline a receipt may still come; then its status says that none came."""
MOST_STATES: Final = 50
"""Different receipts of one part that are kept; a carrier that goes on tells nothing new, unless it moves the status."""
_WORST: Final[Mapping[str, int]] = {
    status: place
    for place, status in enumerate((
        SmsStatus.DELIVERED, SmsStatus.SENT_TO_QUEUE, SmsStatus.OTHER, SmsStatus.EXPIRED, SmsStatus.UNDELIVERED,
        SmsStatus.FAILED, SmsStatus.REJECTED, SmsStatus.INVALID_NUMBER,
    ))
}  # fmt: skip


class Decided(msgspec.Struct, frozen=True):
    """What is to be written; ``move`` None = the message stays as it is."""

    move: Move | None
    events: Sequence[MessageEvent] = ()
    parts: Sequence[PartMove] = ()


class Lines:
    """Makes history lines of one batch; ``ids`` are used up in order."""

    def __init__(self, ids: Sequence[UUID]) -> None:
        self._ids = iter(ids)

    def line(
        self, message: StoredMessage, kind: Kind, at: datetime, data: Mapping[str, object] | None = None, *,
        reason: str | None = None, part: int | None = None, moves: tuple[str, str] | None = None, late: bool = False,
    ) -> MessageEvent:  # fmt: skip
        """One line; ``moves``: the status before and after."""
        before, after = moves or (None, None)
        return MessageEvent(
            account_id=message.account_id, message_id=message.id, id=EventId(next(self._ids)), at=at, kind=kind,
            from_status=before, to_status=after, reason=reason, late=late, part=part, data=data or {},
        )  # fmt: skip


def worst_of(statuses: Sequence[str]) -> SmsStatus:
    """The status of a message of several parts: DELIVERED when all are, otherwise the worst (messaging reference 3.2)."""
    if len(statuses) == 1 and isinstance(statuses[0], SmsStatus):
        return statuses[0]
    return SmsStatus(max(statuses, key=lambda status: _WORST[status]))


def decide_sms_answers(
    message: StoredMessage, answers: Sequence[PartAnswered], routes: Sequence[CarrierRoute], now: datetime, lines: Lines
) -> Decided:
    """All parts of a hand-over were answered."""
    events = [_answer_line(message, answer, lines) for answer in answers]
    if not message.handed or answers[0].tries != message.tries or message.carrier_id is None:
        return Decided(
            None, [msgspec.structs.replace(event, late=True) for event in events], _named_late(message, answers)
        )
    kinds = [answer.answer for answer in answers]
    if any(isinstance(kind, Taken | Uncertain) for kind in kinds):
        return _taken(message, answers, events)
    return decide_again(message, kinds[0], routes, now, events)


def _taken(message: StoredMessage, answers: Sequence[PartAnswered], events: list[MessageEvent]) -> Decided:
    parts = [PartMove(message.account_id, message.id, _part(message, answer), message.tries) for answer in answers]
    status = worst_of([part.part.status for part in parts])
    reason = next((a.answer.reason for a in answers if isinstance(a.answer, Uncertain | NotTaken | NotSent)), "")
    uncertain = any(isinstance(a.answer, Uncertain) for a in answers)
    if status is not SmsStatus.SENT_TO_QUEUE and not lawful("sms", message.status, status):
        status = SmsStatus(message.status)
    move = Move(
        message=message, status=status, reason="outcome_uncertain" if uncertain else reason,
        silent_at=message.deadline + RECEIPT_GRACE, carrier_id=message.carrier_id, cost=message.cost,
    )  # fmt: skip
    return Decided(move, _told(events, message.status, status), parts)


def _named_late(message: StoredMessage, answers: Sequence[PartAnswered]) -> list[PartMove]:
    """Parts that were uncertain, and whose names their late answers tell: receipts find them from now on."""
    nameless = {part.part: part for part in message.known_parts if not part.remote_id}
    if not message.known_parts and message.reason == "outcome_uncertain" and message.carrier_id is not None:
        nameless = {  # its hand-over was given up as lost before it was answered
            answered.part: KnownPart(answered.part, message.carrier_id, "", message.status) for answered in answers
        }
    return [
        PartMove(
            message.account_id, message.id,
            msgspec.structs.replace(nameless[answered.part], remote_id=answered.answer.remote_id), message.tries,
        )
        for answered in answers
        if answered.tries == message.tries and answered.part in nameless
        and isinstance(answered.answer, Taken) and answered.answer.remote_id
    ]  # fmt: skip


def _part(message: StoredMessage, answered: PartAnswered) -> KnownPart:
    carrier = CarrierId(message.carrier_id) if message.carrier_id else CarrierId(UUID(int=0))
    match answered.answer:
        case Taken(remote_id=remote_id):
            return KnownPart(answered.part, carrier, remote_id, SmsStatus.SENT_TO_QUEUE)
        case Uncertain():
            return KnownPart(answered.part, carrier, "", SmsStatus.SENT_TO_QUEUE)
        case NotTaken(status=status):
            return KnownPart(answered.part, carrier, "", status or SmsStatus.FAILED)
        case _:
            return KnownPart(answered.part, carrier, "", SmsStatus.FAILED)


def decide_again(
    message: StoredMessage,
    answer: Answer,
    routes: Sequence[CarrierRoute],
    now: datetime,
    events: list[MessageEvent],
) -> Decided:
    """Nothing of it was taken: another time, another carrier, or the end."""
    if isinstance(answer, NotTaken) and not answer.retry:
        status = answer.status or (SmsStatus.FAILED if message.channel == "sms" else EmailStatus.FAILURE)
        return _end(message, status, answer.reason, answer.detail, events)
    if not isinstance(answer, NotTaken | NotSent):
        return Decided(None, events)
    order = [route.carrier_id for route in carriers_for(routes, _routed_by(message), message.id)]
    following = _following(order, message.carrier_id)
    elsewhere = following != message.carrier_id and message.tries < len(order)
    least = 0.0 if elsewhere else answer.delay_s
    due = retry_at(message.channel, message.tries, now, message.deadline, elsewhere=elsewhere, least_s=least)
    if due is None:
        over = SmsStatus.FAILED if message.channel == "sms" else EmailStatus.FAILURE
        if message.channel == "sms" and now >= message.deadline:
            over = SmsStatus.EXPIRED
        return _end(message, over, answer.reason, answer.detail, events)
    move = Move(
        message=message, status=message.status, reason=answer.reason, detail=answer.detail, due_at=due,
        carrier_id=CarrierId(following) if following else message.carrier_id,
    )  # fmt: skip
    return Decided(move, events)


def _following(order: Sequence[UUID], current: UUID | None) -> UUID | None:
    if not order:
        return current
    if current not in order:
        return order[0]
    return order[(order.index(current) + 1) % len(order)]


def _routed_by(message: StoredMessage) -> str:
    return message.recipient if message.channel == "sms" else ""


def _end(message: StoredMessage, status: str, reason: str, detail: str, events: list[MessageEvent]) -> Decided:
    move = Move(message=message, status=status, reason=reason, detail=detail, carrier_id=message.carrier_id)
    return Decided(move, _told(events, message.status, status))


def _told(events: list[MessageEvent], before: str, after: str) -> list[MessageEvent]:
    """The last line tells the change of status, if there is one."""
    if before != after and events:
        events[-1] = msgspec.structs.replace(events[-1], from_status=before, to_status=after)
    return events


def _answer_line(message: StoredMessage, answered: PartAnswered, lines: Lines) -> MessageEvent:
    part = answered.part if message.parts > 1 else None
    data: dict[str, object] = {"try": answered.tries}
    if answered.link:
        data["link"] = answered.link
    match answered.answer:
        case Taken(remote_id=remote_id):
            data["remote_id"] = remote_id
            return lines.line(message, Kind.ANSWERED, answered.at, part=part, data=data)
        case NotTaken(code=code, name=name, reason=reason, detail=detail):
            data |= {"code": code, "name": name, "detail": detail[:500]}
            return lines.line(message, Kind.ANSWERED, answered.at, reason=reason, part=part, data=data)
        case NotSent(reason=reason, detail=detail):
            data["detail"] = detail[:500]
            return lines.line(message, Kind.NOT_SENT, answered.at, reason=reason, part=part, data=data)
        case Uncertain(reason=reason, detail=detail):
            data["detail"] = detail[:500]
            return lines.line(message, Kind.UNCERTAIN, answered.at, reason=reason, part=part, data=data)


def decide_receipts(message: StoredMessage, receipts: Sequence[tuple[int, ReceiptCame]], lines: Lines) -> Decided:
    """Receipts of its parts, in the order they came; one that told the same before changes nothing and is not told again."""
    parts = {part.part: part for part in message.known_parts}
    status, reason = message.status, message.reason
    events: list[MessageEvent] = []
    for number, receipt in receipts:
        part = parts[number]
        key = f"{receipt.state}:{receipt.error}"
        if key in part.states:
            continue
        wanted = part.status if receipt.status is None else receipt.status
        moves = wanted != part.status and lawful("sms", part.status, wanted)
        if len(part.states) >= MOST_STATES and not moves:
            continue
        states = (*part.states, key)
        parts[number] = KnownPart(number, part.carrier_id, part.remote_id, wanted if moves else part.status, states)
        after = worst_of([known.status for known in parts.values()]) if moves else SmsStatus(status)
        late = wanted != part.status and not moves
        changed = after != status and lawful("sms", status, after)
        events.append(
            lines.line(
                message, Kind.RECEIPT_CAME, receipt.at, late=late, part=number if message.parts > 1 else None,
                reason=receipt.reason or None, moves=(status, after) if changed else None, data=receipt_data(receipt),
            )
        )  # fmt: skip
        if changed:
            status, reason = after, receipt.reason
    moved = [
        PartMove(message.account_id, message.id, part, message.tries)
        for part, before in zip(parts.values(), message.known_parts, strict=True)
        if part is not before
    ]
    if status == message.status:
        return Decided(None, events, moved)
    return Decided(_settled(message, status, reason), events, moved)


def receipt_data(receipt: ReceiptCame) -> dict[str, object]:
    """What its history line says of a receipt."""
    data = {
        "state": receipt.state, "error": receipt.error, "remote_id": receipt.remote_id, "link": receipt.link, "done_at": receipt.done_at,
        "raw": receipt.raw[:500],
    }  # fmt: skip
    return {name: value for name, value in data.items() if value}


def _settled(message: StoredMessage, status: str, reason: str) -> Move:
    return Move(
        message=message, status=status, reason=reason, carrier_id=message.carrier_id, cost=message.cost,
        silent_at=message.deadline + RECEIPT_GRACE if status == SmsStatus.SENT_TO_QUEUE else None,
    )  # fmt: skip


def decide_lost(message: StoredMessage, now: datetime, lines: Lines) -> Decided:
    """It was handed over, and who did that is gone: it may have left us. It is not sent again, news of it may come."""
    line = lines.line(message, Kind.UNCERTAIN, now, reason="hand_over_lost", data={"try": message.tries})
    status = message.status if message.channel == "sms" else EmailStatus.SENT
    move = Move(
        message=message, status=status, reason="outcome_uncertain", carrier_id=message.carrier_id, cost=message.cost,
        silent_at=message.deadline + RECEIPT_GRACE if message.channel == "sms" else None,
    )  # fmt: skip
    return Decided(move, _told([line], message.status, status))


def decide_silent(message: StoredMessage, now: datetime, lines: Lines) -> Decided:
    """No news came until the end of patience."""
    reason = message.reason if message.reason == "outcome_uncertain" else "no_receipt"
    if message.channel != "sms" or message.status != SmsStatus.SENT_TO_QUEUE:
        move = Move(
            message=message,
            status=message.status,
            reason=message.reason,
            carrier_id=message.carrier_id,
            cost=message.cost,
        )
        return Decided(move)
    line = lines.line(message, Kind.ENDED, now, reason=reason, moves=(message.status, SmsStatus.OTHER))
    move = Move(
        message=message, status=SmsStatus.OTHER, reason=reason, carrier_id=message.carrier_id, cost=message.cost
    )
    return Decided(move, [line])


def decide_stranded(message: StoredMessage, routes: Sequence[CarrierRoute]) -> Decided:
    """Its carrier does not serve; ``routes`` are those of carriers that do."""
    order = [route.carrier_id for route in carriers_for(routes, _routed_by(message), message.id)]
    following = next((carrier for carrier in order if carrier != message.carrier_id), None)
    if following is None:
        return Decided(None)
    move = Move(
        message=message, status=message.status, reason=message.reason, due_at=message.due_at, carrier_id=CarrierId(following),
        cost=message.cost,
    )  # fmt: skip
    return Decided(move)


def decide_taken_back(message: StoredMessage, now: datetime, lines: Lines) -> Decided:
    """It waits with us, and its account does not want it sent any more."""
    status = SmsStatus.FAILED if message.channel == "sms" else EmailStatus.FAILURE
    line = lines.line(message, Kind.ENDED, now, reason="taken_back", moves=(message.status, status))
    return Decided(Move(message=message, status=status, reason="taken_back", carrier_id=message.carrier_id), [line])


def decide_overdue(message: StoredMessage, now: datetime, lines: Lines) -> Decided:
    """Its time ran out in our queue."""
    status = SmsStatus.EXPIRED if message.channel == "sms" else EmailStatus.FAILURE
    line = lines.line(message, Kind.ENDED, now, reason="expired", moves=(message.status, status))
    return Decided(
        Move(message=message, status=status, reason="expired", detail=message.reason, carrier_id=message.carrier_id),
        [line],
    )
