"""Who writes HELP is answered, seldom enough that two machines come to an end; STOP and START where the account has a text."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

import pytest

from central.adapters.postgres.pool import Pool
from central.adapters.postgres.text_answers import PostgresOwedAnswers, PostgresTextAnswers
from central.application.administration.acting import Actor, Auditor
from central.application.administration.maintain_text_answers import MaintainTextAnswers
from central.application.messaging.answer_texts import AnswerTexts
from central.application.ports.carriers import Submission
from central.domain.errors import InvalidInput, NotFound
from central.domain.ids import AccountId
from central.domain.text_answers import DEFAULT_HELP, LIMIT_ANSWERS
from tests.fakes.carrier import FakeCarrier
from tests.integration.messaging.conftest import Post, Served

ONE, TWO = "919800000001", "919800000002"
STOPPED = "You get no more messages."


@dataclass
class Desk:
    """An account with a carrier, and who answers its texts."""

    post: Post
    account: AccountId
    served: Served
    fake: FakeCarrier
    keep: MaintainTextAnswers
    answer: AnswerTexts
    left: list[Submission] = field(default_factory=list[Submission])

    async def put(self, wish: Literal["help", "stop", "start"], text: str, to: str = "") -> None:
        await self.keep.put(Actor(self.account, "key:test"), wish, text, recipient=to)

    async def write(self, *texts: tuple[str, str]) -> list[Submission]:
        """What people write comes in; the answers that leave then."""
        before = len(self.left)
        await self.post.hear(self.served, self.fake, *(self.fake.text(sender, text) for sender, text in texts))
        await self.answer.step()
        while await self.served.send():
            self.left += self.fake.submitted
            self.fake.answer_all()
            await self.post.hear(self.served, self.fake)
        return self.left[before:]

    def states(self) -> list[object]:
        return [row[0] for row in self.post.stock.rows("select answer_state from inbound_text order by id")]


@pytest.fixture
async def desk(post: Post, api_pool: Pool) -> Desk:
    account = post.stock.account()
    served, fake = await post.serve(post.carrier(account))
    keep = MaintainTextAnswers(PostgresTextAnswers(api_pool), Auditor(post.clock, post.ids))
    answer = AnswerTexts(PostgresOwedAnswers(post.pool), post.accept, post.telemetry)
    return Desk(post, account, served, fake, keep, answer)


def said(batch: list[Submission]) -> list[tuple[str, str]]:
    return [(one.to, one.text) for one in batch]


async def test_help_is_answered_from_the_number_that_was_written_to(desk: Desk) -> None:
    answers = await desk.write((ONE, "Help!"), (TWO, "Is it ready?"))
    assert said(answers) == [(ONE, DEFAULT_HELP)]
    assert answers[0].sender == desk.fake.text(ONE, "").to
    assert desk.states() == ["answered", ""]


async def test_the_account_chooses_the_words_for_all_or_for_a_number_and_none_at_all(desk: Desk) -> None:
    to = desk.fake.text(ONE, "").to
    await desk.put("help", "Call 1800.")
    assert said(await desk.write((ONE, "HELP"))) == [(ONE, "Call 1800.")]
    await desk.put("help", "Write to shop@example.com.", to)
    assert said(await desk.write((TWO, "HELP"))) == [(TWO, "Write to shop@example.com.")]
    await desk.put("help", "", to)
    assert await desk.write(("919800000003", "HELP")) == []
    assert desk.states()[-1] == ""


async def test_two_machines_that_answer_each_other_come_to_an_end(desk: Desk) -> None:
    await desk.put("help", "HELP")  # and so does the other side
    answered = 0
    for _ in range(3 * LIMIT_ANSWERS):
        answered += len(await desk.write((ONE, "HELP")))
        desk.post.clock.forward(timedelta(minutes=61))
    assert answered == LIMIT_ANSWERS
    assert desk.states().count("too_many") == 2 * LIMIT_ANSWERS
    assert len(await desk.write((TWO, "HELP"))) == 1
    desk.post.clock.forward(timedelta(days=1))
    assert len(await desk.write((ONE, "HELP"), (ONE, "help"), (ONE, "info"))) == 1


async def test_a_stop_is_confirmed_once_and_only_where_there_is_a_text(desk: Desk) -> None:
    assert await desk.write((ONE, "STOP")) == []
    await desk.put("stop", STOPPED)
    assert said(await desk.write((TWO, "STOP"))) == [(TWO, STOPPED)]
    desk.post.clock.forward(timedelta(hours=2))
    assert await desk.write((TWO, "STOP"), (ONE, "STOP")) == []  # they have stopped before
    (row,) = await desk.post.write(desk.account, TWO)
    assert row.reason == "blacklisted"
    assert said(await desk.write((TWO, "HELP"))) == [(TWO, DEFAULT_HELP)]


async def test_a_start_is_confirmed_and_frees(desk: Desk) -> None:
    await desk.put("start", "Welcome back.")
    await desk.write((ONE, "STOP"))
    assert said(await desk.write((ONE, "START"))) == [(ONE, "Welcome back.")]
    (row,) = await desk.post.write(desk.account, ONE)
    assert row.reason == ""


async def test_whom_the_account_itself_blacklisted_gets_no_answer(desk: Desk) -> None:
    desk.post.stock.run(
        "insert into list_entry (account_id, list, number) values (%s, 'blacklist', %s)", desk.account, ONE
    )
    assert await desk.write((ONE, "HELP"), (ONE, "START")) == []


async def test_what_was_answered_before_a_crash_is_not_answered_again(desk: Desk) -> None:
    await desk.write((ONE, "HELP"))
    desk.post.stock.run("update inbound_text set answer_state = 'waits'")
    assert await desk.write() == []
    assert desk.states() == ["answered"]


async def test_an_account_without_money_answers_nobody(desk: Desk) -> None:
    desk.post.stock.run("update account set state = 'suspended' where id = %s", desk.account)
    assert await desk.write((ONE, "HELP")) == []
    assert desk.states() == ["refused"]


async def test_answers_are_listed_and_removed_and_bad_ones_refused(desk: Desk) -> None:
    actor = Actor(desk.account, "key:test")
    await desk.put("stop", STOPPED)
    await desk.put("stop", "Done.")
    (row,) = await desk.keep.page(actor, None, 10)
    assert (row.wish, row.text) == ("stop", "Done.")
    await desk.keep.remove(actor, row.id)
    assert await desk.keep.page(actor, None, 10) == []
    with pytest.raises(NotFound):
        await desk.keep.remove(actor, row.id)
    for text, to, code in (
        ("x" * 2_000, "", "text_too_long"),
        ("\0", "", "bad_text"),
        ("x", "a b", "invalid_recipient"),
    ):
        with pytest.raises(InvalidInput) as caught:
            await desk.put("help", text, to)
        assert caught.value.code == code
