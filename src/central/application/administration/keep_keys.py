"""API keys: made (shown once), listed by hint, revoked. Text form: ``ck_<hint>_<secret>``; stored: SHA-256 of the text.

A fast hash is enough here: the secret has 256 random bits, there is nothing to guess (unlike a password).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from central.application.administration.acting import Actor, Auditor
from central.application.administration.checks import check_name, check_role
from central.application.ports.administration import ApiKey, KeyStore
from central.application.ports.world import Ids
from central.domain.errors import Forbidden, InvalidInput, NotFound
from central.domain.moments import checked_moment
from central.domain.rights import ROLE_RIGHTS, Right, scopes_of

KEY_PREFIX = "ck_"
_HINT_SIZE = 8


def key_hash(text: str) -> bytes:
    """What is stored of a key and looked up."""
    return sha256(text.encode()).digest()


def short_id(ids: Ids, size: int = _HINT_SIZE) -> str:
    """So many random letters and digits."""
    letters = ""
    while len(letters) < size:
        letters += "".join(char for char in ids.secret(24) if char.isalnum())
    return letters[:size]


@dataclass(frozen=True, slots=True)
class KeepKeys:
    """The API keys of an account."""

    store: KeyStore
    auditor: Auditor

    async def issue(
        self,
        actor: Actor,
        name: str,
        role: str,
        scopes: Sequence[str] | None = None,
        *,
        expires_at: datetime | None = None,
        held: frozenset[Right] | None = None,
        agent_id: UUID | None = None,
    ) -> tuple[ApiKey, str]:
        """Make a key; the second value is its text, which cannot be had again.

        ``held``: rights of the maker, a key never holds more; None = the operator, who may all. ``agent_id``: whose desk it opens.

        Raises InvalidInput (name, role, scopes, an expiry past or out of range), Forbidden ``beyond_own_rights``,
        NotFound ``agent_not_found``.
        """
        now = self.auditor.clock.now()
        if expires_at is not None and checked_moment(expires_at, "expires_at") <= now:
            raise InvalidInput("expiry_in_the_past", "A key expires in the future.", field="expires_at")
        rights = ROLE_RIGHTS[check_role(role)] if scopes is None else scopes_of(check_role(role), scopes)
        narrowed = None if scopes is None else tuple(sorted(rights))
        if held is not None and not rights <= held:
            raise Forbidden("beyond_own_rights", "A key cannot hold more rights than whoever makes it.")
        hint = short_id(self.auditor.ids)
        text = f"{KEY_PREFIX}{hint}_{self.auditor.ids.secret(32)}"
        key_id = self.auditor.ids.uuid()
        key = ApiKey(key_id, check_name(name), hint, role, narrowed, None, now, None, expires_at, None, agent_id)
        desk = {} if agent_id is None else {"agent_id": str(agent_id)}
        audit = self.auditor.entry(actor, "key_issued", f"key:{hint}", role=role, scopes=narrowed, **desk)
        await self.store.create(actor.account_id, key, key_hash(text), audit)
        return key, text

    async def page(self, actor: Actor, after: UUID | None, limit: int) -> Sequence[ApiKey]:
        """Keys in the order they were made, revoked ones too."""
        return await self.store.page(actor.account_id, after, limit)

    async def revoke(self, actor: Actor, key_id: UUID) -> ApiKey:
        """End a key at once; safe to repeat. Raises NotFound ``key_not_found``."""
        audit = self.auditor.entry(actor, "key_revoked", f"key:{key_id}")
        key = await self.store.revoke(actor.account_id, key_id, audit)
        if key is None:
            raise NotFound("key_not_found", "There is no such key in this account.")
        return key
