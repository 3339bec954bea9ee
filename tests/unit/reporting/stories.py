"""Histories of records as the store gives them, built line by line for the tests of the explanation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any
from uuid import UUID

from central.application.ports.message_reports import EventRow as MessageEventRow
from central.application.ports.message_reports import MessageRow
from central.application.ports.reporting import (
    AttemptRow,
    EventRow,
    LegRow,
    LegTrace,
    PushRow,
    RecordHead,
    RecordHistory,
    RecordRow,
)
from central.application.ports.telephony import SipMessage
from central.domain.ids import AccountId, FlowId, LegId, MessageId, RecordId, RequestId
from central.domain.policies import Policy, parse_policies
from central.flow.prepared import PreparedFlow, prepare_flow

BASE = datetime(2026, 3, 1, 12, tzinfo=UTC)
RECORD, REQUEST, VERSION = RecordId(UUID(int=1)), RequestId(UUID(int=2)), UUID(int=3)
US, THEM = "10.0.0.1:5060", "10.0.0.2:5060"
FLOW = b"""
flow: reminder
type: multicast
purpose: service
calls: {attempts: 2, expires_after: 24h}
variables:
  Name: {mandatory: true, rules: [{kind: length, min: 2, max: 40}]}
  Pin: {secret: true}
steps:
  start: {widget: start, next: call}
  call: {widget: make_call, on: {connected: bye}}
  bye: {widget: hang_up}
"""
MARKETING = FLOW.replace(b"purpose: service", b"purpose: marketing")
SECRET_KEYS = FLOW.replace(
    b"  bye:",
    b"  ask: {widget: menu, say: Your pin, length: 4, min_length: 1, store: Pin, on: {collected: bye, no_input: bye, invalid_exhausted: bye}}\n"
    b"  bye:",
)


def at(seconds: float) -> datetime:
    """So many seconds after the record came in."""
    return BASE + timedelta(seconds=seconds)


def prepared(document: bytes = FLOW) -> PreparedFlow:
    return prepare_flow(VERSION, AccountId(UUID(int=9)), FlowId("abcdefgh"), 3, document)


def policy(name: str = "LAB") -> Policy:
    text = resources.files("central.domain").joinpath("policies.toml").read_text(encoding="utf-8")
    return next(row for row in parse_policies(text) if row.id == name)


def sip(seconds: float, text: str, *, sent: bool = False) -> SipMessage:
    source, target = (US, THEM) if sent else (THEM, US)
    return SipMessage(at(seconds), sent, source, target, text.replace("\n", "\r\n"))


def request_text(method: str, *headers: str, body: str = "") -> str:
    lines = [f"{method} sip:919800000001@10.0.0.2 SIP/2.0", f"Via: SIP/2.0/UDP {US};branch=z9hG4bK-{method}"]
    return "\n".join([*lines, f"CSeq: 1 {method}", *headers, "", body])


def answer_text(status: str, *headers: str, method: str = "INVITE", body: str = "") -> str:
    lines = [f"SIP/2.0 {status}", f"Via: SIP/2.0/UDP {US};branch=z9hG4bK-{method}"]
    return "\n".join([*lines, f"CSeq: 1 {method}", *headers, "", body])


@dataclass
class Story:
    """What happened to one record; each method adds a row."""

    status: str = "UNPROCESSED"
    reason: str | None = None
    numbers: Sequence[str] = ("919800000001",)
    variables: Mapping[str, str] = field(default_factory=lambda: {"Name": "Asha", "Pin": "4711"})
    testing: bool = False
    due_at: datetime | None = None
    events: list[EventRow] = field(default_factory=list[EventRow])
    attempts: list[AttemptRow] = field(default_factory=list[AttemptRow])
    legs: list[LegRow] = field(default_factory=list[LegRow])
    traces: list[LegTrace] = field(default_factory=list[LegTrace])
    pushes: list[PushRow] = field(default_factory=list[PushRow])
    messages: list[MessageRow] = field(default_factory=list[MessageRow])
    message_lines: list[MessageEventRow] = field(default_factory=list[MessageEventRow])

    def event(
        self, seconds: float, kind: str, from_status: str | None = None, to_status: str | None = None, **more: Any
    ) -> Story:
        row: dict[str, Any] = {"late": False, "reason": None, "actor": "central", "data": None, **more}
        id_ = UUID(int=1000 + len(self.events))
        self.events.append(
            EventRow(id=id_, at=at(seconds), kind=kind, from_status=from_status, to_status=to_status, **row)
        )
        return self

    def created(self, to_status: str = "UNPROCESSED", **data: object) -> Story:
        return self.event(0, "record_created", "UNPROCESSED", to_status, data=data or None)

    def claimed(self, seconds: float, number: int = 1, **data: object) -> Story:
        self.event(
            seconds, "record_claimed", "UNPROCESSED", "IN_PROGRESS",
            data={"attempt": number, "policy": "policy LAB version 1", "zones": ["Asia/Kolkata"],
                  "expires_at": at(86_400).isoformat(), **data},
        )  # fmt: skip
        self.attempts.append(
            AttemptRow(
                number=number, id=UUID(int=50 + number), epoch=1, node="n1/g1", started_at=at(seconds), ended_at=None,
                outcome=None, result=None, charged=None, reserved=2_000, cost=0, policy_id="LAB", policy_version=1,
                dnd_version=7, blacklist_version=4, variables=None,
            )
        )  # fmt: skip
        return self

    def leg(self, seconds: float, **columns: Any) -> LegRow:
        values: dict[str, Any] = {
            "id": LegId(UUID(int=70 + len(self.legs))), "attempt_number": 1, "position": 0, "role": "customer",
            "direction": "outbound", "number_from": "918000000001", "number_to": "919800000001", "trunk": "lab",
            "node": "n1/g1", "handed_at": at(seconds), "ring_at": None, "connect_at": None, "end_at": at(seconds + 1),
            "status": "Busy", "code": 17, "q850": None, "sip_code": 486, "local": None, "phase": "dialing",
            "hangup_by": "CUSTOMER", "answered_ms": None, "cost": 0, "sip_call_id": "c1", "digits": (), "engine": None,
            **columns,
        }  # fmt: skip
        self.legs.append(LegRow(**values))
        return self.legs[-1]

    def message(self, seconds: float, *lines: tuple[float, str, str | None], **columns: Any) -> MessageRow:
        """A message of step ``thanks``; lines: when, kind, the status that it became."""
        values: dict[str, Any] = {
            "id": MessageId(UUID(int=500 + len(self.messages))), "channel": "sms", "status": "DELIVERED", "reason": "delivered",
            "detail": "", "recipient": "919800000001", "sender": "CLINIC", "text": "Hello", "subject": "", "encoding": "gsm7",
            "parts": 2, "tries": 1, "cost": 500, "purpose": "service", "step": "thanks", "client_identifier": "c-5",
            "carrier": "calm", "created_at": at(seconds), "changed_at": at(seconds), "deadline": at(86_400), **columns,
        }  # fmt: skip
        row = MessageRow(**values)
        self.messages.append(row)
        for when, kind, status in lines:
            self.message_lines.append(
                MessageEventRow(
                    message_id=row.id, at=at(when), kind=kind, late=False, from_status=None, to_status=status, reason=None,
                    part=None, data={"state": "DELIVRD", "detail": f"said of {row.recipient}"},
                )
            )  # fmt: skip
        return row

    def history(self) -> RecordHistory:
        record = RecordRow(
            id=RECORD, request_id=REQUEST, row_number=5, numbers=self.numbers, client_identifier="c-5", status=self.status,
            reason=self.reason, epoch=1, attempts_made=len(self.attempts), attempts_charged=len(self.attempts),
            due_at=self.due_at, expires_at=at(86_400), changed_at=at(9), last_call_status=None, time_zone=None, priority=0,
            held_status=None, held_due_at=None, struck=0, variables=self.variables,
        )  # fmt: skip
        head = RecordHead(
            flow_id="abcdefgh", flow_name="reminder", flow_type="multicast", flow_version=3, flow_version_id=VERSION,
            testing=self.testing, request_name="list", control="running", flow_control="running", end_at=None,
            currency="INR", country="IN",
        )  # fmt: skip
        return RecordHistory(
            record,
            head,
            self.events,
            self.attempts,
            self.legs,
            self.traces,
            self.pushes,
            self.messages,
            self.message_lines,
        )


def walked() -> list[dict[str, object]]:
    """The notes of a flow from its start over a call to its end."""
    return [
        {"kind": "step", "at": at(1.05).isoformat(), "step": "start", "widget": "start"},
        {"kind": "branch", "at": at(1.05).isoformat(), "step": "start", "branch": "next", "to": "call"},
        {"kind": "step", "at": at(1.05).isoformat(), "step": "call", "widget": "make_call"},
        {"kind": "dial", "at": at(1.05).isoformat(), "step": "call", "position": 0, "number": "919800000001"},
        {
            "kind": "dial",
            "at": at(1.7).isoformat(),
            "step": "call",
            "position": 0,
            "result": "answered",
            "machine": False,
        },
        {"kind": "branch", "at": at(1.7).isoformat(), "step": "call", "branch": "connected", "to": "bye"},
        {"kind": "step", "at": at(1.7).isoformat(), "step": "bye", "widget": "hang_up"},
        {"kind": "digits", "at": at(2.5).isoformat(), "step": "bye", "entry": "1", "attempt": 1},
        {"kind": "variable", "at": at(2.5).isoformat(), "step": "bye", "name": "Answer", "value": "yes"},
        {
            "kind": "warning",
            "at": at(2.6).isoformat(),
            "step": "bye",
            "code": "variable_unresolved",
            "variables": ["X"],
        },
        {"kind": "end", "at": at(4.7).isoformat(), "step": "bye", "reason": ""},
    ]


def finished_call() -> Story:
    """One attempt, one answered call with its messages and its way through the flow, delivered to a webhook."""
    story = Story(status="COMPLETED", reason="completed").created().claimed(1)
    leg = story.leg(
        1.1, status="Connected", code=16, sip_code=None, local="hangup_by_us", phase="answered", hangup_by="SYSTEM",
        ring_at=at(1.3), connect_at=at(1.7), end_at=at(4.7), answered_ms=3000, cost=1000,
        digits=[{"digit": "1", "at": at(2.5).isoformat(), "ms": 160}],
    )  # fmt: skip
    sdp = "Content-Type: application/sdp"
    story.traces.append(
        LegTrace(
            leg.id,
            "c1",
            [
                sip(1.15, request_text("INVITE", sdp, body="v=0\na=sendrecv\n"), sent=True),
                sip(1.3, answer_text("180 Ringing")),
                sip(1.7, answer_text("200 OK", sdp, body="v=0\n")),
                sip(1.701, request_text("ACK"), sent=True),
                sip(4.69, request_text("BYE", "Reason: Q.850;cause=16"), sent=True),
                sip(4.70, answer_text("200 OK", method="BYE")),
            ],
            dropped=2,
        )
    )
    notes = walked()
    story.event(4.8, "flow_walked", data={"attempt": 1, "notes": notes})
    story.event(
        4.8, "record_ended", "IN_PROGRESS", "COMPLETED", reason="completed",
        data={"rule": "7.4 row 8", "sentence": "The flow reached its end.", "attempt": 1, "result": "Connected", "charged": True},
    )  # fmt: skip
    story.attempts[0] = ended(story.attempts[0], 4.8)
    story.pushes.append(PushRow(UUID(int=80), "crm", "record.final", at(5), None, "delivered", 2, 200, 31, None, None))
    return story


def ended(row: AttemptRow, seconds: float) -> AttemptRow:
    return AttemptRow(
        number=row.number, id=row.id, epoch=1, node=row.node, started_at=row.started_at, ended_at=at(seconds), outcome="done",
        result="Connected", charged=True, reserved=row.reserved, cost=1000, policy_id="LAB", policy_version=1, dnd_version=7,
        blacklist_version=4, variables={"Name": "Asha", "Pin": "4711", "Answer": "yes"},
    )  # fmt: skip
