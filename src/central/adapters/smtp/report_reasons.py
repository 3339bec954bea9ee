"""What a report means for a message: total tables of actions, codes, feedback types and provider events, as data. Pure.

Step 3 of the path (channel). Source: the project's table of what comes back later, after RFC 3464 (actions), RFC 3463 (codes), RFC
5965 and the IANA registry of feedback types, and Amazon SES's event contents. Action first, then the code: a final failure may
carry 4.x.x. A code of x.0.0 says nothing; then the diagnostic text is looked into.
"""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec

from central.adapters.smtp.reasons import POLICY_WORDS
from central.adapters.smtp.reports import AutoReply, BounceGuess, Complaint, DeliveryReport, Item
from central.application.ports.carriers import Suppress
from central.domain.statuses import EmailStatus

Sort = Literal["", "hard", "soft", "policy", "ours", "unknown"]
_CODE: Final = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")


class Meaning(msgspec.Struct, frozen=True):
    """What the news does. status None = none moves."""

    status: EmailStatus | None = None
    sort: Sort = ""
    reason: str = ""
    suppress: Suppress | Literal["complaint"] = ""
    alert: bool = False
    source: Literal["", "dsn", "provider"] = ""


_BOUNCED: Final = EmailStatus.BOUNCED
HARD: Final = Meaning(_BOUNCED, "hard", "no_such_mailbox", "hard")
SOFT: Final = Meaning(_BOUNCED, "soft", "not_delivered", "soft")
POLICY: Final = Meaning(_BOUNCED, "policy", "policy")
UNKNOWN: Final = Meaning(_BOUNCED, "unknown", "unknown_bounce", "soft")
COMPLAINT: Final = Meaning(EmailStatus.COMPLAINT, "", "complaint", "complaint")

FAILED: Final[tuple[tuple[tuple[str, ...], Meaning], ...]] = (
    (("1.7", "1.8"), Meaning(_BOUNCED, "ours", "sender_refused", alert=True)),
    (("2.1",), Meaning(_BOUNCED, "hard", "mailbox_disabled", "hard")),
    (("4.4",), Meaning(_BOUNCED, "hard", "no_such_domain", "hard")),
    (("1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.10"), HARD),
    (("2.3", "3.4", "6.*"), Meaning(_BOUNCED, "ours", "content", alert=True)),
    (("5.*",), Meaning(_BOUNCED, "ours", "protocol", alert=True)),
    (("2.2",), Meaning(_BOUNCED, "soft", "mailbox_full", "soft")),
    (("2.0", "2.4", "3.*", "4.*"), SOFT),
    (("7.*",), POLICY),
)
"""Action failed with 5.x.y: the first row that names ``x.y`` or ``x.*``. Any 4.x.y is soft, anything else unknown."""

ACTIONS: Final[dict[str, Meaning]] = {
    "delayed": Meaning(reason="delayed"),
    "relayed": Meaning(reason="relayed"),
    "expanded": Meaning(reason="expanded"),
    "delivered": Meaning(EmailStatus.DELIVERED, reason="delivered", source="dsn"),
}
"""All but ``failed``; any other word changes nothing and is looked at by a person."""

FEEDBACK: Final[dict[str, Meaning]] = {
    "fraud": msgspec.structs.replace(COMPLAINT, alert=True),
    "virus": msgspec.structs.replace(COMPLAINT, alert=True),
    "not-spam": Meaning(reason="not_spam"),
    "auth-failure": Meaning(reason="auth_failure", alert=True),
}
"""``abuse``, ``other``, none and every word that is not registered: a complaint."""


def meaning_of(item: Item) -> Meaning:
    """What one item of a report means."""
    match item:
        case DeliveryReport(action="failed"):
            return failed(item.status, item.diagnostic)
        case DeliveryReport(action=action):
            return ACTIONS.get(action, Meaning(reason="unknown_action", alert=True))
        case Complaint(feedback=feedback):
            return FEEDBACK.get(feedback, COMPLAINT)
        case BounceGuess():
            return UNKNOWN
        case AutoReply():
            return Meaning(reason="automatic_reply")
        case _:
            return Meaning(reason=item.why)


def failed(status: str, diagnostic: str) -> Meaning:
    """A final failure by its code and its diagnostic text."""
    code = told_code(status, diagnostic)
    if code.startswith("4."):
        return SOFT
    if code.startswith("5.") and not code.endswith(".0.0"):
        family, _, _ = code[2:].partition(".")
        for names, meaning in FAILED:
            if code[2:] in names or f"{family}.*" in names:
                return meaning
        return UNKNOWN
    return POLICY if POLICY_WORDS.search(diagnostic) else UNKNOWN


def told_code(status: str, diagnostic: str) -> str:
    """The code that says most: the status field's, or the diagnostic text's where that one is missing or x.0.0. "" = none."""
    codes = [
        f"{found[1]}.{int(found[2])}.{int(found[3])}" for text in (status, diagnostic) for found in _CODE.finditer(text)
    ]
    return next((code for code in codes if not code.endswith(".0.0")), codes[0] if codes else "")
