"""Recordings of live calls on the simulator: judged, stored, kept when the customer leaves, never in the call's way."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import ParamSpec, TypeVar, cast
from uuid import UUID

from central.adapters.recordings.folder import FolderStorage
from central.adapters.recordings.spool import DiskSpool
from central.adapters.simulator.callees import LABORATORY, Act, Callee
from central.application.conversation.record_calls import DEFAULT_NAME
from central.application.conversation.store_recordings import RecordingParts
from central.application.ports.recordings import RecordingRow
from central.domain.accounts import Switch
from central.domain.errors import NeighbourError
from central.domain.ids import AccountId, RecordId
from tests.fakes.flow_player import after_answer
from tests.fakes.voice_rig import VoiceRig, play

P = ParamSpec("P")
T = TypeVar("T")
STEPS = """  first: {widget: record, say: Speak., max: 20s, silence: 2s, store: M, on: {recorded: good, empty: none, error: bad}}
  good: {widget: play, say: Thank you., next: bye}
  none: {widget: play, say: Nothing., next: bye}
  bad: {widget: play, say: Sorry., next: bye}
  bye: {widget: hang_up}
"""
SPEAKS = replace(LABORATORY["answer"], speaks_s=3.0)


@dataclass
class MemoryIndex:
    """Rows in memory (port RecordingIndex, as far as a node uses it)."""

    rows: list[RecordingRow] = field(default_factory=list[RecordingRow])
    finals: Callable[[], int] = lambda: 0
    finals_before: list[int] = field(default_factory=list[int])

    async def add(self, rows: Sequence[RecordingRow], keep_days: int) -> None:
        assert keep_days == 30
        self.finals_before.append(self.finals())
        self.rows += rows

    async def of_record(self, account_id: AccountId, record_id: RecordId) -> list[RecordingRow]:
        return [row for row in self.rows if (row.account_id, row.record_id) == (account_id, record_id)]

    async def find(self, account_id: AccountId, recording: UUID) -> RecordingRow | None:
        return next((row for row in self.rows if (row.account_id, row.id) == (account_id, recording)), None)

    async def expired(self, now: datetime, limit: int) -> list[RecordingRow]:
        del now, limit
        return []

    async def deleted(self, rows: Sequence[RecordingRow], at: datetime) -> None:
        raise NotImplementedError


class AtOnce(ThreadPoolExecutor):
    """Does on the spot what would go to a thread: virtual time does not wait for real threads."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        done: Future[T] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except OSError as error:
            done.set_exception(error)
        return done


class FlakyFolder(FolderStorage):
    """A folder that is away for the first ``fails`` tries."""

    fails = 0

    async def put(self, key: str, file: Path) -> None:
        if self.fails > 0:
            self.fails -= 1
            raise NeighbourError("recordings_away", "unplugged")
        await super().put(key, file)


@dataclass
class Recorded:
    """A rig that records, below ``folder``."""

    folder: Path
    callee: Callee = SPEAKS
    head: str = ""
    index: MemoryIndex = field(default_factory=MemoryIndex)
    fails: int = 0
    off: frozenset[Switch] = frozenset()
    rig: VoiceRig = field(init=False)
    record: RecordId = field(init=False)

    def __post_init__(self) -> None:
        self.storage = FlakyFolder(self.folder / "kept")
        self.storage.fails = self.fails
        self.spool = DiskSpool(self.folder / "spool")
        parts = RecordingParts(
            spool=self.spool, storage=self.storage, index=self.index, keep_days=30, name=DEFAULT_NAME
        )
        self.index.finals = lambda: len(self.rig.journal.results)
        self.rig = VoiceRig(
            plan=lambda _call, _trunk: self.callee, flow=after_answer(STEPS, self.head), recordings=parts
        )

    def play(self) -> str:
        """One call; the steps that it took."""

        async def story(rig: VoiceRig) -> None:
            asyncio.get_running_loop().set_default_executor(AtOnce())
            rig.account = replace(rig.account, switches=rig.account.switches - self.off)
            self.record = rig.call("919800000001")
            await rig.idle()
            assert rig.driver.stored is not None
            await rig.driver.stored.drained(60)

        play(self.rig, story)
        return " ".join(str(note["step"]) for note in self.notes("step") if note["step"] != "call")

    def notes(self, kind: str) -> list[Mapping[str, object]]:
        """What the flow noted of this kind."""
        walked = [event.data["notes"] for event in self.rig.journal.events if event.kind == "flow_walked"]
        notes = [note for told in walked for note in cast("list[Mapping[str, object]]", told)]
        return [note for note in notes if note["kind"] == kind]

    def left(self) -> list[str]:
        return (
            sorted(path.name for path in (self.folder / "spool").glob("*")) if (self.folder / "spool").exists() else []
        )

    def kept(self, row: RecordingRow) -> tuple[int, float]:
        with wave.open(str(self.folder / "kept" / row.key)) as source:
            return source.getnchannels(), source.getnframes() / source.getframerate()


def test_what_was_said_is_stored_before_the_record_is_final(tmp_path: Path) -> None:
    told = Recorded(tmp_path)
    assert told.play() == "start first good bye"
    (row,) = told.index.rows
    assert (row.step, row.channels, row.seconds) == ("first", 1, 5.0)
    assert told.kept(row) == (1, 5.0)
    assert row.name.startswith("20")
    assert f"_f_918000000001_{row.record_id}_{row.leg_id}_first" in row.name
    assert told.rig.result(told.record).variables["M"] == row.name
    assert told.rig.result(told.record).status == "COMPLETED"
    assert not told.left()


def test_the_last_news_of_a_record_waits_a_moment_for_its_recordings(tmp_path: Path) -> None:
    told = Recorded(tmp_path, head="recording: true\n", fails=3)
    told.play()
    assert len(told.index.rows) == 2
    assert set(told.index.finals_before) == {0}


def test_less_than_a_second_of_sound_is_empty_and_not_kept(tmp_path: Path) -> None:
    told = Recorded(tmp_path, callee=replace(SPEAKS, speaks_s=0.5))
    assert told.play() == "start first none bye"
    assert not told.index.rows
    assert not told.left()


def test_a_stop_key_ends_it(tmp_path: Path) -> None:
    presses = Act(4.0, "press", digit="#")
    told = Recorded(tmp_path, callee=replace(SPEAKS, speaks_s=20.0, acts=(*SPEAKS.acts, presses)))
    assert told.play() == "start first good bye"
    (row,) = told.index.rows
    assert 2.0 < row.seconds < 4.0


def test_what_was_said_before_the_customer_left_is_kept(tmp_path: Path) -> None:
    told = Recorded(tmp_path, callee=replace(LABORATORY["mid_flow_hangup"], speaks_s=20.0))
    assert told.play() == "start first"
    (row,) = told.index.rows
    assert 2.0 < row.seconds < 4.0


def test_the_whole_call_is_recorded_in_two_channels(tmp_path: Path) -> None:
    told = Recorded(tmp_path, head="recording: true\n")
    assert told.play() == "start first good bye"
    whole = next(row for row in told.index.rows if not row.step)
    assert whole.channels == 2
    assert told.kept(whole)[1] > 5.0
    assert whole.name.endswith(str(whole.leg_id))
    assert len({row.key for row in told.index.rows}) == 2


def test_a_storage_that_is_away_holds_nothing_up_and_loses_nothing(tmp_path: Path) -> None:
    told = Recorded(tmp_path, fails=3)
    assert told.play() == "start first good bye"
    assert len(told.index.rows) == 1
    assert not told.left()
    gone = Recorded(tmp_path / "gone", fails=1_000)
    assert gone.play() == "start first good bye"
    assert gone.rig.result(gone.record).status == "COMPLETED"
    assert len(gone.left()) == 2  # ticket and file wait for the next life of the node
    again = Recorded(tmp_path / "gone", callee=LABORATORY["answer"])
    again.play()
    assert [row.record_id for row in again.index.rows] == [gone.record]
    assert not again.left()


def test_a_spool_that_cannot_be_written_is_a_branch_and_a_warning(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("not a folder")
    told = Recorded(tmp_path, head="recording: true\n")
    assert told.play() == "start first bad bye"
    assert told.rig.result(told.record).status == "COMPLETED"
    assert {"recording_failed", "step_failed"} == {note["code"] for note in told.notes("warning")}
    assert not told.index.rows


def test_an_account_that_may_not_record_is_told_so_on_the_timeline(tmp_path: Path) -> None:
    told = Recorded(tmp_path, head="recording: true\n", off=frozenset({Switch.RECORDING}))
    assert told.play() == "start first bad bye"
    assert told.rig.result(told.record).status == "COMPLETED"
    warnings = [(note["code"], note.get("failure")) for note in told.notes("warning")]
    assert warnings == [("recording_disabled", None), ("step_failed", "recording_disabled")]
    assert not told.index.rows
    assert not told.left()


def test_without_a_place_for_recordings_the_step_takes_its_failure_branch() -> None:
    rig = VoiceRig(plan=lambda _call, _trunk: SPEAKS, flow=after_answer(STEPS, "recording: true\n"))

    async def story(told: VoiceRig) -> None:
        told.call("919800000001")
        await told.idle()
        await asyncio.sleep(0)

    play(rig, story)
    assert [call.number for call in rig.telephony.received] == ["919800000001"]


def test_a_call_that_is_given_up_leaves_its_ticket_for_the_next_start(tmp_path: Path) -> None:
    told = Recorded(tmp_path, head="recording: true\n")

    async def story(rig: VoiceRig) -> None:
        asyncio.get_running_loop().set_default_executor(AtOnce())
        rig.call("919800000001")
        await asyncio.sleep(4)
        for call in list(rig.desk.calls.values()):
            rig.driver.give_up(call)  # the engine still records when the leg is over for us
        await rig.idle()

    play(told.rig, story)
    tickets = [ticket for ticket in asyncio.run(told.spool.waiting()) if not ticket.step]
    assert len(tickets) == 1
    assert [row.step for row in told.index.rows] == ["first"]  # the part ended by the engine's word
