"""What an SMS is told before it waits: may it go, by whom, and when. Pure, first failure wins (domain 12; messaging tables)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from central.application.ports.carriers import CarrierId
from central.application.ports.message_store import Acceptance, ListDate, NewMessage
from central.application.ports.messages import ShortMessage
from central.domain.accounts import Account, AccountState, Switch, validity_over
from central.domain.binary_messages import fits_itself, header_fault, read_binary
from central.domain.calling_hours import effective_rules, next_opening
from central.domain.message_routes import CarrierRoute, carriers_for
from central.domain.numbers import is_international, normalise
from central.domain.policies import Policy, Purpose
from central.domain.senders import SENDER, SENDER_RULE
from central.domain.short_messages import LIMIT_PARTS
from central.domain.sms_templates import matches_template
from central.domain.statuses import SmsStatus
from central.domain.zones import zones_of

DEFAULT_VALIDITY: Final = timedelta(hours=24)
_STOP: Final = SmsStatus.FAILED
_BROKEN: Final = re.compile("[\x00\ud800-\udfff]")
ANSWERS: Final = "answers"
"""Among the ids of a message: the wish of a person that it answers."""
ANSWERED_ALL_THE_SAME: Final = frozenset({"blacklist"})
"""Who says STOP is blacklisted before it is confirmed, and may call for help later."""
Fault = tuple[SmsStatus, str, str]
"""Status, reason and a sentence for people."""
NO_HOUR: Final[Fault] = (
    SmsStatus.EXPIRED, "quiet_hours", "No hour in which it may be sent lies within its validity.",
)  # fmt: skip


def judge_sms(message: ShortMessage, facts: Acceptance, policy: Policy | None, now: datetime) -> NewMessage:
    """The row of this message: SENT_TO_QUEUE with carrier and due time, or its end with the reason."""
    routes = carriers_for(facts.routes, message.to, message.id)
    fault = _fault(message, facts, policy, routes, now)
    deadline = max(now, message.send_at or now) + (message.validity or DEFAULT_VALIDITY)
    status, reason, detail = fault or (SmsStatus.SENT_TO_QUEUE, "", "")
    wanted = max(now, message.send_at or now)
    due = None if fault else opens_at(message.to, message.purpose, facts.account, policy, wanted)
    if due is not None and due >= deadline:
        (status, reason, detail), due = NO_HOUR, None
    template = facts.templates.get(message.template_id)
    ids = {
        "template": message.template_id,
        "entity": message.entity_id or (template.entity_id if template else ""),
        ANSWERS: message.answers,
    }
    return NewMessage(
        id=message.id,
        account_id=message.account_id,
        channel="sms",
        recipient=message.to,
        status=status,
        reason=reason,
        detail=detail,
        created_at=now,
        due_at=due,
        deadline=deadline,
        purpose=message.purpose,
        carrier_id=CarrierId(routes[0].carrier_id) if routes and due is not None else None,
        record_id=message.record_id,
        request_id=message.request_id,
        parts=message.parts,
        sender=message.sender or (template.sender if template else ""),
        text=message.text.encode(errors="replace").decode() if reason == "bad_text" else message.text,
        encoding=message.encoding,
        step=message.step,
        client_identifier=message.client_identifier,
        ids={name: value for name, value in ids.items() if value},
        testing=message.testing,
        priority=message.priority,
        price=facts.account.rate_plan.sms_price(message.to, message.parts) if due is not None else 0,
        shown_text=None if message.shown in {None, message.text} else message.shown,
        recipient_hidden=message.hidden,
    )


def listed_fault(
    recipient: str,
    hits: frozenset[str],
    lists: Mapping[str, ListDate],
    policy: Policy | None,
    purpose: str,
    now: datetime,
    *,
    testing: bool,
) -> Fault | None:
    """What the lists say: asked when it is accepted, and again when it is handed over."""
    if "blacklist" in hits:
        return _STOP, "blacklisted", f"{recipient} is on the account's blacklist."
    if testing and "whitelist" not in hits:
        return _STOP, "not_whitelisted", "Tests write to whitelisted numbers only."
    scrub = None if policy is None else policy.scrubs(Purpose(purpose), "sms")
    if scrub is None or "whitelist" in hits:
        return None
    date = lists.get("dnd")
    if scrub.on_stale == "block" and (date is None or date.fresh_at is None or now - date.fresh_at > scrub.max_age):
        return (
            _STOP,
            "stale_register",
            "The do-not-disturb register is older than the policy allows, or was never loaded.",
        )
    if any(f"dnd:{register}" in hits for register in scrub.registers):
        return _STOP, "dnd", f"{recipient} is in the do-not-disturb register."
    return None


def _fault(
    message: ShortMessage, facts: Acceptance, policy: Policy | None, routes: list[CarrierRoute], now: datetime
) -> Fault | None:
    if normalise("+" + message.to, "") != message.to:
        return SmsStatus.INVALID_NUMBER, "invalid_number", f"{message.to!r} is no number that can get an SMS."
    hits = facts.hits.get(message.to, frozenset())
    if message.answers:
        hits -= ANSWERED_ALL_THE_SAME
    return (
        _account_fault(message, facts, now)
        or listed_fault(message.to, hits, facts.lists, policy, message.purpose, now, testing=message.testing)
        or _text_fault(message, facts, routes)
    )


def _account_fault(message: ShortMessage, facts: Acceptance, now: datetime) -> Fault | None:
    account = facts.account
    if account.state is not AccountState.ACTIVE and not message.testing:
        return _STOP, "account_inactive", f"The account is {account.state}."
    if validity_over(account, now):
        return _STOP, "account_validity_expired", f"The account was valid until {account.valid_until}."
    if not account.has(Switch.SMS):
        return _STOP, "sms_disabled", "SMS is switched off for this account."
    if not account.has(Switch.INTERNATIONAL_CALLING) and is_international(message.to, account.country):
        return _STOP, "international_disabled", f"The number is outside of {account.country}."
    if facts.free < account.rate_plan.sms_price(message.to, message.parts):
        return _STOP, "insufficient_balance", "Balance and credit limit do not cover it."
    return None


def _text_fault(message: ShortMessage, facts: Acceptance, routes: list[CarrierRoute]) -> Fault | None:
    if message.sender and not SENDER.fullmatch(message.sender):
        return _STOP, "sender_invalid", SENDER_RULE
    if _BROKEN.search(message.text):
        return _STOP, "bad_text", "The text holds NUL, or half of a character (a lone surrogate)."
    if fault := _data_fault(message):
        return _STOP, "bad_data", fault
    if not message.text.strip():
        return _STOP, "text_empty", "There is nothing to send."
    if message.parts > LIMIT_PARTS:
        return _STOP, "text_too_long", f"It would take {message.parts} parts, more than {LIMIT_PARTS}."
    template = facts.templates.get(message.template_id)
    if message.template_id and facts.keeps_templates and template is None:
        return _STOP, "template_unknown", f"The account has no template {message.template_id}."
    if template is not None and not matches_template(template.text, message.text):
        return _STOP, "template_mismatch", f"The text does not match the registered template {template.id}."
    if not routes:
        return _STOP, "no_gateway", "No carrier of this account takes messages to this number."
    entity = message.entity_id or (template.entity_id if template else "")
    missing = {"entity": not entity, "template": not message.template_id}
    if any(missing.get(need, False) for need in routes[0].needs):
        return _STOP, "dlt_missing", "The carrier asks for the registration ids of entity and template."
    return None


def _data_fault(message: ShortMessage) -> str:
    """What is wrong with 8-bit data, "" = nothing, or it is a text."""
    if message.encoding != "binary":
        return ""
    header, octets = read_binary(message.text)
    if fault := header_fault(header):
        return fault
    return "" if fits_itself(header, octets) else "It is a part by its own header, and longer than a message."


def opens_at(recipient: str, purpose: str, account: Account, policy: Policy | None, wanted: datetime) -> datetime:
    """When it may go, from ``wanted`` on: marketing waits for the hours of the policy in the recipient's zones."""
    hours = None if policy is None else policy.calling_hours(Purpose(purpose))
    if hours is None:
        return wanted
    rules = effective_rules(None, ZoneInfo(account.time_zone), hours, [ZoneInfo(name) for name in zones_of(recipient)])
    return next_opening(rules, wanted) or datetime.max.replace(tzinfo=wanted.tzinfo)
