"""All I/O towards relays: one TCP or TLS connection, driven by a ``Session``.

Step 3 of the path (channel). Everything runs in callbacks of the event loop; there is no task for a message, nor for a
connection once it is open.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from typing import Final, cast

from typing_extensions import override

from central.adapters.smtp.config import RelayConfig
from central.adapters.smtp.opening import Opening
from central.adapters.smtp.session import Happening, Session
from central.application.ports.carriers import Envelope
from central.domain.errors import OperatorError

FAILURES: Final = (OSError, TimeoutError, ssl.SSLError, ssl.CertificateError, UnicodeError)
"""Everything that a network, a name or a certificate can make a connect raise (UnicodeError: the resolver's idna codec)."""


def tls_context(config: RelayConfig) -> ssl.SSLContext:
    """TLS 1.2 or better. Raises OperatorError ``bad_certificates`` when ``authorities`` are none."""
    context = ssl.create_default_context()
    if config.authorities:
        try:
            context.load_verify_locations(cadata=config.authorities)
        except OSError as error:  # ssl.SSLError included
            raise OperatorError("bad_certificates", f"Certificates of the relay cannot be read: {error}.") from error
    if not config.check_certificate:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class Link(asyncio.Protocol):
    """One connection. ``told`` gets what happens, in order; it must not raise, and may offer messages at once."""

    def __init__(
        self,
        config: RelayConfig,
        context: ssl.SSLContext | None,
        number: int,
        told: Callable[[Link, Sequence[Happening]], None],
    ) -> None:
        self.name = f"{config.name}/{number}"
        self.number = number
        self.since = 0.0
        self.closed = False
        self.left = False
        self._config = config
        self._context = context
        self._told = told
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._paused = False
        self._busy = False
        self._upgrade: asyncio.Task[None] | None = None
        opening = Opening(config.hello, config.tls, config.user, config.password, config.login, config.clear_login)
        self.session = Session(opening, notices=config.notices, pipelining=config.pipelining)

    # ------------------------------------------------------------------------------------------------- asked by the pool
    def offer(self, envelope: Envelope) -> None:
        """Send one message more; ``session.wants()`` allowed it."""
        if self.session.idle:
            self.since = self._loop.time()
        news = self.session.send(envelope)
        if news:
            self._told(self, news)
        if not self._busy:
            self._flush()

    def leave(self) -> None:
        """Say QUIT; only while the session is idle."""
        self.since = self._loop.time()
        self.left = True
        self.session.quit()
        self._flush()

    def give_up(self, detail: str) -> None:
        """Close at once; what was under way is told."""
        self._happened(self.session.lost(detail))
        self._abort()

    # ------------------------------------------------------------------------------------------------- asked by the loop
    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's has no common class with asyncio's
        self.since = self._loop.time()

    @override
    def data_received(self, data: bytes) -> None:
        self.since = self._loop.time()
        self._happened(self.session.receive(data))

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._happened(self.session.lost(str(exc) if exc else "closed by the relay"))
        self._abort()

    @override
    def pause_writing(self) -> None:
        self._paused = True

    @override
    def resume_writing(self) -> None:
        self._paused = False
        self.since = self._loop.time()
        self._flush()

    # ------------------------------------------------------------------------------------------------- inside
    def _happened(self, news: Sequence[Happening]) -> None:
        if self.session.state == "closed":
            self._abort()
        elif self.session.state == "tls" and self._upgrade is None:
            self._upgrade = self._loop.create_task(self._encrypt(), name=f"starttls-{self.name}")
        if news:
            self._busy = True  # what is offered meanwhile leaves together with what is due
            self._told(self, news)
            self._busy = False
        self._flush()

    def _flush(self) -> None:
        while not self._paused and self._transport is not None and (chunk := self.session.take()):
            self._transport.write(chunk)

    def _abort(self) -> None:
        self.closed = True
        if self._upgrade is not None and not self._upgrade.done():
            self._upgrade.cancel()
        if self._transport is not None:
            self._transport.abort()

    async def _encrypt(self) -> None:
        transport = self._transport
        if transport is None or self._context is None:
            return
        try:
            changed = await self._loop.start_tls(
                transport,
                self,
                self._context,
                server_hostname=self._config.host.strip("[]"),
                ssl_handshake_timeout=self._config.connect_timeout_s,
            )
        except FAILURES as error:
            self._happened(self.session.not_encrypted(str(error) or type(error).__name__))
            return
        if changed is None:
            self._happened(self.session.not_encrypted("closed by the relay"))
            return
        self._transport = changed
        self._happened(self.session.encrypted())
