"""A record's history as the steps of the path store it, read back in one snapshot and explained."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from central.adapters.postgres.dispatch_store import PostgresDispatch
from central.adapters.postgres.journal_store import PostgresJournal
from central.adapters.postgres.library import PostgresLibrary
from central.adapters.postgres.pool import Pool
from central.adapters.postgres.reporting_store import PostgresReports
from central.adapters.system import SystemClock
from central.application.ports.journal import TraceRow
from central.application.ports.telephony import SipMessage, SipTrace
from central.application.reporting.explanation import Kind
from central.application.reporting.reporting import Reporting
from central.domain.ids import AccountId, LegId, RecordId, RequestId
from tests.stock import Stock, number


@dataclass
class Stage:
    stock: Stock
    reporting: Reporting
    account: AccountId
    request: RequestId
    record: RecordId
    leg: LegId

    def at(self, seconds: float) -> datetime:
        return self.stock.now + timedelta(seconds=seconds)

    def event(self, seconds: float, kind: str, before: str | None, after: str | None, **data: object) -> None:
        self.stock.run(
            "insert into event (account_id, record_id, id, at, kind, from_status, to_status, data) values (%s,%s,%s,%s,%s,%s,%s,%s)",
            self.account, self.record, self.record if kind == "record_created" else self.stock.ids.uuid(), self.at(seconds),
            kind, before, after, Jsonb(data),
        )  # fmt: skip


@pytest.fixture
async def stage(database: str, api_pool: Pool, worker_pool: Pool) -> Stage:
    """One record with one refused call, its messages, and a webhook that was tried."""
    stock = Stock(database)
    account = stock.account()
    request = stock.request(account, stock.flow(account))
    (record,) = stock.records(account, request, [[number(1)]])
    library = PostgresLibrary(worker_pool, PostgresDispatch(worker_pool, stock.ids), SystemClock())
    leg = LegId(stock.ids.uuid())
    stage = Stage(stock, Reporting(PostgresReports(api_pool), library, SystemClock()), account, request, record, leg)
    stage.event(0, "record_created", "UNPROCESSED", "UNPROCESSED")
    stage.event(1, "record_claimed", "UNPROCESSED", "IN_PROGRESS", attempt=1, policy="policy LAB version 1")
    stage.event(
        3,
        "record_ended",
        "IN_PROGRESS",
        "FAILURE",
        attempt=1,
        rule="7.4 row 13",
        sentence="Nobody was there.",
        charged=True,
    )
    stock.run("update record set status = 'FAILURE', reason = 'not_retryable', due_at = null, attempts_made = 1")
    stock.run(
        "insert into attempt (account_id, record_id, number, id, epoch, fence, node, started_at, ended_at, outcome, result, charged,"
        " policy_id, policy_version) values (%s, %s, 1, %s, 1, 1, 'n1/g1', %s, %s, 'done', 'Unallocated Number', true, 'LAB', 1)",
        account, record, stock.ids.uuid(), stage.at(1), stage.at(3),
    )  # fmt: skip
    stock.run(
        "insert into leg (account_id, record_id, id, attempt_number, position, number_to, node, fence, handed_at, ring_at, end_at, status,"
        " code, sip_code, phase, hangup_by, sip_call_id, digits, engine)"
        " values (%s, %s, %s, 1, 0, %s, 'n1/g1', 1, %s, %s, %s, 'Unallocated Number', 12, 404, 'ringing', 'CUSTOMER', 'c1', '[]', '{}')",
        account, record, leg, number(1), stage.at(1), stage.at(1.5), stage.at(2.5),
    )  # fmt: skip
    messages = (
        SipMessage(stage.at(1.1), True, "10.0.0.1:5060", "10.0.0.2:5060", "INVITE sip:x SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\n"),
        SipMessage(
            stage.at(2.5), False, "10.0.0.2:5060", "10.0.0.1:5060",
            "SIP/2.0 404 Not Found\r\nCSeq: 1 INVITE\r\nReason: Q.850;cause=1\r\n\r\n",
        ),
    )  # fmt: skip
    await PostgresJournal(worker_pool, stock.ids).add_traces(
        [TraceRow(account, record, leg, SipTrace("c1", messages, dropped=1))]
    )
    return stage


async def test_the_whole_history_is_explained(stage: Stage) -> None:
    told = await stage.reporting.explain_record(stage.account, stage.record)
    assert (told.record.status, told.rule, told.sentence) == ("FAILURE", "7.4 row 13", "Nobody was there.")
    leg = told.record.attempts[0].legs[0]
    assert leg.leg_id == stage.leg
    assert leg.sip is not None
    assert [line.label for line in leg.sip.messages] == ["INVITE", "404 Not Found"]
    assert leg.sip.missing == 1
    assert leg.carrier_reason is not None
    assert "agrees: Unallocated Number" in leg.carrier
    assert leg.ring_ms == 1000
    kinds = {entry.kind for entry in told.timeline}
    assert kinds >= {Kind.INPUT, Kind.CHECK, Kind.STATUS, Kind.ATTEMPT, Kind.LEG, Kind.SIP, Kind.GAP}


async def test_one_record_shows_attempts_and_legs_without_the_messages(stage: Stage) -> None:
    document = await stage.reporting.record(stage.account, stage.record)
    assert document["status"] == "FAILURE"
    (attempt,) = cast("list[dict[str, Any]]", document["attempts"])
    assert attempt["legs"][0]["sip"] is None
    assert attempt["legs"][0]["why"].startswith("The far side answered 404")


async def test_the_report_measures_from_the_first_claim_to_the_last_end(stage: Stage) -> None:
    report = await stage.reporting.report_request(stage.account, stage.request)
    assert (report.attempts, report.legs, report.answered, report.duration_s) == (1, 1, 0, 2.0)
    assert (report.calls_per_s, report.peak_calls_per_s, report.mean_ring_s) == (0.5, 1, 1.0)


async def test_waiting_and_tried_webhooks_are_told(stage: Stage) -> None:
    endpoint, waiting, sent = stage.stock.ids.uuids(3)
    stage.stock.run(
        "insert into webhook_endpoint (account_id, id, name, url, events, secrets) values (%s, %s, 'crm', 'https://e/', '{}', '{}')",
        stage.account, endpoint,
    )  # fmt: skip
    stage.stock.run(
        "insert into outbox (account_id, id, endpoint_id, record_id, event_type, occurred_at) values (%s, %s, %s, %s, 'record.final', %s)",
        stage.account, waiting, endpoint, stage.record, stage.at(3),
    )  # fmt: skip
    stage.stock.run(
        "insert into delivery (account_id, outbox_id, endpoint_id, record_id, event_type, at, tries, status_code, duration_ms, outcome)"
        " values (%s, %s, %s, %s, 'record.status', %s, 1, 200, 12, 'delivered')",
        stage.account, sent, endpoint, stage.record, stage.at(4),
    )  # fmt: skip
    told = await stage.reporting.explain_record(stage.account, stage.record)
    assert [(push.event_id, push.state, push.endpoint) for push in told.pushes] == [
        (waiting, "waiting", "crm"),
        (sent, "delivered", "crm"),
    ]


async def test_messages_of_its_steps_are_told(stage: Stage) -> None:
    carrier, *ids = stage.stock.ids.uuids(6)
    (other,) = stage.stock.records(stage.account, stage.request, [[number(2)]])
    stage.stock.run(
        "insert into carrier (account_id, id, name, channel, kind) values (%s, %s, 'calm', 'sms', 'smpp')", stage.account, carrier
    )  # fmt: skip
    for id_, record, channel, to in (
        (ids[0], stage.record, "sms", number(1)), (ids[1], stage.record, "email", "a@example.com"), (ids[2], other, "sms", number(2)),
    ):  # fmt: skip
        stage.stock.run(
            "insert into message (account_id, id, record_id, carrier_id, created_at, changed_at, deadline, channel, status, recipient, purpose,"
            " step) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'service', 'thanks')",
            stage.account, id_, record, carrier, stage.at(2), stage.at(2), stage.at(60), channel,
            "DELIVERED" if channel == "sms" else "Sent", to,
        )  # fmt: skip
        stage.stock.run(
            "insert into message_event (account_id, message_id, id, at, kind, to_status, data)"
            " values (%s, %s, %s, %s, 'message_accepted', 'SENT_TO_QUEUE', '{}')",
            stage.account, id_, stage.stock.ids.uuid(), stage.at(2),
        )  # fmt: skip
    told = await stage.reporting.explain_record(stage.account, stage.record)
    ((sms,), (mail,)) = (told.record.sms, told.record.emails)
    assert (sms.message_id, sms.to, sms.step, sms.carrier, sms.parts) == (ids[0], number(1), "thanks", "calm", 1)
    assert (mail.message_id, mail.to, mail.parts) == (ids[1], "a@example.com", None)
    lines = [entry for entry in told.timeline if entry.kind is Kind.MESSAGE]
    assert {entry.data["message_id"] for entry in lines} == {str(id_) for id_ in ids[:2]}
    assert all(entry.at == stage.at(2) for entry in lines)
    document = await stage.reporting.record(stage.account, stage.record)
    assert [one["status"] for one in cast("list[dict[str, Any]]", document["sms"])] == ["DELIVERED"]


async def test_traces_of_other_records_stay_theirs(stage: Stage) -> None:
    (other,) = stage.stock.records(stage.account, stage.request, [[number(2)]])
    told = await stage.reporting.explain_record(stage.account, other)
    assert told.record.attempts == ()
    assert isinstance(other, UUID)
