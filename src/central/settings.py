"""Every setting of the program: one typed, frozen object, read once from the environment (and an optional env file).

The environment variable of a field is its name in capitals with the prefix ``CENTRAL_``. Secrets have no default. All bad
values are reported together (OperatorError ``bad_settings``). ``central settings`` prints ``describe``, which is redacted.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from ipaddress import ip_network
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from central.domain.errors import OperatorError

PREFIX = "CENTRAL_"
ENV_FILE = "CENTRAL_ENV_FILE"
REDACTED = "***"
_NAME_PARTS = {"date", "time", "flow", "did", "record_id", "leg"}


@dataclass(frozen=True, slots=True)
class Help:
    """What a field means: a sentence, the unit of a number, its lawful range, and whether it must never be shown."""

    text: str
    unit: str = ""
    least: float | None = None
    most: float | None = None
    secret: bool = False


def _user_folder(name: str) -> Path:
    """``/var/<name>/central`` for root, else the user's own folder (XDG base directory specification)."""
    if os.geteuid() == 0:
        return Path("/var") / name / "central"
    return Path.home() / {"lib": ".local/share", "cache": ".cache"}[name] / "central"


def _host_name() -> str:
    """This machine's name without domain, reduced to what a node name may hold."""
    return re.sub(r"[^a-z0-9-]+", "-", socket.gethostname().split(".")[0].lower()).strip("-") or "node"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings with their defaults; made by ``read_settings``, or by hand in tests."""

    # where things lie
    state_dir: Annotated[Path, Help("folder for what must survive: database, recordings, generated passwords")]
    cache_dir: Annotated[Path, Help("folder for what can be made again: rendered prompts, downloaded packages")]

    # store
    database_url: Annotated[
        str | None, Help("PostgreSQL >= 15 as URL or libpq words; empty = the embedded server", secret=True)
    ] = field(default=None, repr=False)
    pg_bin: Annotated[Path | None, Help("folder with the server binaries for the embedded server")] = None
    pg_port: Annotated[
        int | None, Help("TCP port of the embedded server on 127.0.0.1; empty = socket only", "", 1, 65535)
    ] = None
    api_connections: Annotated[int, Help("database connections of the API process", "connections", 1, 500)] = 8
    worker_connections: Annotated[int, Help("database connections of each worker process", "connections", 2, 500)] = 4
    statement_timeout_s: Annotated[float, Help("longest time for one statement", "s", 0.1, 3600)] = 60.0

    # API
    api_host: Annotated[str, Help("address that the API listens on")] = "127.0.0.1"
    api_port: Annotated[int, Help("TCP port of the API; 0 = any free one", "", 0, 65535)] = 8400
    api_url: Annotated[
        str | None, Help("address under which others reach the API, for links; empty = host and port")
    ] = None
    api_key: Annotated[
        str | None, Help("key that the command line sends; empty = that of central init", secret=True)
    ] = None
    api_body_bytes: Annotated[int, Help("largest JSON body", "bytes", 1024, 1_000_000_000)] = 8_000_000
    idempotency_hours: Annotated[float, Help("how long an Idempotency-Key is remembered", "h", 1, 720)] = 24.0

    # uploads
    upload_bytes: Annotated[int, Help("largest upload as received", "bytes", 1, 100_000_000_000)] = 4_000_000_000
    upload_unpack_ratio: Annotated[
        int, Help("largest unpacked size in multiples of the packed one", "times", 1, 10_000)
    ] = 20
    upload_rows: Annotated[int, Help("most records in one upload", "records", 1, 1_000_000_000)] = 10_000_000
    intake_chunk_rows: Annotated[int, Help("records checked and stored in one transaction", "records", 1, 100_000)] = (
        5_000
    )
    intake_processes: Annotated[
        int, Help("processes that read and check uploaded lists, beside the jobs worker", "processes", 1, 64)
    ] = 2

    # voice node
    node_name: Annotated[str, Help("name of this voice node, unique in the installation")] = ""
    channels: Annotated[int, Help("calls at once on this node", "channels", 1, 10_000)] = 200
    cps: Annotated[int, Help("new calls per second on this node", "1/s", 1, 10_000)] = 50
    asterisk_url: Annotated[str | None, Help("ARI of an Asterisk that exists already; empty = our own")] = None
    asterisk_user: Annotated[str, Help("ARI user of that Asterisk")] = "central"
    asterisk_password: Annotated[str | None, Help("ARI password of that Asterisk", secret=True)] = field(
        default=None, repr=False
    )
    asterisk_root: Annotated[
        Path | None, Help("private root with our own Asterisk; empty = asterisk-root in cache_dir")
    ] = None
    ari_port: Annotated[
        int, Help("TCP port of our own Asterisk's ARI on 127.0.0.1; 0 = any free one", "", 0, 65535)
    ] = 0
    hep_port: Annotated[int, Help("UDP port for copies of SIP messages; 0 = any free one", "", 0, 65535)] = 0
    sip_bind: Annotated[str, Help("address and port for SIP; the default reaches only this machine")] = "127.0.0.1:5060"
    sip_external: Annotated[str | None, Help("address that carriers see when this machine is behind NAT")] = None
    rtp_start: Annotated[int, Help("first UDP port for media", "", 1024, 65534)] = 10_000
    rtp_end: Annotated[int, Help("last UDP port for media", "", 1025, 65535)] = 20_000
    rtp_timeout_s: Annotated[
        int, Help("an answered call without media for so long is ended; 0 = never", "s", 0, 3600)
    ] = 60
    strict_rtp: Annotated[
        bool, Help("take media only from the address that it first came from; off for laboratory carriers")
    ] = True
    tls_verify: Annotated[bool, Help("check the certificates of TLS trunks")] = True
    sip_trace: Annotated[bool, Help("keep a copy of every SIP message for the explanation of records")] = True
    piper_model: Annotated[
        Path | None, Help("voice model (.onnx) for piper, which then speaks English; empty = flite")
    ] = None

    # recordings
    recordings_dir: Annotated[
        Path | None, Help("folder in which recordings are kept; empty = recordings in state_dir")
    ] = None
    recordings_url: Annotated[
        str | None, Help("bucket of an S3-compatible store instead, s3://bucket/prefix; needs central[s3]")
    ] = None
    recordings_endpoint: Annotated[
        str | None, Help("address of that store, https://host:port; empty = Amazon's of the region")
    ] = None
    recordings_region: Annotated[str, Help("region of the bucket")] = "us-east-1"
    recordings_key: Annotated[
        str | None, Help("access key of the bucket; empty = the machine's own credentials", secret=True)
    ] = field(default=None, repr=False)
    recordings_secret: Annotated[str | None, Help("secret key of the bucket", secret=True)] = field(
        default=None, repr=False
    )
    recording_name: Annotated[
        str, Help("names of recordings: {date} {time} {flow} {did} {record_id} {leg}, letters, digits, _ . and -")
    ] = "{date}_{time}_{flow}_{did}_{record_id}_{leg}"
    recording_link_minutes: Annotated[int, Help("how long a link to a recording holds", "min", 1, 1440)] = 15
    recording_link_secret: Annotated[
        str | None,
        Help("secret that signs links to recordings, the same on all machines; empty = made on this one", secret=True),
    ] = field(default=None, repr=False)

    # messages
    message_round_ms: Annotated[int, Help("time between two looks for due messages of a carrier", "ms", 5, 60_000)] = 50
    bounce_domain: Annotated[
        str, Help("domain to which failures of e-mail come back, empty = they are not received")
    ] = ""
    bounce_host: Annotated[str, Help("address on which the receiver of bounces listens")] = "127.0.0.1"
    bounce_port: Annotated[int, Help("port of the receiver of bounces, 0 = any", "", 0, 65_535)] = 25
    bounce_per_minute: Annotated[int, Help("notices that one server may bring", "1/min", 1, 10_000_000)] = 60_000
    bounce_host_name: Annotated[str, Help("name of the receiver of bounces in MX records; empty = bounce_domain")] = ""
    spf_terms: Annotated[str, Help("what names our relays in SPF records, divided by blanks")] = ""
    dns_servers: Annotated[str, Help("name servers to ask, ADDRESS:PORT divided by commas; empty = the system's")] = ""
    mail_token_secret: Annotated[
        str | None, Help("secret that signs links and bounce addresses of e-mail; empty = made here", secret=True)
    ] = field(default=None, repr=False)

    # dispatch and tracking
    dispatch_round_ms: Annotated[int, Help("time between two rounds of the dispatcher", "ms", 5, 60_000)] = 100
    message_runs: Annotated[int, Help("records of flows without a call in work at once", "records", 1, 10_000)] = 500
    lease_s: Annotated[float, Help("how long a claim holds without a sign of life", "s", 3, 3600)] = 60.0
    group_commit_ms: Annotated[float, Help("how long results wait for others to share a commit", "ms", 0, 1000)] = 10.0
    drain_s: Annotated[float, Help("how long a stopping process waits for its running calls", "s", 0, 86_400)] = 20.0

    # webhooks
    allow_private_webhooks: Annotated[
        bool, Help("allow private, loopback and link-local targets: development only")
    ] = False
    carrier_networks: Annotated[
        str,
        Help(
            "private networks in which carriers of accounts may lie, in CIDR form with commas; empty = public ones only"
        ),
    ] = ""
    webhook_timeout_s: Annotated[float, Help("how long a target may take to answer", "s", 0.1, 120)] = 10.0
    webhook_retry_hours: Annotated[
        float, Help("how long deliveries are tried before they are parked", "h", 0.01, 720)
    ] = 24.0
    webhook_first_retry_s: Annotated[float, Help("wait before the first retry; doubles afterwards", "s", 0.1, 3600)] = (
        5.0
    )
    webhook_connections: Annotated[int, Help("deliveries at once", "connections", 1, 1000)] = 32
    webhook_response_bytes: Annotated[int, Help("how much of an answer is read", "bytes", 0, 1_000_000)] = 4096

    # retention
    keep_sip_days: Annotated[int, Help("SIP messages of calls", "days", 1, 36_500)] = 30
    keep_events_days: Annotated[int, Help("events of records and agents", "days", 1, 36_500)] = 400
    keep_attempts_days: Annotated[int, Help("attempts and legs", "days", 1, 36_500)] = 400
    keep_records_days: Annotated[int, Help("records of closed requests", "days", 1, 36_500)] = 400
    keep_recordings_days: Annotated[
        int, Help("recordings, where an account's settings do not say otherwise", "days", 1, 36_500)
    ] = 90
    keep_deliveries_days: Annotated[int, Help("webhook deliveries, parked ones included", "days", 1, 36_500)] = 30
    keep_audit_days: Annotated[int, Help("audit entries and ledger", "days", 1, 36_500)] = 3650

    # what the operator sees
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Help("least severe log line that is written")
    ] = "info"
    log_format: Annotated[Literal["auto", "console", "json"], Help("auto = console on a terminal, else json")] = "auto"
    log_pii: Annotated[bool, Help("show personal data in logs: development only")] = False
    metrics: Annotated[bool, Help("serve /metrics and count")] = True
    metrics_dir: Annotated[
        Path | None, Help("folder in which the processes of one machine add up their metrics; central up sets it")
    ] = None

    @property
    def api_address(self) -> str:
        """The address of the API for links and for people."""
        return self.api_url or f"http://{self.api_host}:{self.api_port}"

    @property
    def mail_link_address(self) -> str:
        """Under which tracked links of e-mail are served."""
        return f"{self.api_address.rstrip('/')}/m"

    @property
    def link_address(self) -> str:
        """What stands before the code of a short link."""
        return f"{self.api_address.rstrip('/')}/l/"

    @property
    def sip_address(self) -> tuple[str, int]:
        """Host and port of ``sip_bind``."""
        host, _, port = self.sip_bind.rpartition(":")
        return host.strip("[]"), int(port)

    @property
    def private_asterisk_root(self) -> Path:
        """Where our own Asterisk is or will be installed."""
        return self.asterisk_root or self.cache_dir / "asterisk-root"

    @property
    def postgres_folder(self) -> Path:
        """Where the embedded server keeps its files."""
        return self.state_dir / "postgres"


@dataclass(frozen=True, slots=True)
class Described:
    """One line of ``central settings``. ``origin`` is ``default`` or ``set``; secrets are redacted."""

    variable: str
    value: str
    unit: str
    origin: Literal["default", "set"]
    help: str


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read every setting from ``environ`` (this process's when None) and the file that CENTRAL_ENV_FILE names.

    A variable of the environment wins over the file; an empty one means not set. OperatorError ``bad_settings`` lists all
    bad values and unknown names at once.
    """
    return parse_settings(_gather(os.environ if environ is None else environ))


def parse_settings(values: Mapping[str, str]) -> Settings:
    """Turn variables with the prefix into settings; others are ignored. Errors as ``read_settings``."""
    known = {PREFIX + name.upper(): (name, kind, help_) for name, kind, help_ in _schema()}
    given = {key: text for key, text in values.items() if key.startswith(PREFIX) and text and not _foreign(key)}
    parsed: dict[str, Any] = {
        "state_dir": _user_folder("lib"),
        "cache_dir": _user_folder("cache"),
        "node_name": _host_name(),
    }
    problems = [f"{key}: there is no such setting" for key in sorted(given.keys() - known.keys())]
    for key in sorted(given.keys() & known.keys()):
        name, kind, help_ = known[key]
        try:
            parsed[name] = _parse(given[key], kind, help_)
        except ValueError as error:
            problems.append(f"{key}: {error}")
    settings = Settings(**parsed)
    if problems := problems + list(_contradictions(settings)):
        raise OperatorError("bad_settings", "; ".join(problems), problems=problems)
    return settings


def describe(settings: Settings) -> Sequence[Described]:
    """Every setting in the order of the source, redacted."""
    plain = parse_settings({})
    lines: list[Described] = []
    for name, _, help_ in _schema():
        value, default = getattr(settings, name), getattr(plain, name)
        shown = "" if value is None else REDACTED if help_.secret else _show(value)
        origin: Literal["default", "set"] = "default" if value == default else "set"
        lines.append(Described(PREFIX + name.upper(), shown, help_.unit, origin, help_.text))
    return lines


def to_environment(settings: Settings) -> dict[str, str]:
    """The variables that make a child process read the same settings; contains secrets, never print it."""
    values = {name: getattr(settings, name) for name, _, _ in _schema()}
    return {PREFIX + name.upper(): _show(value) for name, value in values.items() if value is not None}


def child_environment(settings: Settings, more: Mapping[str, str]) -> dict[str, str]:
    """The whole environment for a process of ours: this process's, the same settings, and ``more`` on top."""
    return {**os.environ, **to_environment(settings), **more}


def _contradictions(settings: Settings) -> Iterator[str]:
    if settings.rtp_start >= settings.rtp_end:
        yield f"{PREFIX}RTP_START: must be below {PREFIX}RTP_END"
    if settings.asterisk_url and not settings.asterisk_password:
        yield f"{PREFIX}ASTERISK_PASSWORD: is needed together with {PREFIX}ASTERISK_URL"
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", settings.node_name):
        yield f"{PREFIX}NODE_NAME: lower-case letters, digits and dashes, at most 63"
    try:
        for network in settings.carrier_networks.replace(",", " ").split():
            ip_network(network)
    except ValueError as error:
        yield f"{PREFIX}CARRIER_NETWORKS: {error}"
    if not re.fullmatch(r"(\[[0-9A-Fa-f:]+\]|[^:\s]+):\d{1,5}", settings.sip_bind):
        yield f"{PREFIX}SIP_BIND: must be host:port"
    if settings.recordings_url and not re.fullmatch(r"s3://[a-z0-9][a-z0-9._-]+(/[\w./-]*)?", settings.recordings_url):
        yield f"{PREFIX}RECORDINGS_URL: must be s3://bucket or s3://bucket/prefix"
    if (settings.recordings_key is None) != (settings.recordings_secret is None):
        yield f"{PREFIX}RECORDINGS_KEY: is needed together with {PREFIX}RECORDINGS_SECRET"
    if unknown := set(re.findall(r"\{([^}]*)\}", settings.recording_name)) - _NAME_PARTS:
        yield f"{PREFIX}RECORDING_NAME: there is no {{{min(unknown)}}}"
    if not re.fullmatch(r"[A-Za-z0-9_.{}-]{1,200}", settings.recording_name):
        yield f"{PREFIX}RECORDING_NAME: letters, digits, _ . - and parts in braces"


def _schema() -> Iterator[tuple[str, Any, Help]]:
    """Name, type and help of every field, in the order of the source."""
    hints = get_type_hints(Settings, include_extras=True)
    for entry in fields(Settings):
        kind, help_ = get_args(hints[entry.name])
        yield entry.name, kind, help_


def _parse(text: str, kind: Any, help_: Help) -> object:  # noqa: ANN401 - a type, read from the annotation
    """One value; ValueError says what would be right."""
    if get_origin(kind) in {UnionType, Union}:
        (kind,) = (part for part in get_args(kind) if part is not NoneType)
    if get_origin(kind) is Literal:
        if text not in get_args(kind):
            raise ValueError(f"is {text!r}, must be one of {', '.join(get_args(kind))}")
        return text
    if kind is bool:
        word = text.lower()
        if word not in {"1", "true", "yes", "on", "0", "false", "no", "off"}:
            raise ValueError(f"is {text!r}, must be yes or no")
        return word in {"1", "true", "yes", "on"}
    if kind in {int, float}:
        return _number(text, kind, help_)
    return Path(text).expanduser().absolute() if kind is Path else text


def _number(text: str, kind: type[int | float], help_: Help) -> int | float:
    try:
        value = kind(text.replace("_", ""))
    except ValueError:
        raise ValueError(f"is {text!r}, must be a {'whole number' if kind is int else 'number'}") from None
    least, most = help_.least, help_.most
    if not (least is None or value >= least) or not (most is None or value <= most):
        raise ValueError(f"is {text}, must be from {least:g} to {most:g} {help_.unit}".rstrip())
    return value


def _show(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _foreign(key: str) -> bool:
    """Variables with our prefix that are not settings: the file's name, and what tests and scripts use."""
    return key == ENV_FILE or key.startswith((f"{PREFIX}TEST_", f"{PREFIX}DEMO_"))


def _gather(environ: Mapping[str, str]) -> dict[str, str]:
    """The file's lines ``NAME=value`` (``#`` comments, optional quotes) below the environment."""
    values: dict[str, str] = {}
    if path := environ.get(ENV_FILE):
        try:
            lines = Path(path).read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise OperatorError("bad_settings", f"{ENV_FILE}: {path} cannot be read: {error.strerror}") from error
        for number, line in enumerate(lines, 1):
            word = line.strip()
            if not word or word.startswith("#"):
                continue
            name, equals, value = word.removeprefix("export ").partition("=")
            if not equals:
                raise OperatorError("bad_settings", f"{path}, line {number}: must be NAME=value")
            values[name.strip()] = value.strip().strip("\"'")
    return values | {key: text for key, text in environ.items() if key.startswith(PREFIX) and text}
