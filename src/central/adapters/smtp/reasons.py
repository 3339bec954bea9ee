"""What a relay's reply means for a message: a total table of stage and reply, as data. Pure.

Step 3 of the path (channel). Source: the project's table of SMTP replies (docs/reference, e-mail), after RFC 5321 section 4.2.3, RFC
3463 and what mailbox providers write. Enhanced code first, then the three digits; x.0.0 says nothing and counts as none. A reply
after the final dot that is no reply, or none at all, leaves it unknown whether the relay has the message: that is Uncertain.
"""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec

from central.adapters.smtp.opening import Stage
from central.adapters.smtp.replies import Reply
from central.application.ports.carriers import Answer, NotSent, NotTaken, Suppress, Taken, Uncertain
from central.domain.statuses import EmailStatus

Where = frozenset[Stage]
_MAIL: Final[Where] = frozenset({"mail"})
_RCPT: Final[Where] = frozenset({"rcpt"})
_CONTENT: Final[Where] = frozenset({"data", "dot"})
_EACH: Final[Where] = _MAIL | _RCPT | _CONTENT

_RETRY_FIRST_S: Final = 60.0
_RETRY_MOST_S: Final = 4 * 3600.0
_BAD: Final = 500

POLICY_WORDS: Final = re.compile(
    r"\b(?:polic(?:y|ies)|block(?:ed|list(?:ed)?|ing)?|black-?list(?:ed)?|spam\w*|listed|rbl|dnsbl|reputation|abus(?:e|ive)|"
    r"spamhaus|banned|denied by|unsolicited|junk|dmarc|spf|dkim)\b",
    re.IGNORECASE,
)
"""A refusal without an enhanced code that speaks of these is about us, not about the mailbox."""


class Verdict(msgspec.Struct, frozen=True):
    """What a refusal means. status: of the message when it is not tried again. stop: this relay takes no log-in of ours."""

    status: EmailStatus
    reason: str
    retry: bool = False
    alert: bool = False
    suppress: Suppress = ""
    stop: bool = False


class Row(msgspec.Struct, frozen=True):
    """One row: at ``stages``, one of ``enhanced`` (class digit left out: ``1.1``, ``7.*``) or one of ``codes`` (0 = any 5xx)."""

    stages: Where
    enhanced: tuple[str, ...]
    codes: tuple[int, ...]
    verdict: Verdict
    words: re.Pattern[str] | None = None


_SENDER: Final = Verdict(EmailStatus.REJECTED, "sender_refused", alert=True)
_SIZE_OR_CONTENT: Final = Verdict(EmailStatus.REJECTED, "content")
_POLICY: Final = Verdict(EmailStatus.REJECTED, "policy")
_TEMPORARY: Final = Verdict(EmailStatus.FAILURE, "temporary", retry=True)
_PROTOCOL: Final = Verdict(EmailStatus.FAILURE, "protocol", alert=True)
_LOGIN: Final = Verdict(EmailStatus.FAILURE, "login_refused", retry=True, alert=True, stop=True)
_NOT_SMTP: Final = Verdict(EmailStatus.FAILURE, "not_smtp", retry=True, alert=True)

LOGIN_CODES: Final = frozenset({530, 534, 535, 538})
"""A log-in that is asked for at MAIL or RCPT is the relay's matter, not the message's, whatever the enhanced code (RFC 4954, 6)."""

ROWS: Final[tuple[Row, ...]] = (
    Row(_EACH, ("1.7", "1.8", "7.27"), (), _SENDER),
    Row(_MAIL, (), (501, 550, 553), _SENDER),
    Row(_MAIL, ("7.*",), (), Verdict(EmailStatus.REJECTED, "policy", alert=True)),
    Row(_MAIL, ("2.3", "3.4"), (552,), _SIZE_OR_CONTENT),
    Row(_MAIL, ("5.*",), (0,), _PROTOCOL),
    Row(
        _RCPT,
        ("1.0", "1.1", "1.2", "1.3", "1.4", "1.6", "1.10"),
        (556,),
        Verdict(EmailStatus.BOUNCED, "no_such_mailbox", suppress="hard"),
    ),
    Row(_RCPT, (), (550, 551, 553), _POLICY, POLICY_WORDS),
    Row(_RCPT, (), (550, 551, 553), Verdict(EmailStatus.BOUNCED, "mailbox_refused", suppress="second")),
    Row(_RCPT, ("2.1",), (), Verdict(EmailStatus.BOUNCED, "mailbox_disabled", suppress="hard")),
    Row(_RCPT, ("2.0", "2.2", "2.4"), (552,), Verdict(EmailStatus.BOUNCED, "mailbox_full", suppress="soft")),
    Row(_RCPT, ("7.*",), (554,), _POLICY),
    Row(_RCPT, ("2.3", "3.4", "6.*"), (), _SIZE_OR_CONTENT),
    Row(_RCPT, ("3.*", "4.*", "5.*"), (0,), Verdict(EmailStatus.FAILURE, "recipient_refused")),
    Row(_CONTENT, ("2.3", "3.4", "6.*"), (552,), _SIZE_OR_CONTENT),
    Row(_CONTENT, ("7.*",), (0,), _POLICY),
)

UNFIT: Final[dict[str, Verdict]] = {
    "bad_recipient": Verdict(EmailStatus.FAILURE, "bad_recipient", alert=True),
    "bad_sender": Verdict(EmailStatus.FAILURE, "bad_sender", alert=True),
    "bare_line_end": Verdict(EmailStatus.FAILURE, "bare_line_end", alert=True),
    "too_large": Verdict(EmailStatus.REJECTED, "content"),
    "relay_lacks_smtputf8": Verdict(EmailStatus.FAILURE, "relay_lacks_smtputf8", alert=True),
    "relay_lacks_8bitmime": Verdict(EmailStatus.FAILURE, "relay_lacks_8bitmime", alert=True),
}
"""Messages that are not offered to the relay at all (``commands.Unfit``): format and size are checked before, so most are our fault."""

_ALERTING: Final = frozenset({
    "greeting_refused", "no_starttls", "starttls_refused", "tls_failed", "clear_text_after_starttls", "login_refused",
    "login_needs_tls", "no_common_login", "not_smtp",
})  # fmt: skip
_STOPPING: Final = frozenset({"login_refused", "login_needs_tls", "no_common_login", "starttls_refused"})

_REMOTE_IDS: Final = (
    re.compile(r"queued as ([A-Za-z0-9.-]+)"),  # Postfix, and many that imitate it
    re.compile(r"\bid=([A-Za-z0-9-]+)"),  # Exim
    re.compile(r"^(?:2\.\d\.\d )?[Oo][Kk] ([A-Za-z0-9.@-]{8,})$"),  # Amazon SES
    re.compile(r"^2\.0\.0 ([A-Za-z0-9]{8,}) Message accepted"),  # Sendmail
)


def judged(stage: Stage, reply: Reply) -> Verdict:
    """The verdict on a reply that takes no message (4xx, 5xx, or no reply in its place)."""
    if not reply.code or reply.code < 400:  # noqa: PLR2004 - 2xx and 3xx out of place
        return _NOT_SMTP
    if reply.code < _BAD:
        return _TEMPORARY
    if reply.code in LOGIN_CODES and stage in _MAIL | _RCPT:
        return _LOGIN
    rows = [row for row in ROWS if stage in row.stages]
    enhanced = reply.enhanced
    if enhanced is not None and enhanced[1:] != (0, 0):
        names = (f"{enhanced[1]}.{enhanced[2]}", f"{enhanced[1]}.*")
        for row in rows:
            if any(name in row.enhanced for name in names):
                return row.verdict
    for row in rows:
        if (reply.code in row.codes or 0 in row.codes) and (row.words is None or row.words.search(reply.text)):
            return row.verdict
    return _PROTOCOL


def answered(stage: Stage, reply: Reply, tries: int, *, in_place: bool, direct: bool) -> Answer:
    """What became of a message by the relay's last word about it. direct: the relay is the recipient's own server."""
    if stage == "dot" and in_place and reply.good:
        return Taken(remote_id(reply), direct)
    if stage == "dot" and not in_place:
        return Uncertain("not_smtp", reply.text, alert=True)
    verdict = judged(stage, reply)
    return NotTaken(
        code=reply.shown(),
        name=verdict.reason.upper() if not reply.code else "",
        reason=verdict.reason,
        status=verdict.status,
        retry=verdict.retry,
        delay_s=retry_after_s(tries) if verdict.retry else 0.0,
        alert=verdict.alert,
        suppress=verdict.suppress,
        detail=reply.text,
    )


def unfit(reason: str) -> NotTaken:
    """What becomes of a message that cannot go this way."""
    verdict = UNFIT[reason]
    return NotTaken(code="", name="", reason=verdict.reason, status=verdict.status, alert=verdict.alert, detail=reason)


def cut(stage: Stage | Literal[""], detail: str, *, whole: bool) -> NotSent | Uncertain:
    """What becomes of a message whose connection ended under it."""
    return Uncertain("link_lost", detail) if whole else NotSent("link_lost", f"{stage or 'before mail'}: {detail}")


def opening_alerts(reason: str, reply: Reply | None) -> bool:
    """A person must look: the fault will not go by itself. A 4xx greeting is a busy relay and nothing else."""
    return reason in _ALERTING and (
        reply is None or not reply.code or reply.code >= _BAD or reason != "greeting_refused"
    )


def opening_stops(reason: str, reply: Reply | None) -> bool:
    """The relay is not tried again for long: a log-in that is repeated gets the account locked. 4xx (454) is temporary."""
    return reason in _STOPPING and (reply is None or reply.code >= _BAD)


def retry_after_s(tries: int) -> float:
    """1 minute after the first try, doubling, at most 4 hours."""
    return min(_RETRY_FIRST_S * float(1 << min(max(tries - 1, 0), 20)), _RETRY_MOST_S)


def remote_id(reply: Reply) -> str:
    """The relay's own name for a message it took, "" where it gives none that we know to read."""
    for pattern in _REMOTE_IDS:
        found = pattern.search(reply.text)
        if found:
            return found[1]
    return ""
