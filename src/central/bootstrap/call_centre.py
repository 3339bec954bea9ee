"""What the API offers of agents, queues and statuses, on one pool of central_api."""

from __future__ import annotations

from central.adapters.postgres.agent_statuses import PostgresAgentStatuses
from central.adapters.postgres.agents import PostgresAgents, PostgresPauseCodes, PostgresQueues
from central.adapters.postgres.pool import Pool
from central.application.administration.acting import Auditor
from central.application.administration.maintain_agents import MaintainAgents, MaintainPauseCodes
from central.application.administration.maintain_queues import MaintainQueues
from central.application.contact_center.keep_status import KeepStatus
from central.entrypoints.api.services import CallCentre


def call_centre(pool: Pool, auditor: Auditor) -> CallCentre:
    """Wire it."""
    agents, codes = PostgresAgents(pool), PostgresPauseCodes(pool)
    statuses = PostgresAgentStatuses(pool, as_tenant=True)
    return CallCentre(
        agents=MaintainAgents(agents, auditor),
        queues=MaintainQueues(PostgresQueues(pool), auditor),
        pause_codes=MaintainPauseCodes(codes, auditor),
        status=KeepStatus(agents, codes, statuses, auditor.clock, auditor.ids),
    )
