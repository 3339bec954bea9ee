"""Accounts: made, capped and topped up by the operator; read and tuned by their own people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import Final, cast
from uuid import UUID

from central.application.administration.acting import Actor, Auditor
from central.application.administration.checks import (
    check_at_least,
    check_country,
    check_name,
    check_networks,
    check_zone,
)
from central.application.ports.administration import AccountRow, AccountStore, AuditEntry, LedgerEntry
from central.application.ports.library import Library
from central.domain.errors import InvalidInput, NotFound, OperatorError
from central.domain.ids import AccountId
from central.domain.moments import checked_moment
from central.domain.money import RatePlan

OWN_FIELDS: Final = frozenset({"name", "time_zone", "check_ip", "settings"})
"""What an account may change about itself."""

OPERATOR_FIELDS: Final = OWN_FIELDS | {
    "kind",
    "state",
    "valid_until",
    "currency",
    "credit_limit",
    "rate_plan",
    "country",
    "international",
    "plain_http_webhooks",
    "recording",
    "sms",
    "email",
    "pending_cap",
    "channel_cap",
    "cps_cap",
    "api_per_minute",
    "weight",
    "policy_id",
    "policy_version",
}
_ANY_CURRENCY = "XXX"  # ISO 4217: no currency; a plan is judged by its form alone
_MOST_DAYS: Final = 36_500
_STATES = ("created", "email_verified", "details_given", "kyc_pending", "active", "suspended", "closed")


@dataclass(frozen=True, slots=True)
class ReadAccount:
    """An account looks at itself."""

    store: AccountStore

    async def get(self, account_id: AccountId) -> AccountRow:
        """The account with its balance. Raises NotFound ``account_not_found``."""
        return _found(await self.store.get(account_id))

    async def ledger(self, account_id: AccountId, before: UUID | None, limit: int) -> Sequence[LedgerEntry]:
        """Movements of money, newest first."""
        return await self.store.ledger(account_id, before, limit)

    async def audit_trail(self, account_id: AccountId, before: UUID | None, limit: int) -> Sequence[AuditEntry]:
        """Actions in the account, newest first."""
        return await self.store.audit_trail(account_id, before, limit)


@dataclass(frozen=True, slots=True)
class ChangeAccount:
    """Change fields of an account; ``fields`` says which may be changed here (OWN_FIELDS or OPERATOR_FIELDS)."""

    store: AccountStore
    library: Library
    auditor: Auditor
    fields: frozenset[str] = OWN_FIELDS

    async def __call__(self, actor: Actor, changes: Mapping[str, object]) -> AccountRow:
        """Raises InvalidInput for a bad value or a field that cannot be changed, NotFound ``account_not_found``."""
        foreign = sorted(set(changes) - self.fields)
        if foreign:
            raise InvalidInput("field_not_changeable", f"{foreign[0]} cannot be changed here.", field=foreign[0])
        _check(changes)
        if not changes:
            return _found(await self.store.get(actor.account_id))
        if changes.keys() & {"policy_id", "policy_version"}:
            present = _found(await self.store.get(actor.account_id))
            version = changes.get("policy_version", None if "policy_id" in changes else present.policy_version)
            changes = {**changes, "policy_version": version}
            wanted = str(changes.get("policy_id", present.policy_id))
            await _check_policy(self.library, self.auditor, wanted, version if isinstance(version, int) else None)
        entry = self.auditor.entry(actor, "account_changed", f"account:{actor.account_id}", fields=sorted(changes))
        return _found(await self.store.change(actor.account_id, changes, entry))


@dataclass(frozen=True, slots=True)
class OperateAccounts:
    """The operator's actions: make accounts, list them, add money."""

    store: AccountStore
    library: Library
    auditor: Auditor

    async def create(self, account: AccountRow, by: str = "operator") -> AccountRow:
        """Store a new account; its ``id`` and ``created_at`` are given here, its ``balance`` is the opening balance.

        Raises InvalidInput for a bad value.
        """
        made = replace(account, id=AccountId(self.auditor.ids.uuid()), created_at=self.auditor.clock.now(), reserved=0)
        _check({name: getattr(made, name) for name in OPERATOR_FIELDS})
        await _check_policy(self.library, self.auditor, made.policy_id, made.policy_version)
        actor = Actor(made.id, by)
        await self.store.create(
            made, self.auditor.entry(actor, "account_created", f"account:{made.id}", name=made.name)
        )
        return made

    async def page(self, after: AccountId | None, limit: int) -> Sequence[AccountRow]:
        """All accounts by id."""
        return await self.store.page(after, limit)

    async def add_funds(self, actor: Actor, amount: int, note: str = "") -> int:
        """Add (or, negative, correct) money in millionths of the currency; returns the new balance."""
        if amount == 0:
            raise InvalidInput("invalid_amount", "An amount is not zero.", field="amount")
        kind = "topup" if amount > 0 else "correction"
        entry = LedgerEntry(self.auditor.ids.uuid(), self.auditor.clock.now(), kind, amount, 0, 0, note)
        audit = self.auditor.entry(actor, "funds_added", f"account:{actor.account_id}", amount=amount, note=note)
        balance = await self.store.add_funds(actor.account_id, entry, audit)
        if balance is None:
            raise NotFound("account_not_found", "There is no such account.")
        return balance


def _found(account: AccountRow | None) -> AccountRow:
    if account is None:
        raise NotFound("account_not_found", "There is no such account.")
    return account


async def _check_policy(library: Library, auditor: Auditor, policy_id: str, version: int | None) -> None:
    """An account that pins what does not exist could not be judged: neither its lists nor its calls."""
    try:
        await library.policy(policy_id, version, auditor.clock.now())
    except OperatorError as error:
        raise InvalidInput("unknown_policy", error.message, field="policy_id") from error


def _check(changes: Mapping[str, object]) -> None:
    for field, check in (("name", check_name), ("time_zone", check_zone), ("country", check_country)):
        value = changes.get(field)
        if isinstance(value, str):
            check(value)
    if "state" in changes and changes["state"] not in _STATES:
        raise InvalidInput("unknown_account_state", f"A state is one of {', '.join(_STATES)}.", field="state")
    check_at_least(changes, 0, "credit_limit", "pending_cap", "channel_cap", "cps_cap")
    check_at_least(changes, 1, "api_per_minute", "weight", "policy_version")
    valid_until = changes.get("valid_until")
    if isinstance(valid_until, date):
        checked_moment(datetime.combine(valid_until, time(), UTC), "valid_until")
    plan = changes.get("rate_plan")
    if isinstance(plan, Mapping):
        RatePlan.parse(cast("Mapping[str, object]", plan), _ANY_CURRENCY)
    settings = changes.get("settings")
    if isinstance(settings, Mapping):
        days = cast("Mapping[str, object]", settings).get("keep_recordings_days", 1)
        if not isinstance(days, int) or isinstance(days, bool) or not 1 <= days <= _MOST_DAYS:
            message = f"keep_recordings_days is a whole number from 1 to {_MOST_DAYS}."
            raise InvalidInput("invalid_retention", message, field="keep_recordings_days")
        if not isinstance(cast("Mapping[str, object]", settings).get("agents_start_paused", False), bool):
            message = "agents_start_paused is true or false."
            raise InvalidInput("invalid_setting", message, field="agents_start_paused")
        networks = cast("Mapping[str, object]", settings).get("ip_networks", [])
        texts = cast("list[object]", networks) if isinstance(networks, list) else [None]
        if not all(isinstance(text, str) for text in texts):
            raise InvalidInput(
                "invalid_network", "ip_networks is a list of addresses or networks.", field="ip_networks"
            )
        check_networks([str(text) for text in texts])
