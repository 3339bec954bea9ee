"""A real IMAP server: Dovecot of Debian in a root folder of its own, without TLS, on loopback, for one test."""

from __future__ import annotations

import imaplib
import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from examples.carrier.debian_root import in_root, install_root
from examples.carrier.process import FarEnd

USERS = {"dovecot": 24_920, "dovenull": 24_921, "vmail": 24_922}
USER, PASSWORD = "ann", "right"
_CONFIGURATION = """
protocols = imap
listen = 127.0.0.1
base_dir = {inside}/run
log_path = {inside}/log
ssl = no
disable_plaintext_auth = no
default_login_user = dovenull
default_internal_user = dovecot
default_internal_group = dovecot
mail_location = maildir:{inside}/mail
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid=vmail gid=vmail home={inside}/mail
}}
"""


class Dovecot:
    """One running server with one mailbox."""

    def __init__(self, port: int) -> None:
        self.port = port

    def put(self, *contents: bytes) -> None:
        imap = self._log_in()
        for content in contents:
            imap.append("INBOX", "", "", content)
        imap.logout()

    def uids(self, which: str) -> list[int]:
        imap = self._log_in()
        imap.select("INBOX", readonly=True)
        found: list[bytes] = imap.uid("SEARCH", which)[1]
        imap.logout()
        return [int(one) for one in found[0].split()]

    def _log_in(self) -> imaplib.IMAP4:
        imap = imaplib.IMAP4("127.0.0.1", self.port, timeout=20)
        imap.login(USER, PASSWORD)
        return imap


@contextmanager
def dovecot(cache: Path, port: int) -> Generator[Dovecot]:
    root = install_root(cache, "imap-house", ("dovecot-imapd",), USERS)
    folder = Path(tempfile.mkdtemp(prefix="imap-", dir=root / "srv"))
    folder.chmod(0o755)
    inside = f"/srv/{folder.name}"
    for name in ("run", "mail"):
        (folder / name).mkdir()
    os.chown(folder / "mail", USERS["vmail"], USERS["vmail"])
    (folder / "dovecot.conf").write_text(_CONFIGURATION.format(inside=inside, port=port, password=PASSWORD))
    server = FarEnd("dovecot", in_root(root, "/usr/sbin/dovecot", "-F", "-c", f"{inside}/dovecot.conf"), folder)
    try:
        server.wait_listening("127.0.0.1", port)
        yield Dovecot(port)
    finally:
        server.end()
        shutil.rmtree(folder, ignore_errors=True)
