"""Who acts, and how an action becomes a line of the audit trail."""

from __future__ import annotations

from dataclasses import dataclass

from central.application.ports.administration import AuditEntry
from central.application.ports.world import Clock, Ids
from central.domain.ids import AccountId


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody acting in an account. ``name``: ``key:<hint>``, ``person:<id>``, ``operator`` or ``central``."""

    account_id: AccountId
    name: str


@dataclass(frozen=True, slots=True)
class Auditor:
    """Writes audit entries with the right time and id."""

    clock: Clock
    ids: Ids

    def entry(self, actor: Actor, action: str, what: str, /, **detail: object) -> AuditEntry:
        """The line for ``action`` (``noun_participle``) on the object named ``what``; ``detail`` without secrets."""
        return AuditEntry(self.ids.uuid(), self.clock.now(), actor.name, action, what, detail)
