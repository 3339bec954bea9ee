"""The promises of SmsChannel, MailChannel and MessageStates, on the fakes and on what stores messages in PostgreSQL."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from uuid import uuid4

import pytest

from central.adapters.postgres.account_files import PostgresFiles
from central.adapters.postgres.dispatch_store import PostgresDispatch
from central.adapters.postgres.library import PostgresLibrary
from central.adapters.postgres.message_states import PostgresMessageStates
from central.adapters.postgres.messages import PostgresMessages
from central.adapters.postgres.pool import Pool
from central.adapters.system import SystemClock, SystemIds
from central.application.messaging.accept_mails import AcceptMails
from central.application.messaging.accept_messages import AcceptShortMessages
from central.application.messaging.shorten_links import ShortenLinks
from central.application.ports.messages import (
    Accepted,
    Mail,
    MailChannel,
    MessageState,
    MessageStates,
    Refused,
    ShortMessage,
    SmsChannel,
)
from central.domain.errors import NeighbourError
from central.domain.ids import AccountId, MessageId, RecordId
from central.domain.policies import Purpose
from central.domain.short_messages import measure
from tests.fakes.mail_drafts import trials
from tests.fakes.messages import MemoryMail, MemorySms
from tests.stock import Stock

IDS = SystemIds()
GOOD, BLOCKED, SUPPRESSED = "919800000001", "919800000002", "b@example.com"


class Bench(ABC):
    """Both channels of an account that may write to anybody but one number and one address, and what they keep."""

    account: AccountId
    sms: SmsChannel
    mail: MailChannel
    states: MessageStates

    @abstractmethod
    async def kept(self) -> Counter[MessageId]:
        """How often each short message will go out."""

    @abstractmethod
    async def go_away(self) -> None:
        """What keeps the messages does not answer any more."""

    def short(self, to: str = GOOD, text: str = "Hello.") -> ShortMessage:
        size = measure(text)
        return ShortMessage(
            id=MessageId(IDS.uuid()), account_id=self.account, record_id=RecordId(uuid4()), step="tell", purpose=Purpose.SERVICE,
            to=to, text=text, encoding=size.encoding, parts=size.parts,
        )  # fmt: skip

    def letter(self, *to: str, cc: tuple[str, ...] = ()) -> Mail:
        return Mail(
            id=MessageId(IDS.uuid()), account_id=self.account, record_id=RecordId(uuid4()), step="write",
            purpose=Purpose.SERVICE, to=to, cc=cc, subject="Hello", text="Hello.", sender="shop@brand.example",
        )  # fmt: skip


class MemoryBench(Bench):
    def __init__(self) -> None:
        self.account = AccountId(uuid4())
        self._sms, self._mail = MemorySms(blocked=frozenset({BLOCKED})), MemoryMail(suppressed=frozenset({SUPPRESSED}))
        self.sms, self.mail, self.states = self._sms, self._mail, self._sms

    async def kept(self) -> Counter[MessageId]:
        return Counter(message.id for message in self._sms.sent)

    async def go_away(self) -> None:
        self._sms.away = self._mail.away = True


class StoreBench(Bench):
    def __init__(self, database: str, pool: Pool) -> None:
        self._stock, self._pool = Stock(database), pool
        self.account = self._stock.account()
        clock, ids = SystemClock(), SystemIds()
        store = PostgresMessages(pool, ids)
        library = PostgresLibrary(pool, PostgresDispatch(pool, ids), clock)
        self.sms, self.mail = (
            AcceptShortMessages(store, library, ShortenLinks(ids, "https://s.example/l/"), clock),
            AcceptMails(store, PostgresFiles(pool), trials(), clock),
        )
        self.states = PostgresMessageStates(pool)
        for channel, kind in (("sms", "smpp"), ("email", "smtp")):
            carrier = uuid4()
            self._stock.run(
                "insert into carrier (account_id, id, name, channel, kind) values (%s, %s, %s, %s, %s)",
                self.account, carrier, kind, channel, kind,
            )  # fmt: skip
            self._stock.run("insert into carrier_route (account_id, carrier_id) values (%s, %s)", self.account, carrier)
        self._stock.run(
            "insert into mail_domain (account_id, domain, selector, private_key, verified_at) "
            "values (%s, 'brand.example', 's', 'k', now())", self.account,
        )  # fmt: skip
        self._stock.run(
            "insert into list_entry (account_id, list, number) values (%s, 'blacklist', %s)", self.account, BLOCKED
        )
        self._stock.run(
            "insert into suppression (account_id, address, reason, since) values (%s, %s, 'complaint', now())",
            self.account, SUPPRESSED,
        )  # fmt: skip

    async def kept(self) -> Counter[MessageId]:
        query = "select id from message where account_id = %s and channel = 'sms' and due_at is not null"
        return Counter(MessageId(id_) for (id_,) in self._stock.rows(query, self.account))  # type: ignore[arg-type]

    async def go_away(self) -> None:
        await self._pool.close()


@pytest.fixture(params=["memory", "store"])
def bench(request: pytest.FixtureRequest) -> Bench:
    if request.param == "memory":
        return MemoryBench()
    return StoreBench(request.getfixturevalue("database"), request.getfixturevalue("worker_pool"))


async def test_each_message_has_its_answer_in_order(bench: Bench) -> None:
    first, second, third = await bench.sms.send([bench.short(), bench.short(BLOCKED), bench.short(text="नमस्ते")])
    assert (type(first), type(third)) == (Accepted, Accepted)
    assert isinstance(second, Refused)
    assert (second.status, second.reason) == ("FAILED", "blacklisted")
    assert len(await bench.kept()) == 2


async def test_the_same_message_again_goes_out_once(bench: Bench) -> None:
    message, refused = bench.short(), bench.short(BLOCKED)
    first = await bench.sms.send([message, refused])
    assert [type(one) for one in await bench.sms.send([message, refused])] == [type(one) for one in first]
    assert await bench.kept() == Counter([message.id])


async def test_the_same_message_twice_in_one_batch_goes_out_once(bench: Bench) -> None:
    message = bench.short()
    assert [type(one) for one in await bench.sms.send([message, message])] == [Accepted, Accepted]
    assert await bench.kept() == Counter([message.id])


async def test_no_message_has_no_answer(bench: Bench) -> None:
    assert list(await bench.sms.send([])) == []
    assert list(await bench.mail.send([])) == []


async def test_each_recipient_has_his_answer_to_then_cc(bench: Bench) -> None:
    ((first, second), (third,)) = await bench.mail.send(
        [bench.letter("a@example.com", cc=(SUPPRESSED,)), bench.letter("c@example.com")]
    )
    assert (type(first), type(third)) == (Accepted, Accepted)
    assert isinstance(second, Refused)
    assert (second.status, second.reason) == ("Rejected", "suppressed")


async def test_who_is_named_twice_is_one_recipient(bench: Bench) -> None:
    (answers,) = await bench.mail.send(
        [bench.letter("a@example.com", "A@example.com", cc=("a@example.com", SUPPRESSED))]
    )
    assert [type(one) for one in answers] == [Accepted, Refused]


async def test_a_mail_to_nobody_is_refused(bench: Bench) -> None:
    ((answer,),) = await bench.mail.send([bench.letter()])
    assert isinstance(answer, Refused)
    assert answer.status == "Empty Email List"


async def test_the_same_mail_again_has_the_same_answers(bench: Bench) -> None:
    letter = bench.letter("a@example.com", SUPPRESSED)
    first = await bench.mail.send([letter])
    again = await bench.mail.send([letter])
    assert [[type(one) for one in answers] for answers in again] == [
        [type(one) for one in answers] for answers in first
    ]


async def test_the_state_of_what_was_taken_is_known_and_of_nothing_else(bench: Bench) -> None:
    message, stranger = bench.short(), MessageId(uuid4())
    await bench.sms.send([message])
    wanted = [(bench.account, message.id), (bench.account, stranger)]
    assert await bench.states.states(wanted) == {message.id: MessageState("SENT_TO_QUEUE")}
    assert await bench.states.states([]) == {}


async def test_a_channel_that_is_away_says_so(bench: Bench) -> None:
    message, letter = bench.short(), bench.letter("a@example.com")
    await bench.go_away()
    with pytest.raises(NeighbourError):
        await bench.sms.send([message])
    with pytest.raises(NeighbourError):
        await bench.mail.send([letter])
