"""E-mails that somebody sends alone, by the API or the command line (path step 4d)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from central.application.messaging.accept_mails import AcceptMails
from central.application.ports.message_store import NewMessage
from central.application.ports.messages import Mail
from central.application.ports.world import Ids
from central.domain.errors import InvalidInput
from central.domain.ids import AccountId, MessageId

LIMIT_MAILS = 1_000
LIMIT_ALL_RECIPIENTS = 10_000
"""Of all e-mails of one call: each is a row, and they are stored in one transaction."""


class SendEmails:
    """The use case."""

    def __init__(self, accept: AcceptMails, ids: Ids) -> None:
        self._accept, self._ids = accept, ids

    async def __call__(self, account_id: AccountId, mails: Sequence[Mail]) -> Sequence[Sequence[NewMessage]]:
        """Take them over: for each mail a row for each recipient. Ids are given here.

        Raises InvalidInput ``too_many_mails``, ``too_many_recipients``.
        """
        if not 0 < len(mails) <= LIMIT_MAILS:
            raise InvalidInput("too_many_mails", f"Send 1 to {LIMIT_MAILS} e-mails at once.", field="emails")
        if sum(len(mail.to) + len(mail.cc) + len(mail.bcc) for mail in mails) > LIMIT_ALL_RECIPIENTS:
            message = f"The e-mails of one call have at most {LIMIT_ALL_RECIPIENTS} recipients together."
            raise InvalidInput("too_many_recipients", message, field="emails")
        ids = self._ids.uuids(len(mails))
        made = [
            msgspec.structs.replace(mail, id=MessageId(id_), account_id=account_id)
            for mail, id_ in zip(mails, ids, strict=True)
        ]
        return await self._accept.accept(made)
