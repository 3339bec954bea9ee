"""All the I/O of SMPP: one TCP or TLS connection as a thin shell that hands octets on.

Step 3 of the path (channel). Small writes wait for nobody: TCP_NODELAY must be on, or each turn of a conversation costs the
other side's delayed acknowledgement (40 ms). What one turn of the event loop writes goes out together.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import tempfile
from typing import Protocol, cast

from typing_extensions import override

from central.adapters.smpp.config import SmppConfig
from central.application.ports.reach import Reach
from central.domain.errors import DefectError, OperatorError

FAILURES = (OSError, TimeoutError, ssl.SSLError, ssl.CertificateError, UnicodeError)
"""What an address, the network or a far side can make the opening of a connection raise."""


class Listener(Protocol):
    """Who is told; all calls come from the event loop and return at once."""

    def heard(self, data: bytes) -> None:
        """Octets came."""
        ...

    def cut(self, reason: str) -> None:
        """The connection is gone."""
        ...

    def writable(self) -> None:
        """The other side reads again."""
        ...


class Wire(asyncio.Protocol):
    """One connection. ``blocked``: more is buffered than should be, because the other side does not read."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._transport: asyncio.Transport | None = None
        self._abort: asyncio.TimerHandle | None = None
        self.blocked = False
        self.gone = False
        self._reading = True

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        no_delay(self._transport)

    @override
    def data_received(self, data: bytes) -> None:
        self._listener.heard(data)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.gone = True
        if self._abort is not None:
            self._abort.cancel()
        self._listener.cut("closed by the other side" if exc is None else f"{type(exc).__name__}: {exc}")

    @override
    def pause_writing(self) -> None:
        self.blocked = True

    @override
    def resume_writing(self) -> None:
        self.blocked = False
        self._listener.writable()

    def write(self, octets: bytes) -> None:
        """Send."""
        if self._transport is not None and not self.gone:
            self._transport.write(octets)

    def read(self, *, on: bool) -> None:
        """Take what comes, or leave it in the socket; the other side's window then fills."""
        if on is self._reading or self._transport is None or self.gone or self._transport.is_closing():
            return
        self._reading = on
        (self._transport.resume_reading if on else self._transport.pause_reading)()

    def close(self, patience_s: float) -> None:
        """Send what is buffered, then close; at the latest after so many seconds."""
        if self._transport is None or self.gone or self._abort is not None:
            return
        self._transport.close()
        self._abort = asyncio.get_running_loop().call_later(patience_s, self._transport.abort)

    def abort(self) -> None:
        """Close at once; what is buffered is lost."""
        if self._transport is not None and not self.gone:
            self._transport.abort()


def no_delay(transport: asyncio.Transport) -> None:
    """See that small writes go out at once. Raises DefectError when the system does not obey."""
    sock = transport.get_extra_info("socket")
    if sock is None or sock.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY):
        raise DefectError("nagle_on", "TCP_NODELAY cannot be set on an SMPP connection")


async def connect(config: SmppConfig, listener: Listener, reach: Reach) -> Wire:
    """Open a connection in the time that the settings give, to the first judged address that takes it.

    Raises one of FAILURES (AddressRefused among them), or OperatorError ``bad_certificates``.
    """
    context = tls_context(config)
    loop = asyncio.get_running_loop()
    server_name = None if config.tls is None else config.tls.server_name or config.host
    failure = OSError("there is no address")
    async with asyncio.timeout(config.timers.connect):
        for address in await reach.addresses(config.host, config.port):
            try:
                _, wire = await loop.create_connection(
                    lambda: Wire(listener), address, config.port, ssl=context, server_hostname=server_name
                )
            except ssl.SSLError:
                raise
            except OSError as error:
                failure = error
            else:
                return wire
    raise failure


def tls_context(config: SmppConfig) -> ssl.SSLContext | None:
    """TLS 1.2 or newer with the authorities of the settings; None = without TLS. Raises OperatorError ``bad_certificates``."""
    tls = config.tls
    if tls is None:
        return None
    try:
        context = ssl.create_default_context(cadata=tls.authorities or None)
        if tls.certificate:
            _load_own(context, tls.certificate, config.tls_key)
    except OSError as error:  # ssl.SSLError included
        raise OperatorError("bad_certificates", f"Certificates of the carrier cannot be read: {error}.") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _load_own(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """The library reads an own certificate from a file only: one of ours that is gone again at once."""
    with tempfile.NamedTemporaryFile("w", suffix=".pem", encoding="ascii") as file:  # mode 0600
        file.write(f"{key}\n{certificate}\n")
        file.flush()
        context.load_cert_chain(file.name, password="")
