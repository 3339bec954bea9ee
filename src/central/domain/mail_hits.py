"""Who opened an e-mail or followed its link: a person, a machine, or nobody can tell. Pure; each answer names its rule.

Mail servers fetch pictures ahead and scanners follow links before the person sees the message; counting them as people
inflates reports and unsubscribes people (domain 13). A hit of a machine is kept and shown apart, and never moves a status.
The rules stand in ``RULES``, the first that fits decides, and the last fits always. They are unvalidated on real traffic:
the counts of the rules are published, so that who reads the report can judge them.
Source: the project's decisions about messages, section 7.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, Literal

from central.domain.errors import OperatorError
from central.domain.mail_tokens import TokenKind
from central.domain.message_events import MessageEvent

HitClass = Literal["human", "machine", "unknown"]

LIMIT_AGENT_CHARS: Final = 200
"""So much of a User-Agent is kept."""

TOO_SOON: Final = timedelta(seconds=2)
"""Nobody reads a message so soon after a server took it."""

MANY_LINKS: Final = 3
"""So many links of one message within two seconds are nobody's finger."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One request for a tracked address.

    kind: of its token. method: of HTTP. at: when (aware). accepted_at: when the message was taken by a mail server, None = not
    known. address: of the client, as text. agent: its User-Agent. cookies: it sent some back.
    """

    kind: TokenKind
    method: str
    at: datetime
    accepted_at: datetime | None
    address: str
    agent: str = ""
    cookies: bool = False


def line_kind(hit: Hit) -> MessageEvent:
    """What the history calls it."""
    return MessageEvent.OPENED if hit.kind is TokenKind.OPEN else MessageEvent.CLICKED


@dataclass(frozen=True, slots=True)
class HitsAround:
    """What else is known of the message. links: how many of its links were asked for within two seconds, this one included.

    machine_minute: a hit of the same client (address and agent) within the same minute was a machine's.
    """

    links: int = 1
    machine_minute: bool = False


@dataclass(frozen=True, slots=True)
class HitsBefore:
    """What stands in the history of a message already.

    links: others of its links within two seconds. Within a minute: machine_minute, whether this client was a machine; told, the
    classes of hits that stand there for the same address.
    """

    links: int
    machine_minute: bool
    told: frozenset[str]


@dataclass(frozen=True, slots=True)
class Judged:
    """Whose hit it was, by which rule of ``RULES``."""

    hit_class: HitClass
    rule: str


class Networks:
    """A set of address ranges with O(log n) lookups; overlapping ranges are fine.

    Raises OperatorError ``bad_network`` when a range is none (CIDR).
    """

    def __init__(self, ranges: Iterable[str]) -> None:
        spans: dict[int, list[tuple[int, int]]] = {4: [], 6: []}
        for text in ranges:
            try:
                network = ip_network(text)
            except ValueError as error:
                raise OperatorError("bad_network", f"{text!r} is no range of addresses: {error}.") from error
            spans[network.version].append((int(network.network_address), int(network.broadcast_address)))
        self._spans = {version: _merged(found) for version, found in spans.items()}

    def __contains__(self, address: str) -> bool:
        found = _address(address)
        if found is None:
            return False
        spans = self._spans[found.version]
        place = bisect_right(spans, (int(found), 1 << 128)) - 1
        return place >= 0 and spans[place][0] <= int(found) <= spans[place][1]


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


@dataclass(frozen=True, slots=True)
class KnownMachines:
    """What an operator knows of machines: ranges of mail proxies, ranges of data centres. Both grow old and are settings.

    Defaults: Apple's own block, through which its mail privacy fetches; no data centres, as their lists are long and change.
    """

    proxies: Networks
    data_centres: Networks


def known_machines(proxies: Iterable[str] = ("17.0.0.0/8",), data_centres: Iterable[str] = ()) -> KnownMachines:
    """Read the ranges (CIDR). Raises OperatorError ``bad_network``."""
    return KnownMachines(Networks(proxies), Networks(data_centres))


# Words in a User-Agent. Proxies fetch for a reader, who may never come; programs read for nobody.
_PROXY_AGENTS: Final = re.compile(
    r"GoogleImageProxy|ggpht\.com|YahooMailProxy|OutlookImageProxy|\A\s*Mozilla/5\.0\s*\Z", re.ASCII | re.IGNORECASE
)
"""The last one: Apple's mail privacy says ``Mozilla/5.0`` and nothing else."""
_PROGRAM_AGENTS: Final = re.compile(
    r"(?<!cu)bot|crawl|spider|scan|preview|monitor|headless|phantomjs|curl/|wget/|python|java/|go-http-client|okhttp|libwww|axios"
    r"|node-fetch|barracuda|proofpoint|mimecast|symantec|forcepoint|trendmicro|fireeye|safelinks|urldefense|facebookexternalhit"
    r"|whatsapp",
    re.ASCII | re.IGNORECASE,
)
"""Cubot is a maker of telephones."""
_BROWSER_AGENTS: Final = re.compile(
    r"(?:chrome|crios|safari|firefox|fxios|edg|opr|trident|applewebkit|gecko|thunderbird)/|msie |microsoft outlook|ms-office",
    re.ASCII | re.IGNORECASE,
)

_Test = Callable[[Hit, HitsAround, KnownMachines], bool]

RULES: Final[tuple[tuple[str, HitClass, _Test], ...]] = (
    ("method", "machine", lambda hit, _, __: hit.method not in {"GET", "POST"}),
    ("trap", "machine", lambda hit, _, __: hit.kind is TokenKind.TRAP),
    ("too_soon", "machine", lambda hit, _, __: hit.accepted_at is not None and hit.at - hit.accepted_at < TOO_SOON),
    ("many_links", "machine", lambda _, around, __: around.links >= MANY_LINKS),
    ("same_client", "machine", lambda _, around, __: around.machine_minute),
    ("proxy_agent", "machine", lambda hit, _, __: _speaks_of(_PROXY_AGENTS, hit.agent)),
    ("proxy_range", "machine", lambda hit, _, known: hit.address in known.proxies),
    ("program_agent", "machine", lambda hit, _, __: _speaks_of(_PROGRAM_AGENTS, hit.agent)),
    ("data_centre", "machine", lambda hit, _, known: not hit.cookies and hit.address in known.data_centres),
    ("no_agent", "unknown", lambda hit, _, __: not hit.agent.strip()),
    ("unfamiliar_agent", "unknown", lambda hit, _, __: not _speaks_of(_BROWSER_AGENTS, hit.agent)),
    ("no_acceptance", "unknown", lambda hit, _, __: hit.accepted_at is None),
    ("reader", "human", lambda _, __, ___: True),
)
"""Name, class, test; the first that fits decides. ``method``: HEAD and the like, which no click makes."""


def classify(hit: Hit, around: HitsAround, known: KnownMachines) -> Judged:
    """Whose hit it is; total, as the last rule fits always."""
    for name, hit_class, fits in RULES:
        if fits(hit, around, known):
            return Judged(hit_class, name)
    raise AssertionError("the last rule fits always")


def _speaks_of(words: re.Pattern[str], agent: str) -> bool:
    return words.search(agent) is not None
