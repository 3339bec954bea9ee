"""Whatever an SMSC does and whenever a link is lost: each submit has exactly one outcome, and only what was unsure may hear more."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from central.adapters.smpp import events as told
from central.adapters.smpp import pdu as wire
from central.adapters.smpp.config import SmppConfig
from central.adapters.smpp.events import Event
from central.adapters.smpp.states import BOUND, State
from tests.unit.smpp.rig import BODY, Rig, ticket

STATUSES = st.sampled_from([0, 0, 0, 0x01, 0x04, 0x08, 0x0B, 0x14, 0x45, 0x58, 0x400, 0xFFFF_FFFF])


class Bind(RuleBasedStateMachine):
    """A rig with a far end of whims."""

    def __init__(self) -> None:
        super().__init__()
        self.rig = Rig(SmppConfig(name="c", host="h", system_id="s", window=5, rate=50.0, held=5))
        self.rig.session.start(self.rig.now)
        self.sent = 0
        self.seen = 0
        self.written: set[int] = set()
        self.outcomes: dict[int, str] = {}
        self.closing = False

    def judge(self) -> None:
        """Each event against what was known of its ticket."""
        fresh, self.seen = self.rig.events[self.seen :], len(self.rig.events)
        for event in fresh:
            self.judge_one(event)

    def judge_one(self, event: Event) -> None:
        if isinstance(event, told.Answered):
            number = event.ticket.id.int
            assert self.outcomes.get(number) == ("unsure" if event.late else None)
            assert number in self.written
            self.outcomes[number] = "answered"
        elif isinstance(event, told.Unsure | told.Unsent):
            for one in event.tickets:
                assert one.id.int not in self.outcomes
                assert (one.id.int in self.written) is isinstance(event, told.Unsure)
                self.outcomes[one.id.int] = "unsure" if isinstance(event, told.Unsure) else "unsent"
        elif isinstance(event, told.Close):
            self.closing = True

    @rule(n=st.integers(1, 8), write=st.booleans())
    def send(self, n: int, write: bool) -> None:
        room = self.rig.session.room(self.rig.now)
        assert room <= 5
        tickets = [ticket(self.sent + i + 1, recipient=str(i)) for i in range(min(n, room))]
        self.sent += len(tickets)
        self.rig.session.send([(one, BODY) for one in tickets], self.rig.now)
        if write:
            self.write()

    @rule()
    def write(self) -> None:
        self.rig.session.output()
        self.written |= {flight[0].id.int for flight in self.rig.session.window.flights.values()}

    @rule(which=st.integers(0, 9), status=STATUSES, nack=st.booleans())
    def answer(self, which: int, status: int, nack: bool) -> None:
        self.write()
        waiting = list(self.rig.session.window.flights)
        number = waiting[which % len(waiting)] if waiting else which
        command = wire.GENERIC_NACK if nack else wire.SUBMIT_SM | wire.RESPONSE
        self.rig.hear(wire.HEAD.pack(16, command, status, number))
        self.judge()

    @rule(number=st.integers(1, 60), status=STATUSES)
    def answer_any(self, number: int, status: int) -> None:
        self.write()
        self.rig.hear(wire.HEAD.pack(18, wire.SUBMIT_SM | wire.RESPONSE, status, number) + b"7\0")
        self.judge()

    @rule(seconds=st.sampled_from([0.01, 0.5, 3.0, 10.0, 31.0]))
    def pass_time(self, seconds: float) -> None:
        self.rig.pass_time(seconds)
        self.judge()

    @rule()
    def connect(self) -> None:
        if self.rig.session.state is State.CLOSED and not self.closing and self.rig.session.rebinding.at > self.rig.now:
            self.rig.session.connected(self.rig.now)
            self.rig.session.output()
            (number,) = self.rig.session.window.asked
            self.rig.hear(wire.HEAD.pack(16, wire.BIND_TRANSCEIVER | wire.RESPONSE, 0, number))
            assert self.rig.session.state in BOUND

    @rule()
    def lose(self) -> None:
        self.rig.lose()
        self.closing = False
        self.judge()
        assert set(self.outcomes) == set(range(1, self.sent + 1))  # nothing is left without an end

    @rule(
        octets=st.sampled_from(
            [wire.HEAD.pack(16, 6, 0, 1), wire.HEAD.pack(16, 0x15, 0, 1), b"\0" * 16, wire.HEAD.pack(16, 0x999, 0, 3)]
        )
    )
    def surprise(self, octets: bytes) -> None:
        self.rig.hear(octets)
        self.judge()

    @invariant()
    def the_window_holds(self) -> None:
        assert len(self.rig.session.window.flights) <= 5


Bind.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestBind = Bind.TestCase
