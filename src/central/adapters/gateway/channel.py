"""The SmsCarrier port over a gateway by HTTP: one request a message, bounded in number and rate, outcomes as news.

Step 3 of the path (channel). A request of unknown outcome is made again only where the gateway takes a message once by its
idempotency header, and only here, by the same key; else it is told as uncertain.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final, Literal

import msgspec

from central.adapters.gateway.config import REPEAT_S, WAIT_S, GatewayConfig
from central.adapters.gateway.news import NewsQueue
from central.adapters.gateway.pace import Pace
from central.adapters.gateway.reasons import Rest
from central.adapters.gateway.translate import Judged, WireRequest, hidden, judge, not_begun, request_of
from central.adapters.gateway.transport import GatewayTransport, Guard, NoAnswer, NotBegun
from central.application.ports.carriers import (
    Answer,
    Cancellation,
    LinkMoved,
    NewsBatch,
    NotSent,
    NotTaken,
    PartAnswered,
    Submission,
    Taken,
    Uncertain,
)
from central.application.ports.telemetry import Telemetry
from central.application.ports.world import Clock
from central.domain.ids import MessageId
from central.domain.short_messages import LIMIT_PARTS

_PAUSE_S: Final = 0.5
_TOLD: Final[dict[Rest, Literal["slow", "refused", "down"]]] = {"slow": "slow", "refused": "refused", "down": "down"}


class GatewayCarrier:
    """One gateway; made and used on one event loop. ``start`` it, read ``news`` all the time, ``close`` it."""

    def __init__(self, config: GatewayConfig, guard: Guard, clock: Clock, telemetry: Telemetry) -> None:
        self.config = config
        self._guard, self._clock, self._telemetry = guard, clock, telemetry
        self._transport: GatewayTransport | None = None
        self._pace = Pace(config.rate)
        self._free = asyncio.Semaphore(config.connections)
        self._running: dict[asyncio.Task[None], Submission] = {}
        self._untold: set[tuple[MessageId, int]] = set()
        self._queue = NewsQueue()
        self._state: Rest | Literal["up"] = ""
        self._closing = False

    # -- the port --------------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Ready for messages; nothing is asked of the gateway before the first."""
        self._transport = GatewayTransport(self.config, self._guard)
        self._link("up", "ready, nothing was sent yet")

    def room(self) -> int:
        """How many more parts it takes at once now; an idle gateway takes the longest message whole."""
        if self._closing or self._transport is None:
            return 0
        by_rate = self._pace.room(asyncio.get_running_loop().time())
        free = max(0, self.config.connections - len(self._running) - self._queue.unstored)
        room = free if by_rate is None else min(free, by_rate)
        idle = not self._running and not self._queue.unstored
        return max(room, LIMIT_PARTS) if room > 0 and idle else room

    async def submit(self, batch: Sequence[Submission]) -> None:
        """Hand these over; what became of each part comes as news."""
        for message in batch:
            self._untold.add((message.id, message.tries))
            made = request_of(message, self.config)
            if isinstance(made, NotTaken) or self._closing or self._transport is None:
                self._tell(message, [made if isinstance(made, NotTaken) else NotSent("closing")])
                continue
            task = asyncio.create_task(self._carry(message, made, self._transport), name=f"gateway {message.id}")
            self._running[task] = message
            task.add_done_callback(self._ended)
        self._telemetry.count("gateway_submits", len(batch), carrier=self.config.name)

    def news(self) -> AsyncIterator[NewsBatch]:
        """Everything that becomes known, until the carrier is closed. Receipts come by the API, see ``receipts.py``."""
        return self._queue.batches()

    async def query(self, remote_ids: Sequence[str]) -> None:
        """Gateways are not asked: what they know they bring as receipts."""

    async def cancel(self, wanted: Sequence[Cancellation]) -> None:
        """Gateways give nothing back, and nobody may wish for it."""

    async def close(self, patience_s: float) -> None:
        """Take no more, let what is under way be answered for so long, end ``news``."""
        self._closing = True
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=patience_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        if self._transport is not None:
            await self._transport.close()
        self._queue.end()

    # -- one message -----------------------------------------------------------------------------------------------------
    async def _carry(self, message: Submission, request: WireRequest, transport: GatewayTransport) -> None:
        """One message, one outcome, whatever happens; cancelled before the request it was not sent, later it is uncertain."""
        begun = False
        try:
            async with asyncio.timeout(WAIT_S):
                await self._free.acquire()
        except TimeoutError:
            self._tell(message, [NotSent("window_full")])
            return
        except asyncio.CancelledError:
            self._tell(message, [NotSent("closing")])
            raise
        try:
            wait = self._pace.take(asyncio.get_running_loop().time())
            if wait > WAIT_S:
                self._tell(message, [NotSent("window_full", delay_s=wait)])
                return
            await asyncio.sleep(wait)
            begun = True
            judged = await self._ask(message, request, transport)
            self._tell(message, judged.answers)
            self._rest(judged)
        except asyncio.CancelledError:
            self._tell(message, [Uncertain("closing") if begun else NotSent("closing")])
            raise
        finally:
            self._free.release()

    async def _ask(self, message: Submission, request: WireRequest, transport: GatewayTransport) -> Judged:
        loop = asyncio.get_running_loop()
        until = loop.time() + REPEAT_S
        repeats = self.config.repeats if self.config.request.idempotency_header else 0
        longest = self.config.timeouts.connect + self.config.timeouts.answer
        judged = await self._ask_once(message, request, transport)
        doubt = judged if isinstance(judged.answers[0], Uncertain) else None
        for turn in range(repeats):
            pause = _PAUSE_S * 2**turn
            if doubt is None or loop.time() + pause + longest > until:
                break
            await asyncio.sleep(pause)
            judged = await self._ask_once(message, request, transport)
            if _settles(judged.answers[0]):
                return judged
        return doubt or judged

    async def _ask_once(self, message: Submission, request: WireRequest, transport: GatewayTransport) -> Judged:
        begun = asyncio.get_running_loop().time()
        try:
            seen = await transport.send(request)
        except NotBegun as error:
            return not_begun(error.reason, error.detail)
        except NoAnswer as error:
            return Judged([Uncertain(error.reason, error.detail)])
        finally:
            passed_ms = (asyncio.get_running_loop().time() - begun) * 1000
            self._telemetry.observe("gateway_answer_ms", passed_ms, carrier=self.config.name)
        return judge(seen, message.parts, self.config, self._clock.now())

    # -- what is told ----------------------------------------------------------------------------------------------------
    def _tell(self, message: Submission, answers: Sequence[Answer]) -> None:
        self._untold.discard((message.id, message.tries))
        answers = [self._hidden(answer) for answer in answers]
        at = self._clock.now()
        for part in range(max(1, message.parts)):
            answer = answers[min(part, len(answers) - 1)]
            self._queue.put(PartAnswered(message.id, message.tries, part + 1, answer, at, self.config.name))
        first = answers[0]
        outcome = type(first).__name__ if isinstance(first, Taken) else getattr(first, "reason", "")
        self._telemetry.count("gateway_outcomes", 1, carrier=self.config.name, outcome=outcome)
        if not isinstance(first, Taken) and first.alert:
            self._telemetry.warning(
                "gateway_needs_attention", carrier=self.config.name, reason=first.reason, detail=first.detail
            )

    def _hidden(self, answer: Answer) -> Answer:
        if isinstance(answer, Taken) or not answer.detail:
            return answer
        return msgspec.structs.replace(answer, detail=hidden(answer.detail, self.config.secrets))

    def _rest(self, judged: Judged) -> None:
        now = asyncio.get_running_loop().time()
        first = self._hidden(judged.answers[0])
        detail = "" if isinstance(first, Taken) else f"{first.reason} {first.detail}".strip()
        if judged.rest:
            self._pace.rest(now, judged.rest_s)
            self._link(_TOLD[judged.rest], detail)
        elif not isinstance(first, Uncertain | NotSent):
            self._pace.answered()
            self._link("up", "")

    def _link(self, state: Literal["up", "slow", "refused", "down"], detail: str) -> None:
        if state != self._state:
            back = "normal" if state == "up" and self._state == "slow" else state
            self._state = state
            self._queue.put(LinkMoved(self.config.name, back, self._clock.now(), detail))

    def _ended(self, task: asyncio.Task[None]) -> None:
        message = self._running.pop(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._telemetry.failure("gateway_request_died", error, carrier=self.config.name)
        if (message.id, message.tries) in self._untold:  # a defect of ours, or cancelled before it had begun at all
            self._tell(message, [NotSent("closing") if error is None else Uncertain("defect", alert=True)])


def _settles(answer: Answer) -> bool:
    """Whether an answer to a repeat tells what became of the message: taken, or refused for good."""
    return isinstance(answer, Taken) or (isinstance(answer, NotTaken) and not answer.retry)
