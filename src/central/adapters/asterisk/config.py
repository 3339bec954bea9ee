"""Settings of the voice channel as values, and the rendering of the engine's configuration files from templates.

Step 3 of the path (channel). The values come from ``settings.py`` by way of ``bootstrap.py``; nothing here reads the
environment. Templates lie in ``conf/*.conf``; ``@NAME@`` is filled in for every start of an engine of our own.
"""

from __future__ import annotations

import platform
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from central.domain.errors import DefectError, OperatorError

MULTIARCH: Mapping[str, str] = {"x86_64": "x86_64-linux-gnu", "aarch64": "aarch64-linux-gnu"}
"""Debian's multiarch directory by machine, for the engine's libraries and modules."""

_EMPTY = ("acl", "ccss", "chan_websocket", "features", "pjproject", "stasis", "udptl", "websocket_client")
_SUBDIRECTORIES = ("db", "keys", "run", "log", "moh", "sounds", "spool/recording", "spool/monitor", "spool/tmp")
_PLACEHOLDER = re.compile(r"@([A-Z_]+)@")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnEngine:
    """An Asterisk that we start as a child process from a private root (``install.py``).

    ``root``: the private root. ``state_dir``: writable directory of this engine alone (configuration, database, logs).
    Ports of 0 are chosen free at each start; ``hep_port`` takes the copies of SIP messages on loopback. ``sip_host`` is the address SIP and RTP bind to and offer;
    ``external_host`` is offered instead behind NAT. ``rtp_ports``: first and last port of the media range.
    ``strict_rtp`` off accepts media from any source port (laboratory carriers that replay captures).
    ``max_calls`` is the engine's last line of defence, not the platform's cap. ``start_timeout_s``: how long ARI may
    take to answer.
    """

    root: Path
    state_dir: Path
    sip_host: str = "127.0.0.1"
    external_host: str = ""
    sip_port: int = 0
    sip_tls_port: int = 0
    ari_host: str = "127.0.0.1"
    ari_port: int = 0
    hep_port: int = 0
    rtp_ports: tuple[int, int] = (20_000, 29_999)
    strict_rtp: bool = True
    max_calls: int = 2_000
    start_timeout_s: float = 20.0
    stop_grace_s: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignEngine:
    """An Asterisk that somebody else runs: ARI base URL (``http://host:port/ari``), user and password.

    It needs the package's ``extensions.conf``, ``sorcery.conf`` and modules. ``hep_port``: where it sends its HEP copies.
    """

    url: str
    user: str
    password: str = field(repr=False)
    hep_host: str = "127.0.0.1"
    hep_port: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AsteriskConfig:
    """Everything the voice channel needs to know.

    ``app``: ARI application name, one per deployment generation. ``rtp_timeout_s``: an answered leg whose far end sends
    no media for so long is ended (0 = off). ``tls_verify``: check the certificate of TLS trunks. ``connections``: most
    parallel ARI requests. ``trace``: collect copies of the SIP messages (HEP); ``trace_bytes``: most memory for them.
    ``phone_check_s``: how often a registered phone is asked whether it is there (OPTIONS); it has 3 s to answer.
    ``tls_ca_file``: certificates to check TLS trunks against (default: Debian's bundle).
    """

    engine: OwnEngine | ForeignEngine
    app: str = "central"
    rtp_timeout_s: int = 60
    tls_verify: bool = True
    tls_ca_file: Path = Path("/etc/ssl/certs/ca-certificates.crt")
    connections: int = 64
    connect_timeout_s: float = 10.0
    request_timeout_s: float = 5.0
    trace: bool = True
    trace_bytes: int = 64 * 1024 * 1024
    resolve_ttl_s: float = 30.0
    phone_check_s: int = 15

    @property
    def phones_app(self) -> str:
        """The ARI application that hears of phones only."""
        return f"{self.app}-phones"


def external_lines(host: str) -> str:
    """Transport lines that offer ``host`` to the far side instead of the bound address; empty without one."""
    if not host:
        return ""
    return f"external_signaling_address = {host}\nexternal_media_address = {host}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartValues:
    """What is decided anew at each start of an own engine: ports, secret, where the HEP copies go."""

    sip_port: int
    sip_tls_port: int
    ari_port: int
    ari_user: str
    ari_password: str = field(repr=False)
    hep_address: tuple[str, int] | None
    tls: bool


def template_values(config: AsteriskConfig, engine: OwnEngine, start: StartValues) -> dict[str, str]:
    """The value of every ``@NAME@`` in the templates."""
    multiarch = MULTIARCH.get(platform.machine())
    if multiarch is None:
        raise OperatorError("machine_not_supported", f"no Asterisk root for {platform.machine()}")
    hep = start.hep_address or ("127.0.0.1", 9)
    return {
        "ROOT": str(engine.root),
        "STATE": str(engine.state_dir),
        "ETC": str(engine.state_dir / "etc"),
        "MULTIARCH": multiarch,
        "APP": config.app,
        "MAX_CALLS": str(engine.max_calls),
        "ARI_HOST": engine.ari_host,
        "ARI_PORT": str(start.ari_port),
        "ARI_USER": start.ari_user,
        "ARI_PASSWORD": start.ari_password,
        "SIP_HOST": engine.sip_host,
        "SIP_PORT": str(start.sip_port),
        "SIP_TLS_PORT": str(start.sip_tls_port),
        "EXTERNAL": external_lines(engine.external_host),
        "TLS_VERIFY": "yes" if config.tls_verify else "no",
        "TLS_CA_FILE": str(config.tls_ca_file),
        "RTP_START": str(engine.rtp_ports[0]),
        "RTP_END": str(engine.rtp_ports[1]),
        "STRICT_RTP": "yes" if engine.strict_rtp else "no",
        "HEP_ENABLED": "yes" if start.hep_address else "no",
        "HEP_MODULES": "load => res_hep.so\nload => res_hep_pjsip.so" if start.hep_address else "",
        "HEP_ADDRESS": f"{hep[0]}:{hep[1]}",
    }


def render(values: Mapping[str, str], state_dir: Path, *, tls: bool) -> Path:
    """Write all configuration files below ``state_dir/etc`` (mode 0700) and make the directories; returns ``etc``.

    Raises DefectError when a template names a value that does not exist.
    """
    etc = state_dir / "etc"
    shutil.rmtree(etc, ignore_errors=True)
    etc.mkdir(parents=True, mode=0o700)
    for name in _SUBDIRECTORIES:
        (state_dir / name).mkdir(parents=True, exist_ok=True)
    for template in files("central.adapters.asterisk").joinpath("conf").iterdir():
        if not template.name.endswith(".conf"):
            continue
        text = template.read_text(encoding="utf-8") if tls or template.name != "pjsip_tls.conf" else ""
        (etc / template.name).write_text(fill(text, values, template.name), encoding="utf-8")
    for name in _EMPTY:  # Asterisk logs an error for each that is missing and uses its defaults anyway
        (etc / f"{name}.conf").touch()
    return etc


def fill(text: str, values: Mapping[str, str], name: str) -> str:
    """Replace every ``@NAME@``; ``@NAME@`` itself stays (it stands in comments)."""

    def value(match: re.Match[str]) -> str:
        if match[1] == "NAME":
            return match[0]
        if match[1] not in values:
            raise DefectError("template_value_missing", f"{name}: no value for @{match[1]}@")
        return values[match[1]]

    return _PLACEHOLDER.sub(value, text)
