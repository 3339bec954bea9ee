"""The receiver of the bounce domain on a real socket: stored before it is acknowledged, and closed to everybody else's mail."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from central.adapters.smtp.config import ReceiverConfig
from central.adapters.smtp.receiver import LIMIT_UNKNOWN, MailReceiver
from central.adapters.system import SystemClock
from central.application.ports.carriers import MailHeard, NewsBatch
from central.domain.errors import OperatorError
from central.domain.ids import MessageId
from central.domain.mail_tokens import TokenKey, TokenKeys, bounce_address, bounced_message
from central.domain.statuses import EmailStatus
from tests.integration.smtp.relays import certificates
from tests.unit.smtp.talking import message_id

KEYS = TokenKeys((TokenKey(1, b"k" * 32),))
REPORTS = Path(__file__).parents[2] / "unit/smtp/reports"
DOMAIN = "bounce.example"


def prove(address: str) -> MessageId | None:
    return bounced_message(KEYS, address)


def report(name: str = "unknown-at-far-failed") -> bytes:
    return (REPORTS / f"{name}.eml").read_bytes().partition(b"\r\n")[2]


def verp(number: int = 1) -> str:
    return bounce_address(KEYS, message_id(number), DOMAIN)


class Store:
    """Takes batches as they come; ``refuses`` so many first."""

    def __init__(self, receiver: MailReceiver, refuses: int = 0) -> None:
        self.heard: list[MailHeard] = []
        self.batches: list[NewsBatch] = []
        self._receiver = receiver
        self._refuses = refuses
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        async for batch in self._receiver.news():
            self.batches.append(batch)
            if self._refuses:
                self._refuses -= 1
                await batch.refuse()
                continue
            self.heard += [one for one in batch.news if isinstance(one, MailHeard)]
            await batch.ack()


async def test_a_defect_of_ours_is_told_and_the_sender_keeps_its_mail() -> None:
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(context["exception"]))

    def broken(_address: str) -> MessageId | None:
        raise RuntimeError("a defect")

    config = ReceiverConfig(name="bounces", hello="mx.bounce.example", domains=(DOMAIN,))
    receiver = MailReceiver(config, SystemClock(), broken)
    await receiver.open()
    try:
        with pytest.raises(smtplib.SMTPRecipientsRefused, match="451"):
            await asyncio.to_thread(_bring, receiver.port)
    finally:
        await receiver.close(1.0)
    assert [str(error) for error in told] == ["a defect"]


def _bring(port: int) -> None:
    with smtplib.SMTP("127.0.0.1", port, "localhost", timeout=10) as client:
        client.sendmail("", [verp()], report())


@asynccontextmanager
async def receiving(
    *, refuses: int = 0, stored: bool = True, **settings: object
) -> AsyncGenerator[tuple[MailReceiver, Store | None]]:
    config = ReceiverConfig(**({"name": "bounces", "hello": "mx.bounce.example", "domains": (DOMAIN,)} | settings))  # type: ignore[arg-type]
    receiver = MailReceiver(config, SystemClock(), prove)
    await receiver.open()
    store = Store(receiver, refuses) if stored else None
    try:
        yield receiver, store
    finally:
        await receiver.close(1.0)
        if store is not None:
            async with asyncio.timeout(10):
                await store.task


def send(
    port: int, to: list[str], content: bytes, *, sender: str = "", context: ssl.SSLContext | None = None
) -> tuple[int, bytes]:
    """The first refusal, or the answer to the dot."""
    with smtplib.SMTP("localhost", port, "far.example", timeout=20) as relay:
        relay.ehlo()
        if context is not None:
            relay.starttls(context=context)
            relay.ehlo()
        answer = relay.mail(sender)
        if answer[0] == 250:
            for one in to:
                answer = relay.rcpt(one)
                if answer[0] != 250:
                    return answer
            answer = relay.data(content)
        return answer


async def sent(port: int, to: list[str], content: bytes, *, context: ssl.SSLContext | None = None) -> tuple[int, bytes]:
    return await asyncio.to_thread(partial(send, port, to, content, context=context))


async def test_a_report_is_stored_and_then_acknowledged() -> None:
    async with receiving() as (receiver, store):
        assert store is not None
        assert (await sent(receiver.port, [verp(7)], report()))[0] == 250
        [news] = store.heard
        assert (news.id, news.status, news.kind) == (message_id(7), EmailStatus.BOUNCED, "report")


async def test_what_is_not_stored_is_not_acknowledged() -> None:
    async with receiving(refuses=1) as (receiver, store):
        assert store is not None
        assert await sent(receiver.port, [verp()], report()) == (451, b"4.3.0 Not stored, try again later")
        assert store.heard == []
        assert (await sent(receiver.port, [verp()], report()))[0] == 250
        assert len(store.heard) == 1


async def test_a_store_that_is_silent_is_waited_for_so_long() -> None:
    async with receiving(stored=False, store_timeout_s=0.2) as (receiver, _):
        assert (await sent(receiver.port, [verp()], report()))[0] == 451


@pytest.mark.parametrize(
    ("to", "code"),
    [
        (f"b+{message_id(1).hex}-0000000000000000@{DOMAIN}", b"5.1.1"),
        (f"nobody@{DOMAIN}", b"5.1.1"),
        ("somebody@example.com", b"5.7.1"),
        (bounce_address(KEYS, message_id(1), "other.example"), b"5.7.1"),
    ],
)
async def test_nobody_elses_mail_is_taken(to: str, code: bytes) -> None:
    async with receiving() as (receiver, store):
        assert store is not None
        answer = await sent(receiver.port, [to], report())
        assert (answer[0], answer[1].split()[0]) == (550, code)
        assert store.heard == []


async def test_fixed_mailboxes_take_complaints() -> None:
    async with receiving() as (receiver, store):
        assert store is not None
        assert (await sent(receiver.port, [f"FBL@{DOMAIN.upper()}"], report("complains-at-far-other")))[0] == 250
        [news] = store.heard
        assert (news.kind, news.status, news.id is not None) == ("complaint", EmailStatus.COMPLAINT, True)


async def test_one_mail_to_two_of_our_addresses_is_about_both() -> None:
    async with receiving() as (receiver, store):
        assert store is not None
        assert (await sent(receiver.port, [verp(1), verp(2)], report()))[0] == 250
        assert {one.id for one in store.heard} == {message_id(1), message_id(2)}


async def test_a_mail_that_goes_in_circles_is_refused() -> None:
    async with receiving() as (receiver, store):
        assert store is not None
        answer = await sent(receiver.port, [verp()], b"Received: from a by b\r\n" * 51 + b"\r\nx\r\n")
        assert answer == (554, b"5.4.6 Too many hops")
        assert store.heard == []


async def test_too_large_is_refused_and_the_connection_lives() -> None:
    async with receiving(size_bytes=10_000) as (receiver, store):
        assert store is not None
        assert (await sent(receiver.port, [verp()], b"x" * 70 + b"\r\n" + b"y\r\n" * 100_000))[0] == 552
        assert (await sent(receiver.port, [verp()], report()))[0] == 250


async def test_a_line_without_an_end_is_cut_off() -> None:
    async with receiving() as (receiver, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", receiver.port)
        writer.write(f"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<{verp()}>\r\nDATA\r\n".encode())
        writer.write(b"x\n" * 500_000)
        async with asyncio.timeout(20):
            with suppress(ConnectionError):
                await reader.read(-1)
        assert receiver.doors == set()
        writer.close()


async def test_who_guesses_addresses_is_shown_the_door() -> None:
    async with receiving() as (receiver, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", receiver.port)
        writer.write(
            b"EHLO x\r\nMAIL FROM:<>\r\n" + b"".join(b"RCPT TO:<g%d@bounce.example>\r\n" % n for n in range(50))
        )
        async with asyncio.timeout(20):
            said = await reader.read(-1)
        assert said.count(b"550 5.1.1") == LIMIT_UNKNOWN - 1
        assert said.endswith(b"421 4.7.0 Too many unknown addresses\r\n")
        writer.close()


async def test_connections_are_bounded() -> None:
    async with receiving(connections_per_host=3) as (receiver, _):
        held = [await asyncio.open_connection("127.0.0.1", receiver.port) for _ in range(3)]
        for reader, _ in held:
            assert (await reader.readline()).startswith(b"220 mx.bounce.example")
        reader, writer = await asyncio.open_connection("127.0.0.1", receiver.port)
        assert (await reader.read(-1)).startswith(b"421 4.7.0")
        writer.close()
        held[0][1].close()
        async with asyncio.timeout(10):
            while True:
                reader, writer = await asyncio.open_connection("127.0.0.1", receiver.port)
                line = await reader.readline()
                writer.close()
                if line.startswith(b"220"):
                    break
        for _, writer in held:
            writer.close()


async def test_messages_a_minute_are_bounded() -> None:
    async with receiving(messages_per_minute=2) as (receiver, store):
        assert store is not None
        codes = [(await sent(receiver.port, [verp()], report()))[0] for _ in range(3)]
        assert codes == [250, 250, 421]


async def test_starttls(tmp_path: Path) -> None:
    ca_file, _ = certificates(tmp_path)
    server = str(tmp_path / "server.pem")
    async with receiving(certificate=server, key=server) as (receiver, store):
        assert store is not None
        context = ssl.create_default_context(cafile=str(ca_file))
        assert (await sent(receiver.port, [verp()], report(), context=context))[0] == 250
        assert len(store.heard) == 1


async def test_closing_lets_what_was_told_be_acknowledged() -> None:
    async with receiving(stored=False) as (receiver, _):
        sending = asyncio.create_task(sent(receiver.port, [verp()], report()))
        batch = await anext(receiver.news())
        closing = asyncio.create_task(receiver.close(10.0))
        await asyncio.sleep(0.05)
        assert not closing.done()
        await batch.ack()
        assert (await sending)[0] == 250
        await closing


async def test_a_load_of_reports_is_stored_in_batches() -> None:
    async with receiving() as (receiver, store):
        assert store is not None
        answers = await asyncio.gather(*(sent(receiver.port, [verp(n)], report()) for n in range(60)))
        assert {code for code, _ in answers} == {250}
        assert {one.id for one in store.heard} == {message_id(n) for n in range(60)}


@pytest.mark.parametrize("settings", [{"domains": ()}, {"domains": ("a b",)}, {"hello": ""}, {"size_bytes": 0}])
def test_settings_that_cannot_be(settings: dict[str, object]) -> None:
    given = {"name": "x", "hello": "mx.example", "domains": (DOMAIN,)} | settings
    with pytest.raises(OperatorError):
        ReceiverConfig(**given)  # type: ignore[arg-type]
