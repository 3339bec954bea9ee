"""The SMTP receiver of the bounce domain: takes reports and complaints, and says 250 only when they are stored.

Step 3 of the path (channel). Source: RFC 5321. It relays nothing and answers nothing by mail, so no loop passes through it. Only
recipients whose signed address is ours are taken, and the fixed mailboxes that are set; a forged address is an unknown user.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import AnyStr, Final, cast

from aiosmtpd.smtp import SMTP
from aiosmtpd.smtp import Envelope as Received
from aiosmtpd.smtp import Session as Talk
from typing_extensions import override

from central.adapters.smtp.config import ReceiverConfig
from central.adapters.smtp.inbox import Inbox
from central.adapters.smtp.reports import read_report
from central.adapters.smtp.translate import Prove, heard
from central.application.ports.carriers import MailEar, NewsBatch
from central.application.ports.world import Clock

LIMIT_HOPS: Final = 50
LIMIT_UNKNOWN: Final = 10
"""Unknown recipients of one connection, then it is closed: somebody guesses."""
LIMIT_RECIPIENTS: Final = 10
_LIMIT_LINE_BYTES: Final = 256 * 1024
_MINUTE_S: Final = 60.0

logging.getLogger("mail.log").disabled = True  # aiosmtpd writes addresses there, at every level


class MailReceiver(MailEar):
    """Open it in the event loop that it lives in; ``port`` is the one it listens on."""

    def __init__(self, config: ReceiverConfig, clock: Clock, prove: Prove) -> None:
        self.port = config.port
        self.config = config
        self.inbox = Inbox()
        self.doors: set[_Door] = set()
        self._clock = clock
        self._prove = prove
        self._server: asyncio.Server | None = None
        self._taken: Counter[str] = Counter()
        self._minute = 0.0
        self._domains = frozenset(domain.lower() for domain in config.domains)
        self._mailboxes = frozenset(name.lower() for name in config.mailboxes)

    async def open(self) -> None:
        """Listen. Raises OSError: the port is taken, or a certificate cannot be read."""
        config, context = self.config, None
        if config.certificate:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(config.certificate, config.key or None)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Door(self, context, loop), config.host, config.port)
        self.port = self._server.sockets[0].getsockname()[1]

    @override
    def news(self) -> AsyncIterator[NewsBatch]:
        return self.inbox.news()

    @override
    async def close(self, patience_s: float) -> None:
        if self._server is not None:
            self._server.close()
        self.inbox.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await self.inbox.settled()
        for door in tuple(self.doors):
            door.shut()

    # ------------------------------------------------------------------------------------------------- judged
    def may_enter(self, host: str) -> bool:
        """Room for one more connection of this host."""
        if len(self.doors) >= self.config.connections:
            return False
        return sum(door.host == host for door in self.doors) < self.config.connections_per_host

    def may_send(self, host: str) -> bool:
        """Within its messages a minute."""
        now = asyncio.get_running_loop().time()
        if now - self._minute >= _MINUTE_S:
            self._minute = now
            self._taken.clear()
        self._taken[host] += 1
        return self._taken[host] <= self.config.messages_per_minute

    def knows(self, address: str) -> str:
        """The refusal of an address, "" for those that it takes mail for."""
        local, _, domain = address.rpartition("@")
        if domain.lower() not in self._domains:
            return "550 5.7.1 Relaying denied"
        if local.lower() in self._mailboxes or self._prove(address) is not None:
            return ""
        return "550 5.1.1 No such address"

    async def take(self, recipients: list[str], raw: bytes) -> str:
        """Read it, wait until it is stored; the reply to the final dot."""
        report = read_report(raw)
        if report.received > LIMIT_HOPS:
            return "554 5.4.6 Too many hops"
        news = heard(report, raw, self._clock.now(), self._prove, recipients=recipients)
        try:
            async with asyncio.timeout(self.config.store_timeout_s):
                stored = await self.inbox.bring(news)
        except TimeoutError:
            stored = False
        return "250 2.0.0 Stored" if stored else "451 4.3.0 Not stored, try again later"


class _Handler:
    """aiosmtpd's hooks for one connection."""

    def __init__(self, receiver: MailReceiver, door: _Door) -> None:
        self._receiver = receiver
        self._door = door
        self._unknown = 0

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Talk, envelope: Received, address: str, options: list[str]
    ) -> str:
        if not self._receiver.may_send(self._door.host):
            return "421 4.7.0 Too many messages, try again later"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Ok"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Talk, envelope: Received, address: str, _options: list[str]
    ) -> str:
        if len(envelope.rcpt_tos) >= LIMIT_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        refusal = self._receiver.knows(address)
        if not refusal:
            envelope.rcpt_tos.append(address)
            return "250 2.1.5 Ok"
        self._unknown += 1
        return refusal if self._unknown < LIMIT_UNKNOWN else "421 4.7.0 Too many unknown addresses"

    async def handle_DATA(self, _server: SMTP, _session: Talk, envelope: Received) -> str:  # noqa: N802
        content = envelope.original_content or b""
        # one message to several of our addresses is about several messages
        replies = [await self._receiver.take([one], content) for one in dict.fromkeys(envelope.rcpt_tos)]
        return next((reply for reply in replies if not reply.startswith("250")), replies[0])

    async def handle_exception(self, error: Exception) -> str:
        """A defect of ours: the sender keeps its mail, and the process hears of it."""
        told = {"message": "a bounce could not be taken", "exception": error}
        asyncio.get_running_loop().call_exception_handler(told)
        return "451 4.3.0 Our fault, try again later"


class _Door(SMTP):
    """One connection: aiosmtpd's, with caps that it does not have. A reply of 421 ends it."""

    line_length_limit = 16 * 1024  # returned headers are often longer than the standard's 998 octets

    def __init__(self, receiver: MailReceiver, context: ssl.SSLContext | None, loop: asyncio.AbstractEventLoop) -> None:
        config = receiver.config
        super().__init__(
            _Handler(receiver, self),
            data_size_limit=config.size_bytes,
            enable_SMTPUTF8=True,
            hostname=config.hello,
            ident="ESMTP",
            tls_context=context,
            timeout=config.idle_s + config.store_timeout_s,  # it runs on while a message waits to be stored
            auth_exclude_mechanism=("LOGIN", "PLAIN"),
            loop=loop,
        )
        self.host = ""
        self._receiver = receiver
        self._line_bytes = 0
        self._turned_away = False

    def shut(self) -> None:
        """Close the connection."""
        if self.transport is not None:
            self.transport.close()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not self.host:
            peer: object = transport.get_extra_info("peername")
            self.host = str(peer[0]) if isinstance(peer, tuple) and peer else "?"  # pyright: ignore[reportUnknownArgumentType]
            if not self._receiver.may_enter(self.host):
                self._turned_away = True
                # uvloop's transports have no common class with asyncio's
                cast("asyncio.WriteTransport", transport).write(b"421 4.7.0 Too many connections, try again later\r\n")
                transport.close()
                return
            self._receiver.doors.add(self)
        super().connection_made(transport)

    @override
    def connection_lost(self, error: Exception | None) -> None:
        if not self._turned_away:
            self._receiver.doors.discard(self)
            super().connection_lost(error)

    @override
    def eof_received(self) -> bool | None:
        return False if self._turned_away else super().eof_received()

    @override
    def data_received(self, data: bytes) -> None:
        if self._turned_away:
            return
        end = data.rfind(b"\r\n")
        self._line_bytes = self._line_bytes + len(data) if end < 0 else len(data) - end
        if self._line_bytes > _LIMIT_LINE_BYTES:
            self.shut()  # aiosmtpd would keep a line without an end for as long as it comes
            return
        super().data_received(data)

    @override
    async def push(self, status: AnyStr) -> None:
        await super().push(status)
        if (status[:3] if isinstance(status, bytes) else status[:3].encode()) == b"421":
            self.shut()
