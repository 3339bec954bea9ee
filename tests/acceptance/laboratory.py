"""One installation, its far ends, and all chosen case files in play at once: what the acceptance tests look at."""

from __future__ import annotations

import threading
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from examples.carrier import CALLEES
from examples.carrier.sms_center import SmsCenter
from tests.acceptance.calling_in import PlayedInbound
from tests.acceptance.case_files import Case, CaseFile
from tests.acceptance.comparing import differences
from tests.acceptance.far_ends import FarEnds, TrunkPlan
from tests.acceptance.playing import Played
from tests.acceptance.receiver import Receiver
from tests.acceptance.seen import Seen
from tests.acceptance.steps import perform
from tests.api_client import Api
from tests.installation import Installation

CATALOGUE = Path(__file__).resolve().parents[2] / "src" / "central" / "domain" / "statuses.toml"
SETTINGS = {
    "CENTRAL_RTP_TIMEOUT_S": "15",
    "CENTRAL_TLS_VERIFY": "no",
    "CENTRAL_ALLOW_PRIVATE_WEBHOOKS": "yes",
    "CENTRAL_CHANNELS": "250",
}
_ALWAYS = ("answer", "c486", "far_bye")  # far ends of tests that are no case files
_PROBES = 40
_SET_UP_S = 120
_APART_S = 0.75  # between the first calls of two files: all at once are more than a small machine starts in time


def catalogue() -> Mapping[str, Any]:
    """The status catalogue."""
    return tomllib.loads(CATALOGUE.read_text(encoding="utf-8"))


class Laboratory:
    """A context manager; ``play`` starts files, ``played`` waits for one."""

    def __init__(
        self, asterisk_root: Path, folder: Path, files: Sequence[CaseFile], sms_center: SmsCenter | None = None
    ) -> None:
        self.files = files
        self.installation = Installation(asterisk_root, SETTINGS)
        behaviours = {name for file in files for name in _behaviours(file)} | set(_ALWAYS)
        self.far_ends = FarEnds(behaviours, folder)
        self.receiver = Receiver()
        self.sms_center = sms_center
        self.finals = frozenset(str(row["name"]) for row in catalogue()["flow"] if row["final"])
        self._pool = ThreadPoolExecutor(max_workers=len(files) + 1, thread_name_prefix="case-file")
        self._played: dict[str, Future[Played]] = {}
        self._clients: list[Api] = []
        self._ready = threading.Barrier(len(files) + 1)

    def __enter__(self) -> Self:
        self.far_ends.__enter__()
        self.receiver.start()
        try:
            self.installation.start()
            for place, file in enumerate(self.files):
                self._played[file.name] = self._pool.submit(self._play, place, file)
            self._pool.submit(self._probe)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ready.abort()
        self._pool.shutdown(wait=True, cancel_futures=True)
        for client in self._clients:
            client.close()
        self.installation.stop()
        self.receiver.stop()
        self.far_ends.__exit__(None, None, None)
        self.installation.remove()

    def played(self, name: str) -> Played:
        """A file that has been played; raises what its playing died of."""
        return self._played[name].result()

    def seen(self, case: Case) -> Seen:
        """What came out of a case."""
        return self.played(case.file).seen[case.name]

    def all_played(self) -> list[Played]:
        """All files, once the last is over; those that died are left out (their own test tells why)."""
        futures = list(self._played.values())
        return [future.result() for future in futures if future.exception() is None]

    def passed(self) -> Iterator[tuple[Case, Seen]]:
        """The cases that came out as their files say."""
        for played in self.all_played():
            for case in played.file.cases:
                seen = played.seen.get(case.name)
                if seen is None:
                    continue
                if seen.explanation and not differences(case, seen):
                    yield case, seen

    def _play(self, place: int, file: CaseFile) -> Played:
        kind = PlayedInbound if file.inbound else Played
        played = kind(file, place, self.installation, self.far_ends, self.receiver, self.finals)
        played.sms_center = self.sms_center
        try:
            self._perform(place, played)
        finally:
            for phone in played.phones.values():
                phone.stop()
        return played

    def _perform(self, place: int, played: Played) -> None:
        try:
            played.prepare()
            self._clients.append(played.api)
        finally:
            # all trunks are made, then all are known to the node: only then the first call (also when this file failed)
            self._ready.wait(_SET_UP_S)
            self._ready.wait(_SET_UP_S)
        time.sleep(place * _APART_S)
        played.submit()
        for step in played.file.then:
            perform(played, step)
        played.settle()
        played.collect()
        played.close()

    def _probe(self) -> None:
        """Call over a trunk that is made last: once it works, the node knows all trunks."""
        self._ready.wait(_SET_UP_S)
        probe = Played(PROBE, len(self.files), self.installation, self.far_ends, self.receiver, self.finals)
        try:
            probe.prepare()
            self._clients.append(probe.api)
            for _ in range(_PROBES):
                probe.submit()
                time.sleep(0.5)
                if any(i.number == probe.numbers["probe"][0] for i in self.far_ends.invites()):
                    break
        finally:
            self._ready.wait(_SET_UP_S)


def _behaviours(file: CaseFile) -> Iterator[str]:
    plan = TrunkPlan(file.trunks)
    yield from (call for case in file.cases for call in case.calls if call in CALLEES and call not in plan.own)
    yield from (str(trunk["far_end"]) for trunk in file.trunks if "far_end" in trunk)


PROBE = CaseFile(
    name="probe",
    path=Path(__file__),
    flow="""\
flow: probe
type: multicast
purpose: service
calls: {attempts: 1, ring_timeout: 4s}
steps:
  start: {widget: start, next: call}
  call: {widget: make_call, on: {connected: bye, busy: end, no_answer: end, failed: end}}
  bye: {widget: hang_up}
""",
    flow_name="probe",
    mode="production",
    account={},
    register_age_h=None,
    trunks=(),
    did=None,
    cases=(Case("probe", "probe", ("answer",), {}, None),),
    then=(),
    patience_s=5,
)
