"""What is under way on one connection: sequence numbers, requests without an answer, and which of them left us. Pure.

Source: SMPP v3.4, sections 2.7.1 (asynchronous use) and 3.2 (sequence_number: 1 to 0x7FFFFFFF).
"""

from __future__ import annotations

from typing import Final

from central.adapters.smpp.config import Timers
from central.adapters.smpp.events import Question, Ticket
from central.adapters.smpp.pdu import UNBIND

LAST: Final = 0x7FFF_FFFF
NEVER: Final = float("inf")
_LATE: Final = 1_000

Flight = tuple[Ticket, float]
Asked = tuple[Question, int, float]


class Window:
    """Submits in flight, oldest first; questions (query, cancel, replace); what was given up but may still be answered."""

    def __init__(self) -> None:
        self.flights: dict[int, Flight] = {}
        self.questions: dict[int, Asked] = {}
        self.asked: dict[int, tuple[int, float]] = {}
        self._late: dict[int, Flight] = {}
        self._unwritten: list[int] = []
        self._last = 0

    def next_sequence(self) -> int:
        """A number that nothing under way has."""
        number = self._last
        while True:
            number = number + 1 if number < LAST else 1
            if number not in self.flights and number not in self.asked and number not in self.questions:
                self._last = number
                return number

    def fly(self, ticket: Ticket, now: float) -> int:
        """A submit goes out; its number."""
        number = self.next_sequence()
        self.flights[number] = ticket, now
        self._unwritten.append(number)
        self._late.pop(number, None)
        return number

    def free(self, size: int) -> bool:
        """Whether one more fits into a window of that size."""
        return len(self.flights) < size

    def written(self) -> None:
        """All that went out is the transport's now."""
        self._unwritten.clear()

    def late(self, number: int) -> Flight | None:
        """The submit that was given up and is answered now after all."""
        return self._late.pop(number, None)

    def due(self, timers: Timers, base: float) -> float:
        """When the first of all waits for an answer ends; none begins before ``base``, when we began to read again."""
        due = NEVER
        for _, sent_at in self.flights.values():
            due = max(sent_at, base) + timers.response
            break
        for command, at in self.asked.values():
            due = min(due, max(at, base) + (timers.unbind if command == UNBIND else timers.response))
        for _, _, at in self.questions.values():
            due = min(due, max(at, base) + timers.response)
        return due

    def silent(self, timers: Timers, base: float, now: float) -> tuple[int | None, list[Asked]]:
        """The command that keeps the link up and is not answered in time, and the questions that are not; both taken out."""
        dead: int | None = None
        for sequence, (command, at) in list(self.asked.items()):
            if now >= max(at, base) + (timers.unbind if command == UNBIND else timers.response):
                del self.asked[sequence]
                dead = command
        late = [n for n, (_, _, at) in self.questions.items() if now >= max(at, base) + timers.response]
        return dead, [self.questions.pop(number) for number in late]

    def overdue(self, before: float) -> list[Flight] | None:
        """Take out the submits sent at ``before`` or earlier; None when one of them never left us, and nothing is taken."""
        found: list[int] = []
        for number, (_, sent_at) in self.flights.items():
            if sent_at > before:
                break
            found.append(number)
        if not found:
            return []
        if self._unwritten and not set(found).isdisjoint(self._unwritten):
            return None
        flights = [self.flights.pop(number) for number in found]
        self._late |= dict(zip(found, flights, strict=True))
        while len(self._late) > _LATE:
            del self._late[next(iter(self._late))]
        return flights

    def reset(self) -> tuple[list[Ticket], list[Ticket], list[Asked]]:
        """The connection is gone: what never left us, what is unsure, and the questions. Numbers go on, so that none comes twice."""
        unwritten = [number for number in self._unwritten if number in self.flights]
        unsent = [self.flights.pop(number)[0] for number in unwritten]
        unsure = [ticket for ticket, _ in self.flights.values()]
        questions = list(self.questions.values())
        self.flights.clear()
        self.questions.clear()
        self.asked.clear()
        self._late.clear()
        self._unwritten.clear()
        return unsent, unsure, questions
