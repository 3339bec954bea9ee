"""A voice node's call driver on the simulator and a store in memory, in virtual time: ``play(rig -> coroutine)``.

The rig plays dispatch too: records that are to be tried again are handed over again when they are due.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from uuid import UUID

from msgspec.structs import replace

from central.adapters.simulator.callees import Callee, Plan, by_number
from central.adapters.simulator.channel import SimulatedTelephony
from central.adapters.simulator.speech import SimulatedPrompts, SimulatedSpeech
from central.adapters.simulator.virtual_time import VirtualClock, VirtualTimers, run_virtually
from central.application.conversation.drive_calls import DriveCalls
from central.application.conversation.group_commit import GroupCommit
from central.application.conversation.run_errands import Runner, Runners
from central.application.conversation.store_recordings import RecordingParts
from central.application.conversation.trunk_limits import TrunkLimits
from central.application.conversation.voice_desk import VoiceDesk
from central.application.ports.dispatch import HandedRecord, PickedRecord, Sleeper
from central.application.ports.journal import LegEnd, RecordResult, SleepRow
from central.application.ports.library import AccountTrunk
from central.application.ports.telephony import Originate, Trunk
from central.domain.accounts import Account, AccountState
from central.domain.ids import AccountId, FlowId, RecordId, RequestId, TrunkId, uuid7
from central.domain.money import Money, Rate, RatePlan
from central.domain.policies import Policy
from central.flow.errands import Errand
from central.flow.prepared import PreparedFlow, prepare_flow
from tests.fakes.journal import HeldRecord, MemoryJournal
from tests.fakes.observed import ObservedTelemetry

OWNER = "n1/g1"
PRICE = 1000
LEASE = timedelta(seconds=60)
FLOW = b"""
flow: f
type: multicast
purpose: service
calls: {attempts: 2, interval: 6s, ring_timeout: 4s, short_hangup: 1s, channel_wait: 5s, expires_after: 24h}
steps:
  start: {widget: start, next: call}
  call: {widget: make_call, on: {connected: greet, busy: end, no_answer: end, failed: end}}
  greet: {widget: play, say: Hello dear customer., next: menu}
  menu:
    widget: menu
    say: Press 1 or 2.
    digits: {"1": thanks, "2": thanks}
    first_digit_timeout: 2s
    tries: 2
    on: {no_input: thanks, invalid_exhausted: thanks}
  thanks: {widget: play, say: Thank you., next: bye}
  bye: {widget: hang_up}
  on_remote_hangup: {widget: on_remote_hangup, next: end}
  on_flow_complete: {widget: on_flow_complete, next: end}
"""
POLICY = Policy.parse({"id": "T", "version": 1, "effective_from": date(2020, 1, 1), "min_ring_s": 1})


class SeededIds:
    """Ids of a seed (port Ids)."""

    def __init__(self, seed: int) -> None:
        self._chance, self._ms = random.Random(seed), 1_772_000_000_000

    def uuid(self) -> UUID:
        self._ms += 1
        return uuid7(self._ms, self._chance.getrandbits(76))

    def uuids(self, n: int) -> list[UUID]:
        return [self.uuid() for _ in range(n)]

    def instant(self) -> int:
        self._ms += 1
        return self._ms

    def texts(self, n: int, instant: int) -> list[str]:
        return sorted(str(uuid7(instant, self._chance.getrandbits(76))) for _ in range(n))

    def secret(self, n_bytes: int = 32) -> str:
        return f"{self._chance.getrandbits(8 * n_bytes):x}"

    def code(self, length: int = 10) -> str:
        return "".join(self._chance.choice("abcdefghij0123456789") for _ in range(length))


@dataclass(slots=True)
class VoiceRig:
    """One node. ``unrowed`` are INVITEs whose leg row was not stored when they were sent: there must be none."""

    seed: int = 1
    plan: Plan = by_number
    flow: bytes = FLOW
    trunks: Sequence[tuple[str, int, float]] = (("lab", 100, 1000.0),)
    gather: timedelta = timedelta(milliseconds=10)
    recordings: RecordingParts | None = None
    runners: Runners = field(default_factory=dict[type[Errand], Runner])
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    telemetry: ObservedTelemetry = field(default_factory=ObservedTelemetry)
    unrowed: list[str] = field(default_factory=list[str])
    handed: dict[RecordId, HandedRecord] = field(default_factory=dict[RecordId, HandedRecord])
    ids: SeededIds = field(init=False)
    clock: VirtualClock = field(init=False)
    telephony: SimulatedTelephony = field(init=False)
    desk: VoiceDesk = field(init=False)
    driver: DriveCalls = field(init=False)
    prepared: PreparedFlow = field(init=False)
    account: Account = field(init=False)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list[asyncio.Task[None]])
    _seen: int = 0

    async def open(self) -> None:
        """Build the node on the running (virtual) loop."""
        loop = asyncio.get_running_loop()
        self.ids, self.clock = SeededIds(self.seed), VirtualClock(loop)
        timers = VirtualTimers(loop)
        self.account = _account(AccountId(self.ids.uuid()))
        version = self.ids.uuid()
        self.prepared = prepare_flow(version, self.account.id, FlowId("abcdefgh"), None, self.flow)
        chance = random.Random(self.seed)
        self.telephony = SimulatedTelephony(self.clock, timers, self._watched, chance.random)
        writer = GroupCommit(self.journal, OWNER, self.clock, self.telemetry, self.gather)
        limits = TrunkLimits(self.clock, timers)
        self.desk = VoiceDesk(
            owner=OWNER, telephony=self.telephony, speech=SimulatedSpeech(), prompts=SimulatedPrompts(), store=self.journal,
            writer=writer, limits=limits, clock=self.clock, ids=self.ids, timers=timers, telemetry=self.telemetry, lease=LEASE,
        )  # fmt: skip
        known = [
            AccountTrunk(
                self.account.id,
                Trunk(TrunkId(self.ids.uuid()), name, "127.0.0.1", tag_calls=True),
                channels,
                round(cps),
                (("", i),),
            )
            for i, (name, channels, cps) in enumerate(self.trunks)
        ]
        self.desk.trunks = known
        limits.set_caps({t.trunk.id: (c, r) for t, (_, c, r) in zip(known, self.trunks, strict=True)})
        self.driver = DriveCalls(self.desk, self.runners, self.recordings)
        await self.telephony.start([t.trunk for t in known])
        self._tasks = [asyncio.create_task(writer.run()), asyncio.create_task(self._hear())]
        if self.driver.stored is not None:
            self._tasks.append(asyncio.create_task(self.driver.stored.run()))

    async def close(self) -> None:
        """End the loops; what they died of is raised."""
        for task in self._tasks:
            task.cancel()
        for died in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(died, Exception):
                raise died

    def call(self, *numbers: str, control: str = "running", variables: Mapping[str, str] | None = None) -> RecordId:
        """Claim a fresh record with these numbers and start its first attempt."""
        record_id = RecordId(self.ids.uuid())
        picked = PickedRecord(
            account_id=self.account.id, id=record_id, request_id=RequestId(self.ids.uuid()), flow_id=self.prepared.flow_id,
            flow_version_id=self.prepared.version_id, testing=True, end_at=None, fence=0, status="UNPROCESSED", epoch=1,
            attempts_made=0, attempts_charged=0, platform_faults=0, struck=0, numbers=numbers, variables=variables or {}, time_zone=None,
            expires_at=self.clock.now() + timedelta(hours=24), client_identifier=None, due_at=self.clock.now(), hits=(),
        )  # fmt: skip
        self.hand_over(picked, control=control)
        return record_id

    def hand_over(self, record: PickedRecord, *, control: str = "running") -> None:
        """The claim of a record, as ``ClaimRecords`` ends it."""
        fence, attempt = record.fence + 1, record.attempts_made + 1
        self.journal.hold(HeldRecord(record.account_id, record.id, fence, OWNER, control=control))
        handed = HandedRecord(
            record=record, fence=fence, attempt_id=self.ids.uuid(), attempt_number=attempt, struck=record.struck, reserved=PRICE,
            account=self.account, prepared=self.prepared, policy=POLICY, dids=("918000000001",), claimed_at=self.clock.monotonic(),
        )  # fmt: skip
        self.handed[record.id] = handed
        self.driver.begin([handed])

    def again(self, result: RecordResult) -> None:
        """Claim a record again after an attempt."""
        before = self.handed[result.id]
        held = self.journal.records[result.id]
        record = before.record
        self.hand_over(
            PickedRecord(
                account_id=record.account_id, id=record.id, request_id=record.request_id, flow_id=record.flow_id,
                flow_version_id=record.flow_version_id, testing=True, end_at=None, fence=held.fence, status=result.status,
                epoch=1, attempts_made=before.attempt_number, attempts_charged=result.attempts_charged,
                platform_faults=result.platform_faults, struck=result.struck, numbers=record.numbers, variables={}, agent_charged=result.agent_charged,
                time_zone=None, expires_at=record.expires_at, client_identifier=None, due_at=self.clock.now(), hits=(),
            ),
            control=held.control,
        )  # fmt: skip

    def wake(self, row: SleepRow) -> None:
        """The claim of a record whose run sleeps: the same attempt goes on."""
        before, held = self.handed[row.id], self.journal.records[row.id]
        del self.journal.sleepers[row.id]
        record = replace(
            before.record, fence=held.fence, status="IN_PROGRESS", attempts_made=row.attempt_number,
            sleeper=Sleeper(row.attempt_id, row.kept),
        )  # fmt: skip
        self.journal.hold(HeldRecord(record.account_id, record.id, held.fence + 1, OWNER, control=held.control))
        handed = replace(
            before, record=record, fence=held.fence + 1, reserved=0, claimed_at=self.clock.monotonic(), attempt_id=row.attempt_id,
            attempt_number=row.attempt_number,
        )  # fmt: skip
        self.handed[record.id] = handed
        self.driver.begin([handed])

    async def idle(self) -> None:
        """Until no call is in progress and everything is stored."""
        while self.desk.calls:  # noqa: ASYNC110 - virtual time
            await asyncio.sleep(0.05)
        await self.desk.writer.settled()

    async def finish(self) -> None:
        """As ``idle``, with all further attempts."""
        while True:
            await self.idle()
            fresh, self._seen = self.journal.results[self._seen :], len(self.journal.results)
            waiting: list[RecordResult | SleepRow] = [
                *(result for result in fresh if result.due_at is not None),
                *self.journal.sleepers.values(),
            ]
            if not waiting:
                return
            for row in sorted(waiting, key=lambda r: r.due_at or r.at):
                wait = ((row.due_at or row.at) - self.clock.now()).total_seconds()
                await asyncio.sleep(max(0.0, wait))
                if isinstance(row, SleepRow):
                    self.wake(row)
                else:
                    self.again(row)

    def result(self, record_id: RecordId) -> RecordResult:
        """The last accepted result of a record."""
        return [result for result in self.journal.results if result.id == record_id][-1]

    def legs(self, record_id: RecordId) -> list[LegEnd]:
        """The ends of a record's legs in order."""
        return [end for end in self.journal.ends.values() if end.record_id == record_id]

    async def _hear(self) -> None:
        while True:
            self.driver.hear(await self.telephony.next_events())

    def _watched(self, call: Originate, trunk: str) -> Callee:
        if call.leg not in self.journal.legs:
            self.unrowed.append(call.to)
        return self.plan(call, trunk)


def play(rig: VoiceRig, story: Callable[[VoiceRig], Awaitable[None]]) -> VoiceRig:
    """Tell a story to a rig in virtual time, then check what must hold after any story."""

    async def main() -> None:
        await rig.open()
        await story(rig)
        await rig.close()
        check_nothing_left(rig)

    run_virtually(main())
    return rig


def check_nothing_left(rig: VoiceRig) -> None:
    """No INVITE without its row, no leg with two ends, no call, channel or trunk place left."""
    assert not rig.unrowed
    assert not rig.journal.doubled
    assert not rig.desk.calls
    assert not rig.desk.by_leg
    assert [rig.desk.limits.used(t.trunk.id) for t in rig.desk.trunks] == [0] * len(rig.desk.trunks)
    sent = [(call.attempt, call.trunk) for call in rig.telephony.received if call.attempt]  # not those to phones
    assert len(set(sent)) == len(sent)


def _account(account_id: AccountId) -> Account:
    plan = RatePlan("p", (Rate("", 30, Money(PRICE, "INR")),))
    return Account(
        id=account_id, name="test", kind="company", state=AccountState.ACTIVE, country="IN", time_zone="Asia/Kolkata",
        valid_until=date(2030, 1, 1), balance=Money(0, "INR"), credit_limit=Money(0, "INR"), rate_plan=plan, policy_id="T",
        policy_version=1,
    )  # fmt: skip
