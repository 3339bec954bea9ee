"""E-mails come in: judged for each recipient and stored, in batches (path step 4d). Flows and the API use this alike."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from email.utils import parseaddr
from typing import Final

import msgspec

from central.application.messaging.judge_mail import Fault, fault_of, file_bytes, judge_mail, recipients_of
from central.application.ports.account_files import FileStore
from central.application.ports.composition import (
    Attachment,
    MailAddress,
    MailDraft,
    MailIdentity,
    MailTemplate,
    Trial,
    TrialComposer,
)
from central.application.ports.mail_parts import Content
from central.application.ports.message_store import Acceptance, MessageStore, NewMessage
from central.application.ports.messages import Accepted, Answer, Mail, Refused
from central.application.ports.world import Clock
from central.domain.ids import AccountId, MessageId, derived_uuid
from central.domain.policies import Purpose
from central.domain.statuses import EmailStatus
from central.domain.value_shapes import wire_address

_ANYBODY: Final = MailAddress("somebody@example.com")


class AcceptMails:
    """The use case (implements the port MailChannel)."""

    def __init__(self, store: MessageStore, files: FileStore, trials: TrialComposer, clock: Clock) -> None:
        self._store, self._files, self._trials, self._clock = store, files, trials, clock

    async def send(self, mails: Sequence[Mail]) -> Sequence[Sequence[Answer]]:
        """Take them over; a repeated id gets the first answers. Raises NeighbourError: nothing, or everything, was taken."""
        return [[_answer(row) for row in rows] for rows in await self.accept(mails)]

    async def accept(self, mails: Sequence[Mail]) -> Sequence[Sequence[NewMessage]]:
        """For each mail the rows of its recipients, as they are stored."""
        now = self._clock.now()
        wanted: dict[AccountId, dict[str, None]] = {}
        for mail in mails:
            wanted.setdefault(mail.account_id, {}).update(dict.fromkeys(recipients_of(mail)))
        facts = await self._store.acceptance("email", {account: list(to) for account, to in wanted.items()}, now)
        facts = await self._with_files(mails, facts)
        unfit = await self._unfit(mails, facts)
        rows: list[list[NewMessage]] = []
        for mail in mails:
            count = max(1, len(recipients_of(mail)))
            ids = [mail.id, *(derived_uuid(mail.id, place) for place in range(1, count))]
            rows.append(judge_mail(mail, ids, facts[mail.account_id], mail.id, now, unfit.get(mail.id)))
        contents = [
            Content(mail.account_id, mail.id, content_of(_kept(mail, of_mail)), now, _shown_subject(mail))
            for mail, of_mail in zip(mails, rows, strict=True)
        ]
        stored = await self._store.add([row for of_mail in rows for row in of_mail], contents)
        return [[_stored(row, *stored[row.id]) for row in of_mail] for of_mail in rows]

    async def _unfit(self, mails: Sequence[Mail], facts: Mapping[AccountId, Acceptance]) -> dict[MessageId, Fault]:
        """Those that nothing else is wrong with, and that can never be composed."""
        wanted = [
            Trial(_trial_of(mail, known.domains), file_bytes(mail, known))
            for mail in mails
            if (mail.to or mail.cc or mail.bcc) and fault_of(mail, known := facts[mail.account_id]) is None
        ]
        if not wanted:
            return {}
        found = await self._trials.faults(wanted)
        return {one.id: (one.status, one.reason, one.detail) for one in found if one is not None}

    async def _with_files(
        self, mails: Sequence[Mail], facts: Mapping[AccountId, Acceptance]
    ) -> Mapping[AccountId, Acceptance]:
        named: dict[AccountId, dict[str, None]] = {}
        for mail in mails:
            if mail.attachments:
                named.setdefault(mail.account_id, {}).update(dict.fromkeys(mail.attachments))
        if not named:
            return facts
        sizes = await self._files.sizes({account: list(names) for account, names in named.items()})
        return {
            account: msgspec.structs.replace(
                known, files={name: size for (owner, name), size in sizes.items() if owner == account}
            )
            for account, known in facts.items()
        }


def _trial_of(mail: Mail, domains: Collection[str]) -> MailDraft:
    """The mail as its first recipient would get it, from whatever domain it is; who reads it stands in no part that can fail."""
    name, address = parseaddr(mail.sender)
    domain = address.rpartition("@")[2].casefold() or min(domains)
    return MailDraft(
        id=mail.id,
        identity=MailIdentity(domain=domain, bounce_domain=domain),
        sender=MailAddress(address or f"no-reply@{domain}", name),
        to=(_ANYBODY,),
        reply_to=MailAddress(*reversed(parseaddr(mail.reply_to))) if mail.reply_to else None,
        template=MailTemplate(
            subject=mail.subject, text=mail.text, html=mail.html, mjml=mail.mjml, liquid=mail.values is not None
        ),
        values=mail.values or {},
        attachments=tuple(
            Attachment(one.name, one.media_type, one.content, content_id=one.content_id) for one in mail.files
        ),
        tracked=mail.tracking,
        marketing=mail.purpose == Purpose.MARKETING,
    )


def content_of(mail: Mail) -> dict[str, object]:
    """What the recipients get alike, as it is stored. A wrong address is one recipient's fault, and stands in nobody's header."""
    to, cc = ([one for one in those if wire_address(one)] for those in (mail.to, mail.cc))
    return {
        "subject": mail.subject, "text": mail.text, "html": mail.html, "mjml": mail.mjml, "values": mail.values,
        "to": to, "cc": cc, "sender": mail.sender, "reply_to": mail.reply_to, "attachments": mail.attachments,
        "tracking": mail.tracking, "files": mail.files,
    }  # fmt: skip


def _kept(mail: Mail, rows: Sequence[NewMessage]) -> Mail:
    """What is sent to nobody brings no files into the database."""
    if any(row.due_at is not None for row in rows):
        return mail
    return msgspec.structs.replace(mail, files=())


def _shown_subject(mail: Mail) -> str:
    return mail.subject if mail.shown is None else mail.shown


def _stored(row: NewMessage, status: str, reason: str) -> NewMessage:
    if (row.status, row.reason) == (status, reason):
        return row
    return msgspec.structs.replace(row, status=status, reason=reason)


def _answer(row: NewMessage) -> Answer:
    if row.status == EmailStatus.SUCCESS:
        return Accepted()
    return Refused(EmailStatus(row.status), row.reason, row.detail)
