"""Jasmin 0.11.0, a gateway that we did not write, on its own Redis and RabbitMQ: to compare with, and to be our carrier.

``python -m tests.far_ends.jasmin`` installs it: the brokers unpacked into a root folder in the cache, Jasmin with all that it
needs into a virtual environment there, by hash from ``requirements/jasmin.txt``. 0.11.0 and not 0.11.1, which fails on every
submit_sm_resp and loses every receipt (jookies/jasmin issues 1218 and 1236).
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Self

from central.settings import read_settings
from examples.carrier.debian_root import in_root, install_root
from examples.carrier.install import once, run
from examples.carrier.process import FarEnd, FarEndError, Keeper
from examples.carrier.sipp import free_ports

PACKAGES = (
    "redis-server", "rabbitmq-server", "dash", "coreutils", "sed", "grep", "util-linux", "hostname",
)  # fmt: skip
LOCK = Path(__file__).resolve().parents[2] / "requirements" / "jasmin.txt"
_HOST = "127.0.0.1"
_INSTALL_S, _RABBIT_S, _JASMIN_S, _CONSOLE_S = 900, 90, 60, 10
_SPEC = "site-packages/txamqp/specs/standard/amqp0-9-1.stripped.xml"
_SETTINGS = {
    "jasmin.cfg": "",
    "dlr.cfg": "[dlr-thrower]\n[smpp-server-pb-client]\n[amqp-broker]\n",
    "dlrlookupd.cfg": "[amqp-broker]\n[redis-client]\n[dlr]\npid = dlrlookupd-01\n",
}
_RABBIT = """listeners.tcp.1 = {host}:{port}
vm_memory_calculation_strategy = erlang
total_memory_available_override_value = 2GB
disk_free_limit.absolute = 1MB
"""
"""No /proc in the root: RabbitMQ asks its own virtual machine how much memory it has taken."""

_PROMPTS = (b"Username: ", b"Password: ", b"jcli : ", b"\n> ")
"""Whole ones: other lines have a colon, too, and may come in two pieces."""
_CONNECTOR = """smppccm -a
cid SIM
host 127.0.0.1
port {smsc}
username {system_id}
password {password}
submit_throughput 0
bind transceiver
ok
smppccm -1 SIM
group -a
gid g1
ok
user -a
username foo
password bar
gid g1
uid foo
ok
user -a
username oof
password rab
gid g1
uid oof
ok
mtrouter -a
type defaultroute
connector smppc(SIM)
rate 0.00
ok
persist"""


def install_brokers(cache: Path) -> Path:
    """The root folder with Redis and RabbitMQ. Raises FarEndError."""
    return install_root(cache, "brokers", PACKAGES, {"rabbitmq": 24_930})


def install_jasmin(cache: Path) -> Path:
    """The virtual environment with Jasmin. Raises FarEndError."""
    uv = Path(sys.executable).parent / "uv"

    def fill(folder: Path) -> None:
        run(
            uv,
            "--no-config",
            "--quiet",
            "venv",
            "--relocatable",
            "--python",
            sys.executable,
            folder / "venv",
            limit_s=60,
        )
        command = (uv, "--no-config", "--quiet", "pip", "install", "--python", folder / "venv/bin/python")
        run(*command, "--require-hashes", "-r", LOCK, limit_s=_INSTALL_S)

    return once(cache, "jasmin", LOCK.read_bytes() + sys.version.encode(), fill) / "venv"


class Jasmin:
    """Jasmin as a client of the SMSC on ``smsc_port``, with its HTTP door on ``send_port``; a context manager.

    smpp_port: its own SMPP server, where each of ``logins`` may bind; receipts of a user go to any of that user's binds.
    durable: Redis writes each change to the disk before it answers, as Central's database does.
    """

    name = "jasmin"
    logins = (("foo", "bar"), ("oof", "rab"))

    def __init__(
        self, cache: Path, smsc_port: int, *, system_id: str = "esme", password: str = "secret", durable: bool = False
    ) -> None:
        self._root, self._venv = install_brokers(cache), install_jasmin(cache)
        self._connector = _CONNECTOR.format(smsc=smsc_port, system_id=system_id, password=password)
        self._durable = durable
        self.send_port, self._console, self._redis, self._rabbit, self.smpp_port, *self._others = free_ports(_HOST, 10)
        self._processes: list[FarEnd] = []

    def path(self, callback_port: int | None = None) -> str:
        """The request for one message; ``%06d`` is its number. callback_port: where news of every level go."""
        receipts = "&dlr=yes&dlr-level=3&dlr-method=GET&dlr-url=http%%3A%%2F%%2F127.0.0.1%%3A{}%%2F"
        told = receipts.format(callback_port) if callback_port else ""
        return "/send?username=foo&password=bar&from=BRAND&content=hi&to=9197%06d00" + told

    def __enter__(self) -> Self:
        self._keeper = Keeper(self._root)
        self.folder = Path(tempfile.mkdtemp(prefix=f"jasmin-{os.getpid()}-", dir=self._root / "srv"))
        try:
            self.folder.chmod(0o755)
            self._start_brokers()
            self._start_jasmin()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        while self._processes:
            self._processes.pop().end()
        self._keeper.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self, name: str, *command: str | Path, environment: dict[str, str] | None = None) -> FarEnd:
        process = FarEnd(name, command, self.folder, environment=environment)
        self._processes.append(process)
        self._keeper.watch(process.pid)
        return process

    def _start_brokers(self) -> None:
        inside, epmd, distribution = f"/srv/{self.folder.name}", self._others[0], self._others[1]
        for name in ("redis", "rabbit"):
            (self.folder / name).mkdir()
        disk = ("--appendonly", "yes", "--appendfsync", "always") if self._durable else ()
        redis = ("/usr/bin/redis-server", "--bind", _HOST, "--port", str(self._redis), "--dir", f"{inside}/redis")
        self._start("redis", *in_root(self._root, *redis, "--save", "", *disk)).wait_listening(_HOST, self._redis)
        (self.folder / "rabbit/rabbitmq.conf").write_text(_RABBIT.format(host=_HOST, port=self._rabbit))
        rabbit = f"{inside}/rabbit"
        environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": rabbit, "ERL_EPMD_PORT": str(epmd),
            "ERL_EPMD_ADDRESS": _HOST, "RABBITMQ_NODENAME": "jasmin@localhost", "RABBITMQ_CONFIG_FILE": f"{rabbit}/rabbitmq",
            "RABBITMQ_MNESIA_BASE": f"{rabbit}/mnesia", "RABBITMQ_LOG_BASE": f"{rabbit}/log", "RABBITMQ_PID_FILE": f"{rabbit}/pid",
            "RABBITMQ_DIST_PORT": str(distribution), "RABBITMQ_ENABLED_PLUGINS_FILE": f"{rabbit}/plugins",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        }  # fmt: skip
        self._start("epmd", *in_root(self._root, "/usr/bin/epmd"), environment=environment).wait_listening(_HOST, epmd)
        server = self._start(
            "rabbitmq", *in_root(self._root, "/usr/lib/rabbitmq/bin/rabbitmq-server"), environment=environment
        )
        server.wait_listening(_HOST, self._rabbit, _RABBIT_S)

    def _start_jasmin(self) -> None:
        home = self.folder / "root"
        for name in ("etc/jasmin/resource", "etc/jasmin/store", "var/log/jasmin"):
            (home / name).mkdir(parents=True)
        for name, text in _SETTINGS.items():
            (home / "etc/jasmin" / name).write_text(text)
        (spec,) = self._venv.glob(f"lib/python3*/{_SPEC}")
        shutil.copy(spec, home / "etc/jasmin/resource/amqp0-9-1.xml")
        router, clients, servers = (str(port) for port in self._others[2:5])
        environment = {
            "PATH": os.defpath, "ROOT_PATH": str(home), "HOSTNAME": "localhost", "REDIS_CLIENT_HOST": _HOST,
            "REDIS_CLIENT_PORT": str(self._redis), "AMQP_BROKER_HOST": _HOST, "AMQP_BROKER_PORT": str(self._rabbit),
            "HTTP_API_BIND": _HOST, "HTTP_API_PORT": str(self.send_port), "JCLI_BIND": _HOST, "JCLI_PORT": str(self._console),
            "SMPP_SERVER_BIND": _HOST, "SMPP_SERVER_PORT": str(self.smpp_port), "ROUTER_BIND": _HOST, "ROUTER_PORT": router,
            "CLIENT_MANAGEMENT_BIND": _HOST, "CLIENT_MANAGEMENT_PORT": clients, "SMPP_SERVER_PB_BIND": _HOST,
            "SMPP_SERVER_PB_PORT": servers, "SMPP_SERVER_PB_CLIENT_HOST": _HOST, "SMPP_SERVER_PB_CLIENT_PORT": servers,
        }  # fmt: skip
        programs = self._venv / "bin"
        for name in ("jasmind", "dlrlookupd", "dlrd"):
            program = self.folder / f"{name}.py"  # its lock is one for the machine, and stays when it is killed
            program.write_text((programs / f"{name}.py").read_text().replace('"/tmp/', f'"{self.folder}/'))
            process = self._start(name, programs / "python", program, environment=environment)
            if name == "jasmind":
                for port in (self._console, self.send_port, self.smpp_port, int(servers)):
                    process.wait_listening(_HOST, port, _JASMIN_S)
        self._tell_console(self._connector)

    def _tell_console(self, lines: str) -> None:
        """Feed Jasmin's console, and wait until its connector is bound."""
        with socket.create_connection((_HOST, self._console), _CONSOLE_S) as console:
            _answer(console, b"Authentication required.\r\r\r\n\r\r\r\n")  # and no prompt
            for line in ("jcliadmin", "jclipwd", *lines.splitlines()):
                console.sendall(line.encode() + b"\r\n")
                _answer(console)
            end = time.monotonic() + _JASMIN_S
            said = b""
            while b"BOUND" not in said.replace(b"UNBOUND", b""):
                if time.monotonic() > end:
                    raise FarEndError(f"Jasmin's connector is not bound: {said.decode(errors='replace')[-500:]}")
                console.sendall(b"smppccm -l\r\n")
                said = _answer(console)
                time.sleep(0.1)


def _answer(console: socket.socket, *prompts: bytes) -> bytes:
    """What Jasmin's console says up to its next prompt. Raises TimeoutError."""
    said = b""
    while not said.endswith(prompts or _PROMPTS):
        data = console.recv(4096)
        if not data:
            raise FarEndError(f"Jasmin's console closed: {said.decode(errors='replace')[-300:]}")
        said += data
    return said


if __name__ == "__main__":
    where = read_settings().cache_dir / "far-ends"
    install_brokers(where)
    install_jasmin(where)
