"""The first recordings of a node begin at once: each gets its beep."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from central.adapters.asterisk.book import LegBook
from central.adapters.asterisk.config import OwnEngine
from central.adapters.asterisk.tapes import Tapes
from central.adapters.asterisk.translate import Now
from central.adapters.asterisk.wire import Event
from central.application.ports.telephony import Accepted, RecordLimits, Rejected
from central.domain.ids import LegId

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LIMITS = RecordLimits(10, 2)


class Takes:
    """An engine that takes every request, and does nothing by itself."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def request(
        self, method: str, path: str, body: Mapping[str, object] | None = None, params: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        del body, params
        self.asked.append(f"{method} {path}")
        return 201, b"{}"

    async def download(self, path: str, into: Path) -> int:
        del path, into
        return 404

    def detect(self, leg: LegId) -> None: ...
    def tape(self, leg: LegId) -> None: ...
    def repeat_hang_up(self, leg: LegId) -> None: ...
    def leg_over(self, leg: LegId) -> None: ...
    def settle(self, event: Event) -> None: ...


def tapes(engine: Takes, state_dir: Path) -> tuple[Tapes, LegBook]:
    book = LegBook(lambda: Now(AT, 1.0), lambda _call_id: None, engine)
    return Tapes(engine, book, OwnEngine(root=Path("/nowhere"), state_dir=state_dir)), book


async def test_twenty_that_begin_at_once_all_record_after_their_beep(tmp_path: Path) -> None:
    engine = Takes()
    recorder, book = tapes(engine, tmp_path)
    legs = [LegId(uuid4()) for _ in range(20)]
    for leg in legs:
        book.open(leg, detect=False)
    answers = await asyncio.gather(*(recorder.record(leg, f"r-{leg.hex}", LIMITS) for leg in legs))
    assert all(isinstance(answer, Accepted) for answer in answers), answers
    for leg in legs:
        own = [line for line in engine.asked if leg.hex in line]
        assert [line.split("/")[3] for line in own] == ["play", "record"]


async def test_a_beep_that_cannot_be_written_is_a_fault_of_the_media_not_of_the_engine(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("no folder")
    engine = Takes()
    recorder, book = tapes(engine, tmp_path)
    leg = LegId(uuid4())
    book.open(leg, detect=False)
    answer = await recorder.record(leg, "r1", LIMITS)
    assert isinstance(answer, Rejected)
    assert answer.local == "media_fault"
    assert not book.owed_recordings()
    assert not engine.asked
