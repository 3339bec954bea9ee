"""The lists of an account: blacklist, whitelists for tests, do-not-disturb register, suppressed addresses. Entries and search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from central.application.administration.acting import Actor, Auditor
from central.application.administration.checks import check_domain, check_number, check_prefix
from central.application.ports.numbering import (
    ADDRESS_LISTS,
    ENTRY_REASONS,
    LIST_NAMES,
    ListChange,
    ListEntry,
    ListName,
    ListState,
    ListStore,
)
from central.domain.errors import InvalidInput, NotFound
from central.domain.moments import checked_moment
from central.domain.value_shapes import is_email, listed_address

MAX_ENTRIES = 1000
_MAX_NOTE = 500
_MAX_ADDRESS = 320


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
    if entry.reason and (name != "suppression" or entry.reason not in ENTRY_REASONS):
        raise InvalidInput("invalid_reason", f"A reason is one of {', '.join(ENTRY_REASONS)}.", field="reason")
    if name in ADDRESS_LISTS:
        return _check_address(name, entry)
    number = check_prefix(entry.number, "number") if entry.prefix else check_number(entry.number, country)
    if not number:
        raise InvalidInput("invalid_prefix", "A prefix entry has at least one digit.", field="number")
    return entry if number == entry.number else replace(entry, number=number)


def _check_address(name: ListName, entry: ListEntry) -> ListEntry:
    if entry.prefix:
        raise InvalidInput("prefix_not_possible", "Lists of addresses hold whole addresses.", field="prefix")
    address = listed_address(entry.number)
    if name == "mail_whitelist" and "@" not in address:
        return replace(entry, number=check_domain(listed_address(f"x@{address}")[2:], "address"))
    if len(address) > _MAX_ADDRESS or not is_email(address):
        raise InvalidInput("invalid_email", "This is no e-mail address.", field="address")
    return replace(entry, number=address)


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
        """Entries that begin with ``digits``, by number or address. Raises InvalidInput, NotFound ``list_not_found``."""
        name = list_named(list_name)
        begin = listed_address(digits[:_MAX_ADDRESS]) if name in ADDRESS_LISTS else check_prefix(digits)
        return await self.store.search(actor.account_id, name, begin.replace("\0", ""), after, limit)

    async def find(self, actor: Actor, list_name: str, entry: str, country: str) -> ListEntry:
        """The entry that holds a number or address now. Raises InvalidInput, NotFound ``list_not_found``, ``entry_not_found``."""
        name = list_named(list_name)
        asked = check_entry(name, ListEntry(entry), country).number
        found = await self.store.find(actor.account_id, name, asked, self.auditor.clock.now())
        if found is None:
            raise NotFound("entry_not_found", f"The list {name} does not hold it.")
        return found

    def _checked(self, list_name: str, entries: Sequence[ListEntry], country: str) -> list[ListEntry]:
        if not 0 < len(entries) <= MAX_ENTRIES:
            raise InvalidInput("too_many_entries", f"1 to {MAX_ENTRIES} entries at a time; larger: import a file.")
        checked = [check_entry(list_named(list_name), entry, country) for entry in entries]
        return list({(entry.number, entry.prefix, entry.register): entry for entry in checked}.values())
