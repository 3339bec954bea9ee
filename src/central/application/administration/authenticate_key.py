"""Who holds the API key that came with a call, and may the account act at all."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from central.application.administration.acting import Actor
from central.application.administration.keep_keys import KEY_PREFIX, key_hash
from central.application.ports.administration import AccountRow, KeyStore
from central.domain.errors import Forbidden
from central.domain.ids import AccountId
from central.domain.rights import ROLE_RIGHTS, Right, Role

_BLOCKED_STATES = ("suspended", "closed")
_MAX_KEY = 200


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller: the account and what may be done in it. ``agent_id``: the agent whose desk the key opens."""

    account: AccountRow
    actor: Actor
    rights: frozenset[Right]
    agent_id: UUID | None = None

    @property
    def account_id(self) -> AccountId:
        """The account that the caller acts in."""
        return self.actor.account_id

    def require(self, right: Right) -> None:
        """Raises Forbidden ``missing_right``."""
        if right not in self.rights:
            raise Forbidden("missing_right", f"This needs the right {right}.", right=str(right))


@dataclass(frozen=True, slots=True)
class AuthenticateKey:
    """From the text of a key to its caller."""

    store: KeyStore

    async def __call__(self, text: str, address: str | None) -> Caller | None:
        """The caller, None for a key that is not (or no longer) valid.

        Raises Forbidden ``account_suspended``, ``account_closed``, or ``address_not_listed`` when the account checks
        addresses and ``address`` is outside of its networks.
        """
        if not text.startswith(KEY_PREFIX) or len(text) > _MAX_KEY:
            return None
        holder = await self.store.holder(key_hash(text))
        if holder is None:
            return None
        account = holder.account
        if account.state in _BLOCKED_STATES:
            raise Forbidden(f"account_{account.state}", f"This account is {account.state}.")
        if account.check_ip and not _listed(address, account.settings.get("ip_networks")):
            raise Forbidden("address_not_listed", "Calls from this address are not allowed.")
        actor = Actor(account.id, f"key:{holder.hint}")
        rights = ROLE_RIGHTS[Role(holder.role)]
        if holder.scopes is not None:
            rights &= {right for right in rights if right.value in holder.scopes}
        return Caller(account, actor, rights, holder.agent_id)


def _listed(address: str | None, networks: object) -> bool:
    if address is None or not isinstance(networks, list):
        return False
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in ipaddress.ip_network(str(network)) for network in cast("list[object]", networks))
