"""One bind at work: a session with its connection, its timer and the submits that wait for room in its window.

Step 3 of the path (channel). No task a message: everything happens in the callbacks of the connection and of one timer. What a
turn of the event loop has to say goes out in one write at its end.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Final, Protocol

from central.adapters.smpp.events import Close, Connect, Down, Event, PaceMoved, Question, Ticket, Token, Unsent
from central.adapters.smpp.pace import Bucket
from central.adapters.smpp.pdu import Cancel, Query, Replace
from central.adapters.smpp.reasons import LINK_LOST, THROTTLED
from central.adapters.smpp.session import Session
from central.adapters.smpp.transport import FAILURES, Wire, connect
from central.application.ports.reach import AddressRefused, Reach
from central.domain.errors import OperatorError

_NEVER: Final = float("inf")


class Hub(Protocol):
    """Who is told what a bind hears."""

    def told(self, bind: Bind, events: Sequence[Event]) -> None:
        """What happened, in order."""
        ...


class Bind:
    """``name`` tells it from others; ``account`` is the rate that all binds of the carrier share; ``reach`` finds its addresses."""

    def __init__(self, name: str, session: Session, account: Bucket, hub: Hub, reach: Reach) -> None:
        self.name, self.session = name, session
        self.pending: deque[tuple[Ticket, bytes]] = deque()
        self.done = asyncio.Event()
        self._account, self._hub, self._reach = account, hub, reach
        self._loop = asyncio.get_running_loop()
        self._wire: Wire | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = _NEVER
        self._flushing = False
        self._closed_for = ""

    # -- what the carrier does -------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Connect and bind, now and whenever it is lost."""
        self.done.clear()
        self.session.start(self._loop.time())
        self._handle(self.session.tick(self._loop.time()))

    def room(self) -> int:
        """How many more submits it would send at once."""
        return self.session.room(self._loop.time()) - len(self.pending)

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""
        return not self.pending and not self.session.window.flights

    def put(self, items: Sequence[tuple[Ticket, bytes]]) -> None:
        """Send these in order, as soon as window and rate allow; ``settle`` afterwards."""
        self.pending.extend(items)

    def settle(self) -> None:
        """Send what may be sent, and set the timer to what comes next."""
        now = self._loop.time()
        session = self.session
        if self.pending:
            self._pump(now)
        if self._wire is not None:
            if not self._flushing and session.has_output:
                self._flushing = True
                self._loop.call_soon(self._flush)
            self._wire.read(on=session.reading)
        due = session.due()
        if self.pending and session.may_send and session.window.free(session.config.window):
            due = min(due, max(session.pace.due(now), self._account.due(now)))
        if due < self._timer_at:
            if self._timer is not None:
                self._timer.cancel()
            self._timer, self._timer_at = self._loop.call_at(due, self._on_timer), due

    def answer(self, tokens: Sequence[Token], status: int) -> None:
        """Answer inbound requests."""
        self.session.answer(tokens, status, self._loop.time())
        self.settle()

    def ask(self, pdu: Query | Cancel | Replace, question: Question) -> bool:
        """Ask about a message; False when this bind cannot."""
        return self.session.ask(pdu, question, self._loop.time())

    def leave(self, patience_s: float) -> None:
        """Unbind when what is under way is answered; ``done`` is set when the connection is closed. What waits is not sent."""
        events = self.session.leave(self._loop.time(), patience_s)
        if self.pending:
            events.append(Unsent([ticket for ticket, _ in self.pending], "closing"))
            self.pending.clear()
        if self._connecting is not None:
            self._connecting.cancel()
        if self._wire is None:
            self.done.set()
        self._handle(events)

    def abort(self) -> None:
        """Close at once; ``done`` is set when what was under way has its end."""
        if self._connecting is not None:
            self._connecting.cancel()
        if self._wire is not None:
            self._wire.abort()
        else:
            self.done.set()

    # -- what the connection tells ---------------------------------------------------------------------------------------
    def heard(self, data: bytes) -> None:
        """Octets came."""
        self._handle(self.session.received(data, self._loop.time()))

    def cut(self, reason: str) -> None:
        """The connection is gone."""
        self._wire = None
        events = self.session.lost(self._closed_for or reason, self._loop.time())
        if self.session.stopped:
            self.done.set()
        self._handle(events)

    def writable(self) -> None:
        """The other side reads again."""
        self._flush()

    # -- inside ----------------------------------------------------------------------------------------------------------
    def _pump(self, now: float) -> None:
        room = self.session.room(now)
        shared = self._account.room(now)
        if shared is not None:
            room = min(room, shared)
        if room <= 0:
            return
        if room >= len(self.pending):
            items = list(self.pending)
            self.pending.clear()
        else:
            items = list(islice(self.pending, room))
            for _ in items:
                self.pending.popleft()
        self._account.take(len(items), now)
        self.session.send(items, now)

    def _flush(self) -> None:
        self._flushing = False
        if self._wire is not None and not self._wire.blocked and self.session.has_output:
            self._wire.write(self.session.output())

    def _on_timer(self) -> None:
        self._timer, self._timer_at = None, _NEVER
        now = self._loop.time()
        if now >= self.session.due():
            self._handle(self.session.tick(now))
        else:
            self.settle()

    def _handle(self, events: Sequence[Event]) -> None:
        unsent: list[Ticket] = []
        reason = LINK_LOST
        for event in events:
            if type(event) is Close:
                self._closed_for = event.reason
                if self._wire is not None:
                    self._wire.write(self.session.output())
                    self._wire.close(self.session.config.timers.unbind)
            elif type(event) is Down:
                unsent = [ticket for ticket, _ in self.pending]
                self.pending.clear()
            elif type(event) is PaceMoved and event.slow:
                unsent, reason = self._give_back(), THROTTLED
            elif type(event) is Connect:
                self._connecting = self._loop.create_task(self._connect(), name=f"smpp-connect-{self.name}")
                self._connecting.add_done_callback(self._connect_ended)
        if unsent:
            events = [*events, Unsent(unsent, reason)]
        if events:
            self._hub.told(self, events)
        self.settle()

    def _give_back(self) -> list[Ticket]:
        """Of a bind that must rest, what waits may go another way; but for the rest of a message that has begun."""
        kept: deque[tuple[Ticket, bytes]] = deque()
        if self.pending and self.pending[0][0].part > 1:
            begun = self.pending[0][0].id
            kept.extend(item for item in self.pending if item[0].id == begun)
        given = [ticket for ticket, _ in islice(self.pending, len(kept), None)]
        self.pending = kept
        return given

    def _connect_ended(self, task: asyncio.Task[None]) -> None:
        """What nobody foresaw is told as any failure is, and tried again: a bind never rests without saying so."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self._connecting = None
            self._handle(self.session.lost(f"defect: {type(error).__name__} {error}", self._loop.time()))

    async def _connect(self) -> None:
        self._closed_for = ""
        try:
            self._wire = await connect(self.session.config, self, self._reach)
        except (*FAILURES, OperatorError) as error:
            self._connecting = None
            what = "address_refused:" if isinstance(error, AddressRefused) else f"no connection: {type(error).__name__}"
            events = self.session.lost(f"{what} {error}".strip(), self._loop.time())
            self._handle(events)
            return
        self._connecting = None
        if self._wire.gone:
            self._wire = None
            return
        self._handle(self.session.connected(self._loop.time()))
