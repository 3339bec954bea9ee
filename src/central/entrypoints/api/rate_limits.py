"""How many calls an account (or a client address) may make: a token bucket each, kept in this process, told in RateLimit headers.

Headers as in draft-ietf-httpapi-ratelimit-headers: ``RateLimit-Policy: "account";q=600;w=60`` and
``RateLimit: "account";r=599;t=1``. With several API processes each has its own buckets.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

_MINUTE_S = 60.0
_MAX_BUCKETS = 10_000


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


@dataclass(frozen=True, slots=True)
class Allowance:
    """The answer for one call: ``allowed``, calls left at once, whole seconds until the next one is possible."""

    allowed: bool
    per_minute: int
    remaining: int
    wait_s: int

    def headers(self) -> dict[str, str]:
        """The RateLimit headers."""
        return {
            "RateLimit-Policy": f'"account";q={self.per_minute};w=60',
            "RateLimit": f'"account";r={self.remaining};t={self.wait_s}',
        }


class TokenBuckets:
    """One bucket an account or address: ``per_minute`` tokens at most, refilled evenly. ``monotonic`` gives seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._buckets: OrderedDict[Hashable, _Bucket] = OrderedDict()

    def take(self, holder: Hashable, per_minute: int) -> Allowance:
        """Take one token if there is one."""
        now, rate = self._monotonic(), per_minute / _MINUTE_S
        bucket = self._buckets.get(holder)
        if bucket is None:
            bucket = self._buckets[holder] = _Bucket(float(per_minute), now)
            if len(self._buckets) > _MAX_BUCKETS:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(holder)
        bucket.tokens = min(float(per_minute), bucket.tokens + (now - bucket.at) * rate)
        bucket.at = now
        allowed = bucket.tokens >= 1
        if allowed:
            bucket.tokens -= 1
        missing = max(0.0, 1 - bucket.tokens)
        return Allowance(allowed, per_minute, int(bucket.tokens), math.ceil(missing / rate))
