"""What of an e-mail is kept beside its row: its content, who may send it, and where its links lead."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import msgspec

from central.domain.ids import AccountId


class Content(msgspec.Struct, frozen=True):
    """What the recipients of an e-mail get alike, as JSON values (see application/messaging/mail_content.py).

    subject: as people see it.
    """

    account_id: AccountId
    id: UUID
    body: Mapping[str, object]
    created_at: datetime
    subject: str = ""


class MailTargets(msgspec.Struct, frozen=True):
    """Where the tracked links of messages lead, by number from 1; messages with equal links share them."""

    account_id: AccountId
    id: str
    targets: tuple[str, ...]


class Identity(msgspec.Struct, frozen=True):
    """A proved domain of an account: who signs for it (selector and PEM of each key), and where what comes back arrives."""

    domain: str
    bounce_domain: str
    keys: tuple[tuple[str, str], ...]
