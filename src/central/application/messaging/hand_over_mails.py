"""Due e-mails go to their relay: under lock they are judged again, paid, composed, marked as handed over, and then given away.

Path step 4d. Composing stands inside the transaction: a message that cannot be composed ends, and where its links lead is stored
before it leaves. As for short messages, never more is handed over than the relay has room for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from email.utils import parseaddr
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
)
from central.application.ports.message_store import (
    Identity,
    MailTargets,
    MessageBatch,
    MessageStore,
    Move,
    OpenCarrier,
    StoredMessage,
)
from central.application.ports.messages import MailFile
from central.application.ports.world import Clock, Ids
from central.domain.accounts import Account, AccountState, Switch, validity_over
from central.domain.message_events import MessageEvent as Kind
from central.domain.policies import Purpose
from central.domain.statuses import EmailStatus


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


class HandOverMails:
    """The use case; ``owner`` is this process. link_address: under which tracked links are served."""

    def __init__(
        self, store: MessageStore, composer: Composer, clock: Clock, ids: Ids, owner: str, link_address: str
    ) -> None:
        self._store, self._composer, self._clock, self._ids = store, composer, clock, ids
        self._owner, self._link_address = owner, link_address

    async def __call__(self, carrier: OpenCarrier, room: int) -> Sequence[Envelope]:
        """Hand over what is due; the envelopes, in order. Raises NeighbourError."""
        now = self._clock.now()
        async with self._store.hand_over(carrier, min(room, 200), self._owner, LEASE, now) as batch:
            if not batch.messages or batch.account is None:
                return ()
            lines = Lines(self._ids.uuids(len(batch.messages)))
            decided, going = _judge(batch, batch.account, now, lines)
            envelopes = await self._compose(carrier, batch, going, decided, now, lines)
            moves = [one.move for one in decided if one.move is not None]
            await batch.write(moves, [line for one in decided for line in one.events], (), now)
        return envelopes

    async def _compose(
        self, carrier: OpenCarrier, batch: MessageBatch, going: Sequence[StoredMessage], decided: list[Decided],
        now: datetime, lines: Lines,
    ) -> list[Envelope]:  # fmt: skip
        if not going or batch.account is None:
            return []
        identities = await batch.identities(carrier.account_id)
        wanted = {(message.account_id, message.content_id) for message in going if message.content_id is not None}
        bodies = {id_: msgspec.convert(body, MailBody) for id_, body in (await batch.contents(sorted(wanted))).items()}
        price = batch.account.rate_plan.email
        drafts: list[MailDraft] = []
        drafted: list[StoredMessage] = []
        for message in going:
            draft = self._draft(message, bodies, identities)
            if draft is None:
                detail = "Its content or the domain that it is from is gone."
                decided.append(_ended(message, EmailStatus.FAILURE, "content_gone", detail, now, lines))
            else:
                drafts.append(draft)
                drafted.append(message)
        envelopes: list[Envelope] = []
        targets: dict[str, MailTargets] = {}
        for message, made in zip(drafted, await self._composer.compose(drafts), strict=True):
            if not isinstance(made, Composed):
                decided.append(_ended(message, made.status, made.reason, made.detail, now, lines))
                continue
            links = made.links
            if links is not None:
                targets[links.id] = MailTargets(message.account_id, links.id, links.targets)
            decided.append(_handed(message, carrier, price, links.id if links else "", now, lines))
            envelopes.append(made.envelope)
        await batch.keep_targets(list(targets.values()), now)
        return envelopes

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
