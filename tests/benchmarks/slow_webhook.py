"""Whether a web target that answers in 5 s slows calls that do not ask it: the lateness of their steps, with it and without it.

The call driver of a voice node on the real clock, simulated telephones, a real HTTP client and a real server in a process of
its own. Half of the calls only talk; the others ask the server, or, in the run without it, wait as long by a Delay step. A
transition is late by the time from the moment at which a playback ends to the moment at which the next is commanded. The two runs of a pair go at the same time, each in a process of
its own, so that what else the machine does hits both.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from typing import Any, cast

from typing_extensions import override

from central.adapters.simulator.channel import SimulatedTelephony
from central.adapters.webhook.caller import WebhookCaller
from central.adapters.webhook.config import WebhookConfig
from central.application.conversation.call_webhooks import CallWebhooks
from central.application.ports.telephony import Answer
from central.bootstrap.collector import calm_collector
from central.domain.accounts import Switch
from central.domain.ids import LegId
from central.flow.errands import CallWebhook
from examples.carrier.demo import number_for
from tests.benchmarks.figure import Progress, Size, Spec, median_ratio, percentile
from tests.benchmarks.slow_target import slow_target
from tests.fakes.voice_rig import VoiceRig
from tests.fakes.web import MemoryWeb

ANSWERS_AFTER_S = 5.0
_CALLS_PER_S = 30
_STEPS = 10
_SLOW_FROM = 500  # numbers of the demo carrier that end in 500 and more
_BUSY_S = 30  # so long a number is in use at most
_MS = 1000
_FLOW = """
flow: f
type: multicast
purpose: service
calls: {attempts: 1, ring_timeout: 4s, short_hangup: 0s}
steps:
  start: {widget: start, next: call}
  call: {widget: make_call, on: {connected: which, busy: end, no_answer: end, failed: end}}
  which:
    widget: decision
    rules: [{name: slow, when: {value: "{{ $flow.syskey.contact_number }}", is: regex, to: ".*[5-9]..$"}, next: slow}]
    else: say0
  slow: SLOW
"""


class WatchedTelephony(SimulatedTelephony):
    """Keeps how late each playback is commanded, by legs; legs of slow calls are left out."""

    late_ms: list[float]
    _due: dict[LegId, float]

    @classmethod
    def watch(cls, telephony: SimulatedTelephony) -> WatchedTelephony:
        """The same engine, watched from now on."""
        telephony.__class__ = cls
        watched = cast("WatchedTelephony", telephony)
        watched.late_ms, watched._due = [], {}
        return watched

    @override
    async def play(self, leg: LegId, playback: str, files: Sequence[str]) -> Answer:
        now = self._clock.monotonic()
        if leg in self._due:
            self.late_ms.append((now - self._due[leg]) * _MS)
        if self._talks(leg):
            self._due[leg] = now + sum(self._length_of(file) for file in files)
        return await super().play(leg, playback, files)

    def _talks(self, leg: LegId) -> bool:
        return int(self._calls[leg].call.to[-3:]) < _SLOW_FROM if leg in self._calls else False


def measure(size: Size, progress: Progress) -> tuple[float, dict[str, Any]]:
    """The median of the ratios of the two p95, runs side by side; ``raw`` has both, in ms."""
    seconds = size.of(20, 8)
    with_it: list[float] = []
    without: list[float] = []
    counts: list[int] = []
    with slow_target(ANSWERS_AFTER_S) as url, ProcessPoolExecutor(2, get_context("spawn")) as processes:
        for _ in range(size.runs):
            halves = [processes.submit(_half, step, seconds) for step in (_ASK.replace("URL", url), _DELAY)]
            asking, waiting = (half.result() for half in halves)
            with_it.append(percentile(asking, 0.95))
            without.append(percentile(waiting, 0.95))
            counts.append(len(asking))
            progress(f"p95 {with_it[-1]:.2f} ms with it, {without[-1]:.2f} ms without, {counts[-1]} transitions")
    raw = {"with_ms": with_it, "without_ms": without, "transitions": counts, "answers_after_s": ANSWERS_AFTER_S}
    return median_ratio(with_it, without), raw | {"median_ms": statistics.median(with_it)}


_DELAY = "{widget: delay, for: 5s, next: end}"
_ASK = '{widget: webhook, url: "URL", timeout: 10s, result: {Name: name}, on: {success: end, failure: lost}}'
_LOST = "  lost: {widget: hang_up, cause: reject}\n"


def _half(step: str, seconds: int) -> list[float]:
    """One run, in a process of its own."""
    calm_collector()
    return asyncio.run(_run(step, seconds))


async def _run(step: str, seconds: int) -> list[float]:
    """Lateness of the transitions of the calls that only talk."""
    web = WebhookCaller(WebhookConfig(timeout_s=60, allow_private=True, per_host=_CALLS_PER_S * _BUSY_S))
    rig = VoiceRig(flow=_document(step))
    rig.runners = {CallWebhook: CallWebhooks(web, MemoryWeb(), _Now(rig), rig.telemetry)}
    await rig.open()
    rig.account = replace(rig.account, switches=rig.account.switches | {Switch.PLAIN_HTTP_WEBHOOKS})
    watched = WatchedTelephony.watch(rig.telephony)
    try:
        for place in range(_CALLS_PER_S * seconds):
            slow = place % 2 * _SLOW_FROM
            rig.call(number_for("answers", slow + place // 2 % _SLOW_FROM))
            await asyncio.sleep(1 / _CALLS_PER_S)
        await rig.idle()
        asked = rig.journal.told("errand_begun")
        if "webhook" in step and (len(asked) != _CALLS_PER_S * seconds // 2 or _failed(rig)):
            raise RuntimeError(f"{len(asked)} requests were sent, {_failed(rig)} of them failed")
    finally:
        await rig.close()
        await web.close()
    return watched.late_ms


def _failed(rig: VoiceRig) -> int:
    return sum('"lost"' in repr(event.data).replace("'", '"') for event in rig.journal.told("flow_walked"))


class _Now:
    """The clock of a rig, which it has once it is opened."""

    def __init__(self, rig: VoiceRig) -> None:
        self._rig = rig

    def now(self) -> Any:
        return self._rig.clock.now()

    def monotonic(self) -> float:
        return self._rig.clock.monotonic()


def _document(step: str) -> bytes:
    says = "".join(f"  say{n}: {{widget: play, say: 'Words of step {n}.', next: say{n + 1}}}\n" for n in range(_STEPS))
    lost = _LOST if "lost" in step else ""
    return (_FLOW.replace("SLOW", step) + says + f"  say{_STEPS}: {{widget: hang_up}}\n" + lost).encode()


SPEC = Spec(
    "slow_webhook", "lateness of other calls' steps, p95, a web target that answers in 5 s", 1.2, "lower", measure
)
