"""A status that was decided, and told to the flow's last path, stays: also when the node must end before that path does."""

from __future__ import annotations

import asyncio

from tests.fakes.voice_rig import VoiceRig, play

FLOW = b"""
flow: f
type: multicast
purpose: service
calls: {attempts: 2, interval: 6s, ring_timeout: 4s, short_hangup: 1s}
steps:
  start: {widget: start, next: call}
  call: {widget: make_call, on: {connected: bye, busy: end, no_answer: end, failed: end}}
  bye: {widget: hang_up}
  done: {widget: on_flow_complete, next: late}
  late: {widget: delay, for: 30s, next: end}
"""


def test_a_node_that_ends_does_not_overwrite_it() -> None:
    rig = VoiceRig(flow=FLOW)

    async def story(rig: VoiceRig) -> None:
        record = rig.call("919800018000")
        await asyncio.sleep(5)
        (call,) = rig.desk.calls.values()
        assert call.outcome is not None
        rig.driver.give_up(call)
        await rig.idle()
        assert (rig.result(record).status, rig.result(record).reason) == ("COMPLETED", "completed")

    play(rig, story)
