"""Due e-mails go to their relay: composed ahead, then under lock judged again, paid, marked as handed over, and given away.

Path step 4d. Composing takes time and memory by the size of what a mail brings along: nothing is locked meanwhile, and no more is
ready than ``LIMIT_READY_BYTES`` and one mail. What is ready and never handed over (we died) was never marked, so nothing is lost or
uncertain by it. Where the links of a mail lead is stored before it leaves. As for short messages, never more is handed over
than the relay has room for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import parseaddr
from itertools import islice
from typing import Final
from uuid import UUID

import msgspec

from central.application.messaging.decide_news import Decided, Lines, decide_overdue
from central.application.messaging.hand_over import LEASE
from central.application.ports.carriers import Envelope
from central.application.ports.composition import (
    Attachment,
    Composed,
    Composer,
    DkimKey,
    MailAddress,
    MailDraft,
    MailIdentity,
    MailTemplate,
    Unfit,
)
from central.application.ports.mail_parts import Identity, MailTargets
from central.application.ports.message_store import (
    MessageBatch,
    MessageStore,
    Move,
    OpenCarrier,
    StoredMessage,
)
from central.application.ports.messages import MailFile
from central.application.ports.world import Clock, Ids
from central.domain.accounts import Account, AccountState, Switch, validity_over
from central.domain.ids import MessageId
from central.domain.message_events import MessageEvent as Kind
from central.domain.policies import Purpose
from central.domain.statuses import EmailStatus

LIMIT_READY_BYTES: Final = 32 * 1024 * 1024
FRESH: Final = timedelta(minutes=5)
"""What was composed so long ago is composed anew: its date and signature say when."""
_LIMIT_READY: Final = 200
_ROUNDS: Final = 50
_GONE: Final = "Its content or the domain that it is from is gone."


class MailBody(msgspec.Struct, frozen=True, kw_only=True):
    """What the recipients of a mail get alike, as it was stored."""

    subject: str = ""
    text: str = ""
    html: str = ""
    mjml: str = ""
    values: dict[str, object] | None = None
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    sender: str = ""
    reply_to: str = ""
    attachments: tuple[str, ...] = ()
    tracking: bool = False
    files: tuple[MailFile, ...] = ()


class _Made(msgspec.Struct, frozen=True):
    """A mail that is ready for its next try, or cannot be."""

    message: MessageId
    tries: int
    answer: Composed | Unfit
    at: datetime

    @property
    def size(self) -> int:
        return len(self.answer.envelope.content) if isinstance(self.answer, Composed) else 0


class HandOverMails:
    """The use case; one instance an open relay. ``owner`` is this process, link_address: under which tracked links are served."""

    def __init__(
        self, store: MessageStore, composer: Composer, clock: Clock, ids: Ids, owner: str, link_address: str
    ) -> None:
        self._store, self._composer, self._clock, self._ids = store, composer, clock, ids
        self._owner, self._link_address = owner, link_address
        self._ready: dict[MessageId, _Made] = {}

    async def __call__(self, carrier: OpenCarrier, room: int) -> Sequence[Envelope]:
        """Hand over what is due; the envelopes, in order. Raises NeighbourError."""
        for _ in range(_ROUNDS):
            await self._prepare(carrier, room)
            if not self._ready:
                break
            decided, envelopes = await self._give(carrier, room)
            if envelopes or not decided:
                return envelopes
        return ()

    async def _prepare(self, carrier: OpenCarrier, room: int) -> None:
        """Compose ahead, bounded in number and size, while nothing is locked."""
        now = self._clock.now()
        self._ready = {id_: made for id_, made in self._ready.items() if now - made.at < FRESH}
        left = LIMIT_READY_BYTES - sum(made.size for made in self._ready.values())
        if len(self._ready) >= room or left <= 0:
            return
        found = await self._store.due_mails(carrier, _LIMIT_READY - len(self._ready), left, self._ready, now)
        identities = await self._store.identities(carrier.account_id) if found.messages else ()
        bodies = {id_: msgspec.convert(body, MailBody) for id_, body in found.contents.items()}
        drafts: list[MailDraft] = []
        for message in found.messages:
            draft = self._draft(message, bodies, identities)
            if draft is None:
                gone = Unfit(message.id, EmailStatus.FAILURE, "content_gone", _GONE)
                self._ready[message.id] = _Made(message.id, message.tries, gone, now)
            else:
                drafts.append(draft)
        for group in _alike(drafts):
            await self._compose(group, now)

    async def _compose(self, drafts: Sequence[MailDraft], now: datetime) -> None:
        """Files by reference were not counted: the first mail with them tells how many more there is room for."""
        begun, end = 0, 1 if any(one.reference for one in drafts[0].attachments) else len(drafts)
        while begun < end:
            answers = await self._composer.compose(drafts[begun:end])
            made = [
                _Made(draft.id, draft.tries - 1, answer, now)
                for draft, answer in zip(drafts[begun:end], answers, strict=True)
            ]
            self._ready |= {one.message: one for one in made}
            left = LIMIT_READY_BYTES - sum(one.size for one in self._ready.values())
            begun, end = end, min(len(drafts), end + max(0, left) // max(1, *(one.size for one in made)))

    async def _give(self, carrier: OpenCarrier, room: int) -> tuple[Sequence[Decided], Sequence[Envelope]]:
        """Those that are ready are judged under lock, paid and marked; what is due no more is forgotten."""
        chosen = [self._ready[id_] for id_ in islice(self._ready, room)]
        now = self._clock.now()
        envelopes: list[Envelope] = []
        async with self._store.hand_over(carrier, [one.message for one in chosen], self._owner, LEASE, now) as batch:
            decided: list[Decided] = []
            if batch.messages and batch.account is not None:
                lines = Lines(self._ids.uuids(len(batch.messages)))
                decided, going = _judge(batch, batch.account, now, lines)
                targets: dict[str, MailTargets] = {}
                for message in going:
                    made = self._ready[message.id]
                    if made.tries != message.tries:
                        continue  # somebody else had it meanwhile: it is made anew
                    if isinstance(made.answer, Unfit):
                        unfit = made.answer
                        decided.append(_ended(message, unfit.status, unfit.reason, unfit.detail, now, lines))
                        continue
                    links = made.answer.links
                    if links is not None:
                        targets[links.id] = MailTargets(message.account_id, links.id, links.targets)
                    price = batch.account.rate_plan.email
                    decided.append(_handed(message, carrier, price, links.id if links else "", now, lines))
                    envelopes.append(made.answer.envelope)
                await batch.keep_targets(list(targets.values()), now)
                moves = [one.move for one in decided if one.move is not None]
                await batch.write(moves, [line for one in decided for line in one.events], (), now)
        for one in chosen:
            del self._ready[one.message]
        return decided, envelopes

    def _draft(
        self, message: StoredMessage, bodies: Mapping[UUID, MailBody], identities: Sequence[Identity]
    ) -> MailDraft | None:
        body = bodies.get(message.content_id) if message.content_id is not None else None
        if body is None or not identities:
            return None
        sender = (
            MailAddress(*reversed(parseaddr(body.sender)))
            if body.sender
            else MailAddress(f"no-reply@{identities[0].domain}")
        )
        domain = sender.address.rpartition("@")[2].casefold()
        identity = next((one for one in identities if one.domain == domain), None)
        if identity is None:
            return None
        return MailDraft(
            id=message.id,
            identity=MailIdentity(
                domain=identity.domain,
                bounce_domain=identity.bounce_domain,
                link_address=self._link_address,
                keys=tuple(DkimKey(selector, pem) for selector, pem in identity.keys),
            ),
            sender=sender,
            recipient=message.recipient,
            to=tuple(MailAddress(one) for one in body.to) or (MailAddress(message.recipient),),
            cc=tuple(MailAddress(one) for one in body.cc),
            reply_to=MailAddress(*reversed(parseaddr(body.reply_to))) if body.reply_to else None,
            template=MailTemplate(
                subject=body.subject, text=body.text, html=body.html, mjml=body.mjml, liquid=body.values is not None
            ),
            values=body.values or {},
            attachments=(
                *(Attachment(one.name, one.media_type, one.content, content_id=one.content_id) for one in body.files),
                *(
                    Attachment(name=name.rpartition("/")[2], reference=f"{message.account_id}/{name}")
                    for name in body.attachments
                ),
            ),
            tracked=body.tracking,
            marketing=message.purpose == Purpose.MARKETING,
            feedback_id=f"{(message.request_id or message.id).hex}:{message.purpose}:{message.account_id.hex[:12]}:central",
            tries=message.tries + 1,
        )


def _alike(drafts: Sequence[MailDraft]) -> list[list[MailDraft]]:
    """Drafts with the same files by reference together, in order."""
    groups: dict[tuple[str, ...], list[MailDraft]] = {}
    for draft in drafts:
        groups.setdefault(tuple(one.reference for one in draft.attachments if one.reference), []).append(draft)
    return list(groups.values())


def _judge(
    batch: MessageBatch, account: Account, now: datetime, lines: Lines
) -> tuple[list[Decided], list[StoredMessage]]:
    """What changed since they were accepted; those that may go."""
    decided: list[Decided] = []
    going: list[StoredMessage] = []
    free = batch.free
    for message in batch.messages:
        suppressed = next((hit for hit in message.hits if hit.startswith("suppressed:")), None)
        if message.deadline <= now:
            decided.append(decide_overdue(message, now, lines))
        elif account.state is not AccountState.ACTIVE and not message.testing:
            decided.append(
                _ended(message, EmailStatus.FAILURE, "account_inactive", f"It is {account.state}.", now, lines)
            )
        elif validity_over(account, now):
            decided.append(_ended(message, EmailStatus.FAILURE, "account_validity_expired", "", now, lines))
        elif not account.has(Switch.EMAIL):
            decided.append(_ended(message, EmailStatus.FAILURE, "email_disabled", "", now, lines))
        elif suppressed is not None:
            word = suppressed.partition(":")[2]
            decided.append(_ended(message, EmailStatus.REJECTED, "suppressed", word, now, lines))
        elif free < account.rate_plan.email:
            decided.append(_ended(message, EmailStatus.FAILURE, "insufficient_balance", "", now, lines))
        else:
            free -= account.rate_plan.email
            going.append(message)
    return decided, going


def _ended(
    message: StoredMessage, status: EmailStatus, reason: str, detail: str, now: datetime, lines: Lines
) -> Decided:
    # a message that was taken over can no longer end by a check of its form: what is found while composing is our Failure
    if status not in {EmailStatus.REJECTED, EmailStatus.FAILURE}:
        status = EmailStatus.FAILURE
    line = lines.line(message, Kind.ENDED, now, {"detail": detail}, reason=reason, moves=(message.status, status))
    return Decided(
        Move(message=message, status=status, reason=reason, detail=detail, carrier_id=message.carrier_id), [line]
    )


def _handed(
    message: StoredMessage, carrier: OpenCarrier, price: int, links: str, now: datetime, lines: Lines
) -> Decided:
    line = lines.line(message, Kind.HANDED_OVER, now, {"carrier": carrier.name, "try": message.tries + 1})
    move = Move(
        message=message, status=message.status, reason=message.reason, lease=True, carrier_id=carrier.id, cost=price,
        ids={**message.ids, "links": links} if links else None,
    )  # fmt: skip
    return Decided(move, [line])
