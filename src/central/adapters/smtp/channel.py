"""The port MailRelay over SMTP: a pool of connections, its pace, and exactly one answer for each envelope.

Step 3 of the path (channel). A relay that is away takes nothing: it is tried by itself, ever later, and ``room`` is 0 until it
answers. A relay that refuses our log-in is left alone for long, or it locks the account.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import deque
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Final, Literal

from typing_extensions import override

from central.adapters.smtp.config import RelayConfig
from central.adapters.smtp.pacing import Waiting
from central.adapters.smtp.reasons import answered, cut, judged, opening_alerts, opening_stops, unfit
from central.adapters.smtp.session import Cut, Happening, Opened, Refused, Replied, Unsent
from central.adapters.smtp.transport import FAILURES, Link, tls_context
from central.application.ports.carriers import (
    Answer,
    Envelope,
    LinkMoved,
    MailAnswered,
    MailRelay,
    NewsBatch,
    NotSent,
)
from central.application.ports.reach import AddressRefused, Reach
from central.application.ports.world import Clock

_TICK_S: Final = 0.25
_SLOW_S: Final = 30.0
_LEAST_S: Final = 0.002  # uvloop counts in milliseconds, and less than one would be none
_BATCH: Final = 500
_BARREN: Final = 5

Standing = Literal["new", "up", "down", "refused", "closing", "closed"]


class SmtpRelay(MailRelay):
    """One relay; open it in the event loop that it lives in (``open``), close it at the end."""

    def __init__(self, config: RelayConfig, clock: Clock, reach: Reach) -> None:
        self._config = config
        self._reach = reach
        self._clock = clock
        self._context = tls_context(config) if config.tls != "none" else None
        self._waiting = Waiting(config.per_s, config.domain_per_s, config.any_domain_per_s)
        self._links: set[Link] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._number = 0
        self._under_way = 0
        self._held_bytes = 0
        self._standing: Standing = "new"
        self._failures = 0
        self._probe_at = 0.0
        self._most = config.connections
        self._most_until = 0.0
        self._fresh: deque[MailAnswered | LinkMoved] = deque()
        self._untold = 0  # answers that were given away and are not acknowledged
        self._something = asyncio.Event()
        self._quiet = asyncio.Event()
        self._barren = 0  # connections in a row that ended before one message was answered
        self._feeding = False
        self._ticker: asyncio.TimerHandle | None = None
        self._wake: asyncio.Handle | None = None  # uvloop's timers have no when()
        self._wake_at = 0.0

    # ------------------------------------------------------------------------------------------------- the port
    def open(self) -> None:
        """Begin: the first connection is tried at once."""
        self._loop = asyncio.get_running_loop()
        self._tick()

    @override
    def room(self) -> int:
        if self._standing != "up" or self._held_bytes >= self._config.hold_bytes:
            return 0
        held = len(self._waiting) + self._under_way + len(self._fresh) + self._untold
        return max(0, self._config.most - held)

    @override
    async def submit(self, batch: Sequence[Envelope]) -> None:
        now = self._loop.time()
        self._held_bytes += sum(len(envelope.content) for envelope in batch)
        for envelope in batch:
            if self._standing != "up":
                self._answer(envelope, "", NotSent("relay_away", self._standing))
                continue
            late_s = self._waiting.add(envelope, now)
            if late_s:
                self._answer(envelope, "", NotSent("domain_rate", delay_s=late_s))
        self._feed()

    @override
    async def news(self) -> AsyncIterator[NewsBatch]:
        while self._standing != "closed" or self._fresh:
            await self._something.wait()
            self._something.clear()
            while self._fresh:
                yield self._batch()

    @override
    async def close(self, patience_s: float) -> None:
        if self._standing in {"closing", "closed"}:
            return
        self._standing = "closing"
        for envelope in self._waiting.clear():
            self._answer(envelope, "", NotSent("closing"))
        until = self._loop.time() + patience_s
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                while self._under_way:
                    self._quiet.clear()
                    await self._quiet.wait()
        for task in tuple(self._opening):
            task.cancel()
        for link in tuple(self._links):
            if link.session.idle:
                link.leave()
            link.give_up("closing")
        for timer in (self._ticker, self._wake):
            if timer is not None:
                timer.cancel()
        self._standing = "closed"
        self._something.set()

    # ------------------------------------------------------------------------------------------------- news
    def _batch(self) -> NewsBatch:
        news = [self._fresh.popleft() for _ in range(min(_BATCH, len(self._fresh)))]
        self._untold += len(news)

        async def ack() -> None:
            self._untold -= len(news)

        async def refuse() -> None:
            self._untold -= len(news)
            self._fresh.extendleft(reversed(news))  # nobody else knows it: told again
            self._something.set()

        return NewsBatch(news, ack, refuse)

    def _answer(self, envelope: Envelope, stage: str, answer: Answer, link: str = "") -> None:
        self._held_bytes -= len(envelope.content)
        self._fresh.append(
            MailAnswered(
                id=envelope.id,
                tries=envelope.tries,
                answer=answer,
                at=self._clock.now(),
                stage=stage,
                link=link or self._config.name,
            )
        )
        self._something.set()

    def _moved(self, news: Literal["up", "down", "refused", "slow", "normal"], detail: str) -> None:
        self._fresh.append(LinkMoved(self._config.name, news, self._clock.now(), detail))
        self._something.set()

    # ------------------------------------------------------------------------------------------------- connections
    def _told(self, link: Link, news: Sequence[Happening]) -> None:
        for one in news:
            match one:
                case Replied():
                    self._replied(link, one)
                case Cut(envelope, stage, whole, detail):
                    self._under_way -= 1
                    self._answer(envelope, stage, cut(stage, detail, whole=whole), link.name)
                case Unsent(envelope, reason):
                    self._under_way -= 1
                    self._answer(envelope, "", unfit(reason), link.name)
                case Opened():
                    self._rose()
                case Refused():
                    self._refused(one)
                case _:
                    pass
        if link.closed:
            self._gone(link)
        elif link.session.idle and link.session.taken >= self._config.messages_per_connection:
            link.leave()
        elif len(self._waiting):
            self._feed_link(link, self._loop.time())
        if not self._under_way:
            self._quiet.set()

    def _replied(self, link: Link, told: Replied) -> None:
        self._under_way -= 1
        self._barren = self._failures = 0
        stage, reply = told.stage, told.reply
        answer = answered(stage, reply, told.envelope.tries, in_place=told.in_place, direct=self._config.direct)
        self._answer(told.envelope, stage, answer, link.name)
        if reply.code >= 500 and judged(stage, reply).stop:  # noqa: PLR2004 - 5xx
            self._fell("refused", reply.text)

    def _gone(self, link: Link) -> None:
        if link not in self._links:
            return
        self._links.discard(link)
        if self._standing == "up" and link.session.taken and not link.session.answered and not link.left:
            self._barren += 1
            if self._barren >= _BARREN:
                self._fell("down", "connections end before a message is answered")
        self._feed()

    def _rose(self) -> None:
        if self._standing in {"new", "down", "refused"}:
            self._standing = "up"
            self._moved("up", "")

    def _refused(self, refused: Refused) -> None:
        reply = refused.reply
        others = any(link.session.state == "ready" for link in self._links)
        if others and refused.stage == "connect":
            # it speaks with us, but not over one more connection: fewer then, for a while
            self._most = max(1, sum(link.session.state == "ready" for link in self._links))
            self._most_until = self._loop.time() + _SLOW_S
            self._moved("slow", f"{refused.reason}: {reply.text if reply else ''}")
            return
        stop = opening_stops(refused.reason, reply)
        detail = f"{refused.reason}: {reply.text}" if reply else refused.reason
        self._fell("refused" if stop or opening_alerts(refused.reason, reply) else "down", detail, stop=stop)

    def _fell(self, news: Literal["down", "refused"], detail: str, *, stop: bool = True) -> None:
        """The relay is of no use now: everything that waits can go elsewhere at once."""
        if self._standing in {"closing", "closed"}:
            return
        pause_s = min(self._config.retry_first_s * 2.0 ** min(self._failures, 16), self._config.retry_most_s)
        if news == "refused" and stop:
            pause_s = self._config.refused_pause_s
        self._failures += 1
        # the spread comes from the number of the connection: relays that fell together are not tried together
        self._probe_at = self._loop.time() + pause_s * (0.75 + (hash((self._config.name, self._number)) % 64) / 128)
        if self._standing != news:
            self._standing = news
            self._moved(news, detail)
        for envelope in self._waiting.clear():
            self._answer(envelope, "", NotSent("relay_away", detail, alert=news == "refused"))

    def _connect(self) -> None:
        self._number += 1
        link = Link(self._config, self._context, self._number, self._told)
        task = self._loop.create_task(self._connected(link), name=f"smtp-{link.name}")
        self._opening.add(task)
        task.add_done_callback(partial(self._opened, link))

    def _opened(self, link: Link, task: asyncio.Task[None]) -> None:
        """What nobody foresaw is told as any failure is: a relay never rests without saying so."""
        self._opening.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            link.give_up(f"defect: {type(error).__name__} {error}")

    async def _connected(self, link: Link) -> None:
        config = self._config
        host = config.host.strip("[]")
        self._links.add(link)
        try:
            async with asyncio.timeout(config.connect_timeout_s):
                await self._dial(link, host, self._context if config.tls == "implicit" else None)
        except AddressRefused as error:
            self._links.discard(link)
            self._fell("refused", f"address_refused: {error}", stop=False)
        except FAILURES as error:
            link.give_up(str(error) or type(error).__name__)

    async def _dial(self, link: Link, host: str, context: ssl.SSLContext | None) -> None:
        """Connect to the first judged address that takes it."""
        failure = OSError("there is no address")
        for address in await self._reach.addresses(host, self._config.port):
            try:
                await self._loop.create_connection(
                    lambda: link, address, self._config.port, ssl=context, server_hostname=host if context else None
                )
            except ssl.SSLError:
                raise
            except OSError as error:
                failure = error
            else:
                return
        raise failure

    # ------------------------------------------------------------------------------------------------- the pump
    def _feed(self) -> None:
        """Give waiting messages to connections that want some, and open connections while some wait."""
        if not len(self._waiting) or self._standing != "up":
            return
        now = self._loop.time()
        for link in tuple(self._links):
            self._feed_link(link, now)
        if len(self._waiting) and len(self._links) < self._most:
            starting = sum(link.session.state in {"opening", "tls"} for link in self._links)
            for _ in range(min(self._most - len(self._links), len(self._waiting) - starting)):
                self._connect()

    def _feed_link(self, link: Link, now: float) -> None:
        if self._feeding:
            return  # the loop below goes on with what is left
        self._feeding = True
        try:
            while link.session.taken < self._config.messages_per_connection and link.session.wants():
                envelope = self._waiting.pop(now)
                if envelope is None:
                    self._later(now)
                    break
                self._under_way += 1
                link.offer(envelope)
        finally:
            self._feeding = False

    def _later(self, now: float) -> None:
        at = self._waiting.next_at()
        if at is None or (self._wake is not None and self._wake_at <= at):
            return
        if self._wake is not None:
            self._wake.cancel()
        self._wake_at = max(at, now + _LEAST_S)
        self._wake = self._loop.call_at(self._wake_at, self._woken)

    def _woken(self) -> None:
        self._wake = None
        self._feed()

    def _tick(self) -> None:
        """Time-outs, idle connections, and the probe of a relay that is away."""
        now = self._loop.time()
        for link in tuple(self._links):
            self._look_at(link, now)
        self._waiting.forget(now)
        if self._most < self._config.connections and now >= self._most_until:
            self._most = self._config.connections
            self._moved("normal", "")
        if (
            self._standing in {"new", "down", "refused"}
            and now >= self._probe_at
            and not self._opening
            and not self._links
        ):
            self._connect()
        self._feed()
        self._ticker = self._loop.call_later(_TICK_S, self._tick)

    def _look_at(self, link: Link, now: float) -> None:
        config, session = self._config, link.session
        silent_s = now - link.since
        if session.idle:
            if silent_s > config.idle_s:
                link.leave()
            return
        limits = {"connect": config.connect_timeout_s, "dot": config.dot_timeout_s}
        stage = session.awaits
        if link.since and stage and silent_s > limits.get(stage, config.reply_timeout_s):
            link.give_up(f"no reply in {silent_s:.0f} s")
