"""The phone lists of an account: blacklist, testing whitelist, local do-not-disturb register. Single entries and search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from central.application.administration.acting import Actor, Auditor
from central.application.administration.checks import check_number, check_prefix
from central.application.ports.numbering import LIST_NAMES, ListChange, ListEntry, ListName, ListState, ListStore
from central.domain.errors import InvalidInput, NotFound
from central.domain.moments import checked_moment

MAX_ENTRIES = 1000
_MAX_NOTE = 500


def list_named(name: str) -> ListName:
    """The list of this name. Raises NotFound ``list_not_found``."""
    for known in LIST_NAMES:
        if known == name:
            return known
    raise NotFound("list_not_found", f"A list is one of {', '.join(LIST_NAMES)}.")


def check_entry(name: ListName, entry: ListEntry, country: str) -> ListEntry:
    """The entry in its stored form. Raises InvalidInput."""
    if entry.prefix and name == "dnd":
        raise InvalidInput("prefix_not_possible", "The register holds whole numbers only.", field="prefix")
    if len(entry.note) > _MAX_NOTE or "\0" in entry.note:
        raise InvalidInput("invalid_note", f"A note has at most {_MAX_NOTE} characters.", field="note")
    if entry.expires_at is not None:
        checked_moment(entry.expires_at, "expires_at")
    number = check_prefix(entry.number, "number") if entry.prefix else check_number(entry.number, country)
    if not number:
        raise InvalidInput("invalid_prefix", "A prefix entry has at least one digit.", field="number")
    return entry if number == entry.number else replace(entry, number=number)


@dataclass(frozen=True, slots=True)
class EditList:
    """Single entries, states, search. Whole files: ``import_list.py``."""

    store: ListStore
    auditor: Auditor

    async def states(self, actor: Actor) -> Sequence[ListState]:
        """Version, size and freshness of each list."""
        return await self.store.states(actor.account_id)

    async def put(self, actor: Actor, list_name: str, entries: Sequence[ListEntry], country: str) -> ListChange:
        """Add or change up to 1,000 entries. Raises InvalidInput, NotFound ``list_not_found``."""
        name, stored = list_named(list_name), self._checked(list_name, entries, country)
        audit = self.auditor.entry(actor, "list_changed", f"list:{name}", entries=len(stored))
        return await self.store.put(actor.account_id, name, stored, audit)

    async def remove(self, actor: Actor, list_name: str, entries: Sequence[ListEntry], country: str) -> ListChange:
        """Remove up to 1,000 entries; unknown ones are passed over. Raises InvalidInput, NotFound ``list_not_found``."""
        name, stored = list_named(list_name), self._checked(list_name, entries, country)
        audit = self.auditor.entry(actor, "list_entries_removed", f"list:{name}", entries=len(stored))
        return await self.store.remove(actor.account_id, name, stored, audit)

    async def search(
        self, actor: Actor, list_name: str, digits: str, after: ListEntry | None, limit: int
    ) -> Sequence[ListEntry]:
        """Entries whose number begins with ``digits``, by number. Raises InvalidInput, NotFound ``list_not_found``."""
        name = list_named(list_name)
        return await self.store.search(actor.account_id, name, check_prefix(digits), after, limit)

    def _checked(self, list_name: str, entries: Sequence[ListEntry], country: str) -> list[ListEntry]:
        if not 0 < len(entries) <= MAX_ENTRIES:
            raise InvalidInput("too_many_entries", f"1 to {MAX_ENTRIES} entries at a time; larger: import a file.")
        checked = [check_entry(list_named(list_name), entry, country) for entry in entries]
        return list({(entry.number, entry.prefix, entry.register): entry for entry in checked}.values())
