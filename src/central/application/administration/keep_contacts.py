"""Contacts as people maintain them: what flows keep about a number, read, replaced, forgotten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from central.application.administration.acting import Actor, Auditor
from central.application.administration.checks import check_number
from central.application.ports.internal_functions import ContactStore
from central.domain.contacts import Contact, check_contact
from central.domain.errors import NotFound

_SHOWN = 4


@dataclass(frozen=True, slots=True)
class KeepContacts:
    """The contacts of an account."""

    store: ContactStore
    auditor: Auditor

    async def get(self, actor: Actor, number: str, country: str) -> Contact:
        """One contact, by its number as people write it. Raises InvalidInput ``invalid_number``, NotFound ``contact_not_found``."""
        found = await self.store.get(actor.account_id, check_number(number, country))
        if found is None:
            raise _missing()
        return found

    async def page(self, actor: Actor, after: str, limit: int) -> Sequence[Contact]:
        """Contacts by number, those after ``after``."""
        return await self.store.page(actor.account_id, after, limit)

    async def put(
        self, actor: Actor, number: str, country: str, values: Mapping[str, str], time_zone: str | None
    ) -> Contact:
        """Store the whole contact, in place of the one before. Raises InvalidInput, see ``check_contact``."""
        check_contact(values, time_zone)
        digits = check_number(number, country)
        contact = Contact(digits, dict(values), time_zone, self.auditor.clock.now())
        detail = {"values": sorted(values), "time_zone": time_zone}
        audit = self.auditor.entry(actor, "contact_changed", _named(digits), **detail)
        await self.store.put(actor.account_id, contact, audit)
        return contact

    async def forget(self, actor: Actor, number: str, country: str) -> None:
        """Delete it with all its values. Raises InvalidInput ``invalid_number``, NotFound ``contact_not_found``."""
        digits = check_number(number, country)
        audit = self.auditor.entry(actor, "contact_removed", _named(digits))
        if not await self.store.delete(actor.account_id, digits, audit):
            raise _missing()


def _named(digits: str) -> str:
    """The end of the number only: whoever reads the audit trail need not be allowed to read numbers."""
    return f"contact:…{digits[-_SHOWN:]}"


def _missing() -> NotFound:
    return NotFound("contact_not_found", "Nothing is kept about this number.")
