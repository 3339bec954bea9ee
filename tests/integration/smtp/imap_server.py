"""The least of an IMAP server (RFC 3501) on a real socket, for the mailbox reader: one user, one folder, messages with flags."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


class ImapServer:
    """``mails``: content by UID; ``flags`` by UID. ``stubborn``: forgets every flag. ``log``: each command.

    ``says``: lines that come before the answer to a fetch.
    """

    def __init__(
        self,
        mails: dict[int, bytes],
        *,
        uidplus: bool = True,
        stubborn: bool = False,
        context: ssl.SSLContext | None = None,
        says: tuple[bytes, ...] = (),
    ) -> None:
        self.mails = mails
        self.flags: dict[int, set[str]] = {uid: set() for uid in mails}
        self.uidplus = uidplus
        self.stubborn = stubborn
        self.says = says
        self.log: list[str] = []
        self.changed = asyncio.Event()
        self.port = 0
        self._context = context
        self._open: set[asyncio.StreamWriter] = set()

    def add(self, uid: int, content: bytes) -> None:
        self.mails[uid] = content
        self.flags[uid] = set()

    def unseen(self) -> list[int]:
        return [uid for uid in sorted(self.mails) if not self.flags[uid] & {r"\Seen", r"\Deleted"}]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        writer.write(b"* OK ready\r\n")
        try:
            while line := (await reader.readline()).decode().rstrip("\r\n"):
                tag, _, command = line.partition(" ")
                self.log.append(re.sub("wrong|right", "***", command))
                lines, done = self._answer(command)
                for one in lines:
                    writer.write(one + b"\r\n")
                writer.write(f"{tag} {done}\r\n".encode())
                if command.upper() == "STARTTLS" and self._context is not None:
                    await writer.start_tls(self._context)
                self.changed.set()
        except ConnectionError:
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    def cut(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    def _answer(self, command: str) -> tuple[list[bytes], str]:
        words = command.replace('"', "").split(" ", 3)
        match [word.upper() for word in words[:2]]:
            case ["CAPABILITY"]:
                extra = " UIDPLUS" * self.uidplus + " STARTTLS" * (self._context is not None)
                return [f"* CAPABILITY IMAP4rev1{extra}".encode()], "OK done"
            case ["LOGIN", user]:
                return [], "OK in" if (user, words[2]) == ("ANN", "right") else "NO [AUTHENTICATIONFAILED] not you"
            case ["SELECT", "INBOX"]:
                return [b"* %d EXISTS" % len(self.mails), b"* OK [UIDVALIDITY 1] ok"], "OK [READ-WRITE] done"
            case ["UID", "SEARCH"]:
                return [b"* SEARCH " + " ".join(map(str, self._within(words[2]))).encode()], "OK done"
            case ["UID", "FETCH"]:
                return self._read(command, words[2]), "OK done"
            case ["UID", "STORE"]:
                for uid in [int(one) for one in words[2].split(",") if not self.stubborn]:
                    self.flags[uid].add(words[3].split("(")[1].rstrip(")"))
                return [], "OK done"
            case ["UID", "EXPUNGE"] | ["EXPUNGE"]:
                for uid in [uid for uid in self.mails if r"\Deleted" in self.flags[uid]]:
                    del self.mails[uid]
                return [], "OK done"
            case ["STARTTLS"]:
                return [], "OK begin"
            case _:
                return [], "NO what?"

    def _read(self, command: str, named: str) -> list[bytes]:
        uids = [int(one) for one in named.split(",") if int(one) in self.mails]
        if "RFC822.SIZE" in command:
            return [b"* %d FETCH (UID %d RFC822.SIZE %d)" % (uid, uid, len(self.mails[uid])) for uid in uids]
        limit = int(re.findall(r"<0\.(\d+)>", command)[0])
        if ".PEEK" not in command:
            raise AssertionError("a fetch without PEEK marks what it reads")
        return [*self.says, *(self._fetched(uid, limit) for uid in uids)]

    def _within(self, piece: str) -> list[int]:
        """Unread messages, of a range of places in the folder when one is named."""
        begin, colon, end = piece.partition(":")
        if not colon:
            return self.unseen()
        places = sorted(self.mails)[int(begin) - 1 : None if end == "*" else int(end)]
        return [uid for uid in self.unseen() if places and places[0] <= uid <= places[-1]]

    def _fetched(self, uid: int, limit: int) -> bytes:
        content = self.mails[uid][:limit]
        return b"* %d FETCH (UID %d BODY[]<0> {%d}\r\n%s)" % (uid, uid, len(content), content)


@asynccontextmanager
async def imap(server: ImapServer, implicit: ssl.SSLContext | None = None) -> AsyncGenerator[ImapServer]:
    listening = await asyncio.start_server(server.serve, "127.0.0.1", server.port, ssl=implicit)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        server.cut()
        await listening.wait_closed()
