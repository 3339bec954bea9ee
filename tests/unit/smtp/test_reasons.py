"""The table of replies, row by row as the project's decisions state it."""

from __future__ import annotations

import pytest

from central.adapters.smtp.opening import Stage
from central.adapters.smtp.reasons import (
    UNFIT,
    answered,
    cut,
    judged,
    opening_alerts,
    opening_stops,
    remote_id,
    retry_after_s,
    unfit,
)
from central.adapters.smtp.replies import Reply
from central.application.ports.carriers import NotSent, NotTaken, Taken, Uncertain
from central.domain.statuses import EmailStatus

FAILURE, REJECTED, BOUNCED = EmailStatus.FAILURE, EmailStatus.REJECTED, EmailStatus.BOUNCED

TABLE: list[tuple[Stage, str, EmailStatus, str, str]] = [
    # stage, reply, status, reason, flags: r retry, a alert, h/2/s suppression, x relay stopped
    ("mail", "421 busy", FAILURE, "temporary", "r"),
    ("mail", "451 4.7.1 later", FAILURE, "temporary", "r"),
    ("mail", "550 5.1.8 bad sender", REJECTED, "sender_refused", "a"),
    ("mail", "550 5.1.7 bad sender", REJECTED, "sender_refused", "a"),
    ("mail", "501 syntax", REJECTED, "sender_refused", "a"),
    ("mail", "550 no", REJECTED, "sender_refused", "a"),
    ("mail", "553 5.0.0 no", REJECTED, "sender_refused", "a"),
    ("mail", "550 5.7.1 no", REJECTED, "policy", "a"),
    ("mail", "530 5.7.0 log in first", FAILURE, "login_refused", "rax"),
    ("mail", "535 no", FAILURE, "login_refused", "rax"),
    ("mail", "552 too big", REJECTED, "content", ""),
    ("mail", "550 5.3.4 too big", REJECTED, "content", ""),
    ("mail", "552 5.2.3 too big", REJECTED, "content", ""),
    ("mail", "500 what", FAILURE, "protocol", "a"),
    ("mail", "503 5.5.1 order", FAILURE, "protocol", "a"),
    ("mail", "555 5.5.4 parameters", FAILURE, "protocol", "a"),
    ("mail", "599 5.9.9 new", FAILURE, "protocol", "a"),
    ("rcpt", "450 4.2.2 full", FAILURE, "temporary", "r"),
    ("rcpt", "452 4.5.3 many", FAILURE, "temporary", "r"),
    ("rcpt", "550 5.1.1 unknown", BOUNCED, "no_such_mailbox", "h"),
    ("rcpt", "550 5.1.0 x", BOUNCED, "no_such_mailbox", "h"),
    ("rcpt", "550 5.1.10 null MX", BOUNCED, "no_such_mailbox", "h"),
    ("rcpt", "556 null MX", BOUNCED, "no_such_mailbox", "h"),
    ("rcpt", "550 5.1.8 sender", REJECTED, "sender_refused", "a"),
    ("rcpt", "550 5.7.27 sender", REJECTED, "sender_refused", "a"),
    ("rcpt", "550 no such person here", BOUNCED, "mailbox_refused", "2"),
    ("rcpt", "553 5.0.0 not here", BOUNCED, "mailbox_refused", "2"),
    ("rcpt", "550 blocked by Spamhaus, see https://x", REJECTED, "policy", ""),
    ("rcpt", "550 Message refused by policy", REJECTED, "policy", ""),
    ("rcpt", "550 5.2.1 disabled", BOUNCED, "mailbox_disabled", "h"),
    ("rcpt", "552 5.2.2 full", BOUNCED, "mailbox_full", "s"),
    ("rcpt", "552 full", BOUNCED, "mailbox_full", "s"),
    ("rcpt", "554 5.7.1 refused", REJECTED, "policy", ""),
    ("rcpt", "554 refused", REJECTED, "policy", ""),
    ("rcpt", "550 5.6.7 utf8", REJECTED, "content", ""),
    ("rcpt", "550 5.3.4 big", REJECTED, "content", ""),
    ("rcpt", "550 5.4.1 relay access", FAILURE, "recipient_refused", ""),
    ("rcpt", "550 5.3.0 x", FAILURE, "recipient_refused", ""),
    ("rcpt", "504 x", FAILURE, "recipient_refused", ""),
    ("data", "451 4.3.0 later", FAILURE, "temporary", "r"),
    ("data", "554 no", REJECTED, "policy", ""),
    ("dot", "451 4.3.0 later", FAILURE, "temporary", "r"),
    ("dot", "552 too big", REJECTED, "content", ""),
    ("dot", "550 5.6.0 mime", REJECTED, "content", ""),
    ("dot", "554 5.7.1 spam", REJECTED, "policy", ""),
    ("dot", "550 no", REJECTED, "policy", ""),
    ("dot", "550 5.7.27 sender", REJECTED, "sender_refused", "a"),
    ("rcpt", "354 go", FAILURE, "not_smtp", "ra"),
]


@pytest.mark.parametrize(("stage", "said", "status", "reason", "flags"), TABLE)
def test_row(stage: Stage, said: str, status: EmailStatus, reason: str, flags: str) -> None:
    verdict = judged(stage, Reply(int(said[:3]), (said[4:],)))
    shown = (
        "r" * verdict.retry + "a" * verdict.alert + {"": "", "hard": "h", "second": "2", "soft": "s"}[verdict.suppress]
    )
    assert (verdict.status, verdict.reason, shown + "x" * verdict.stop) == (status, reason, flags)


def test_an_answer_says_everything() -> None:
    answer = answered("rcpt", Reply(550, ("5.1.1 no", "such user")), 1, in_place=True, direct=False)
    assert answer == NotTaken(
        code="550 5.1.1",
        name="",
        reason="no_such_mailbox",
        status=BOUNCED,
        suppress="hard",
        detail="5.1.1 no such user",
    )


def test_a_message_is_tried_again_later_and_later() -> None:
    answer = answered("mail", Reply(451, ("later",)), 3, in_place=True, direct=False)
    assert isinstance(answer, NotTaken)
    assert (answer.retry, answer.delay_s) == (True, 240.0)
    assert [retry_after_s(n) for n in (0, 1, 2, 8, 9, 1000)] == [60.0, 60.0, 120.0, 7680.0, 14400.0, 14400.0]


def test_250_by_the_recipients_own_server_is_delivered() -> None:
    reply = Reply(250, ("2.0.0 Ok: queued as 4F1",))
    assert answered("dot", reply, 1, in_place=True, direct=False) == Taken("4F1", delivered=False)
    assert answered("dot", reply, 1, in_place=True, direct=True) == Taken("4F1", delivered=True)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("2.0.0 Ok: queued as 4bX9z2K", "4bX9z2K"),
        ("OK id=1rABCD-000abc-2x", "1rABCD-000abc-2x"),
        ("Ok 0102018f3a5e-1c2d-000000", "0102018f3a5e-1c2d-000000"),
        ("2.0.0 51BAAXYZ012345 Message accepted for delivery", "51BAAXYZ012345"),
        ("thanks", ""),
    ],
)
def test_the_relays_own_name_is_kept(text: str, name: str) -> None:
    assert remote_id(Reply(250, (text,))) == name


@pytest.mark.parametrize("reply", [Reply(0, ("nonsense",)), Reply(354, ("go",))])
def test_nonsense_behind_the_dot_is_uncertain_and_never_resent(reply: Reply) -> None:
    assert answered("dot", reply, 1, in_place=False, direct=False) == Uncertain("not_smtp", reply.text, alert=True)


def test_nonsense_before_the_dot_is_tried_again() -> None:
    answer = answered("data", Reply(0, ("nonsense",)), 1, in_place=False, direct=False)
    assert isinstance(answer, NotTaken)
    assert (answer.retry, answer.alert, answer.code, answer.name) == (True, True, "", "NOT_SMTP")


def test_a_cut_is_uncertain_only_behind_the_dot() -> None:
    assert cut("dot", "reset", whole=True) == Uncertain("link_lost", "reset")
    assert isinstance(cut("dot", "reset", whole=False), NotSent)
    assert cut("", "reset", whole=False) == NotSent("link_lost", "before mail: reset")


def test_every_unfit_message_has_a_verdict() -> None:
    for reason in UNFIT:
        assert not unfit(reason).retry


@pytest.mark.parametrize(
    ("reason", "reply", "alerts", "stops"),
    [
        ("greeting_refused", Reply(421, ("busy",)), False, False),
        ("greeting_refused", Reply(554, ("no",)), True, False),
        ("greeting_refused", Reply(0, ("SSH",)), True, False),
        ("link_lost", Reply(0, ("refused",)), False, False),
        ("login_refused", Reply(535, ("no",)), True, True),
        ("login_refused", Reply(454, ("later",)), True, False),
        ("no_common_login", None, True, True),
        ("tls_failed", Reply(0, ("bad",)), True, False),
    ],
)
def test_an_opening_that_fails(reason: str, reply: Reply | None, alerts: bool, stops: bool) -> None:
    assert (opening_alerts(reason, reply), opening_stops(reason, reply)) == (alerts, stops)
