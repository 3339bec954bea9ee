"""What can be set about one gateway by HTTP: a typed value, read from the carrier's JSON and judged when it is saved.

A new gateway is such a value and no code: a request template, where its answers say what, and what its words mean.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from central.adapters.gateway.filling import places, places_of
from central.adapters.gateway.finding import Place
from central.domain.statuses import SmsStatus

WAIT_S: Final = 15.0
"""How long a message waits here for a free connection; then it is told as not sent."""
REPEAT_S: Final = 50.0
"""All requests for one message begin and end within this; with the wait it stays below the lease of a hand-over (90 s)."""

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")  # RFC 9110, section 5.6.2
_IN_HEADERS: Final = frozenset({"to", "id", "parts", "encoding", "validity_s", "validity_min"})
_OURS: Final = frozenset({"host", "content-length", "transfer-encoding", "connection", "accept-encoding", "expect"})
_LEAST_SECRET: Final = 16
_HEADER: Final = "a header's name and value are printable, and it is none of those that HTTP itself needs"

Seconds = Annotated[float, Meta(gt=0, le=REPEAT_S)]


class Meaning(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a refusal means. retry: it may be sent again, here after ``delay_s`` or elsewhere at once. alert: a person must look."""

    status: SmsStatus | None = None
    reason: Annotated[str, Meta(max_length=64, pattern=r"^[a-z0-9_]*$")] = ""
    retry: bool = False
    alert: bool = False
    delay_s: Annotated[float, Meta(ge=0, le=86_400)] = 0.0


class Basic(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="basic", tag_field="kind"):
    """RFC 7617; ``secret`` names the password."""

    user: str
    secret: str


class Bearer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="bearer", tag_field="kind"):
    """RFC 6750; ``secret`` names the token."""

    secret: str


class KeyHeader(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="header", tag_field="kind"):
    """A key in a header of the gateway's own."""

    name: str
    secret: str


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The request of one message. One of ``json``, ``form`` and ``text`` is the body, or none of them.

    url: https (http by the account's switch); places stand in its path and query only. text_type: Content-Type of ``text``;
    escape: how values are written in it. idempotency_header: carries the message's id, and says that the gateway takes a
    message once whatever comes how often: only then is a request whose outcome is unknown repeated.
    """

    url: str
    method: Literal["POST", "GET", "PUT"] = "POST"
    headers: dict[str, str] = {}
    query: dict[str, str] = {}
    json: Any = msgspec.UNSET
    form: dict[str, str] | None = None
    text: str | None = None
    text_type: str = "text/plain; charset=utf-8"
    escape: Literal["none", "xml", "url", "json"] = "none"
    auth: Basic | Bearer | KeyHeader | None = None
    idempotency_header: str = ""


class AnswerMap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What its answers say. id: its own name of the message. error: the word that tells whether it was taken.

    accepted: words at ``error`` that refuse nothing. refusals: what its other words mean. statuses: what an HTTP status
    means, where it is not the common table. detail: a sentence for people.
    """

    id: Place
    error: Place | None = None
    accepted: tuple[str, ...] = ("0",)
    refusals: dict[str, Meaning] = {}
    statuses: dict[str, Meaning] = {}
    detail: Place | None = None


class Token(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="token", tag_field="kind"):
    """``secret`` names a token that stands in the last part of the path, in a header or in the query (``name``)."""

    secret: str
    at: Literal["path", "header", "query"] = "path"
    name: str = ""


class Hmac(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="hmac", tag_field="kind"):
    """A signature in a header. signed: ``{body}``, ``{query}`` and ``{timestamp}`` as the gateway puts them together.

    timestamp_header: seconds since 1970 in it; older or newer than ``tolerance_s`` is refused. prefix: before the signature.
    """

    secret: str
    header: str
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""
    signed: str = "{body}"
    timestamp_header: str = ""
    tolerance_s: Annotated[int, Meta(ge=1, le=86_400)] = 300


class StateMeaning(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a word of a receipt means."""

    status: SmsStatus
    reason: Annotated[str, Meta(max_length=64, pattern=r"^[a-z0-9_]*$")] = ""


class Receipts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Receipts that the gateway brings to ``/gateways/{carrier_id}/receipts``.

    each: path to a list of receipts ("" = what comes is one). states: what its words mean (any case); others are OTHER.
    errors: what its error codes mean, where that says more. number: the recipient. zone_min: of times without a zone.
    """

    verify: Token | Hmac
    id: Place
    state: Place
    body: Literal["json", "form"] = "json"
    each: str = ""
    states: dict[str, StateMeaning]
    errors: dict[str, StateMeaning] = {}
    error: Place | None = None
    time: Place | None = None
    number: Place | None = None
    zone_min: Annotated[int, Meta(ge=-840, le=840)] = 0


class Timeouts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Seconds. connect: name look-up, TCP, TLS. answer: from the request to the end of its answer. keep: of idle connections."""

    connect: Seconds = 5.0
    answer: Seconds = 15.0
    keep: Annotated[float, Meta(ge=0, le=60)] = 2.0


class GatewayConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One gateway.

    connections: requests at once. rate: requests a second, sender_rate: parts a second of one sender (None = no limit). repeats: so often is a request of unknown
    outcome made again (only with ``idempotency_header``). words: what it calls our alphabets (``gsm7``, ``ucs2``).
    to_prefix: before the recipient's digits (``+``, ``00``).
    """

    name: str
    request: Request
    answer: AnswerMap
    receipts: Receipts | None = None
    secrets: dict[str, str] = {}
    connections: Annotated[int, Meta(ge=1, le=500)] = 10
    rate: Annotated[float, Meta(gt=0, le=10_000)] | None = None
    sender_rate: Annotated[float, Meta(gt=0, le=10_000)] | None = None
    repeats: Annotated[int, Meta(ge=0, le=5)] = 2
    timeouts: Timeouts = Timeouts()
    words: dict[str, str] = {}
    to_prefix: Literal["", "+", "00"] = ""

    def __post_init__(self) -> None:
        """Refuse what cannot work. Raises ValueError."""
        if self.timeouts.connect + self.timeouts.answer > REPEAT_S:
            raise ValueError(f"the time-outs together are at most {REPEAT_S:.0f} s")
        self._check_request()
        self._check_answer()
        if self.receipts is not None:
            self._check_receipts(self.receipts)

    def _places(self) -> set[str]:
        request = self.request
        names = places(request.url) | places_of(dict(request.query)) | places_of(request.form or {})
        names |= places(request.text or "")
        return names if request.json is msgspec.UNSET else names | places_of(request.json)

    @property
    def takes_data(self) -> bool:
        """Whether its request has a place for 8-bit data."""
        return bool(self._places() & {"data_hex", "data_base64"})

    def _check_request(self) -> None:
        request = self.request
        check_address(request.url)
        bodies = (request.json is not msgspec.UNSET, request.form is not None, request.text is not None)
        if sum(bodies) > 1 or (any(bodies) and request.method == "GET"):
            raise ValueError("a request has one body at most (json, form or text), a GET none")
        names = self._places()
        if "to" not in names | places_of(dict(request.headers)) or "text" not in names:
            raise ValueError("a request names {to} and {text}")
        for name, value in request.headers.items():
            _check_header(name, value)
            bad = {one for one in places(value) if "." not in one} - _IN_HEADERS
            if bad:
                raise ValueError(f"a header cannot carry {', '.join(sorted(bad))}")
            names |= places(value)
        if request.idempotency_header:
            _check_header(request.idempotency_header, "")
        _check_header("content-type", request.text_type)
        wanted = {name.removeprefix("secret.") for name in names if name.startswith("secret.")}
        if request.auth is not None:
            wanted.add(request.auth.secret)
            _check_header(request.auth.name if isinstance(request.auth, KeyHeader) else "authorization", "")
        for name in sorted(wanted):
            self._secret(name)

    def _check_answer(self) -> None:
        for status in self.answer.statuses:
            if not (status.isascii() and status.isdigit() and _is_refusal(int(status))):
                raise ValueError(
                    f"statuses: {status!r} is no HTTP status of 400 to 599; redirects and 2xx mean what they mean"
                )

    def _check_receipts(self, receipts: Receipts) -> None:
        verify = receipts.verify
        if len(self._secret(verify.secret)) < _LEAST_SECRET:
            raise ValueError(f"the secret of receipts has at least {_LEAST_SECRET} characters")
        if isinstance(verify, Token):
            if verify.at != "path" and not _TOKEN.fullmatch(verify.name):
                raise ValueError("a token in the header or query has a name")
            return
        if not _TOKEN.fullmatch(verify.header) or (
            verify.timestamp_header and not _TOKEN.fullmatch(verify.timestamp_header)
        ):
            raise ValueError("a signature stands in a header, its time too")
        if "{body}" not in verify.signed and "{query}" not in verify.signed:
            raise ValueError("what is signed holds {body} or {query}")
        if ("{timestamp}" in verify.signed) != bool(verify.timestamp_header):
            raise ValueError("{timestamp} and timestamp_header belong together")

    def _secret(self, name: str) -> str:
        if not self.secrets.get(name):
            raise ValueError(f"the secret {name!r} is not given")
        if not self.secrets[name].isprintable():
            raise ValueError(f"the secret {name!r} is not printable")
        return self.secrets[name]

    def __repr__(self) -> str:
        """Without the secrets."""
        return f"GatewayConfig(name={self.name!r}, url={self.request.url!r})"

    __str__ = __repr__


def check_address(url: str) -> None:
    """Raises ValueError for what is no address of http, has log-in data in it, or a place where the host is named."""
    parts = urlsplit(url)
    if parts.scheme not in {"https", "http"} or not parts.hostname or not url.isprintable() or " " in url:
        raise ValueError("the URL has no host, or is neither https nor http")
    _ = parts.port  # raises ValueError
    if "@" in parts.netloc or "{" in parts.netloc or "}" in parts.netloc:
        raise ValueError("the URL's host is fixed, and log-in data stands in auth")
    if parts.fragment:
        raise ValueError("the URL has a fragment, which no server sees")


def _check_header(name: str, value: str) -> None:
    if not _TOKEN.fullmatch(name) or name.lower() in _OURS or not value.isprintable():
        raise ValueError(_HEADER)


def _is_refusal(status: int) -> bool:
    return 400 <= status <= 599  # noqa: PLR2004 - the classes of RFC 9110, section 15
