"""The server side of SMTP and LMTP (RFC 5321, RFC 2033) for the scripted recipients: answers by the recipient's name.

The word before the first dot, digit or plus sign of the local part is the behaviour: ``full.0017@far.example`` is full.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import NamedTuple

AT_RCPT = {
    "unknown": "550 5.1.1 No such user here",
    "moved": "551 5.1.6 User has moved",
    "disabled": "550 5.2.1 Mailbox disabled",
    "full": "552 5.2.2 Mailbox full",
    "policy": "554 5.7.1 Refused by policy",
    "bare": "550 no such person here",
    "blocked": "550 blocked: your address is on a spam list",
    "deferred": "451 4.3.0 Not now, try again later",
    "busy": "452 4.5.3 Too many recipients",
}
"""Behaviour -> the answer to RCPT."""

AT_DOT = {
    "content": "554 5.6.0 Content refused",
    "spam": "554 5.7.1 Looks like spam",
    "large": "552 5.3.4 Message too large",
    "later": "451 4.3.2 System is busy, try again later",
}
"""Behaviour -> the answer to the end of DATA."""

GREYLISTED = "451 4.7.1 Greylisted, try again later"
LINKS = frozenset({"cut", "taken_then_cut", "cut_at_rcpt", "silent", "junk"})
"""Behaviours that end or stop the conversation."""

_MAX_LINE = 1 << 16


def behaviour_of(address: str) -> str:
    """The word that picks what happens; any other word means ``delivered``."""
    found = re.match(r"[a-z]+(?:[_-][a-z]+)*", address.lower())
    return found[0].replace("-", "_") if found else ""


class Arrived(NamedTuple):
    """A message for one recipient: the envelope, and the content with CRLF."""

    sender: str
    recipient: str
    content: bytes


class _Lost(Exception):
    """The script ends the connection here."""


class Door:
    """One kind of server; ``serve`` is the callback of asyncio.start_server.

    lmtp: an answer for each recipient after the dot. arrived: told of each message that was taken, before the answer leaves.
    slow_s: how long ``slow`` recipients think after the dot.
    """

    def __init__(self, arrived: Callable[[Arrived], None], *, lmtp: bool, slow_s: float = 2.0) -> None:
        self._arrived, self._lmtp, self._slow_s = arrived, lmtp, slow_s
        self._greeted: set[str] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, to its end."""
        try:
            await self._talk(reader, writer)
        except (_Lost, ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            writer.transport.abort()
        finally:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sender, recipients = "", list[str]()
        writer.write(b"220 far.example ready\r\n")
        while line := await reader.readline():
            text = line.decode("utf-8", "replace").strip()
            verb = text.partition(" ")[0].upper()
            match verb:
                case "EHLO" | "LHLO":
                    answer = (
                        "250-far.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES"
                    )
                case "MAIL":
                    sender, recipients, answer = _address(text), [], "250 2.1.0 OK"
                case "RCPT":
                    answer = self._rcpt(_address(text))
                    if answer.startswith("2"):
                        recipients.append(_address(text))
                case "DATA" if not recipients:
                    answer = "503 5.5.1 No recipient"
                case "DATA":
                    writer.write(b"354 Go on\r\n")
                    content = _unstuffed(await reader.readuntil(b"\r\n.\r\n"))
                    answer = "\r\n".join(await self._dot(sender, recipients, content))
                case "RSET":
                    sender, recipients, answer = "", [], "250 2.0.0 OK"
                case "QUIT":
                    writer.write(b"221 2.0.0 Bye\r\n")
                    return
                case _:
                    answer = "250 2.0.0 OK" if verb in {"HELO", "NOOP"} else "500 5.5.2 What?"
            writer.write(f"{answer}\r\n".encode())
            await writer.drain()

    def _rcpt(self, address: str) -> str:
        behaviour = behaviour_of(address)
        if behaviour == "cut_at_rcpt":
            raise _Lost
        if behaviour == "greylisted" and address not in self._greeted:
            self._greeted.add(address)
            return GREYLISTED
        return AT_RCPT.get(behaviour, "250 2.1.5 OK")

    async def _dot(self, sender: str, recipients: list[str], content: bytes) -> list[str]:
        answers = [await self._take(Arrived(sender, one, content)) for one in recipients]
        return answers if self._lmtp else answers[:1]

    async def _take(self, message: Arrived) -> str:
        behaviour = behaviour_of(message.recipient)
        match behaviour:
            case "cut":
                raise _Lost
            case "taken_then_cut":
                self._arrived(message)
                raise _Lost
            case "silent":
                await asyncio.sleep(3600)
            case "junk":
                return "??? this is not SMTP"
            case "slow":
                await asyncio.sleep(self._slow_s)
            case _ if behaviour in AT_DOT:
                return AT_DOT[behaviour]
            case _:
                pass
        self._arrived(message)
        return "250 2.0.0 OK"


def _address(command: str) -> str:
    """The address of MAIL or RCPT, "" for the empty sender."""
    found = re.search(r"<([^>]*)>", command)
    return found[1] if found else ""


def _unstuffed(data: bytes) -> bytes:
    """The content without the final dot and without the dots that SMTP adds (RFC 5321, 4.5.2)."""
    body = data[:-3]
    return body.replace(b"\r\n.", b"\r\n").removeprefix(b".")
