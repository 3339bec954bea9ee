"""What an e-mail is told before it waits, each recipient by itself. Pure; the first failure wins, in the order of domain 13.

That is: sender, other fields, nobody left, the recipient's shape, lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import Final
from uuid import UUID

from central.application.ports.carriers import CarrierId
from central.application.ports.message_store import Acceptance, NewMessage
from central.application.ports.messages import Mail, MailFile
from central.domain.accounts import AccountState, Switch, validity_over
from central.domain.ids import MessageId
from central.domain.message_routes import carriers_for
from central.domain.statuses import EmailStatus
from central.domain.value_shapes import is_email, is_header_text, wire_address

LIMIT_RECIPIENTS: Final = 100
LIMIT_SUBJECT_CHARS: Final = 998
LIMIT_FILES: Final = 20
MIB: Final = 1024 * 1024
LIMIT_FILES_BYTES: Final = 18 * MIB
"""Of all files of one e-mail, wherever they come from. In base64 they take a third more, and relays take some 25 MB."""
DEFAULT_VALIDITY: Final = timedelta(hours=24)
Fault = tuple[EmailStatus, str, str]


def recipients_of(mail: Mail) -> list[str]:
    """Everybody who is to get it, each once, as it goes over the wire where it can: to, then cc, then bcc."""
    everybody = (wire_address(one) or one for one in (*mail.to, *mail.cc, *mail.bcc))
    return list({one.casefold(): one for one in everybody}.values())


def judge_mail(
    mail: Mail, ids: Sequence[UUID], facts: Acceptance, content: UUID, now: datetime, unfit: Fault | None = None
) -> list[NewMessage]:
    """A row for each recipient; one row without a recipient when there is nobody. ids: at least as many, the mail's own first.

    unfit: why it can never be composed.
    """
    everybody = recipients_of(mail)
    whole = fault_of(mail, facts) or unfit or _account_fault(facts, now)
    if not everybody:
        return [_row(mail, MessageId(ids[0]), "", whole or _EMPTY, facts, content, now)]
    return [
        _row(mail, MessageId(id_), to, whole or _recipient_fault(mail, to, facts), facts, content, now)
        for to, id_ in zip(everybody, ids, strict=False)
    ]


def fault_of(mail: Mail, facts: Acceptance) -> Fault | None:
    """What is wrong with the mail as it is written, whoever gets it."""
    return _sender_fault(mail, facts) or _content_fault(mail) or _file_fault(mail, facts)


def file_bytes(mail: Mail, facts: Acceptance) -> int:
    """Of all its files, before they are encoded."""
    return sum(len(one.content) for one in mail.files) + sum(facts.files[name] for name in mail.attachments)


_EMPTY: Final[Fault] = (EmailStatus.EMPTY_EMAIL_LIST, "nobody", "There is nobody to send to.")


def _row(
    mail: Mail, id_: MessageId, to: str, fault: Fault | None, facts: Acceptance, content: UUID, now: datetime
) -> NewMessage:
    status, reason, detail = fault or (EmailStatus.SUCCESS, "", "")
    routes = carriers_for(facts.routes, "", id_)
    if fault is None and not routes:
        status, reason, detail = EmailStatus.FAILURE, "no_gateway", "The account has no relay."
    taken = status is EmailStatus.SUCCESS
    return NewMessage(
        id=id_,
        account_id=mail.account_id,
        channel="email",
        recipient=to[:320],
        status=status,
        reason=reason,
        detail=detail,
        created_at=now,
        due_at=max(now, mail.send_at or now) if taken else None,
        deadline=max(now, mail.send_at or now) + (mail.validity or DEFAULT_VALIDITY),
        purpose=mail.purpose,
        carrier_id=CarrierId(routes[0].carrier_id) if taken else None,
        record_id=mail.record_id,
        request_id=mail.request_id,
        content_id=content,
        sender=mail.sender[:320],
        step=mail.step,
        client_identifier=mail.client_identifier,
        testing=mail.testing,
        recipient_hidden=mail.hidden,
    )


def _sender_fault(mail: Mail, facts: Acceptance) -> Fault | None:
    wrong = EmailStatus.INVALID_FROM_EMAIL
    _, address = parseaddr(mail.sender)
    if not mail.sender:
        if facts.domains:
            return None  # the account's own
        return wrong, "sender_unproved", "The account has proved no domain to send from."
    if not is_header_text(mail.sender) or wire_address(address) is None:
        return wrong, "sender_invalid", "The sender is no address."
    domain = address.rpartition("@")[2].casefold()
    if domain not in facts.domains:
        return wrong, "sender_unproved", f"The account has not proved that {domain} is its own."
    return None


def _content_fault(mail: Mail) -> Fault | None:
    wrong = EmailStatus.INVALID_DATA
    if not is_header_text(mail.subject) or not 0 < len(mail.subject) <= LIMIT_SUBJECT_CHARS:
        return wrong, "subject_invalid", f"A subject is one line of 1 to {LIMIT_SUBJECT_CHARS} characters."
    if not any(body.strip() for body in (mail.text, mail.html, mail.mjml)):
        return wrong, "text_empty", "There is nothing to send."
    if mail.reply_to and not (is_header_text(mail.reply_to) and wire_address(parseaddr(mail.reply_to)[1])):
        return wrong, "reply_to_invalid", "The address for answers is none."
    if not all(_nameable(one) for one in mail.files):
        return wrong, "attachment_name", "The name of a file is empty, or holds an end of a line or the like."
    if len(recipients_of(mail)) > LIMIT_RECIPIENTS:
        return wrong, "recipients_too_many", f"An e-mail goes to at most {LIMIT_RECIPIENTS}."
    return None


def _nameable(file: MailFile) -> bool:
    return bool(file.name.strip()) and is_header_text(file.name)


def _file_fault(mail: Mail, facts: Acceptance) -> Fault | None:
    wrong = EmailStatus.INVALID_DATA
    if len(mail.files) + len(mail.attachments) > LIMIT_FILES:
        return wrong, "attachments_too_many", f"An e-mail brings at most {LIMIT_FILES} files."
    missing = next((name for name in mail.attachments if name not in facts.files), None)
    if missing is not None:
        return wrong, "attachment_missing", f"The account has no file {missing[:128]}."
    size = file_bytes(mail, facts)
    if size > LIMIT_FILES_BYTES:
        detail = (
            f"All files of an e-mail together have at most {LIMIT_FILES_BYTES // MIB} MiB; these have {size} bytes."
        )
        return wrong, "attachments_too_large", detail
    return None


def _account_fault(facts: Acceptance, now: datetime) -> Fault | None:
    account, wrong = facts.account, EmailStatus.FAILURE
    if account.state is not AccountState.ACTIVE:
        return wrong, "account_inactive", f"The account is {account.state}."
    if validity_over(account, now):
        return wrong, "account_validity_expired", f"The account was valid until {account.valid_until}."
    if not account.has(Switch.EMAIL):
        return wrong, "email_disabled", "E-mail is switched off for this account."
    if facts.free < account.rate_plan.email:
        return wrong, "insufficient_balance", "Balance and credit limit do not cover it."
    return None


def _recipient_fault(mail: Mail, to: str, facts: Acceptance) -> Fault | None:
    if wire_address(to) is None:
        detail = "cannot be written to: letters before the @ are ASCII." if is_email(to) else "is no address."
        return EmailStatus.INVALID_TO_EMAIL, "address_invalid", f"{to[:80]!r} {detail}"
    hits = facts.hits.get(to, frozenset())
    found = next((hit for hit in hits if hit.startswith("suppressed:")), None)
    if found is not None:
        word = found.partition(":")[2]
        return EmailStatus.REJECTED, "suppressed", f"The recipient is on the suppression list: {word}."
    if mail.testing and "whitelist" not in hits:
        return EmailStatus.REJECTED, "not_whitelisted", "Tests write to whitelisted recipients only."
    return None
