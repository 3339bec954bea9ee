"""The messages that a record's steps sent: as a list, and line by line in its timeline (path step 7). Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Final, Literal

from central.application.ports.message_reports import EventRow, MessageRow
from central.application.ports.reporting import RecordHistory
from central.application.reporting.explanation import Entry, Kind
from central.application.reporting.hide_messages import as_seen, line_as_seen
from central.application.reporting.record_values import MessageView
from central.application.reporting.tell_messages import explain_message, tell_event
from central.domain.secret_recipients import is_secret_recipient

_CHANNELS: Final = {"sms": "SMS", "email": "E-mail"}


def view_messages(rows: Sequence[MessageRow], channel: Literal["sms", "email"]) -> tuple[MessageView, ...]:
    """The messages of one channel, in order."""
    return tuple(_view(row) for row in rows if row.channel == channel)


def tell_messages(rows: Sequence[MessageRow], lines: Sequence[EventRow]) -> Iterator[Entry]:
    """Every line of their histories as a line of the timeline."""
    known = {row.id: row for row in rows}
    for line in lines:
        row = known[line.message_id]
        change = f": {line.to_status}" if line.to_status and line.to_status != line.from_status else ""
        step = f" of step {row.step}" if row.step else ""
        yield Entry(
            line.at,
            Kind.MESSAGE,
            f"{_CHANNELS[row.channel]}{step} to {row.recipient}{change}",
            tell_event(line),
            data={"message_id": str(row.id), "kind": line.kind, "step": row.step, "late": line.late},
        )


def hide_secret_recipients(history: RecordHistory, secrets: Collection[str]) -> RecordHistory:
    """The same history with messages as people see them; recipients that one of these secret values holds are hidden, too."""
    known = {row.id: row for row in history.messages}
    hidden = {row.id for row in history.messages if is_secret_recipient(row.recipient, secrets)}
    return replace(
        history,
        messages=[as_seen(row, hidden=row.id in hidden) for row in history.messages],
        message_lines=[
            line_as_seen(line, known[line.message_id], hidden=line.message_id in hidden)
            for line in history.message_lines
        ],
    )


def _view(row: MessageRow) -> MessageView:
    return MessageView(
        message_id=row.id,
        step=row.step,
        to=row.recipient,
        sender=row.sender,
        status=row.status,
        reason=row.reason or None,
        explanation=explain_message(row),
        parts=row.parts if row.channel == "sms" else None,
        carrier=row.carrier or None,
        tries=row.tries,
        cost=row.cost,
        created_at=row.created_at,
        changed_at=row.changed_at,
        due_at=row.due_at,
        handed_at=row.handed_at,
    )
