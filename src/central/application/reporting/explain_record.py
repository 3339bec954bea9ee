"""Explain a record: why it has its status, with everything that led to it (path step 7, domain section 17).

The use case reads one record in one snapshot and puts the pure parts together; nothing is stored for it beyond what the
steps of the path store anyway.
"""

from __future__ import annotations

import asyncio

from central.application.ports.library import Library
from central.application.ports.reporting import RecordHistory, ReportStore
from central.application.ports.world import Clock
from central.application.reporting.event_data import data_of, inner, objects, text, texts
from central.application.reporting.explanation import Explanation, InputRow, StatusLine
from central.application.reporting.list_messages import tell_messages
from central.application.reporting.rebuild_checks import rebuild_checks
from central.application.reporting.tell_dispositions import tell_dispositions
from central.application.reporting.tell_path import tell_clicks, tell_path
from central.application.reporting.tell_statuses import tell_late, tell_pushes, tell_schedule, tell_statuses
from central.application.reporting.tell_timeline import tell_timeline
from central.application.reporting.view_record import hide_recipients, masked_variables, view_detail
from central.domain.errors import NotFound
from central.domain.ids import AccountId, RecordId
from central.domain.policies import Policy
from central.domain.statuses import FLOW, FlowStatus
from central.flow.prepared import PreparedFlow


class ExplainRecord:
    """The use case."""

    def __init__(self, store: ReportStore, library: Library, clock: Clock) -> None:
        self._store, self._library, self._clock = store, library, clock

    async def __call__(self, account_id: AccountId, record_id: RecordId) -> Explanation:
        """The whole explanation, numbers readable, secrets masked. Raises NotFound ``record_not_found``."""
        history = await self._store.history(account_id, record_id, traces=True)
        if history is None:
            raise NotFound("record_not_found", "This account has no such record.", record_id=str(record_id))
        version = history.head.flow_version_id
        prepared = (await self._library.flows([version]))[version]
        policy = await self._policy(account_id, history)
        return await asyncio.to_thread(explain, history, prepared, policy)

    async def _policy(self, account_id: AccountId, history: RecordHistory) -> Policy:
        """The policy that allowed the last attempt, else the one that the account pins now."""
        now = self._clock.now()
        if history.attempts:
            last = history.attempts[-1]
            return await self._library.policy(last.policy_id, last.policy_version, now)
        return (await self._library.policies_of([account_id], now))[account_id]


def explain(history: RecordHistory, prepared: PreparedFlow, policy: Policy) -> Explanation:
    """Put the explanation together. Pure."""
    history = hide_recipients(history, prepared)
    detail = view_detail(history, prepared, with_sip=True)
    row = input_row(history, prepared)
    checks = rebuild_checks(history, row, prepared, policy)
    statuses = tell_statuses(history)
    schedule = tell_schedule(history, prepared, policy)
    path, flow = tell_path(history.events)
    sent = tell_messages(history.messages, history.message_lines)
    late, pushes = tell_late(history), tell_pushes(history.pushes)
    timeline = tell_timeline(
        detail, row, checks=checks, statuses=statuses, schedule=schedule, flow=(*flow, *tell_clicks(history.events), *tell_dispositions(history.events), *sent),
        pushes=pushes, late=late,
    )  # fmt: skip
    setting = _setting(statuses, history.record.status)
    return Explanation(
        record=detail,
        sentence=setting.sentence if setting is not None else "",
        rule=setting.rule if setting is not None else "",
        meaning=FLOW[FlowStatus(history.record.status)].meaning,
        input=row,
        checks=checks,
        schedule=schedule,
        statuses=statuses,
        path=path,
        late=late,
        pushes=pushes,
        timeline=timeline,
    )


def input_row(history: RecordHistory, prepared: PreparedFlow) -> InputRow:
    """The row as it came in; where intake kept nothing of it, because it needed nothing, what the record holds."""
    first = next((event for event in history.events if event.kind == "record_created"), None)
    data = data_of(first)
    kept = inner(data, "row")
    record = history.record
    return InputRow(
        row=record.row_number,
        written_numbers=texts(kept, "numbers"),
        numbers=tuple(record.numbers),
        dropped=tuple(dict(drop) for drop in objects(data, "dropped")),
        start_time=text(kept, "start_time") or text(data, "start_time"),
        time_zone=record.time_zone or text(kept, "time_zone") or None,
        client_identifier=record.client_identifier,
        priority=record.priority,
        variables=masked_variables(record.variables, prepared),
        warnings=texts(data, "warnings"),
        started_by=history.head.started_by,
        started_why=history.head.started_why,
    )


def _setting(statuses: tuple[StatusLine, ...], status: str) -> StatusLine | None:
    """The last change that gave the present status."""
    return next((line for line in reversed(statuses) if line.to_status == status), None)
