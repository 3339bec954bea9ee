"""Our sender, a real Postfix, our receiver: what Postfix tells in real notices is what is heard, message by message."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from central.adapters.smtp.config import ReceiverConfig
from central.adapters.smtp.receiver import MailReceiver
from central.adapters.system import SystemClock
from central.application.ports.carriers import Envelope, MailHeard, NotTaken, Taken, Uncertain
from central.domain.mail_tokens import bounce_address
from central.domain.statuses import EmailStatus
from examples.carrier.mail_house import PASSWORD, USER, MailHouse
from tests.integration.smtp.relays import letter, sending
from tests.integration.smtp.test_receiving import KEYS, Store, prove

DOMAIN = "bounce.brand.example"
LIMIT_S = 60
BOUNCED = EmailStatus.BOUNCED


class House:
    """The mail house, and our receiver as its bounce domain."""

    def __init__(self, house: MailHouse, store: Store) -> None:
        self.house = house
        self.store = store

    async def until(self, met: Callable[[], bool]) -> None:
        async with asyncio.timeout(LIMIT_S):
            while not met():  # noqa: ASYNC110 - files of another process
                await asyncio.sleep(0.05)

    def heard(self, number: int) -> list[MailHeard]:
        return [one for one in self.store.heard if one.id == letter(number).id]


@asynccontextmanager
async def in_house(cache: Path) -> AsyncGenerator[House]:
    receiver = MailReceiver(
        ReceiverConfig(name="bounces", hello=f"mx.{DOMAIN}", domains=(DOMAIN,)), SystemClock(), prove
    )
    await receiver.open()
    store = Store(receiver)
    house = MailHouse(cache, bounces_to=receiver.port, reads_after_s=0.2, backoff_s=1, warn_s=3, lifetime_s=6)
    try:
        await asyncio.to_thread(house.start)
        yield House(house, store)
    finally:
        await asyncio.to_thread(house.stop)
        await receiver.close(1.0)
        await store.task


def mail(number: int, to: str) -> Envelope:
    one = letter(number, to)
    content = one.content.replace(
        b"Subject:", f"To: {to}\r\nMessage-ID: <{one.id.hex}@brand.example>\r\nSubject:".encode()
    )
    content = content.replace(b"To: b@example.com\r\n", b"")
    return Envelope(id=one.id, sender=bounce_address(KEYS, one.id, DOMAIN), recipient=to, content=content)


WANTED: dict[str, tuple[EmailStatus | None, str, str]] = {
    # recipient: status and sort of what is heard last, reason
    "delivered@home.example": (EmailStatus.DELIVERED, "", "delivered"),
    "delivered@far.example": (None, "", "relayed"),
    "unknown@far.example": (BOUNCED, "hard", "no_such_mailbox"),
    "full@far.example": (BOUNCED, "soft", "mailbox_full"),
    "policy@far.example": (BOUNCED, "policy", "policy"),
    "bare@far.example": (BOUNCED, "unknown", "unknown_bounce"),
    "blocked@far.example": (BOUNCED, "policy", "policy"),
    "content@far.example": (BOUNCED, "ours", "content"),
    "someone@nowhere.example": (BOUNCED, "hard", "no_such_domain"),
    "someone@dead.example": (BOUNCED, "soft", "not_delivered"),
    "complains@far.example": (EmailStatus.COMPLAINT, "", "complaint"),  # made by hand: no provider has seen it
    "replies@far.example": (None, "", "automatic_reply"),
    "bounces-oddly@far.example": (BOUNCED, "unknown", "unknown_bounce"),
}


async def test_postfix_tells_and_we_hear(far_ends_cache: Path) -> None:
    async with in_house(far_ends_cache) as ours, sending(ours.house.ports.smtp, connections=3) as relay:
        await relay.up()
        told = await relay.send(*(mail(number, to) for number, to in enumerate([*WANTED, "forges@far.example"])))
        assert all(isinstance(one.answer, Taken) and one.answer.remote_id for one in told)
        for number, (to, (status, sort, reason)) in enumerate(WANTED.items()):
            await ours.until(lambda n=number, r=reason: any(one.reason == r for one in ours.heard(n)))  # type: ignore[misc]
            last = next(one for one in ours.heard(number) if one.reason == reason)
            assert (to, last.status, last.sort) == (to, status, sort)
            assert last.source == ("dsn" if status is EmailStatus.DELIVERED else "")
        await ours.until(lambda: any(one["recipient"] == "forges@far.example" for one in ours.house.acts()))
        assert {one.reason for one in ours.heard(len(WANTED))} <= {"relayed"}  # the forged address was an unknown user
        assert all(one.id is not None for one in ours.store.heard)


async def test_the_relays_own_refusals(far_ends_cache: Path) -> None:
    async with in_house(far_ends_cache) as ours, sending(ours.house.ports.smtp, connections=1) as relay:
        await relay.up()
        names = ["unknown", "disabled", "full", "policy", "busy", "grey", "delivered@home"]
        mails = [mail(n, name + ("" if "@" in name else "@door") + ".example") for n, name in enumerate(names)]
        mails.append(mail(99, "large@home.example"))
        mails[-1] = Envelope(
            id=mails[-1].id,
            sender=mails[-1].sender,
            recipient=mails[-1].recipient,
            content=mails[0].content + b"x\r\n" * 10_000_000,
        )
        told = {one.id: one for one in await relay.send(*mails)}
        answers = [told[one.id].answer for one in mails]
        assert [one.code if isinstance(one, NotTaken) else "taken" for one in answers] == [
            "550 5.1.1", "550 5.2.1", "552 5.2.2", "554 5.7.1", "452 4.3.1", "451 4.7.1", "taken", "",
        ]  # fmt: skip
        statuses = [one.status for one in answers if isinstance(one, NotTaken)]
        assert statuses == [BOUNCED] * 3 + [EmailStatus.REJECTED] + [EmailStatus.FAILURE] * 2 + [EmailStatus.REJECTED]


async def test_submission_with_tls_and_login(far_ends_cache: Path) -> None:
    async with in_house(far_ends_cache) as ours:
        settings = {
            "host": "localhost",
            "authorities": ours.house.certificate.read_text(),
            "user": f"{USER}@relay.example",
        }
        for number, (way, port) in enumerate(
            {"starttls": ours.house.ports.submission, "implicit": ours.house.ports.tls}.items()
        ):
            async with sending(port, tls=way, password=PASSWORD, **settings) as relay:
                await relay.up()
                [told] = await relay.send(mail(number, "delivered@home.example"))
                assert isinstance(told.answer, Taken)
                await ours.until(lambda n=number: any(one.status is EmailStatus.DELIVERED for one in ours.heard(n)))  # type: ignore[misc]
            async with sending(port, tls=way, password="wrong", **settings) as relay:
                await relay.until(lambda: bool(relay.moves))
                assert relay.moves[0].news == "refused"


async def test_the_recipients_own_server_may_be_spoken_to(far_ends_cache: Path) -> None:
    async with in_house(far_ends_cache) as ours, sending(ours.house.ports.mx, direct=True) as relay:
        await relay.up()
        names = ["direct@far.example", "unknown@far.example", "cut@far.example", "taken-then-cut@far.example"]
        told = {one.id: one for one in [(await relay.send(mail(n, to)))[0] for n, to in enumerate(names)]}
        answers = [told[letter(n).id].answer for n in range(4)]
        assert isinstance(answers[0], Taken)
        assert answers[0].delivered
        assert isinstance(answers[1], NotTaken)
        assert [type(one) for one in answers[2:]] == [Uncertain, Uncertain]
        got = ours.house.received()
        assert got["taken-then-cut@far.example", f"<{letter(3).id.hex}@brand.example>"] == 1


async def test_a_relay_that_is_killed_gets_nothing_twice(far_ends_cache: Path) -> None:
    async with (
        in_house(far_ends_cache) as ours,
        sending(ours.house.ports.smtp, connections=5, retry_first_s=0.2, retry_most_s=0.5, dot_timeout_s=5.0) as relay,
    ):
        await relay.up()
        mails = [mail(n, f"kept.{n}@far.example") for n in range(400)]
        await relay.relay.submit(mails)
        await relay.until(lambda: len(relay.answers) > 40)
        await asyncio.to_thread(ours.house.kill_relay)
        await relay.until(lambda: len(relay.answers) == 400)
        by_kind = {
            kind: {one.id for one in relay.answers if isinstance(one.answer, kind)} for kind in (Taken, Uncertain)
        }
        assert len(by_kind[Uncertain]) <= 5
        relay.moves.clear()
        await asyncio.to_thread(ours.house.start_relay)
        await relay.up()
        await ours.until(lambda: not ours.house.queue())
        rest = [one for one in mails if one.id not in by_kind[Taken] | by_kind[Uncertain]]
        assert all(isinstance(one.answer, Taken) for one in await relay.send(*rest))
        await ours.until(lambda: not ours.house.queue())
        arrived = {to for (to, _), _ in ours.house.received().items()}
        missing = {one.recipient for one in mails} - arrived
        assert missing <= {one.recipient for one in mails if one.id in by_kind[Uncertain]}
