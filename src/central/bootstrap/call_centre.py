"""What the API offers of agents, queues and statuses, on one pool of central_api."""

from __future__ import annotations

from central.adapters.postgres.agent_statuses import PostgresAgentStatuses
from central.adapters.postgres.agents import PostgresAgents, PostgresPauseCodes, PostgresQueues
from central.adapters.postgres.dispositions import PostgresDispositions, PostgresTrees
from central.adapters.postgres.intake_store import PostgresIntake
from central.adapters.postgres.pool import Pool
from central.application.administration.acting import Auditor
from central.application.administration.maintain_agents import MaintainAgents, MaintainPauseCodes
from central.application.administration.maintain_dispositions import MaintainDispositions
from central.application.administration.maintain_queues import MaintainQueues
from central.application.contact_center.keep_status import KeepStatus
from central.application.contact_center.save_disposition import SaveDisposition
from central.application.intake.follow_up import FollowUp
from central.application.intake.open_request import OpenRequest
from central.application.intake.submit_records import SubmitRecords
from central.application.ports.dispositions import FollowUps
from central.application.ports.library import Library
from central.application.ports.world import Clock, Ids
from central.entrypoints.api.services import CallCentre


def call_centre(pool: Pool, auditor: Auditor, library: Library, follow_ups: FollowUps) -> CallCentre:
    """Wire it; ``follow_ups`` takes the calls that dispositions ask for."""
    trees = PostgresTrees(pool, auditor.ids)
    agents, codes = PostgresAgents(pool), PostgresPauseCodes(pool)
    statuses = PostgresAgentStatuses(pool, as_tenant=True)
    return CallCentre(
        agents=MaintainAgents(agents, auditor),
        queues=MaintainQueues(PostgresQueues(pool), auditor),
        pause_codes=MaintainPauseCodes(codes, auditor),
        dispositions=MaintainDispositions(trees, auditor),
        said=SaveDisposition(PostgresDispositions(pool), trees, follow_ups, library, auditor.clock, auditor.ids),
        status=KeepStatus(agents, codes, statuses, auditor.clock, auditor.ids),
    )


def follow_up(pool: Pool, library: Library, clock: Clock, ids: Ids) -> FollowUps:
    """Intake for the calls that dispositions ask for, on a pool of central_api."""
    store = PostgresIntake(pool)
    return FollowUp(SubmitRecords(store, OpenRequest(store, library, clock, ids), clock, ids))
