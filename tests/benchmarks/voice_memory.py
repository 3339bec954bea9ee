"""voice_memory: whether a voice node gives back what its calls took.

One node process and its Asterisk make 20,000 calls at a steady rate. Memory is read 40 s after the 2,000th call and 40 s after
the last: by then SIP transactions are over (RFC 3261, timer values), messages are stored and nothing is in flight.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from examples.carrier import Carrier
from tests.benchmarks.calls_vs_bare_ari import MOST_RECORDS, CallHouse
from tests.benchmarks.figure import Progress, Size, Spec

PER_S = 80
_AHEAD = 3  # requests that wait or run at a time: the node never waits for the next one
_SLACK = 2.0  # times the time that the calls take at this rate


def measure(size: Size, progress: Progress) -> tuple[float, dict[str, Any]]:
    """Some calls, memory, many calls, memory."""
    few, many, rest_s = size.of(2_000, 500), size.of(20_000, 2_000), float(size.of(40, 10))
    with Carrier(["answer"]) as carrier, CallHouse(carrier.port("answer"), cps=PER_S) as house:
        idle = house.rss_mb()
        rates = [_call(house, few)]
        time.sleep(rest_s)
        early = house.rss_mb()
        progress(f"after {few} calls at {rates[0]:.0f}/s: {early} MB")
        rates.append(_call(house, many - few))
        time.sleep(rest_s)
        late = house.rss_mb()
        progress(f"after {many} calls at {rates[1]:.0f}/s: {late} MB")
    raw = {
        "calls": [few, many],
        "calls_per_s": [round(rate, 1) for rate in rates],
        "rest_s": rest_s,
        "python_mb": {"idle": idle["voice-node"], "early": early["voice-node"], "late": late["voice-node"]},
        "asterisk_mb": {"idle": idle["asterisk"], "early": early["asterisk"], "late": late["asterisk"]},
    }
    return late["voice-node"] / early["voice-node"], raw


def _call(house: CallHouse, count: int) -> float:
    """So many calls at the account's rate; the rate that it came to. Raises TimeoutError or RuntimeError."""
    begun = time.monotonic()
    limit_s = 30 + count / PER_S * _SLACK
    running: deque[str] = deque()
    left = count
    while left or running:
        while left and len(running) < _AHEAD:
            some = min(left, MOST_RECORDS)
            running.append(house.submit(some))
            left -= some
        request_id = running.popleft()
        house.wait(request_id, limit_s - (time.monotonic() - begun))
        house.check_answered(request_id)
    return count / (time.monotonic() - begun)


SPEC = Spec(
    "voice_memory",
    "memory of a voice node's Python process after 20,000 calls against after 2,000, 40 s after the last",
    1.1,
    "lower",
    measure,
)
