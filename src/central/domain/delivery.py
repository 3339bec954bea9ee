"""Step 6 of the path, the pure part: what the answer of a webhook endpoint means for the event that was sent to it.

2xx gives Delivered; 410 gives Gone (the endpoint wants no more: it is disabled and its events are parked); anything else,
or no answer, gives RetryAt with a growing pause, and Parked once the rule's time is over.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal
from uuid import UUID

_OK = range(200, 300)
_GONE = 410
_RETRY_AFTER_HONOURED = (429, 503)


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """The endpoint answered: HTTP status code, time taken, its Retry-After if any, the beginning of a failure's body."""

    status: int
    duration_ms: int
    retry_after: timedelta | None = None
    detail: str = ""


NoAnswerReason = Literal[
    "timeout",  # no complete answer within the time limit
    "unresolvable",  # the host name has no address
    "address_refused",  # an address that may not be reached: private, loopback, link-local, metadata ...
    "plain_http_refused",  # http although the account's switch is off
    "tls_failed",  # certificate or handshake
    "unreachable",  # no connection, or it broke
    "bad_redirect",  # too many, or to somewhere that is no URL
    "bad_url",  # the stored address cannot be used
    "bad_secret",  # a stored signing secret cannot be used
    "internal_error",  # posting failed through a fault of our own; the log holds it
]


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """No HTTP answer was had; ``reason`` is a stable code, ``detail`` a sentence."""

    reason: NoAnswerReason
    duration_ms: int
    detail: str = ""


Answer = HttpAnswer | NoAnswer


@dataclass(frozen=True, slots=True)
class Delivered:
    """The event arrived."""


@dataclass(frozen=True, slots=True)
class RetryAt:
    """Try again at ``due_at``."""

    due_at: datetime


@dataclass(frozen=True, slots=True)
class Parked:
    """Given up: the event stays on the dead-letter list until somebody replays it."""


@dataclass(frozen=True, slots=True)
class Gone:
    """The endpoint said 410: park this event, disable the endpoint."""


Verdict = Delivered | RetryAt | Parked | Gone


@dataclass(frozen=True, slots=True)
class RetryRule:
    """How pauses grow: ``first``, then times ``growth`` up to ``longest``; each shortened by up to ``jitter`` (0..1).

    After ``give_up_after`` since the first try the event is parked; the last try happens at that very moment.
    """

    first: timedelta = timedelta(seconds=5)
    growth: float = 2.0
    longest: timedelta = timedelta(hours=1)
    jitter: float = 0.2
    give_up_after: timedelta = timedelta(hours=24)


STANDARD_RULE = RetryRule()


def pause_after(event: UUID, tries: int, rule: RetryRule = STANDARD_RULE) -> timedelta:
    """The pause after try number ``tries`` (from 1) of an event; the same input always gives the same pause.

    The jitter comes from the event id, so that events which failed together do not come back together.
    """
    doublings = min(tries - 1, 64)
    full_s = min(rule.first.total_seconds() * rule.growth**doublings, rule.longest.total_seconds())
    digest = sha256(event.bytes + tries.to_bytes(8, "big")).digest()
    share = int.from_bytes(digest[:8], "big") / 2**64
    return timedelta(seconds=full_s * (1 - rule.jitter * share))


def judge(
    answer: Answer,
    *,
    event: UUID,
    tries: int,
    first_tried_at: datetime,
    now: datetime,
    rule: RetryRule = STANDARD_RULE,
) -> Verdict:
    """Decide what follows from the answer to try number ``tries`` (from 1), which ended ``now`` (aware)."""
    wait = timedelta(0)
    if isinstance(answer, HttpAnswer):
        if answer.status in _OK:
            return Delivered()
        if answer.status == _GONE:
            return Gone()
        if answer.status in _RETRY_AFTER_HONOURED and answer.retry_after is not None:
            wait = min(answer.retry_after, rule.longest)
    give_up_at = first_tried_at + rule.give_up_after
    if now >= give_up_at:
        return Parked()
    return RetryAt(min(now + max(pause_after(event, tries, rule), wait), give_up_at))


def describe(answer: Answer) -> str:
    """One line about a failed try, for the dead-letter list and the timeline."""
    match answer:
        case HttpAnswer(status=status, detail=detail):
            return f"HTTP {status}" + (f": {detail}" if detail else "")
        case NoAnswer(reason=reason, detail=detail):
            return reason + (f": {detail}" if detail else "")
