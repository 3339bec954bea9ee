"""All I/O with an IMAP mailbox: one blocking connection, used from one thread at a time.

Step 3 of the path (channel). Source: RFC 3501 (IMAP4rev1), by Python's own imaplib. Messages are named by UID, which holds for the
log-in at least; nothing is marked while it is read (BODY.PEEK).
"""

from __future__ import annotations

import imaplib
import re
import socket
import ssl
from collections.abc import Sequence
from typing import Final, cast

import msgspec
from typing_extensions import Buffer, override

from central.adapters.smtp.config import MailboxConfig
from central.domain.errors import OperatorError

FAILURES: Final = (imaplib.IMAP4.error, OSError, EOFError, ValueError)
"""Everything that a server or the network can make imaplib raise; ``IMAP4.error`` alone may be a refused log-in."""

_LIMIT_LINES_BYTES: Final = 4 * 1024 * 1024
"""Of all lines in answer to one command; imaplib itself allows a million octets for one."""
LIMIT_LOOK_BYTES: Final = 8 * 1024 * 1024
"""Of the messages of one look at a mailbox, unless one alone is larger: many mailboxes share a process."""
_SEARCHED: Final = 50_000
"""Messages of one search: their UIDs take at most half a million octets."""
_SIZE: Final = re.compile(rb"RFC822\.SIZE (\d{1,15})")
_UID: Final = re.compile(rb"UID (\d+)")


class Mail(msgspec.Struct, frozen=True):
    """A message of the folder. content is cut at the configured size."""

    uid: int
    content: bytes


class LoginRefused(Exception):
    """The server knows no such user or password."""


class _Bounded(imaplib.IMAP4):
    """Reads so much in answer to one command at most: imaplib takes literals of any size, and any number of lines."""

    most_bytes = left_bytes = 0

    @override
    def send(self, data: Buffer) -> None:
        self.left_bytes = self.most_bytes
        super().send(data)

    @override
    def read(self, size: int) -> bytes:
        self._take(size)
        return super().read(size)

    @override
    def readline(self) -> bytes:
        line = super().readline()
        self._take(len(line))
        return line

    def _take(self, size: int) -> None:
        self.left_bytes -= size
        if self.left_bytes < 0:
            raise self.abort(f"the server answers more than {self.most_bytes} bytes")


class _Plain(_Bounded):
    """Connects to an address that was judged; the name stays the one that a certificate is for.

    ``_create_socket`` is imaplib's own hook, though its stubs do not know it.
    """

    def __init__(self, config: MailboxConfig, address: str) -> None:
        self._address = address
        self.most_bytes = self.left_bytes = _most_bytes(config)
        super().__init__(config.host, config.port, timeout=config.timeout_s)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        return socket.create_connection((self._address, self.port), timeout)


class _Encrypted(_Bounded, imaplib.IMAP4_SSL):
    """The same with TLS from the first byte."""

    def __init__(self, config: MailboxConfig, address: str, context: ssl.SSLContext) -> None:
        self._address, self._tls = address, context
        self.most_bytes = self.left_bytes = _most_bytes(config)
        super().__init__(config.host, config.port, ssl_context=context, timeout=config.timeout_s)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        plain = socket.create_connection((self._address, self.port), timeout)
        return self._tls.wrap_socket(plain, server_hostname=self.host)


def tls_context(config: MailboxConfig) -> ssl.SSLContext:
    """TLS with the authorities of the settings, or the system's. Raises OperatorError ``bad_certificates``."""
    try:
        context = ssl.create_default_context(cadata=config.authorities or None)
    except OSError as error:  # ssl.SSLError included
        raise OperatorError("bad_certificates", f"Certificates of the mailbox cannot be read: {error}.") from error
    if not config.check_certificate:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class Folder:
    """One log-in to one folder. Every method but ``close`` raises one of ``FAILURES``."""

    def __init__(self, config: MailboxConfig, address: str) -> None:
        """Connect to ``address``, which was judged, log in, choose the folder. Raises LoginRefused and OperatorError too."""
        self._config = config
        self._count = 0
        context = tls_context(config)
        self._imap: imaplib.IMAP4
        if config.tls == "implicit":
            self._imap = _Encrypted(config, address, context)
        else:
            self._imap = _Plain(config, address)
        try:
            if config.tls == "starttls":
                self._imap.starttls(context)
            self._log_in()
            self._count_them(self._done(self._imap.select(_quoted(config.folder))))
        except BaseException:
            self.close()
            raise

    def _log_in(self) -> None:
        try:
            self._imap.login(self._config.user, self._config.password)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error as error:
            raise LoginRefused(_said(error)) from error

    def unread(self) -> list[int]:
        """The oldest messages that are neither seen nor deleted, at most ``batch``.

        A large folder is asked in pieces: imaplib refuses an answer of more than a million octets in one line.
        """
        self._count_them(self._imap.response("EXISTS")[1])
        for begin in range(1, max(1, self._count) + 1, _SEARCHED):
            whole = self._count <= _SEARCHED
            last = begin + _SEARCHED > self._count
            piece = "" if whole else f"{begin}:* " if last else f"{begin}:{begin + _SEARCHED - 1} "
            found = self._done(self._imap.uid("SEARCH", piece + "UNSEEN UNDELETED"))
            uids = sorted(
                int(one) for line in found if isinstance(line, bytes) for one in line.split() if one.isdigit()
            )
            if uids:
                return uids[: self._config.batch]
        return []

    def _count_them(self, told: Sequence[object]) -> None:
        """How many messages the folder has, as the server told last."""
        numbers = [int(one) for one in told if isinstance(one, bytes) and one.isdigit()]
        self._count = numbers[-1] if numbers else self._count

    def fitting(self, uids: Sequence[int]) -> list[int]:
        """The first of these, as many as one look may hold in memory; at least one. Those without a size went away."""
        answer = self._done(self._imap.uid("FETCH", _names(uids), "(UID RFC822.SIZE)"))
        sizes = {
            int(named[1]): min(int(size[1]), self._config.size_bytes)
            for line in answer
            if isinstance(line, bytes) and (named := _UID.search(line)) and (size := _SIZE.search(line))
        }
        found: list[int] = []
        room = LIMIT_LOOK_BYTES
        for uid in uids:
            room -= sizes.get(uid, 0)
            if room < 0 and found:
                break
            found.append(uid)
        return found

    def fetch(self, uids: Sequence[int]) -> list[Mail]:
        """Their contents; a message that went away meanwhile is left out."""
        names = _names(uids)
        answer = self._done(self._imap.uid("FETCH", names, f"(UID BODY.PEEK[]<0.{self._config.size_bytes}>)"))
        pairs = [cast("tuple[bytes, bytes]", part) for part in answer if isinstance(part, tuple)]
        return [Mail(int(uid[1]), content) for head, content in pairs if (uid := _UID.search(head))]

    def put_away(self, delete: Sequence[int], mark: Sequence[int]) -> None:
        """These are stored: delete the first, mark the others as seen."""
        if mark:
            self._done(self._imap.uid("STORE", _names(mark), "+FLAGS.SILENT", r"(\Seen)"))
        if not delete:
            return
        names = _names(delete)
        self._done(self._imap.uid("STORE", names, "+FLAGS.SILENT", r"(\Deleted)"))
        if "UIDPLUS" in self._imap.capabilities:  # RFC 4315: only ours, not what somebody else marked
            self._done(self._imap.uid("EXPUNGE", names))
        else:
            self._done(self._imap.expunge())

    def close(self) -> None:
        """Leave; nothing more is asked of the server."""
        try:
            self._imap.shutdown()
        except OSError:
            return  # it is gone already

    @staticmethod
    def _done(answer: tuple[str, Sequence[object]]) -> Sequence[object]:
        kind, data = answer
        if kind != "OK":
            raise imaplib.IMAP4.error(f"{kind}: {data!r}"[:300])
        return data


def _most_bytes(config: MailboxConfig) -> int:
    return _LIMIT_LINES_BYTES + min(config.batch * config.size_bytes, LIMIT_LOOK_BYTES + config.size_bytes)


def _names(uids: Sequence[int]) -> str:
    return ",".join(str(uid) for uid in uids)


def _said(error: imaplib.IMAP4.error) -> str:
    """Imaplib raises with the server's octets."""
    told: object = error.args[0] if error.args else ""
    return told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
