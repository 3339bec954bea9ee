"""Mailboxes that are large: more unread messages than one line names, more bytes than a look may hold; a host with a dead address."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from central.adapters.smtp.config import MailboxConfig
from central.adapters.smtp.imap import LIMIT_LOOK_BYTES, Folder
from central.adapters.smtp.mailbox import MailboxReader
from central.adapters.system import SystemClock
from central.application.ports.reach import Reach
from tests.integration.smtp.imap_server import ImapServer, imap
from tests.integration.smtp.test_mailbox import MINE, Reading
from tests.integration.smtp.test_receiving import prove

MEGABYTE = 1024 * 1024
BOX = MailboxConfig(host="localhost", user="ann", password="right", tls="none", name="box")


async def test_more_unread_messages_than_one_line_names_are_read_in_pieces() -> None:
    server = ImapServer(dict.fromkeys(range(4_000_000_000, 4_000_150_001), b"x"))
    async with imap(server):
        folder = await asyncio.to_thread(Folder, replace(BOX, port=server.port), "127.0.0.1")
        try:
            assert await asyncio.to_thread(folder.unread) == list(range(4_000_000_000, 4_000_000_050))
            for uid in list(server.mails)[:149_999]:
                server.flags[uid].add(r"\Seen")
            assert await asyncio.to_thread(folder.unread) == [4_000_149_999]  # the last piece has the next
            for uid in server.mails:
                server.flags[uid].add(r"\Seen")
            assert await asyncio.to_thread(folder.unread) == []
        finally:
            folder.close()


async def test_a_look_holds_so_many_bytes_and_one_message_at_least() -> None:
    server = ImapServer({uid: bytes(2 * MEGABYTE) for uid in range(1, 51)} | {51: b"x", 52: b"y"})
    async with imap(server):
        config = replace(BOX, port=server.port, size_bytes=2 * MEGABYTE)
        folder = await asyncio.to_thread(Folder, config, "127.0.0.1")
        try:
            uids = await asyncio.to_thread(folder.unread)
            assert await asyncio.to_thread(folder.fitting, uids) == [1, 2, 3, 4]
            assert await asyncio.to_thread(folder.fitting, [51, 52, 99]) == [51, 52, 99]
            mails = await asyncio.to_thread(folder.fetch, [1, 2, 3, 4])
            assert sum(len(mail.content) for mail in mails) == LIMIT_LOOK_BYTES
        finally:
            folder.close()
        large = await asyncio.to_thread(Folder, replace(config, size_bytes=20 * MEGABYTE), "127.0.0.1")
        try:
            server.add(60, bytes(15 * MEGABYTE))
            assert await asyncio.to_thread(large.fitting, [60, 51]) == [60]
            (mail,) = await asyncio.to_thread(large.fetch, [60])
            assert len(mail.content) == 15 * MEGABYTE
        finally:
            large.close()


async def test_a_host_whose_first_address_is_dead_is_read_by_the_next() -> None:
    class TwoAddresses(Reach):
        async def addresses(self, host: str, port: int) -> list[str]:
            del host, port
            return ["127.0.0.2", "127.0.0.1"]

    server = ImapServer({1: MINE})
    async with imap(server):
        config = replace(BOX, port=server.port, poll_s=0.05, retry_most_s=0.2)
        reader = MailboxReader(config, SystemClock(), prove, TwoAddresses())
        reader.open()
        read = Reading(reader, 0)
        try:
            await read.until(lambda: bool(read.heard))
            assert read.moves == ["up"]
        finally:
            await reader.close(5)
            read.task.cancel()
