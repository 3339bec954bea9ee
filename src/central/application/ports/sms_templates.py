"""Texts that a registry knows (in India: DLT), as an account keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from central.application.ports.administration import AuditEntry
from central.domain.ids import AccountId


class SmsTemplate(msgspec.Struct, frozen=True):
    """A text that a registry knows; ``{#var#}`` stands for what differs. entity_id, sender: those it is registered for.

    shorten: web addresses in its texts become short links.
    """

    id: str
    text: str
    entity_id: str = ""
    sender: str = ""
    shorten: bool = False


class TemplateStore(Protocol):
    """The templates of an account."""

    async def put(self, account_id: AccountId, template: SmsTemplate, most: int, audit: AuditEntry) -> bool | None:
        """Add or change it (by id); True when it is new, None when it would be, and the account has ``most`` already."""
        ...

    async def page(self, account_id: AccountId, after: str | None, limit: int) -> Sequence[SmsTemplate]:
        """Templates by id."""
        ...

    async def get(self, account_id: AccountId, template_id: str) -> SmsTemplate | None:
        """One template."""
        ...

    async def remove(self, account_id: AccountId, template_id: str, audit: AuditEntry) -> bool:
        """Delete it; messages that wait with it go out all the same."""
        ...
