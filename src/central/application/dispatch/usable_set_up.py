"""Flows and policies that can be used now. What one account has wrong must not stop the work of all others (path step 2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from central.application.ports.library import Library
from central.domain.accounts import Account
from central.domain.errors import CallerError, OperatorError
from central.domain.ids import AccountId
from central.domain.policies import Policy
from central.flow.prepared import PreparedFlow


async def usable_flows(library: Library, ids: Iterable[UUID]) -> Mapping[UUID, PreparedFlow]:
    """Prepared versions by id; one that cannot be read by this release is left out."""
    wanted = list(ids)
    try:
        return await library.flows(wanted)
    except CallerError:
        found: dict[UUID, PreparedFlow] = {}
        for id_ in wanted:
            try:
                found |= await library.flows([id_])
            except CallerError:
                continue
        return found


async def usable_policies(
    library: Library, accounts: Mapping[AccountId, Account], now: datetime
) -> Mapping[AccountId, Policy]:
    """The policy that each account pins; an account that pins one which does not exist is left out."""
    found: dict[AccountId, Policy] = {}
    for account_id, account in accounts.items():
        try:
            found[account_id] = await library.policy(account.policy_id, account.policy_version or None, now)
        except OperatorError:
            continue
    return found
