"""Whatever breaks and whenever: no INVITE without its row, none twice, every record ends, nothing is left behind."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from central.adapters.simulator.callees import CODES
from central.domain.ids import RecordId
from central.domain.moves import FINAL_FLOW
from examples.carrier.demo import number_for
from tests.fakes.voice_rig import FLOW, LEASE, VoiceRig, check_nothing_left, play

SLEEPING = FLOW.replace(
    b"next: call}",
    b"""next: wait}
  wait: {widget: delay, for: 6s, next: call}
  later: {widget: delay, for: 6s, next: end}""",
    1,
).replace(b"busy: end, no_answer: end, failed: end", b"busy: later, no_answer: later, failed: later")
BEHAVIOURS = sorted(CODES.values())
CALLS = st.lists(st.lists(st.sampled_from(BEHAVIOURS), min_size=1, max_size=3, unique=True), min_size=1, max_size=6)
FAULTS = st.lists(
    st.tuples(
        st.floats(0, 30),
        st.sampled_from(["kill", "cut", "store_before", "store_after", "take", "stop", "pause", "freeze", "repeat"]),
    ),
    max_size=5,
)


class Havoc:
    """Breaks things at given times; every fault mends itself after some seconds."""

    def __init__(self, rig: VoiceRig, chance: random.Random) -> None:
        self._rig, self._chance = rig, chance
        self.taken: set[RecordId] = set()
        self._away = 0

    async def at(self, seconds: float, fault: str) -> None:
        await asyncio.sleep(seconds)
        rig = self._rig
        some = self._chance.choice(list(rig.handed)) if rig.handed else None
        match fault:
            case "kill":
                rig.telephony.kill_engine()
                await asyncio.sleep(1)
                rig.telephony.revive()
            case "cut":
                rig.telephony.cut()
                await asyncio.sleep(3)
                rig.telephony.mend()
            case "store_before" | "store_after" | "freeze":
                await self._store_away(fault)
            case "take" if some is not None and rig.journal.records[some].owner is not None:
                self.taken.add(some)
                rig.journal.take_away(some)
                await asyncio.sleep(self._chance.random() * 5)
                rig.driver.lease_lost(some)
            case "stop" if some is not None:
                rig.driver.stop(some)
            case "pause" if some is not None:
                rig.journal.records[some].control = "paused"
            case "repeat":
                news = list(rig.telephony.received)
                rig.driver.hear([])
                assert len(news) == len(rig.telephony.received)
            case _:
                pass

    async def _store_away(self, fault: str) -> None:
        journal = self._rig.journal
        self._away += 1
        if fault == "store_after":
            journal.after = lambda: self._away > 0 and self._chance.random() < 0.7
        else:
            journal.before = lambda: self._away > 0
        await asyncio.sleep(LEASE.total_seconds() if fault == "freeze" else 2)
        self._away -= 1


@settings(max_examples=150)
@given(
    calls=CALLS,
    faults=FAULTS,
    seed=st.integers(0, 2**32),
    channels=st.integers(1, 8),
    flow=st.sampled_from([FLOW, SLEEPING]),
)
def test_a_node_keeps_its_promises(
    calls: list[list[str]], faults: list[tuple[float, str]], seed: int, channels: int, flow: bytes
) -> None:
    chance = random.Random(seed)
    havoc: list[Havoc] = []

    async def story(rig: VoiceRig) -> None:
        havoc.append(Havoc(rig, chance))
        trouble = [asyncio.create_task(havoc[0].at(seconds, fault)) for seconds, fault in faults]
        for n, behaviours in enumerate(calls):
            rig.call(*(number_for(behaviour, n) for behaviour in behaviours))
            await asyncio.sleep(chance.random())
        await rig.finish()
        await asyncio.gather(*trouble)
        await rig.finish()
        await asyncio.sleep(1)
        assert rig.telephony.channels == 0

    rig = play(VoiceRig(seed=seed, flow=flow, trunks=(("lab", channels, 50),)), story)
    check_nothing_left(rig)
    _every_record_ended_or_was_taken(rig, havoc[0].taken)
    _every_leg_ended_once(rig, havoc[0].taken)


def _every_record_ended_or_was_taken(rig: VoiceRig, taken: set[RecordId]) -> None:
    lost = {event.record_id for event in rig.journal.told("late_news")} | taken
    for record_id in rig.handed:
        status = rig.journal.records[record_id].status
        assert status in FINAL_FLOW or status == "PAUSE" or record_id in lost or _stood_still(rig, record_id)
    finals = Counter(result.id for result in rig.journal.results if result.status in FINAL_FLOW)
    assert all(n == 1 for n in finals.values())


def _stood_still(rig: VoiceRig, record_id: RecordId) -> bool:
    """The node gave it up itself, because its lease might be over: the reaper's from here."""
    return ("lease_lost", {"record_id": str(record_id)}) in rig.telemetry.events


def _every_leg_ended_once(rig: VoiceRig, taken: set[RecordId]) -> None:
    for leg_id, leg in rig.journal.legs.items():
        ended = leg_id in rig.journal.ends
        assert ended or leg.record_id in taken or _stood_still(rig, leg.record_id)
