"""Whoever has the bounce address of an e-mail can write to it for ever, and fills no history."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from central.adapters.postgres.account_files import PostgresFiles
from central.application.messaging.accept_mails import AcceptMails
from central.application.messaging.store_mail_news import MOST_REPORTS, StoreHeard
from central.application.ports.carriers import MailHeard
from central.application.ports.message_store import NewMessage
from central.application.ports.messages import Mail
from central.domain.ids import AccountId, MessageId
from central.domain.policies import Purpose
from central.domain.statuses import EmailStatus
from tests.fakes.mail_drafts import trials
from tests.integration.messaging.conftest import Post
from tests.integration.messaging.mails import history, relay, sent, status


@pytest.mark.parametrize("at_once", [1, 40])
async def test_only_so_many_reports_of_an_e_mail_are_kept_and_its_end_all_the_same(post: Post, at_once: int) -> None:
    account = post.stock.account()
    relay(post, account)
    message = await sent(post, account)
    hear = StoreHeard(post.store, post.clock, post.ids, post.telemetry)

    def away(number: int, moves: EmailStatus | None = None) -> MailHeard:
        return MailHeard(
            id=message, status=moves, word="reply", kind="reply", detail="away",
            report_id=f"<{number}@far.example>", at=post.clock.now(),
        )  # fmt: skip

    reports = [away(number) for number in range(MOST_REPORTS + 30)]
    for begin in range(0, len(reports), at_once):
        await hear(reports[begin : begin + at_once])
    assert len(history(post, message, "report_came")) == MOST_REPORTS
    await hear([away(1000, EmailStatus.COMPLAINT)])
    assert status(post, message) == "Complaint"
    assert len(history(post, message, "report_came")) == MOST_REPORTS + 1


async def write(post: Post, account: AccountId, *to: str) -> Sequence[NewMessage]:
    mail = Mail(
        id=MessageId(post.ids.uuid()), account_id=account, to=to, subject="Hello", text="Hello.", purpose=Purpose.TRANSACTIONAL,
        sender="news@shop.example.com",
    )  # fmt: skip
    (rows,) = await AcceptMails(post.store, PostgresFiles(post.pool), trials(), post.clock).accept([mail])
    return rows


@pytest.mark.parametrize("listed", ["zoe@xn--hme-sna.example.com", "zoe@h\u00f6me.example.com"])
async def test_both_forms_of_an_international_address_are_one(post: Post, listed: str) -> None:
    account = post.stock.account()
    relay(post, account)
    (row,) = await write(post, account, listed)
    assert row.status == "Success"
    post.stock.run("update message set status = 'Sent', due_at = null where id = %s", row.id)
    hear = StoreHeard(post.store, post.clock, post.ids, post.telemetry)
    await hear([
        MailHeard(
            id=row.id, status=EmailStatus.COMPLAINT, word="abuse", kind="complaint", reason="complaint",
            report_id="<1@far.example>", at=post.clock.now(), suppress="complaint",
        )
    ])  # fmt: skip
    (both,) = await write(post, account, "Zoe@H\u00f6me.example.com", "zoe@XN--HME-SNA.example.com")
    assert (both.status, both.reason) == ("Rejected", "suppressed")
