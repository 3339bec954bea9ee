"""Foreign judges of our SMPP: Kannel 1.4.5 as another client of the same SMSC, tshark as reader of the wire.

``python -m tests.far_ends.judges`` installs both, unpacked into a root folder of their own in the cache, like the mail house.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import tempfile
import time
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psycopg
from psycopg.conninfo import conninfo_to_dict

from central.settings import read_settings
from examples.carrier.debian_root import in_root, install_root, may_use_roots
from examples.carrier.install import run
from examples.carrier.process import FarEnd, FarEndError, Keeper
from examples.carrier.sipp import free_ports

PACKAGES = ("kannel", "tshark")
USERS = {"kannel": 24_920}
_HOST = "127.0.0.1"
_READING_S = 120
_BAD = "smpp && (_ws.malformed || _ws.expert.severity == error)"
_KANNEL = """
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = bar
status-password = foo
smsbox-port = {box}
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1
log-file = "{folder}/bearerbox.log"
log-level = 3
{storage}

group = smsc
smsc = smpp
smsc-id = sim
host = 127.0.0.1
port = {smsc}
transceiver-mode = true
smsc-username = {system_id}
smsc-password = {password}
system-type = ""
max-pending-submits = 50
enquire-link-interval = 30

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {send}
sendsms-interface = 127.0.0.1
global-sender = 13013
log-file = "{folder}/smsbox.log"
log-level = 3
max-pending-requests = 1000

group = sendsms-user
username = tester
password = foobar
max-messages = 4
concatenation = true

group = sms-service
keyword = default
text = ""
max-messages = 0
"""

_IN_MEMORY = "dlr-storage = internal"
_ON_DISK = """store-type = spool
store-location = "{spool}"
dlr-storage = pgsql

group = pgsql-connection
id = receipts
host = {host}
port = {port}
username = {user}
password = {password}
database = {dbname}
max-connections = 4

group = dlr-db
id = receipts
table = kannel_receipt
field-smsc = smsc
field-timestamp = ts
field-source = source
field-destination = destination
field-service = service
field-url = url
field-mask = mask
field-status = status
field-boxc-id = boxc
"""
_TABLE = """create table if not exists kannel_receipt (
  oid bigint generated always as identity primary key, smsc text, ts text, source text, destination text, service text, url text, mask int, status int, boxc text
);
create index if not exists kannel_receipt_ts on kannel_receipt (smsc, ts)"""
"""``oid`` was every table's own before PostgreSQL 12; Kannel 1.4.5 deletes by it."""


def install_judges(cache: Path) -> Path:
    """The root folder with Kannel and tshark, made on first use below ``cache``. Raises FarEndError."""
    return install_root(cache, "judges", PACKAGES, USERS)


class _Folder:
    """A folder of one's own inside the root, and what runs in it."""

    def __init__(self, cache: Path) -> None:
        self._root = install_judges(cache)
        self.folder = Path(tempfile.mkdtemp(prefix=f"judge-{os.getpid()}-", dir=self._root / "srv"))
        self.folder.chmod(0o755)
        self.inside = f"/srv/{self.folder.name}"
        self._keeper = Keeper(self._root)
        self._processes: list[FarEnd] = []

    def _start(self, name: str, *command: str, talks: bool = False) -> FarEnd:
        process = FarEnd(name, in_root(self._root, *command), self.folder, talks=talks)
        self._processes.append(process)
        self._keeper.watch(process.pid)
        return process

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start what there is to start."""
        raise NotImplementedError

    def stop(self) -> None:
        """End it and remove its files; safe to repeat."""
        while self._processes:
            self._processes.pop().end()
        self._keeper.end()
        shutil.rmtree(self.folder, ignore_errors=True)


class Kannel(_Folder):
    """Kannel as a client of the SMSC on ``smsc_port``, with its HTTP door; a context manager.

    database: a PostgreSQL that is reached by TCP (libpq's words), where it keeps what waits for a receipt, messages in files beside;
    "" = all of it in memory, lost with the process.
    """

    name = "kannel"

    def __init__(
        self, cache: Path, smsc_port: int, *, system_id: str = "esme", password: str = "secret", database: str = ""
    ) -> None:
        super().__init__(cache)
        self._database = database
        self.admin_port, self._box, self.send_port = free_ports(_HOST, 3)
        self._smsc, self._system_id, self._password = smsc_port, system_id, password

    def start(self) -> None:
        """Start both boxes and wait for their doors."""
        told = _KANNEL.format(
            folder=self.inside, admin=self.admin_port, box=self._box, send=self.send_port, smsc=self._smsc,
            system_id=self._system_id, password=self._password, storage=self._storage(),
        )  # fmt: skip
        (self.folder / "kannel.conf").write_text(told)
        for name, port in (("bearerbox", self._box), ("smsbox", self.send_port)):
            self._start(name, f"/usr/sbin/{name}", "-v", "4", f"{self.inside}/kannel.conf").wait_listening(_HOST, port)

    def _storage(self) -> str:
        if not self._database:
            return _IN_MEMORY
        (self.folder / "spool").mkdir()
        with psycopg.connect(self._database, autocommit=True) as connection:
            connection.execute(_TABLE)
        where = {"host": _HOST, "port": "5432", **conninfo_to_dict(self._database)}
        return _ON_DISK.format(spool=f"{self.inside}/spool", **where)

    def send(self, to: str, text: str, callback: str = "", mask: int = 31) -> str:
        """Send one message; what Kannel answers. callback: a URL with Kannel's ``%d`` (kind of news), ``%A`` (the receipt)."""
        query = {"username": "tester", "password": "foobar", "from": "BRAND", "to": to, "text": text}
        if callback:
            query |= {"dlr-mask": str(mask), "dlr-url": callback}
        url = f"http://{_HOST}:{self.send_port}/cgi-bin/sendsms?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return str(answer.read().decode())

    def path(self, callback_port: int | None = None) -> str:
        """The request for one message in load runs; ``%06d`` is its number. callback_port: where news of every kind go."""
        receipts = "&dlr-mask=31&dlr-url=http%%3A%%2F%%2F127.0.0.1%%3A{}%%2F%%3Ft%%3D%%25d"
        told = receipts.format(callback_port) if callback_port else ""
        return "/cgi-bin/sendsms?username=tester&password=foobar&from=BRAND&text=hi&to=9197%06d00" + told

    def online(self) -> bool:
        """Whether its bind is up."""
        url = f"http://{_HOST}:{self.admin_port}/status.xml?password=foo"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return b"<status>online" in answer.read()


@dataclass(frozen=True)
class Verdict:
    """What tshark read: SMPP frames, those that are malformed or in error as text, how often each command_id."""

    frames: int
    bad: tuple[str, ...]
    commands: Counter[int]


class Wire(_Folder):
    """Everything on loopback from and to one port, captured while the context is open; ``judge`` ends the capture.

    Needs the right to capture (CAP_NET_RAW).
    """

    def __init__(self, cache: Path, port: int) -> None:
        super().__init__(cache)
        self._port = port
        self._mark = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._mark.bind((_HOST, 0))

    def start(self) -> None:
        """Capture; returns when it does. Raises FarEndError."""
        pcap = f"{self.inside}/wire.pcap"
        wanted = f"tcp port {self._port} or udp port {self._mark.getsockname()[1]}"
        self._capture = self._start("dumpcap", "/usr/bin/dumpcap", "-i", "lo", "-f", wanted, "-w", pcap)
        self._capture.wait_said("File: ")

    def stop(self) -> None:
        """End it and remove its files; safe to repeat."""
        self._mark.close()
        super().stop()

    def judge(self) -> Verdict:
        """End the capture and read it."""
        mark = b"the last packet of this capture"
        self._mark.sendto(mark, self._mark.getsockname())
        end = time.monotonic() + _READING_S
        while mark not in (self.folder / "wire.pcap").read_bytes():
            self._capture.check()
            if time.monotonic() > end:
                raise FarEndError("dumpcap does not write what it sees")
            time.sleep(0.05)
        self._capture.end(signal.SIGINT)
        rows = self._read("smpp", "-T", "fields", "-e", "smpp.command_id").splitlines()
        ids = [int(word, 16) for row in rows for word in row.split(",") if word]
        bad = self._read(_BAD).splitlines()
        return Verdict(len(rows), tuple(bad), Counter(ids))

    def _read(self, wanted: str, *form: str) -> str:
        command = (
            "/usr/bin/tshark",
            "-r",
            f"{self.inside}/wire.pcap",
            "-d",
            f"tcp.port=={self._port},smpp",
            "-Y",
            wanted,
        )
        return run(*in_root(self._root, *command, *form), limit_s=_READING_S)


def callbacks(paths: Iterable[str]) -> dict[str, set[int]]:
    """Kinds of news by the ``code`` of the callback: what a test's web server saw of ``?code=...&kind=%d``."""
    found: dict[str, set[int]] = {}
    for path in paths:
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(path).query)
        found.setdefault(query["code"][0], set()).add(int(query["kind"][0]))
    return found


if __name__ == "__main__" and may_use_roots():
    install_judges(read_settings().cache_dir / "far-ends")
