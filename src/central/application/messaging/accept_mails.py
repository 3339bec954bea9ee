"""E-mails come in: judged for each recipient and stored, in batches (path step 4d). Flows and the API use this alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from central.application.messaging.judge_mail import judge_mail, recipients_of
from central.application.ports.account_files import FileStore
from central.application.ports.mail_parts import Content
from central.application.ports.message_store import Acceptance, MessageStore, NewMessage
from central.application.ports.messages import Accepted, Answer, Mail, Refused
from central.application.ports.world import Clock
from central.domain.ids import AccountId, derived_uuid
from central.domain.statuses import EmailStatus
from central.domain.value_shapes import wire_address


class AcceptMails:
    """The use case (implements the port MailChannel)."""

    def __init__(self, store: MessageStore, files: FileStore, clock: Clock) -> None:
        self._store, self._files, self._clock = store, files, clock

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
        rows: list[list[NewMessage]] = []
        for mail in mails:
            count = max(1, len(recipients_of(mail)))
            ids = [mail.id, *(derived_uuid(mail.id, place) for place in range(1, count))]
            rows.append(judge_mail(mail, ids, facts[mail.account_id], mail.id, now))
        contents = [Content(mail.account_id, mail.id, content_of(mail), now, _shown_subject(mail)) for mail in mails]
        stored = await self._store.add([row for of_mail in rows for row in of_mail], contents)
        return [[_stored(row, *stored[row.id]) for row in of_mail] for of_mail in rows]

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


def content_of(mail: Mail) -> dict[str, object]:
    """What the recipients get alike, as it is stored. A wrong address is one recipient's fault, and stands in nobody's header."""
    to, cc = ([one for one in those if wire_address(one)] for those in (mail.to, mail.cc))
    return {
        "subject": mail.subject, "text": mail.text, "html": mail.html, "mjml": mail.mjml, "values": mail.values,
        "to": to, "cc": cc, "sender": mail.sender, "reply_to": mail.reply_to, "attachments": mail.attachments,
        "tracking": mail.tracking, "files": mail.files,
    }  # fmt: skip


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
