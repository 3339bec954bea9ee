"""A mailbox that is read over IMAP: put away only what is stored, found again after faults, left alone where the log-in is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from central.adapters.smtp.config import MailboxConfig
from central.adapters.smtp.mailbox import MailboxReader
from central.adapters.system import SystemClock
from central.application.ports.carriers import LinkMoved, MailHeard
from central.domain.errors import OperatorError
from central.domain.statuses import EmailStatus
from tests.fakes.reach import loopback_reach
from tests.integration.smtp.dovecot import dovecot
from tests.integration.smtp.imap_server import ImapServer, imap
from tests.integration.smtp.relays import certificates
from tests.integration.smtp.test_receiving import prove, report, verp

MINE = b"Delivered-To: " + verp(3).encode() + b"\r\n" + report()


class Reading:
    """A reader with all that it told; ``refuses`` so many batches of mail first."""

    def __init__(self, reader: MailboxReader, refuses: int) -> None:
        self.heard: list[MailHeard] = []
        self.moves: list[str] = []
        self.details: list[str] = []
        self._refuses = refuses
        self._reader = reader
        self._news = asyncio.Event()
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        async for batch in self._reader.news():
            moved = [one for one in batch.news if isinstance(one, LinkMoved)]
            self.moves += [one.news for one in moved]
            self.details += [one.detail for one in moved if one.detail]
            mail = [one for one in batch.news if isinstance(one, MailHeard)]
            if mail and self._refuses:
                self._refuses -= 1
                await batch.refuse()
            else:
                self.heard += mail
                await batch.ack()
            self._news.set()

    async def until(self, met: Callable[[], bool]) -> None:
        async with asyncio.timeout(15):
            while not met():
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def reading(port: int, *, refuses: int = 0, **settings: object) -> AsyncGenerator[Reading]:
    given: dict[str, object] = {
        "name": "box",
        "host": "localhost",
        "user": "ann",
        "password": "right",
        "tls": "none",
        "poll_s": 0.05,
        "retry_most_s": 0.2,
    }
    reader = MailboxReader(MailboxConfig(port=port, **(given | settings)), SystemClock(), prove, loopback_reach())  # type: ignore[arg-type]
    reader.open()
    ours = Reading(reader, refuses)
    try:
        yield ours
    finally:
        await reader.close(5.0)
        await ours.task


async def settled(server: ImapServer, met: Callable[[], bool]) -> None:
    async with asyncio.timeout(15):
        while not met():
            server.changed.clear()
            await server.changed.wait()


async def test_reports_are_stored_and_then_marked() -> None:
    async with (
        imap(ImapServer({4: MINE, 9: b"Subject: hello\r\n\r\nhow are you?\r\n"})) as server,
        reading(server.port) as ours,
    ):
        await ours.until(lambda: len(ours.heard) == 2)
        assert [(one.kind, one.status) for one in ours.heard] == [("report", EmailStatus.BOUNCED), ("other", None)]
        await settled(server, lambda: not server.unseen())
        assert server.flags == {4: {r"\Seen"}, 9: {r"\Seen"}}
        server.add(12, MINE)
        await ours.until(lambda: len(ours.heard) == 3)
        assert ours.moves == ["up"]


async def test_what_is_not_stored_stays_unread() -> None:
    async with imap(ImapServer({4: MINE})) as server, reading(server.port, refuses=2) as ours:
        await ours.until(lambda: len(ours.heard) == 1)
        await settled(server, lambda: not server.unseen())
        assert sum("STORE" in one for one in server.log) == 1
        assert sum("BODY.PEEK" in one for one in server.log) == 3


@pytest.mark.parametrize("uidplus", [True, False])
async def test_what_is_stored_can_be_deleted(uidplus: bool) -> None:
    server = ImapServer(dict.fromkeys(range(1, 8), MINE), uidplus=uidplus)
    async with imap(server), reading(server.port, delete=True, batch=3) as ours:
        await ours.until(lambda: len(ours.heard) == 7)
        await settled(server, lambda: not server.mails)
        assert any("UID EXPUNGE" in one for one in server.log) is uidplus


async def test_unproved_reports_count_only_in_a_trusted_mailbox() -> None:
    plain = report().replace(b"b+", b"r-")
    for trusting, status in ((False, None), (True, EmailStatus.BOUNCED)):
        async with imap(ImapServer({1: plain})) as server, reading(server.port, trusting=trusting) as ours:
            await ours.until(lambda: len(ours.heard) == 1)
            assert ours.heard[0].status is status


async def test_a_refused_login_is_told_and_not_repeated_quickly() -> None:
    async with imap(ImapServer({1: MINE})) as server, reading(server.port, password="wrong", retry_most_s=30.0) as ours:
        await ours.until(lambda: ours.moves == ["refused"])
        await asyncio.sleep(0.3)
        assert sum("LOGIN" in one for one in server.log) == 1
        assert "***" in next(one for one in server.log if "LOGIN" in one)


async def test_a_connection_that_is_lost_is_made_again() -> None:
    async with imap(ImapServer({})) as server, reading(server.port) as ours:
        await ours.until(lambda: ours.moves == ["up"])
        server.add(1, MINE)
        server.cut()
        await ours.until(lambda: len(ours.heard) == 1)
        await settled(server, lambda: not server.unseen())


async def test_a_server_that_is_away_is_told_once_and_found_again(free_port: int) -> None:
    async with reading(free_port) as ours:
        await ours.until(lambda: ours.moves == ["down"])
        server = ImapServer({1: MINE})
        server.port = free_port
        async with imap(server):
            await ours.until(lambda: len(ours.heard) == 1)
            assert ours.moves == ["down", "up"]


async def test_a_server_that_forgets_flags_causes_no_busy_loop() -> None:
    async with (
        imap(ImapServer({1: MINE}, stubborn=True)) as server,
        reading(server.port, retry_most_s=5.0, poll_s=1.0) as ours,
    ):
        await ours.until(lambda: "down" in ours.moves)
        assert len(ours.heard) == 1
        await asyncio.sleep(0.3)
        assert sum("BODY.PEEK" in one for one in server.log) == 1


async def test_a_report_that_somebody_marks_as_unread_is_read_again() -> None:
    async with imap(ImapServer({1: MINE})) as server, reading(server.port) as ours:
        await settled(server, lambda: not server.unseen())
        server.flags[1].clear()
        await ours.until(lambda: len(ours.heard) == 2)
        await settled(server, lambda: not server.unseen())
        server.add(2, MINE)
        await ours.until(lambda: len(ours.heard) == 3)
        assert ours.heard[0].report_id == ours.heard[1].report_id


@pytest.mark.parametrize(
    "says", [(b"* 1 FETCH (UID 1 BODY[]<0> {99999999}", b"x" * 200_000), (b"* OK " + b"x" * 900_000,) * 6]
)
async def test_a_server_that_answers_without_end_fills_no_memory(says: tuple[bytes, ...]) -> None:
    async with (
        imap(ImapServer({1: MINE}, says=says)) as server,
        reading(server.port, batch=2, size_bytes=100_000, timeout_s=3.0) as ours,
    ):
        await ours.until(lambda: "down" in ours.moves)
        assert "answers more than" in ours.details[-1]
        assert ours.heard == []
        server.says = ()
        await ours.until(lambda: len(ours.heard) == 1)


@pytest.mark.parametrize("way", ["implicit", "starttls"])
async def test_tls(tmp_path: Path, way: str) -> None:
    ca_file, context = certificates(tmp_path)
    server = ImapServer({1: MINE}, context=context if way == "starttls" else None)
    async with imap(server, context if way == "implicit" else None):
        async with reading(server.port, tls=way, authorities=ca_file.read_text()) as ours:
            await ours.until(lambda: len(ours.heard) == 1)
        async with reading(server.port, tls=way) as ours:  # nobody vouches for it
            await ours.until(lambda: ours.moves == ["down"])


async def test_with_dovecot(far_ends_cache: Path, free_port: int) -> None:
    large = b"Subject: large\r\n\r\n" + b"y\r\n" * 1_000_000
    with dovecot(far_ends_cache, free_port) as server:
        await asyncio.to_thread(server.put, *[MINE] * 7, large)
        async with reading(server.port, batch=3, refuses=1) as ours:
            await ours.until(lambda: len(ours.heard) == 8)
            assert [one.status for one in ours.heard] == [EmailStatus.BOUNCED] * 7 + [None]
            assert ours.heard[0].raw == MINE
        assert await asyncio.to_thread(server.uids, "UNSEEN") == []
        assert len(await asyncio.to_thread(server.uids, "ALL")) == 8
        await asyncio.to_thread(server.put, *[MINE] * 5)
        async with reading(server.port, delete=True) as ours:
            await ours.until(lambda: len(ours.heard) == 5)
        assert await asyncio.to_thread(server.uids, "ALL") == list(
            range(1, 9)
        )  # what was seen before is nobody's business
        async with reading(server.port, password="wrong") as ours:
            await ours.until(lambda: ours.moves == ["refused"])


@pytest.mark.parametrize("settings", [{"host": "a b"}, {"port": 0}, {"folder": "a\r\nb"}, {"batch": 0}])
def test_settings_that_cannot_be(settings: dict[str, object]) -> None:
    given: dict[str, object] = {"name": "x", "host": "mail.example", "user": "ann", "password": "x"}
    with pytest.raises(OperatorError):
        MailboxConfig(**(given | settings))  # type: ignore[arg-type]
