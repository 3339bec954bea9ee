"""Messages in words: why one has the status that it has, and what each line of its history means. Pure (path step 7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from central.application.ports.message_reports import EventRow, MessageRow
from central.domain.message_events import MessageEvent as Kind
from central.domain.statuses import EmailStatus, SmsStatus

_REASONS: Final[Mapping[str, str]] = {
    "account_inactive": "The account is not active.",
    "account_validity_expired": "The account's validity was over when its turn came.",
    "blacklisted": "The recipient is on the account's blacklist.",
    "dlt_missing": "The carrier asks for the registration ids of entity and template, and they are missing.",
    "dnd": "The recipient is in the do-not-disturb register, and this is marketing.",
    "email_disabled": "E-mail is switched off for the account.",
    "expired": "Its time ran out while it still waited in our queue.",
    "hand_over_lost": "We ended while it was being handed over: it may have left us, so it is not sent again.",
    "insufficient_balance": "Balance and credit limit did not cover it.",
    "international_disabled": "The number is abroad, and the account may not write there.",
    "invalid_number": "The number is none that can get an SMS.",
    "no_gateway": "No carrier of the account takes messages to this recipient.",
    "no_receipt": "The carrier took it and never told what became of it.",
    "not_whitelisted": "It is a test, and the recipient is not on the whitelist.",
    "outcome_uncertain": "It left us, and no answer came: it may have been taken, so it is not sent again.",
    "quiet_hours": "No hour in which it may be sent lies within its validity.",
    "sms_disabled": "SMS is switched off for the account.",
    "waits_for_its_hours": "It waits for an hour in which it may be sent.",
    "stale_register": "The do-not-disturb register is too old to be relied on.",
    "suppressed": "The recipient wants, or can get, no more mail of this account.",
    "taken_back": "It was taken back.",
    "template_mismatch": "The text does not match its registered template.",
    "template_unknown": "The account has no such template.",
    "text_empty": "There was nothing to send.",
    "text_too_long": "The text takes more parts than are sent.",
}
_STATUSES: Final[Mapping[str, str]] = {
    SmsStatus.DELIVERED: "The operator confirms that the handset has it.",
    SmsStatus.EXPIRED: "Its validity ended before it was delivered.",
    SmsStatus.FAILED: "It never got past the hand-over.",
    SmsStatus.INVALID_NUMBER: "The number cannot get an SMS.",
    SmsStatus.REJECTED: "The operator refused it.",
    SmsStatus.UNDELIVERED: "The operator reports that it could not be delivered.",
    SmsStatus.OTHER: "The operator told nothing that says what became of it.",
    EmailStatus.SUCCESS: "It is taken over and waits to be sent.",
    EmailStatus.SENT: "The relay took it; nothing more is known yet.",
    EmailStatus.DELIVERED: "The recipient's mail server has it.",
    EmailStatus.FAILURE: "Sending broke down on our side before it left.",
    EmailStatus.EMPTY_EMAIL_LIST: "There was nobody to send it to.",
    EmailStatus.INVALID_DATA: "A part of it other than the addresses cannot be used.",
    EmailStatus.INVALID_FROM_EMAIL: "The sender is malformed, or not a proved identity of the account.",
    EmailStatus.INVALID_TO_EMAIL: "The recipient's address is malformed.",
    EmailStatus.BOUNCED: "The receiving side returned it as undeliverable.",
    EmailStatus.REJECTED: "It was refused by policy.",
    EmailStatus.COMPLAINT: "The recipient reported it as unwanted.",
    EmailStatus.OPENED: "The recipient's program fetched its tracking image.",
    EmailStatus.CLICKED: "The recipient followed a link in it.",
}


def explain_message(row: MessageRow) -> str:
    """Why the message has its status, in one or two sentences."""
    if row.status == SmsStatus.SENT_TO_QUEUE and row.reason != "outcome_uncertain":
        return _on_its_way(row)
    words = [_STATUSES.get(row.status, ""), _REASONS.get(row.reason, "")]
    if row.detail and row.reason not in _REASONS:
        words.append(row.detail)
    elif row.reason and row.reason not in _REASONS:
        words.append(f"Reason: {row.reason.replace('_', ' ')}.")
    return " ".join(word for word in words if word)


def _on_its_way(row: MessageRow) -> str:
    if row.due_at is not None:
        wait = f"It waits in our queue, due {row.due_at:%Y-%m-%d %H:%M:%S} UTC."
        return (
            wait
            if not row.tries
            else f"{wait} {row.tries} tries before did not reach a carrier: {row.detail or row.reason}"
        )
    carrier = f"The carrier {row.carrier}" if row.carrier else "The carrier"
    return f"{carrier} has it; a receipt has not come yet."


def tell_event(line: EventRow) -> str:
    """What a line of the history says, in one sentence."""
    data = line.data or {}
    part = f" (part {line.part})" if line.part else ""
    reason = _REASONS.get(line.reason or "", (line.reason or "").replace("_", " "))
    match line.kind:
        case Kind.ACCEPTED:
            return f"Taken over as {line.to_status}." if not line.reason else f"{line.to_status}: {reason}"
        case Kind.HANDED_OVER:
            return f"Handed over to carrier {data.get('carrier', '')}, try {data.get('try', 1)}."
        case Kind.ANSWERED if "remote_id" in data:
            return f"The carrier took it{part} as {data['remote_id'] or '(no id)'}."
        case Kind.ANSWERED:
            code = " ".join(str(data[name]) for name in ("code", "name") if data.get(name))
            return f"The carrier did not take it{part}: {code} {data.get('detail', '')}".strip()
        case Kind.PUT_OFF:
            return f"It may not go at this hour, and waits until {data.get('until', '')}."
        case Kind.NOT_SENT:
            return f"It did not leave us{part}: {data.get('detail') or reason}."
        case Kind.UNCERTAIN:
            return f"No answer came{part}: it may have been taken, and is not sent again."
        case Kind.TAKE_BACK_ASKED:
            return (
                "It is taken back: if it still waits it ends, and if a carrier has it that is asked not to deliver it."
            )
        case Kind.RECEIPT_CAME:
            return _tell_receipt(data, part, late=line.late)
        case Kind.CLICKED if "url" in data:
            return f"The link to {data['url']} was followed, the {data.get('clicks', 1)}. time."
        case Kind.ENDED:
            return f"Ended as {line.to_status}: {reason}"
        case _:
            return f"{line.kind.replace('_', ' ').capitalize()}. {reason}".strip()


def _tell_receipt(data: Mapping[str, object], part: str, *, late: bool) -> str:
    error = f", error {data['error']}" if data.get("error") else ""
    if data.get("state") == "CANCEL":
        return f"The carrier keeps it{part}{error}." if error else f"The carrier has taken it back{part}."
    return f"Receipt{part}: {data.get('state', '')}{error}.{' It came too late to change anything.' if late else ''}"
