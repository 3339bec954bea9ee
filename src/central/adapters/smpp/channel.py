"""The SmsCarrier port over SMPP: the binds of one carrier, messages spread over them, news of all of them in one stream.

Step 3 of the path (channel). All parts of a message go by one bind, in order. What a bind hears is told as news; an inbound
message or receipt is answered on the wire only when its batch is acknowledged.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from central.adapters.smpp import events as wire_events
from central.adapters.smpp import pdu as wire
from central.adapters.smpp.bind import Bind
from central.adapters.smpp.config import SmppConfig
from central.adapters.smpp.events import Event, Question, Ticket
from central.adapters.smpp.joining import Joining, Whole
from central.adapters.smpp.message_ids import MessageIds
from central.adapters.smpp.meter import Meter
from central.adapters.smpp.news import Handle, NewsQueue
from central.adapters.smpp.pace import Bucket
from central.adapters.smpp.reasons import LINK_DOWN, bind_refused, judge
from central.adapters.smpp.session import Session, Side
from central.adapters.smpp.translate import Parts, Writer, cancel_news, inbound, query_news
from central.application.ports.carriers import (
    Answer,
    Cancellation,
    LinkMoved,
    NewsBatch,
    NotSent,
    NotTaken,
    PartAnswered,
    ReceiptCame,
    Submission,
    Taken,
    TextCame,
    Uncertain,
)
from central.application.ports.reach import Reach
from central.application.ports.telemetry import Telemetry
from central.application.ports.world import Clock, Ids
from central.domain.short_messages import LIMIT_PARTS

_SIDES: dict[str, tuple[Side, ...]] = {"trx": ("trx",), "pair": ("tx", "rx"), "tx": ("tx",), "rx": ("rx",)}
_CHANCE_BITS = 0xFFFF


class SmppCarrier:
    """One carrier by SMPP 3.4; made and used on one event loop. ``start`` it, read ``news`` all the time, ``close`` it."""

    def __init__(self, config: SmppConfig, clock: Clock, ids: Ids, telemetry: Telemetry, reach: Reach) -> None:
        self.config = config
        self._clock, self._ids, self._reach = clock, ids, reach
        self._meter = Meter(telemetry, config.name)
        self._writer = Writer(config)
        self._message_ids = MessageIds(config.ids)
        self._joining: Joining[Handle] = Joining(config.timers.join, config.alphabet)
        self._join_timer: asyncio.TimerHandle | None = None
        self._account = Bucket(config.account_rate, config.burst)
        self._overrides = config.overrides()
        self._queue = NewsQueue()
        self._closing = False
        self._down: dict[str, str] = {}
        self._to_ask: deque[str | Cancellation] = deque()
        self._asked = 0
        self.binds: list[Bind] = []

    # -- the port --------------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Make all binds, and keep them; returns at once. ``LinkMoved`` tells what became of each."""
        for number in range(1, self.config.binds + 1):
            self._open(f"{self.config.name}#{number}", _SIDES[self.config.mode])

    def room(self) -> int:
        """How many more parts it takes at once now: open windows and rate, 0 while nothing is bound or it is slowed down.

        A submit keeps its place until its answer is stored: so what is unsure when we die never exceeds the windows. An idle bind
        that may send takes the longest message whole, whatever its window: its parts go one after another.
        """
        sending = [bind for bind in self.binds if bind.session.may_send]
        room = sum(bind.room() for bind in sending) - self._queue.unstored
        shared = self._account.room(asyncio.get_running_loop().time())
        if shared is not None:
            room = min(room, shared - sum(len(bind.pending) for bind in sending))
        if any(not bind.session.pace.slow for bind in sending):
            room += self.config.ahead
        if 0 < room < LIMIT_PARTS and not self._queue.unstored and any(bind.idle for bind in sending):
            return LIMIT_PARTS
        return max(0, room)

    async def submit(self, batch: Sequence[Submission]) -> None:
        """Hand these over; what became of each part comes as news. Parts beyond open windows wait for room in their bind."""
        now = self._clock.now()
        usable = [] if self._closing else [bind for bind in self.binds if bind.session.may_send]
        rooms = {bind: bind.room() for bind in usable}
        count = 0
        for message in batch:
            bind = max(usable, key=rooms.__getitem__) if len(rooms) > 1 else usable[0] if usable else None
            refused: NotTaken | NotSent | None = None
            parts: Parts = []
            if bind is None:
                refused = NotSent("closing" if self._closing else LINK_DOWN)
            else:
                made = self._writer.parts(message, now, tlvs=bind.session.tlvs)
                if not isinstance(made, list):
                    refused = made
                elif rooms[bind] - len(made) < -self._most(len(made)):
                    refused = NotSent("window_full")
                else:
                    parts = made
            if refused is not None or bind is None:
                self._refused(message, refused or NotSent(LINK_DOWN), now)
                continue
            bind.put(parts)
            rooms[bind] -= len(parts)
            count += len(parts)
        for bind in usable:
            bind.settle()
        self._meter.submitted(count)

    def news(self) -> AsyncIterator[NewsBatch]:
        """Everything that becomes known, until the carrier is closed."""
        return self._queue.batches()

    async def query(self, remote_ids: Sequence[str]) -> None:
        """Ask for the state of messages (query_sm); answers come as ReceiptCame, with status None when there is none."""
        self._to_ask.extend(remote_ids)
        self._ask_on()

    async def cancel(self, wanted: Sequence[Cancellation]) -> None:
        """Ask that these are not delivered (cancel_sm); answers come as ReceiptCame, none where nobody answers."""
        self._to_ask.extend(wanted)
        self._ask_on()

    async def close(self, patience_s: float) -> None:
        """Take no more, let what is under way be answered for so long, unbind, end ``news``."""
        self._closing = True
        if self._join_timer is not None:
            self._join_timer.cancel()
        self._tell_texts(self._joining.tick(float("inf")), "", self._clock.now())
        for bind in self.binds:
            bind.leave(patience_s)
        try:
            async with asyncio.timeout(patience_s + 2 * self.config.timers.unbind):
                await asyncio.gather(*(bind.done.wait() for bind in self.binds))
        except TimeoutError:
            for bind in self.binds:
                bind.abort()
            await asyncio.gather(*(bind.done.wait() for bind in self.binds))
        self._queue.end()

    # -- beyond the port -------------------------------------------------------------------------------------------------
    def ask(self, pdu: wire.Query | wire.Cancel | wire.Replace, question: Question) -> bool:
        """query_sm, cancel_sm or replace_sm by the first bind that may; False when none may. Raises ProtocolError."""
        for bind in self.binds:
            if bind.ask(pdu, question):
                bind.settle()
                return True
        return False

    # -- what binds tell -------------------------------------------------------------------------------------------------
    def told(self, bind: Bind, events: Sequence[Event]) -> None:
        """What a bind heard, in order (``bind.Hub``)."""
        at = self._clock.now()
        for event in events:
            if type(event) is wire_events.Answered:
                self._answered(bind, event, at)
            elif type(event) is wire_events.Arrived:
                self._arrived(bind, event, at)
            elif type(event) is wire_events.Unsure:
                for ticket in event.tickets:
                    self._part(bind, ticket, Uncertain(event.reason), at)
            elif type(event) is wire_events.Unsent:
                for ticket in event.tickets:
                    self._part(bind, ticket, NotSent(event.reason), at)
            elif type(event) is wire_events.Replied:
                self._replied(bind, event, at)
            else:
                self._link(bind, event, at)
        self._meter.heard(bind, events)
        if self._to_ask:
            self._ask_on()

    def _replied(self, bind: Bind, event: wire_events.Replied, at: datetime) -> None:
        """The end of a question; a cancel_sm that nobody answered says nothing."""
        remote_id = event.question.message_id
        if event.command == wire.QUERY_SM:
            self._asked -= 1
            answer = event.pdu if isinstance(event.pdu, wire.QueryAnswer) else None
            self._queue.put(query_news(event.question, event.status, answer, self.config, bind.name, at))
        elif event.command == wire.CANCEL_SM:
            self._asked = max(0, self._asked - 1)
            if event.status is not None:
                self._queue.put(cancel_news(remote_id, event.status, bind.name, at))

    def _answered(self, bind: Bind, event: wire_events.Answered, at: datetime) -> None:
        ticket = event.ticket
        if event.status == 0:
            self._message_ids.answered(event.message_id, ticket.sender)
            answer: Answer = Taken(event.message_id)
        else:
            answer = judge(event.status, self._overrides, delay_s=event.delay_s)
        self._part(bind, ticket, answer, at)

    def _part(self, bind: Bind, ticket: Ticket, answer: Answer, at: datetime) -> None:
        for part in range(ticket.part, ticket.part + ticket.parts):
            self._queue.put(PartAnswered(ticket.id, ticket.tries, part, answer, at, bind.name))

    def _arrived(self, bind: Bind, event: wire_events.Arrived, at: datetime) -> None:
        handle: Handle = (bind, event.token)
        odd: list[str] = []
        news = inbound(event.pdu, self.config, self._message_ids, bind.name, at, odd)
        self._meter.odd(bind, odd)
        if isinstance(news, ReceiptCame):
            self._queue.put(news, [handle])
            return
        now = asyncio.get_running_loop().time()
        self._tell_texts(self._joining.take(news, handle, now), bind.name, at)
        self._wait_for_parts()

    def _link(self, bind: Bind, event: Event, at: datetime) -> None:
        match event:
            case wire_events.Up():
                self._queue.put(LinkMoved(bind.name, "up", at))
                self._down.pop(bind.name, None)
            case wire_events.Down(reason=reason, was_bound=was_bound):
                if was_bound or self._down.get(bind.name) != reason:  # not each try of the same failure
                    self._queue.put(LinkMoved(bind.name, "down", at, reason))
                self._down[bind.name] = reason
            case wire_events.Refused(status=status, no_transceiver=True):
                self._down[bind.name] = bind_refused(status)
                self._fall_back(bind)
            case wire_events.Refused(status=status, stopped=stopped):
                self._down[bind.name] = bind_refused(status)
                name = judge(status, {}).name
                detail = f"0x{status:08X} {name}{', not tried again' if stopped else ''}"
                self._queue.put(LinkMoved(bind.name, "refused", at, detail))
            case wire_events.PaceMoved(slow=slow, detail=detail):
                self._queue.put(LinkMoved(bind.name, "slow" if slow else "normal", at, detail))
            case _:
                pass

    # -- inside ----------------------------------------------------------------------------------------------------------
    def _open(self, name: str, sides: Sequence[Side]) -> None:
        for side in sides:
            own = name if len(sides) == 1 else f"{name}.{side}"
            bind = Bind(own, Session(self.config, side, self._chance), self._account, self, self._reach)
            self.binds.append(bind)
            bind.start()

    def _ask_on(self) -> None:
        """Ask as many questions at once as submits would be."""
        while self._to_ask and self._asked < self.config.window:
            wanted = self._to_ask.popleft()
            if isinstance(wanted, Cancellation):
                self._asked += self._ask_to_cancel(wanted)
                continue
            remote_id = wanted
            ton_npi, sender = self._writer.address_of(self._message_ids.sender_of(remote_id))
            pdu = wire.Query(
                command=wire.QUERY_SM, message_id=remote_id, source_ton=ton_npi[0], source_npi=ton_npi[1], source=sender
            )
            question = Question(remote_id)
            try:
                asked = self.ask(pdu, question)
            except wire.ProtocolError:  # a name that no field holds: it came in an answer that was read leniently
                asked = False
            if asked:
                self._asked += 1
            else:
                self._queue.put(query_news(question, None, None, self.config, "", self._clock.now()))

    def _ask_to_cancel(self, wanted: Cancellation) -> bool:
        """Whether a bind has asked; what nobody could ask is wished for again later."""
        try:
            return self.ask(self._writer.cancel(wanted), Question(wanted.remote_id))
        except wire.ProtocolError as error:  # a name or address that no field holds
            self._queue.put(cancel_news(wanted.remote_id, None, "", self._clock.now(), str(error)))
            return False

    def _fall_back(self, bind: Bind) -> None:
        """The SMSC knows no transceiver: a transmitter and a receiver take its place."""
        self.binds.remove(bind)
        if not self._closing:
            self._open(bind.name, _SIDES["pair"])

    def _chance(self) -> float:
        return (self._ids.uuid().int & _CHANCE_BITS) / _CHANCE_BITS

    def _most(self, parts: int) -> int:
        """How many parts may wait behind a bind's window: a message that has begun must be able to end."""
        return max(self.config.window + self.config.ahead, parts, LIMIT_PARTS)

    def _refused(self, message: Submission, answer: NotTaken | NotSent, at: datetime) -> None:
        for part in range(1, max(1, message.parts) + 1):
            self._queue.put(PartAnswered(message.id, message.tries, part, answer, at))

    def _tell_texts(self, texts: Sequence[Whole[Handle]], link: str, at: datetime) -> None:
        for whole in texts:
            self._queue.put(TextCame(link, whole.sender, whole.to, whole.text, at), whole.handles)

    def _wait_for_parts(self) -> None:
        due = self._joining.due()
        if self._join_timer is None and due < float("inf"):
            self._join_timer = asyncio.get_running_loop().call_at(due, self._on_join_timer)

    def _on_join_timer(self) -> None:
        self._join_timer = None
        self._tell_texts(self._joining.tick(asyncio.get_running_loop().time()), "", self._clock.now())
        self._wait_for_parts()
