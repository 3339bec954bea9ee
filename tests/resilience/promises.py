"""What must hold whatever dies when: asked of the API's answers, the far end's INVITEs and the pushes. Pure.

Each function answers with the violations it finds, a line each; the words *lost* and *doubled* are those of the issue.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from central.domain.moves import FINAL_FLOW, lawful
from central.domain.status_rows import Family
from examples.carrier import Invite
from tests.resilience.load import ATTEMPTS, Contact
from tests.resilience.push_receiver import Push

Document = Mapping[str, Any]
_REFUSED_AT_INTAKE = "INVALID_CONTACT_NUMBER"
_MICROS = Decimal(1_000_000)


def counts_add_up(request: Document, before: Document | None, listed: int) -> list[str]:
    """Domain 7.5, I1 to I3, at any moment; ``before`` is an earlier look at the same request."""
    n, wrong = request["counts"], list[str]()
    if n["loaded"] != n["valid"] + n["invalid"] + n["ncpr"] + n["pending"]:
        wrong.append(f"I1: {n}")
    if not n["completed"] <= n["valid"] <= n["added"] <= n["loaded"] <= listed:
        wrong.append(f"I2: {n}, listed {listed}")
    if not request["loading"]:
        if n["loaded"] != listed:
            wrong.append(f"{n['loaded']} of {listed} rows are loaded")
        if n["pending"] == 0 and n["invalid"] < n["loaded"] - n["added"] - n["ncpr"]:
            wrong.append(f"I3: {n}")
    if min(n["valid"], n["invalid"], n["ncpr"], n["pending"], *request["statuses"].values(), 0) < 0:
        wrong.append(f"a count below zero: {n} {request['statuses']}")
    if before is not None:
        for name in ("loaded", "added", "completed"):
            if n[name] < before["counts"][name]:
                wrong.append(f"{name} fell from {before['counts'][name]} to {n[name]}")
        if request["attempts"] < before["attempts"]:
            wrong.append(f"attempts fell from {before['attempts']} to {request['attempts']}")
    return wrong


def rows_are_records(contacts: Sequence[Contact], records: Sequence[Document]) -> list[str]:
    """Every row of the list became one record."""
    seen = Counter(record["client_identifier"] for record in records)
    wrong = [f"row {contact.name} has {seen[contact.name]} records" for contact in contacts if seen[contact.name] != 1]
    return wrong + [f"nobody listed {name}" for name in seen.keys() - {contact.name for contact in contacts}]


def record_is_whole(record: Document, contact: Contact) -> list[str]:
    """One record of ``GET /records/{id}`` that has ended: its status, attempts and legs agree."""
    head, name, wrong = record, contact.name, list[str]()
    status = head["status"]
    if status not in FINAL_FLOW:
        return [f"lost: {name} is {status}, due {head['due_at']}"]
    if contact.may_answer is None:
        return [] if status == _REFUSED_AT_INTAKE and not record["attempts"] else [f"{name}: {status}, must be refused"]
    if not contact.may_answer and status in {"COMPLETED", "SHORT_HANGUP"}:
        wrong.append(f"{name} never answers and is {status}")
    attempts = record["attempts"]
    if head["attempts_made"] != len(attempts):
        wrong.append(f"{name}: {head['attempts_made']} attempts made, {len(attempts)} shown")
    charged = sum(bool(attempt["charged"]) for attempt in attempts)
    if head["attempts_charged"] != charged or charged > ATTEMPTS:
        wrong.append(
            f"I4: {name}: {head['attempts_charged']} charged, {charged} of the attempts are, {ATTEMPTS} allowed"
        )
    for attempt in attempts:
        wrong += [f"{name} attempt {attempt['number']}: {what}" for what in _attempt(attempt)]
    answered = any(leg["connect_at"] for attempt in attempts for leg in attempt["legs"])
    if status == "COMPLETED" and not answered:
        wrong.append(f"{name} is COMPLETED and nobody answered")
    return wrong


def _attempt(attempt: Document) -> list[str]:
    wrong: list[str] = []
    if attempt["ended_at"] is None or attempt["outcome"] not in {"done", "unknown"}:
        wrong.append(f"never ended ({attempt['outcome']})")
    for leg in attempt["legs"]:
        if leg["end_at"] is None or leg["status"] is None:
            wrong.append(f"leg {leg['leg_id']} never ended")
        elif leg["connect_at"] is not None and leg["status"] != "Connected":
            wrong.append(f"leg {leg['leg_id']} was answered and is {leg['status']}")
    if attempt["charged"] is False and any(leg["phase"] not in {None, "none"} for leg in attempt["legs"]):
        free = {leg["status"] for leg in attempt["legs"]} <= {"Channel Unavailable", "Channel Busy"}
        if not free:
            wrong.append("a call was made and not charged")
    return wrong


def status_history(record: Document) -> list[str]:
    """The timeline's changes of status: a lawful chain, one final event for each epoch (I5), ending at the record's status."""
    head, changes, wrong = record, record["statuses"], list[str]()
    name = head["client_identifier"]
    for earlier, later in itertools.pairwise(changes):
        if earlier["to_status"] != later["from_status"]:
            wrong.append(f"{name}: {earlier['to_status']}, then from {later['from_status']}")
    for change in changes:
        if (
            not lawful(Family.FLOW, change["from_status"], change["to_status"])
            and change["from_status"] != change["to_status"]
        ):
            wrong.append(f"{name}: unlawful {change['from_status']} -> {change['to_status']}")
    finals = [change["to_status"] for change in changes if change["to_status"] in FINAL_FLOW]
    if len(finals) != head["epoch"]:
        wrong.append(f"I5: {name} has {len(finals)} final events in {head['epoch']} epochs: {finals}")
    if not changes or changes[-1]["to_status"] != head["status"]:
        wrong.append(f"{name} is {head['status']}, its last event says otherwise")
    return wrong


def far_end_agrees(invites: Iterable[Invite], records: Iterable[Document]) -> list[str]:
    """No call twice, none that we do not know of, none where we say that nothing was sent."""
    legs: dict[tuple[str, int], list[Document]] = defaultdict(list)
    for record in records:
        for attempt in record["attempts"]:
            for leg in attempt["legs"]:
                legs[attempt["attempt_id"], leg["position"]].append(leg)
    heard: dict[tuple[str, int], list[Invite]] = defaultdict(list)
    for invite in invites:
        heard[_tag(invite)].append(invite)
    wrong: list[str] = []
    for key, calls in heard.items():
        if len({call.call_id for call in calls}) > 1:
            wrong.append(f"doubled: {len(calls)} calls for attempt {key[0]} position {key[1]}")
        ours = legs.get(key, [])
        if not ours:
            wrong.append(f"the far end was called, and no leg is shown: attempt {key[0]} position {key[1]}")
        elif all(leg["phase"] in {None, "none"} for leg in ours):
            wrong.append(f"the far end was called, and we say that nothing was sent: leg {ours[0]['leg_id']}")
    for key, ours in legs.items():
        if any(leg["connect_at"] for leg in ours) and key not in heard:
            wrong.append(f"leg {ours[0]['leg_id']} was answered, and the far end knows nothing of it")
    return wrong


def _tag(invite: Invite) -> tuple[str, int]:
    attempt, _, rest = invite.attempt.partition(";")
    values = {key: value for key, _, value in (part.partition("=") for part in rest.split(";"))}
    return attempt, int(values.get("position", -1))


def pushes_tell_it(record: Document, pushes: Sequence[Push]) -> list[str]:
    """At least once and in order: every change of status, then the end."""
    head, wrong = record, list[str]()
    name = head["client_identifier"]
    changes = [push.body for push in pushes if push.type == "record.status"]
    finals = [push.body for push in pushes if push.type == "record.final"]
    if len(finals) != 1 or finals[0]["status"] != head["status"]:
        wrong.append(f"{name} is {head['status']}; pushed as final: {[body['status'] for body in finals]}")
    if not pushes or pushes[-1].type != "record.final":
        wrong.append(f"{name}: the last push is {pushes[-1].type if pushes else 'missing'}")
    for earlier, later in itertools.pairwise(changes):
        if earlier["status"] != later["previous"]:
            wrong.append(f"{name}: pushed {earlier['status']}, then a change from {later['previous']}")
    if changes and changes[-1]["status"] != head["status"]:
        wrong.append(f"{name} is {head['status']}; the last change pushed is {changes[-1]['status']}")
    return wrong


def money_adds_up(account: Document, opening: Decimal, records: Iterable[Document]) -> list[str]:
    """Balance = opening - what the legs cost; nothing stays reserved once everything has ended."""
    spent = Decimal(sum(leg["cost"] for record in records for attempt in record["attempts"] for leg in attempt["legs"]))
    wrong: list[str] = []
    if Decimal(account["reserved"]) != 0:
        wrong.append(f"{account['reserved']} stay reserved")
    if Decimal(account["balance"]) != opening - spent / _MICROS:
        wrong.append(f"balance {account['balance']}, must be {opening - spent / _MICROS}")
    return wrong


def no_immediate_redial(record: Document) -> list[str]:
    """An attempt never begins before the one before it has ended (domain 7.3: never an immediate blind redial)."""
    attempts, wrong = record["attempts"], list[str]()
    for earlier, later in itertools.pairwise(attempts):
        if earlier["ended_at"] and datetime.fromisoformat(later["started_at"]) < datetime.fromisoformat(
            earlier["ended_at"]
        ):
            wrong.append(f"{record['client_identifier']}: attempt {later['number']} began before the one before ended")
    return wrong
