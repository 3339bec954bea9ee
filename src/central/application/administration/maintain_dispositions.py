"""What agents may say of the calls of a queue or a flow: one tree of two levels each (domain 9.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from central.application.administration.acting import Actor, Auditor
from central.application.ports.dispositions import Owner, Tree, TreeStore
from central.domain.call_dispositions import Choice, check_choices
from central.domain.errors import InvalidInput, NotFound


@dataclass(frozen=True, slots=True)
class MaintainDispositions:
    """The trees of an account."""

    store: TreeStore
    auditor: Auditor

    async def get(self, actor: Actor, owner: Owner, *, retired: bool = False) -> Tree:
        """The tree in force, with ``retired`` former lines too. Raises NotFound ``queue_not_found``, ``flow_not_found``."""
        return _found(await self.store.get(actor.account_id, owner, retired=retired), owner)

    async def put(self, actor: Actor, owner: Owner, tree: Tree, choices: Sequence[Choice]) -> Tree:
        """Make this the tree. Lines that were chosen before are kept as retired ones, and history shows them.

        Raises what ``check_choices`` does, InvalidInput ``no_dispositions`` (required, but none are there), NotFound.
        """
        check_choices(choices)
        if tree.required and not choices:
            raise InvalidInput("no_dispositions", "Agents cannot be required to choose from nothing.", field="required")
        what = f"queue:{owner.queue_id}" if owner.queue_id is not None else f"flow:{owner.flow_id}"
        keys = [one.key for one in choices]
        audit = self.auditor.entry(actor, "dispositions_put", what, required=tree.required, keys=keys)
        if not await self.store.put(actor.account_id, owner, tree, choices, audit):
            _found(None, owner)
        return await self.get(actor, owner)


def _found(tree: Tree | None, owner: Owner) -> Tree:
    if tree is not None:
        return tree
    if owner.queue_id is not None:
        raise NotFound("queue_not_found", "There is no such queue in this account.")
    raise NotFound("flow_not_found", "There is no such flow in this account.")
