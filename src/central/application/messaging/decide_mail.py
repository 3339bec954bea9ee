"""What news do to an e-mail: the next status, place and history lines. Pure; asked with the row under lock (path step 5).

The lifecycle is the published table of moves and the reference's table 5.3: a status never goes back, but for the correction of
what only an accepting server had said (``Delivered`` by ``mx``). What left us uncertainly is not sent again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from central.application.messaging.decide_news import Decided, Lines, decide_again
from central.application.ports.carriers import MailAnswered, MailHeard, NotSent, NotTaken, Taken, Uncertain
from central.application.ports.message_store import Move, StoredMessage
from central.domain.mail_hits import LIMIT_AGENT_CHARS, Hit, Judged, line_kind
from central.domain.mail_tokens import TokenKind
from central.domain.message_events import MessageEvent as Kind
from central.domain.message_routes import CarrierRoute
from central.domain.moves import lawful
from central.domain.statuses import EmailStatus

BY_MX: Final = "accepted_by_mx"
"""Reason of a Delivered that only the accepting server told: a bounce may still correct it."""
_PATIENCE: Final = timedelta(days=5)


def decide_mail_answer(
    message: StoredMessage, answered: MailAnswered, routes: Sequence[CarrierRoute], now: datetime, lines: Lines
) -> Decided:
    """The relay answered, or did not."""
    answer = answered.answer
    late = not message.handed or answered.tries != message.tries
    data: dict[str, object] = {"try": answered.tries, "stage": answered.stage, "link": answered.link}
    kind = Kind.ANSWERED
    reason: str | None = None
    match answer:
        case Taken(remote_id=remote_id):
            data["remote_id"] = remote_id
        case NotTaken(code=code, name=name, detail=detail):
            data |= {"code": code, "name": name, "detail": detail[:500]}
            reason = answer.reason
        case NotSent(detail=detail):
            kind, reason = Kind.NOT_SENT, answer.reason
            data["detail"] = detail[:500]
        case Uncertain(detail=detail):
            kind, reason = Kind.UNCERTAIN, answer.reason
            data["detail"] = detail[:500]
    status = _status_of(answer)
    if late:
        return Decided(None, [lines.line(message, kind, answered.at, data, reason=reason, late=True)])
    if status is None or isinstance(answer, NotTaken | NotSent):
        line = lines.line(message, kind, answered.at, data, reason=reason)
        return decide_again(message, answer, routes, now, [line])
    changed = status != message.status and lawful("email", message.status, status)
    line = lines.line(
        message, kind, answered.at, data, reason=reason, moves=(message.status, status) if changed else None
    )
    why = "outcome_uncertain" if isinstance(answer, Uncertain) else BY_MX if status is EmailStatus.DELIVERED else ""
    move = Move(
        message=message, status=status if changed else message.status, reason=why, carrier_id=message.carrier_id,
        cost=message.cost, silent_at=now + _PATIENCE,
    )  # fmt: skip
    return Decided(move, [line])


def _status_of(answer: object) -> EmailStatus | None:
    match answer:
        case Taken(delivered=delivered):
            return EmailStatus.DELIVERED if delivered else EmailStatus.SENT
        case Uncertain():
            return EmailStatus.SENT
        case _:
            return None


def decide_heard(message: StoredMessage, heard: MailHeard, lines: Lines) -> Decided:
    """Somebody told more about it: a report, a complaint, an open, a click."""
    data: dict[str, object] = {
        "word": heard.word, "code": heard.code, "detail": heard.detail[:500], "sort": heard.sort, "told_at": heard.told_at,
        "report_id": heard.report_id, "by": heard.source,
    }  # fmt: skip
    data.update(heard.facts)
    status = heard.status
    moves = status is not None and status != message.status and lawful("email", message.status, status)
    if moves and message.status == EmailStatus.DELIVERED and status is EmailStatus.BOUNCED:
        moves = message.reason == BY_MX
    line = lines.line(
        message, Kind.REPORT_CAME, heard.at, {name: value for name, value in data.items() if value},
        reason=heard.reason or None, moves=(message.status, status) if moves and status else None,
        late=status is not None and not moves and status != message.status,
    )  # fmt: skip
    if not moves or status is None:
        return Decided(None, [line])
    reason = heard.reason or heard.word
    move = Move(
        message=message,
        status=status,
        reason=reason,
        detail=heard.detail,
        carrier_id=message.carrier_id,
        cost=message.cost,
    )
    return Decided(move, [line])


def decide_hit(
    message: StoredMessage, hit: Hit, judged: Judged, link: int, lines: Lines, *, report_id: str = "", target: str = ""
) -> Decided:
    """Its image was fetched, or a link followed: machines are told apart, kept, and move nothing.

    report_id, target: of a mail provider that counts on its own.
    """
    opened = hit.kind is TokenKind.OPEN
    status = EmailStatus.OPENED if opened else EmailStatus.CLICKED
    moves = _reached(message, hit, judged) and lawful("email", message.status, status)
    told: dict[str, object] = {"report_id": report_id, "target": target[:2000]} if report_id else {}
    line = lines.line(
        message, line_kind(hit), hit.at,
        {"by": judged.hit_class, "rule": judged.rule, "link": link or None, "agent": hit.agent[:LIMIT_AGENT_CHARS], "address": hit.address,
         **told},
        moves=(message.status, status) if moves else None,
    )  # fmt: skip
    if not moves:
        return Decided(None, [line])
    move = Move(
        message=message, status=status, reason=judged.hit_class, carrier_id=message.carrier_id, cost=message.cost
    )
    return Decided(move, [line])


def _reached(message: StoredMessage, hit: Hit, judged: Judged) -> bool:
    """A person has it: not a machine, and not before the relay has said that it took it."""
    return judged.hit_class != "machine" and hit.kind is not TokenKind.TRAP and message.status != EmailStatus.SUCCESS
