"""Policies: rows of law and house rules by country, immutable once written; added by the operator, read by all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time

from central.application.ports.administration import PolicyRow, PolicyStore
from central.domain.errors import Conflict
from central.domain.moments import checked_moment
from central.domain.policies import Policy


@dataclass(frozen=True, slots=True)
class MaintainPolicies:
    """The policy table (domain specification, section 3)."""

    store: PolicyStore

    async def rows(self) -> Sequence[PolicyRow]:
        """All rows by id and version."""
        return await self.store.rows()

    async def add(self, document: Mapping[str, object]) -> PolicyRow:
        """Add a row from its document. Raises InvalidInput ``invalid_policy``, Conflict ``policy_exists``."""
        policy = Policy.parse(document)
        effective_from = checked_moment(datetime.combine(policy.effective_from, time(), UTC), "effective_from")
        row = PolicyRow(policy.id, policy.version, effective_from, policy.author, policy.reference, document)
        if not await self.store.add(row):
            raise Conflict("policy_exists", f"The policy {row.id} has a version {row.version} already.")
        return row
