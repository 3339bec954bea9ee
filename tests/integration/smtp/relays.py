"""Far ends of the sender on real sockets: a relay that follows a script, and aiosmtpd; certificates of a test's own authority."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from aiosmtpd.smtp import Envelope as Received
from aiosmtpd.smtp import Session as Talk
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from central.adapters.smtp.channel import SmtpRelay
from central.adapters.smtp.config import RelayConfig
from central.adapters.system import SystemClock
from central.application.ports.carriers import Envelope, LinkMoved, MailAnswered
from central.domain.ids import MessageId, uuid7
from tests.fakes.reach import loopback_reach

CONTENT = b"From: a@brand.example\r\nTo: b@example.com\r\nSubject: x\r\n\r\n.hello\r\n"
LIMIT_S = 15
Bend = Callable[[str, str, int], str | None]


class ScriptedRelay:
    """A relay of RFC 5321 whose replies tests bend: ``at`` gets (verb, argument, connection) and may reply other than usual.

    It returns the reply, "" to say nothing for ever, "cut" to drop the connection, None for the usual reply. verb "dot" is
    the end of the content, "greet" the greeting. What it took stands in ``taken``, by recipient.
    """

    def __init__(
        self, at: Bend | None = None, *, offers: Sequence[str] = ("PIPELINING", "8BITMIME"), quits_awaited: int = 0
    ) -> None:
        self.at: Bend = at or (lambda _verb, _argument, _connection: None)
        self.offers = offers
        self.taken: list[tuple[str, bytes]] = []
        self.connections = 0
        self.open = 0
        self.quits = 0
        self.left = asyncio.Event()
        self.port = 0
        self._quits_awaited = quits_awaited

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        try:
            await self._talk(reader, writer, self.connections)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open -= 1
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        if not await self._say(reader, writer, "greet", "", number, "220 far.example ESMTP"):
            return
        recipient = ""
        while line := (await reader.readline()).decode().rstrip("\r\n"):
            verb, _, argument = line.partition(" ")
            reply = await self._say(reader, writer, verb.lower(), argument, number, self._usual(verb, recipient))
            if not reply:
                return
            if verb == "RCPT" and reply.startswith("2"):
                recipient = argument[4:].split(">")[0]
            elif verb in {"MAIL", "RSET"}:
                recipient = ""
            elif reply.startswith("354"):
                if not await self._content(reader, writer, recipient, number):
                    return
                recipient = ""
            elif verb == "QUIT":
                self.quits += 1
                if self.quits == self._quits_awaited:
                    self.left.set()
                return

    def _usual(self, verb: str, recipient: str) -> str:
        match verb:
            case "EHLO":
                return "\r\n".join([*(f"250-{word}" for word in ("far.example", *self.offers)), "250 HELP"])
            case "DATA":
                return "354 go on" if recipient else "503 5.5.1 no recipient"
            case "QUIT":
                return "221 bye"
            case _:
                return "250 2.0.0 Ok"

    async def _content(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, recipient: str, number: int
    ) -> bool:
        content = await reader.readuntil(b"\r\n.\r\n")
        reply = await self._say(reader, writer, "dot", recipient, number, "250 2.0.0 Ok: queued as Q1")
        if reply.startswith("250"):
            self.taken.append((recipient, content))
        return bool(reply)

    async def _say(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        verb: str,
        argument: str,
        number: int,
        usual: str,
    ) -> str:
        bent = self.at(verb, argument, number)
        reply = usual if bent is None else bent
        if reply == "cut":
            writer.transport.abort()
            return ""
        if not reply:
            await reader.read(-1)  # until the other side gives up
            return ""
        writer.write(f"{reply}\r\n".encode())
        await writer.drain()
        if reply.startswith("421"):
            return ""
        return reply


@asynccontextmanager
async def scripted(relay: ScriptedRelay) -> AsyncGenerator[ScriptedRelay]:
    server = await asyncio.start_server(relay.serve, "127.0.0.1", 0, limit=8 * 1024 * 1024)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()
        await server.wait_closed()


class Box:
    """A handler of aiosmtpd that keeps what it gets and knows one login."""

    def __init__(self) -> None:
        self.taken: list[Received] = []
        self.logins: list[str] = []
        self.encrypted: list[bool] = []

    async def handle_DATA(self, _server: SMTP, session: Talk, envelope: Received) -> str:  # noqa: N802 - aiosmtpd's
        self.taken.append(envelope)
        self.encrypted.append(session.ssl is not None)
        return "250 2.0.0 Ok: queued as A1"

    def authenticate(
        self, _server: SMTP, _session: Talk, _envelope: Received, mechanism: str, data: object
    ) -> AuthResult:
        self.logins.append(mechanism)
        return AuthResult(
            success=isinstance(data, LoginPassword) and (data.login, data.password) == (b"ann", b"right"), handled=False
        )


@asynccontextmanager
async def real_server(
    box: Box, *, starttls: ssl.SSLContext | None = None, implicit: ssl.SSLContext | None = None, logins: bool = False
) -> AsyncGenerator[int]:
    """aiosmtpd on a free port."""

    def factory() -> SMTP:
        return SMTP(
            box, hostname="far.example", tls_context=starttls, require_starttls=starttls is not None, enable_SMTPUTF8=True,
            authenticator=box.authenticate if logins else None, auth_required=logins, auth_require_tls=starttls is not None,
            ident="far", decode_data=False,
        )  # fmt: skip

    server = await asyncio.get_running_loop().create_server(factory, "127.0.0.1", 0, ssl=implicit)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


def certificates(folder: Path, name: str = "localhost") -> tuple[Path, ssl.SSLContext]:
    """A file with an authority's certificate, and a server's context with a certificate that it signed for ``name``."""
    now = datetime.now(UTC)

    def made(
        subject: str, key: ec.EllipticCurvePrivateKey, issuer: str, signer: ec.EllipticCurvePrivateKey, *, ca: bool
    ) -> x509.Certificate:
        builder = x509.CertificateBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        builder = builder.issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)])).public_key(
            key.public_key()
        )
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
        builder = builder.not_valid_after(now + timedelta(days=1))
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(subject)]), critical=False)
        return builder.sign(signer, hashes.SHA256())

    authority, server = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    pem = serialization.Encoding.PEM
    ca_file = folder / "authority.pem"
    ca_file.write_bytes(made("test authority", authority, "test authority", authority, ca=True).public_bytes(pem))
    both = folder / "server.pem"
    key = server.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    both.write_bytes(key + made(name, server, "test authority", authority, ca=False).public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return ca_file, context


class Sending:
    """A relay of ours with everything that it told so far; each batch is acknowledged at once."""

    def __init__(self, relay: SmtpRelay) -> None:
        self.relay = relay
        self.answers: list[MailAnswered] = []
        self.moves: list[LinkMoved] = []
        self._news = asyncio.Event()
        self._task = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        async for batch in self.relay.news():
            for one in batch.news:
                if isinstance(one, MailAnswered):
                    self.answers.append(one)
                elif isinstance(one, LinkMoved):
                    self.moves.append(one)
            await batch.ack()
            self._news.set()

    async def until(self, met: Callable[[], bool]) -> None:
        """Wait for it as long as there is news: how fast a real relay stores mail is its disk's matter."""
        while not met():
            self._news.clear()
            async with asyncio.timeout(LIMIT_S):
                await self._news.wait()

    async def up(self) -> None:
        await self.until(lambda: any(one.news == "up" for one in self.moves))

    async def send(self, *envelopes: Envelope) -> list[MailAnswered]:
        """Hand over, wait for an answer to each."""
        wanted = len(self.answers) + len(envelopes)
        await self.relay.submit(envelopes)
        await self.until(lambda: len(self.answers) >= wanted)
        return self.answers[-len(envelopes) :]

    async def close(self, patience_s: float = 1.0) -> None:
        await self.relay.close(patience_s)
        async with asyncio.timeout(LIMIT_S):
            await self._task


@asynccontextmanager
async def sending(port: int, **settings: object) -> AsyncGenerator[Sending]:
    """A relay of ours to a port of loopback, opened."""
    given: dict[str, object] = {
        "name": "test",
        "host": "127.0.0.1",
        "hello": "us.example",
        "port": port,
        "tls": "none",
        "connections": 2,
    }
    relay = SmtpRelay(RelayConfig(**(given | settings)), SystemClock(), loopback_reach())  # type: ignore[arg-type]
    relay.open()
    ours = Sending(relay)
    try:
        yield ours
    finally:
        await ours.close()


def letter(number: int, to: str = "", content: bytes = CONTENT) -> Envelope:
    return Envelope(
        id=MessageId(uuid7(1_700_000_000_000, number)),
        sender="b+1-2@bounce.example",
        recipient=to or f"p{number}@example.com",
        content=content,
    )
