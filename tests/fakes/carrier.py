"""A carrier of short messages that does what a test says; implements the port SmsCarrier."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from central.application.ports.carriers import (
    Answer,
    Cancellation,
    NewsBatch,
    PartAnswered,
    ReceiptCame,
    SmsNews,
    Submission,
    Taken,
    TextCame,
)
from central.domain.statuses import SmsStatus


class FakeCarrier:
    """Answers are given by ``answer`` (default: taken under the id ``r-N``); news wait until they are asked for."""

    def __init__(self, now: datetime, room: int = 100) -> None:
        self.now, self.space = now, room
        self.submitted: list[Submission] = []
        self.acked = self.refused = 0
        self.asked: list[str] = []
        self.cancelled: list[Cancellation] = []
        self.answers: dict[str, Answer] = {}
        self._news: asyncio.Queue[NewsBatch | None] = asyncio.Queue()
        self._made = 0

    def room(self) -> int:
        return self.space

    async def submit(self, batch: Sequence[Submission]) -> None:
        self.submitted += batch

    def answer_all(self, **by_number: Answer) -> None:
        """Answer what was submitted since the last time, each part by itself."""
        news: list[SmsNews] = []
        for submission in self.submitted:
            for part in range(1, submission.parts + 1):
                self._made += 1
                answer = by_number.get("n" + submission.to, Taken(f"r-{self._made}"))
                news.append(PartAnswered(submission.id, submission.tries, part, answer, self.now, "bind 1"))
        self.submitted = []
        self.tell(*news)

    def receipt(self, remote_id: str, status: SmsStatus | None, state: str, *others: str) -> ReceiptCame:
        return ReceiptCame("bind 1", remote_id, others, status, state, state.lower(), self.now, raw=f"id:{remote_id}")

    def text(self, sender: str, text: str) -> TextCame:
        return TextCame("bind 1", sender, "56767", text, self.now)

    def tell(self, *news: SmsNews) -> None:
        self._news.put_nowait(NewsBatch(news, self._ack, self._refuse))

    async def _ack(self) -> None:
        self.acked += 1

    async def _refuse(self) -> None:
        self.refused += 1

    async def news(self) -> AsyncIterator[NewsBatch]:
        while (batch := await self._news.get()) is not None:
            yield batch

    async def query(self, remote_ids: Sequence[str]) -> None:
        self.asked += remote_ids

    async def cancel(self, wanted: Sequence[Cancellation]) -> None:
        self.cancelled += wanted

    async def close(self, patience_s: float) -> None:
        del patience_s
        self._news.put_nowait(None)
