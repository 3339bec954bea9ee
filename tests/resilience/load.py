"""What a seed calls: a flow with short intervals, and a list of contacts that behave in all ways the carrier knows."""

from __future__ import annotations

import csv
import io
import random
from dataclasses import dataclass
from typing import Final

from examples.carrier.demo import number_for

ATTEMPTS: Final = 3
FLOW: Final = b"""
flow: resilience
type: multicast
purpose: transactional
calls: {attempts: 3, interval: 1s, ring_timeout: 3s, short_hangup: 1s, channel_wait: 10s}
steps:
  start: {widget: start, next: early}
  early:
    widget: decision
    rules: [{name: waits, when: {value: "{{ $flow.key.Wait }}", is: "not empty"}, next: wait}]
    else: call
  wait: {widget: delay, for: "{{ $flow.key.Wait }}", next: call}
  call: {widget: make_call, on: {connected: menu, busy: later, no_answer: end, failed: end}}
  later: {widget: delay, for: 5s, next: end}
  menu:
    widget: menu
    say: Press 1.
    digits: {"1": thanks}
    first_digit_timeout: 2s
    tries: 1
    on: {no_input: bye, invalid_exhausted: bye}
  thanks: {widget: play, say: Thank you., next: bye}
  bye: {widget: hang_up}
  on_remote_hangup: {widget: on_remote_hangup, next: end}
  on_flow_complete: {widget: on_flow_complete, next: end}
variables:
  Wait: {}
"""
_MIX: Final = {
    "answers_on_second_attempt": 18, "presses_1": 16, "answers": 10, "hangs_up_at_once": 10, "hangs_up_mid_flow": 6,
    "busy": 12, "rings_out": 6, "unavailable": 4, "declined": 4, "not_found": 4, "early_media_then_busy": 5, "server_error": 3,
}  # fmt: skip
_SLOW_SECOND: Final = {"answers_on_second_attempt": 3, "rings_out": 1}
NEVER_ANSWER: Final = frozenset(
    {"busy", "rings_out", "unavailable", "declined", "not_found", "early_media_then_busy", "server_error"}
)
_BAD: Final = ("12ab", "999", "")


@dataclass(frozen=True, slots=True)
class Contact:
    """One row: its identifier, numbers, and whether any of them ever answers (None: intake must refuse it)."""

    name: str
    numbers: tuple[str, ...]
    may_answer: bool | None
    wait: str = ""  # before the call, slept through in the store


def contacts(seed: int, count: int, *, slow_second: bool = False) -> list[Contact]:
    """The contacts of a seed, mixed; no number stands twice in a list.

    ``slow_second``: only contacts whose first attempt fails and whose second takes seconds, so that it is under way when the
    owner of the first one wakes up.
    """
    chance = random.Random(f"list {seed}")
    mix = _SLOW_SECOND if slow_second else _MIX
    kinds = chance.choices(list(mix), list(mix.values()), k=count)
    used: dict[str, int] = {}
    made: list[Contact] = []
    for n, kind in enumerate(kinds):
        if n % 40 == 17:
            made.append(Contact(f"{seed}-{n}-bad", (_BAD[n // 40 % len(_BAD)],), None))
            continue
        row = [kind]
        if kind in {"busy", "unavailable"} and chance.random() < 0.4:
            row.append(chance.choice(["presses_1", "rings_out", "answers"]))
        numbers = tuple(_next(behaviour, used) for behaviour in row)
        wait = "" if slow_second or n % 4 else "5s"
        made.append(Contact(f"{seed}-{n}-{kind}", numbers, not NEVER_ANSWER.issuperset(row), wait))
    return made


def as_csv(rows: list[Contact]) -> bytes:
    """The list as a file."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["tel1", "tel2", "client_identifier", "Wait"])
    writer.writerows([*row.numbers, *[""] * (2 - len(row.numbers)), row.name, row.wait] for row in rows)
    return text.getvalue().encode()


def _next(behaviour: str, used: dict[str, int]) -> str:
    n = used.get(behaviour, 0)
    used[behaviour] = n + 1
    return number_for(behaviour, n)
