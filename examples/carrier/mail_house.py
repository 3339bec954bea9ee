"""A mail house to practise on: a real Postfix as relay, opendkim as its verifier, and recipients who do what their address says.

``MailHouse`` starts all of it on loopback, in a folder of its own inside a root of Debian packages (``debian_root``): nothing
is installed on the machine, but root's rights are needed. Which address does what stands in ``README.md`` beside this module.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from examples.carrier.debian_root import in_root, install_root
from examples.carrier.install import HERE
from examples.carrier.process import FarEnd, FarEndError, Keeper, listens
from examples.carrier.sipp import free_ports
from examples.carrier.smtp_door import AT_DOT, AT_RCPT, LINKS

PACKAGES: Final = ("postfix", "opendkim", "libsasl2-modules", "libsasl2-modules-db", "sasl2-bin", "openssl")
USERS: Final = {"postfix": 24_910, "postdrop": 24_911, "opendkim": 24_912, "people": 24_913}
USER, PASSWORD, REALM = "central", "secret", "relay.example"
"""Who may send by the submission ports; the user's full name is ``central@relay.example``."""

_HOST = "127.0.0.1"
_QUEUES = ("incoming", "active", "deferred", "defer", "bounce", "corrupt", "flush", "hold", "saved", "trace", "private")
_KILLED_S = 10.0


def install_mail_house(cache: Path) -> Path:
    """The root folder with Postfix and opendkim, made on first use below ``cache``. Raises FarEndError."""
    return install_root(cache, "mail-house", PACKAGES, USERS)


@dataclass(frozen=True)
class Mail:
    """One message that reached a recipient: envelope, Message-ID, and the content as it came (None in load runs)."""

    at: float
    sender: str
    recipient: str
    message_id: str
    path: Path | None

    @property
    def content(self) -> bytes:
        """The message, CRLF."""
        return self.path.read_bytes() if self.path is not None else b""

    @property
    def authentication(self) -> str:
        """What opendkim found: the relay's Authentication-Results, unfolded; "" = none."""
        headers = self.content.partition(b"\r\n\r\n")[0].decode("utf-8", "replace").replace("\r\n\t", " ")
        found = [line for line in headers.splitlines() if line.startswith("Authentication-Results: mx.relay.example")]
        return " ".join(found)


@dataclass(frozen=True)
class Ports:
    """The ports of 127.0.0.1. smtp: the relay; submission: the same with STARTTLS and AUTH; tls: with TLS from the first octet.

    mx: the recipients' own server, for sending to it directly. lmtp: behind the relay. sink: smtp-sink, for load. bounces:
    where the relay delivers notices.
    """

    smtp: int
    submission: int
    tls: int
    mx: int
    lmtp: int
    sink: int
    milter: int
    dead: int
    bounces: int


class MailHouse:
    """The mail house as a context manager.

    cache: the folder for far ends. bounces_to: the port that gets mail to ``bounce.*`` and ``bounces.*``; 0 = a mailbox here.
    web_port: where the links of messages lead, 0 = nobody opens or clicks. reads_after_s: how long after arrival people read.
    backoff_s, warn_s, lifetime_s: when deferred mail is tried again, told of, given up. keep: contents too, not only envelopes.
    """

    def __init__(
        self,
        cache: Path,
        *,
        bounces_to: int = 0,
        web_port: int = 0,
        reads_after_s: float = 3.0,
        backoff_s: int = 2,
        warn_s: int = 3,
        lifetime_s: int = 12,
        keep: bool = True,
    ) -> None:
        self._cache, self._bounces_to, self._web_port = cache, bounces_to, web_port
        self._reads_after_s, self._keep = reads_after_s, keep
        self._times = {"BACKOFF": backoff_s, "WARN": warn_s, "LIFETIME": lifetime_s}
        self._keys: dict[str, str] = {}
        self._open = ExitStack()
        self._processes: dict[str, FarEnd] = {}
        self._folder: Path | None = None
        self._keeper: Keeper | None = None

    def start(self) -> Self:
        """Start everything and wait until each part listens. Raises FarEndError."""
        self._root = install_mail_house(self._cache)
        self._remove_leavings()
        self._folder = Path(tempfile.mkdtemp(prefix=f"house-{os.getpid()}-", dir=self._root / "srv"))
        self._keeper = Keeper(self._root)
        try:
            self._choose_ports()
            self._write()
            self._start_verifier()
            self._start_recipients()
            self._start("sink", "/usr/sbin/smtp-sink", "-u", "postfix", f"{_HOST}:{self.ports.sink}", "200")
            self._processes["sink"].wait_listening(_HOST, self.ports.sink)
            self.start_relay()
        except BaseException:
            self.stop()
            raise
        return self

    @property
    def folder(self) -> Path:
        """Where everything of this house lies. Raises FarEndError before the start."""
        if self._folder is None:
            raise FarEndError("the mail house was not started")
        return self._folder

    @property
    def certificate(self) -> Path:
        """The certificate for ``localhost`` that a client has to trust."""
        return self.folder / "etc/cert.pem"

    def _inside(self) -> str:
        return f"/srv/{self.folder.name}"

    def _remove_leavings(self) -> None:
        """Remove folders of houses whose starter is gone."""
        for left in (self._root / "srv").glob("house-*"):
            if not Path(f"/proc/{left.name.split('-')[1]}").exists():
                shutil.rmtree(left, ignore_errors=True)

    def _choose_ports(self) -> None:
        ports = free_ports(_HOST, 8)
        held = self._open.enter_context(socket.socket())
        held.bind((_HOST, 0))  # never listens: whoever is sent there is refused
        dead: int = held.getsockname()[1]
        smtp, submission, tls, mx, lmtp, sink, milter, _ = ports
        self.ports = Ports(smtp, submission, tls, mx, lmtp, sink, milter, dead, self._bounces_to or mx)

    def _write(self) -> None:
        folder, owner = self.folder, USERS["postfix"]
        folder.chmod(0o755)
        etc, spool = folder / "etc", folder / "spool"
        for name in ("etc/sasl", "spool/pid", "data"):
            (folder / name).mkdir(parents=True)
        os.chown(folder / "data", owner, owner)
        for name in ("home", "home/new", "home/cur", "home/tmp"):
            (folder / name).mkdir(mode=0o700)
            os.chown(folder / name, USERS["people"], USERS["people"])
        for name in _QUEUES:
            (spool / name).mkdir(mode=0o700)
            os.chown(spool / name, owner, 0)
        for name, mode in (("maildrop", 0o730), ("public", 0o710)):
            (spool / name).mkdir()
            os.chown(spool / name, owner, USERS["postdrop"])
            (spool / name).chmod(mode)
        names: dict[str, object] = {"DIR": self._inside(), **self._times}
        refusing = AT_RCPT.keys() - {"unknown"} | AT_DOT.keys() | LINKS | {"greylisted", "slow"}
        names |= {
            "PEOPLE": USERS["people"], "SCRIPTED": "|".join(sorted(refusing)).replace("_", "[_-]"),
            "SMTP_PORT": self.ports.smtp, "SUBMIT_PORT": self.ports.submission, "TLS_PORT": self.ports.tls,
            "MX_PORT": self.ports.mx, "LMTP_PORT": self.ports.lmtp, "SINK_PORT": self.ports.sink,
            "MILTER_PORT": self.ports.milter, "DEAD_PORT": self.ports.dead, "BOUNCE_PORT": self.ports.bounces,
        }  # fmt: skip
        for template in (HERE / "mail").glob("*.in"):
            filled = re.sub("@([A-Z_]+)@", lambda found: str(names[found[1]]), template.read_text())
            (etc / template.stem).write_text(filled)
        self._write_secrets(etc)

    def _write_secrets(self, etc: Path) -> None:
        """The certificate of this house, and the user who may send."""
        inside = f"{self._inside()}/etc"
        self._run(
            "/usr/bin/openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
            "-keyout", f"{inside}/key.pem", "-out", f"{inside}/cert.pem",
        )  # fmt: skip
        (etc / "sasl/smtpd.conf").write_text(
            "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN LOGIN\n"
            f"sasldb_path: {inside}/sasldb2\nlog_level: 0\n"
        )
        command = ("/usr/sbin/saslpasswd2", "-c", "-p", "-f", f"{inside}/sasldb2", "-u", REALM, USER)
        self._run(*command, said=PASSWORD)
        os.chown(etc / "sasldb2", USERS["postfix"], USERS["postfix"])

    def _run(self, *command: str, said: str = "") -> str:
        done = subprocess.run(
            in_root(self._root, *command), check=False, input=said, capture_output=True, text=True, timeout=60
        )
        if done.returncode:
            raise FarEndError(f"{command[0]}: {(done.stderr or done.stdout).strip()[-500:]}")
        return done.stdout

    def _start(self, name: str, *command: str) -> None:
        self._processes[name] = FarEnd(name, in_root(self._root, *command), self.folder)
        if self._keeper is not None:
            self._keeper.watch(self._processes[name].pid)

    def _start_verifier(self) -> None:
        (self.folder / "etc/dns.txt").write_text("".join(f"{name} {key}\n" for name, key in self._keys.items()))
        self._start("opendkim", "/usr/sbin/opendkim", "-f", "-x", f"{self._inside()}/etc/opendkim.conf")
        self._processes["opendkim"].wait_listening(_HOST, self.ports.milter)

    def _start_recipients(self) -> None:
        ports = (self.ports.mx, self.ports.lmtp, self.ports.smtp, self._web_port)
        how = (self._reads_after_s, 2.0, "yes" if self._keep else "no")
        command = (sys.executable, "-m", "examples.carrier.mail_recipients", self.folder, *ports, *how)
        environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
        recipients = FarEnd(
            "recipients", [str(word) for word in command], self.folder, talks=True, environment=environment
        )
        self._processes["recipients"] = recipients
        recipients.read_line()

    def start_relay(self) -> None:
        """Start Postfix, again after ``kill_relay``, on the same queue. Raises FarEndError."""
        self._start("postfix", "/usr/lib/postfix/sbin/master", "-d", "-c", f"{self._inside()}/etc")
        try:
            self._processes["postfix"].wait_listening(_HOST, self.ports.smtp)
        except FarEndError as error:
            raise FarEndError(f"{error}\n{self.log()[-800:]}") from error

    def kill_relay(self) -> None:
        """End Postfix with SIGKILL, all its processes; its queue stays for ``start_relay``."""
        self._processes.pop("postfix").end(signal.SIGKILL)
        end = time.monotonic() + _KILLED_S
        while listens(_HOST, self.ports.smtp):
            if time.monotonic() > end:
                raise FarEndError("Postfix lives on")
            time.sleep(0.02)

    def publish(self, domain: str, selector: str, record: str) -> None:
        """Publish a DKIM key (``v=DKIM1; k=rsa; p=...``), as DNS would; before or after the start."""
        self._keys[f"{selector}._domainkey.{domain}"] = record
        if "opendkim" in self._processes:
            self._processes.pop("opendkim").end(signal.SIGKILL)  # it holds nothing, and would take its time
            self._start_verifier()

    def check(self) -> None:
        """Raise FarEndError when a part has ended by itself."""
        for process in self._processes.values():
            process.check()

    def mails(self, recipient: str = "") -> list[Mail]:
        """What reached recipients so far (one of them), in order."""
        found = [
            Mail(
                one["at"], one["sender"], one["recipient"], one["message_id"],
                self.folder / "mails" / one["file"] if one["file"] else None,
            )
            for one in self._lines("mails.jsonl")
        ]  # fmt: skip
        return [one for one in found if recipient in ("", one.recipient)]

    def received(self) -> Counter[tuple[str, str]]:
        """How often each message reached each recipient: (recipient, Message-ID); proof of exactly once."""
        return Counter((one["recipient"], one["message_id"]) for one in self._lines("mails.jsonl"))

    def acts(self, recipient: str = "") -> list[dict[str, Any]]:
        """What recipients did: at, recipient, what (``GET url``, ``MAIL address``), status (0 = nobody answered)."""
        return [one for one in self._lines("acts.jsonl") if recipient in ("", one["recipient"])]

    def _lines(self, name: str) -> list[dict[str, Any]]:
        path = self.folder / name
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def log(self) -> str:
        """Postfix's log."""
        path = self.folder / "mail.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def queue(self) -> list[dict[str, Any]]:
        """What waits in Postfix, as ``postqueue -j`` tells it."""
        told = self._run("/usr/sbin/postqueue", "-c", f"{self._inside()}/etc", "-j")
        return [json.loads(line) for line in told.splitlines()]

    def stop(self) -> None:
        """End every part by its process id and remove the files; safe to repeat."""
        for name in ("postfix", "sink", "recipients", "opendkim"):
            process = self._processes.pop(name, None)
            if process is not None:
                process.end(signal.SIGKILL if name == "opendkim" else signal.SIGTERM)
        if self._keeper is not None:
            self._keeper.end()
            self._keeper = None
        self._open.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
