"""Runner of the errand TransferToFlow: find the flow in which a call goes on, as it stands now (path step 4).

The record stays one of the flow that took it in; only its run moves, see ``interpreter.enter``.
"""

from __future__ import annotations

from typing import Final

from central.application.conversation.live_call import LiveCall
from central.application.conversation.run_errands import Returned
from central.application.ports.flow_names import FlowFinder
from central.application.ports.library import Library
from central.flow.errands import TRANSFERRED, TransferToFlow

_ENTERED: Final = frozenset({"inbound", "multicast"})
"""Types of flows that begin with one call of one customer, so that a call can go on in them."""


class GoOnInFlow:
    """Runs TransferToFlow."""

    def __init__(self, flows: FlowFinder, library: Library) -> None:
        self._flows, self._library = flows, library

    async def __call__(self, call: LiveCall, errand: TransferToFlow, /) -> Returned:
        """Find its production version. Raises NeighbourError when the store is away."""
        found = await self._flows.find_flow(call.account_id, errand.flow)
        if found is None:
            return Returned("flow_unknown", detail=f"There is no flow {errand.flow!r}.")
        if found.archived:
            return Returned("flow_archived", detail=f"Flow {found.name} is archived.")
        if found.type not in _ENTERED:
            return Returned("flow_kind", detail=f"Flow {found.name} is of the type {found.type}.")
        if not found.running:
            return Returned("flow_not_running", detail=f"Flow {found.name} is switched off or paused.")
        if found.version_id is None:
            return Returned("flow_not_published", detail=f"Flow {found.name} has no production version.")
        flows = await self._library.flows([found.version_id])
        return Returned(TRANSFERRED, goes_on=flows[found.version_id])
