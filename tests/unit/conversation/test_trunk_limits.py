"""Places on a trunk: who waits gives up in time, and can be cancelled for good."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from central.adapters.simulator.virtual_time import VirtualClock, VirtualTimers, run_virtually
from central.application.conversation.trunk_limits import TrunkLimits
from central.domain.ids import TrunkId
from tests.fakes.voice_rig import SeededIds

WAIT_S = timedelta(seconds=5).total_seconds()


def _full() -> tuple[TrunkLimits, TrunkId]:
    loop = asyncio.get_running_loop()
    limits, trunk = TrunkLimits(VirtualClock(loop), VirtualTimers(loop)), TrunkId(SeededIds(1).uuid())
    limits.set_caps({trunk: (1, 100.0)})
    return limits, trunk


def test_who_waits_in_vain_is_told_what_was_short() -> None:
    async def story() -> None:
        limits, trunk = _full()
        assert await limits.take(trunk, WAIT_S) == "taken"
        assert await limits.take(trunk, WAIT_S) == "trunk_channel_cap"
        limits.give_back(trunk)
        assert await limits.take(trunk, WAIT_S) == "taken"
        assert limits.used(trunk) == 1

    run_virtually(story())


def test_a_cancelled_wait_ends_as_cancelled_and_takes_no_place() -> None:
    async def story() -> None:
        limits, trunk = _full()
        assert await limits.take(trunk, WAIT_S) == "taken"
        waiting = asyncio.create_task(limits.take(trunk, WAIT_S))
        await asyncio.sleep(1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        limits.give_back(trunk)
        assert limits.used(trunk) == 0

    run_virtually(story())
