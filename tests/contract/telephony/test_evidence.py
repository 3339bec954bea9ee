"""Every way a call can end gives the evidence that the status catalogue needs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from central.application.ports.telephony import Accepted, LegAnswered, LegEnded, LegProgress
from central.domain.evidence import Evidence, Phase
from examples.carrier.blocks import CODES
from examples.carrier.scenarios import CODE_REASON
from tests.contract.telephony.rig import Switchboard

Facts = tuple[str | None, str, int | None, int | None, str, str]

REFUSALS: Mapping[str, Facts] = (
    {f"c{code}": (None, "dialing", code, None, "them", "normal") for code in CODES}
    | {f"c{code}_q{q850}": (None, "ringing", code, q850, "them", "normal") for code, q850 in CODE_REASON}
    | {
        "ring_480": (None, "ringing", 480, None, "them", "normal"),
        "early_486": (None, "ringing", 486, 17, "them", "normal"),
    }
)
FAR_END_HANGS_UP: dict[str, Facts] = {
    "far_bye": ("hangup_by_them", "answered", None, None, "them", "normal"),
    "far_bye_q16": ("hangup_by_them", "answered", None, 16, "them", "normal"),
    "far_bye_q41": ("hangup_by_them", "answered", None, 41, "them", "normal"),
    "short_hangup": ("hangup_by_them", "answered", None, 16, "them", "normal"),
}
WE_HANG_UP: dict[str, Facts] = dict.fromkeys(
    ["answer", "answer_delay", "answer_early", "lost_ack", "bye_both", "auth_407"],
    ("hangup_by_us", "answered", None, None, "us", "normal"),
)
WE_CANCEL: dict[str, tuple[str, Facts]] = {
    "no_answer": (
        "ring_timeout_after_ringing",
        ("ring_timeout_after_ringing", "ringing", None, None, "us", "normal"),
    ),
    "trying_only": (
        "ring_timeout_without_ringing",
        ("ring_timeout_without_ringing", "dialing", None, None, "us", "normal"),
    ),
    "cancel_crossed": (
        "ring_timeout_after_ringing",
        ("ring_timeout_after_ringing", "ringing", None, None, "us", "dropped"),
    ),
}


def facts(evidence: Evidence) -> Facts:
    return (
        evidence.local,
        evidence.phase.value,
        evidence.sip,
        evidence.q850,
        evidence.side,
        evidence.end,
    )


async def test_refusals_carry_the_far_ends_own_code_and_reason(board: Switchboard) -> None:
    await board.open(*REFUSALS)
    calls = {name: await board.place(name) for name in REFUSALS}
    assert {name: facts(await call.evidence()) for name, call in calls.items()} == REFUSALS
    assert [name for name, call in calls.items() if call.count(LegEnded) != 1 or call.count(LegAnswered)] == []


async def test_a_far_end_that_hangs_up_is_named_as_the_one_who_did(board: Switchboard) -> None:
    await board.open(*FAR_END_HANGS_UP)
    calls = {name: await board.place(name) for name in FAR_END_HANGS_UP}
    assert {name: facts(await call.evidence()) for name, call in calls.items()} == FAR_END_HANGS_UP
    assert {call.count(LegAnswered) for call in calls.values()} == {1}


async def test_our_hang_up_of_an_answered_call_is_ours_whatever_the_far_end_does_meanwhile(board: Switchboard) -> None:
    await board.open(*WE_HANG_UP)

    async def talk(name: str) -> Facts:
        call = await board.place(name)
        await call.until(LegAnswered)
        await asyncio.sleep(1)  # the scenarios act half a second after the answer
        await board.rig.telephony.hang_up(call.leg, "hangup_by_us")
        return facts(await call.evidence())

    found = await asyncio.gather(*(talk(name) for name in WE_HANG_UP))
    assert dict(zip(WE_HANG_UP, found, strict=True)) == WE_HANG_UP


async def test_our_own_condition_is_kept_when_we_cancel(board: Switchboard) -> None:
    await board.open(*WE_CANCEL)

    async def cancel(name: str, local: str) -> Facts:
        call = await board.place(name)
        await call.until(LegProgress, nth=2 if name != "trying_only" else 1)
        await asyncio.sleep(0.2)  # let the far end's 100 arrive: before it, SIP holds the CANCEL back
        await board.rig.telephony.hang_up(call.leg, local)
        ended = facts(await call.evidence())
        assert call.count(LegEnded) == 1
        assert call.count(LegAnswered) == 0
        return ended

    found = await asyncio.gather(*(cancel(name, local) for name, (local, _) in WE_CANCEL.items()))
    assert dict(zip(WE_CANCEL, found, strict=True)) == {name: expected for name, (_, expected) in WE_CANCEL.items()}


async def test_the_engines_own_timeout_becomes_a_ring_timeout_by_phase(board: Switchboard) -> None:
    await board.open("no_answer", "trying_only", "silent")
    calls = {name: await board.place(name, timeout_s=2) for name in ("no_answer", "trying_only", "silent")}
    assert {name: (await call.evidence()).local for name, call in calls.items()} == {
        "no_answer": "ring_timeout_after_ringing",
        "trying_only": "ring_timeout_without_ringing",
        "silent": "ring_timeout_without_ringing",
    }


@pytest.mark.timeout(90)
async def test_a_far_end_that_says_nothing_at_all_is_no_response(board: Switchboard) -> None:
    await board.open("silent")
    call = await board.place("silent")
    evidence = await call.evidence(seconds=60)
    assert facts(evidence) == ("no_response", "dialing", None, None, "us", "normal")
    assert evidence.elapsed_ms >= 31_500  # SIP timer B
    assert len(board.rig.invites("silent")) == 1  # its repetitions are one transaction


async def test_progress_tells_the_phase_and_the_call_id_once_each(board: Switchboard) -> None:
    await board.open("answer")
    call = await board.place("answer")
    await call.until(LegAnswered)
    told = [(event.phase, event.sip_call_id) for event in call.events if isinstance(event, LegProgress)]
    assert isinstance(call.answer, Accepted)
    call_id = board.rig.invites("answer")[0].call_id
    assert [phase for phase, _ in told] == [Phase.DIALING, Phase.RINGING]
    assert {one for _, one in told} == {call_id}
    assert call.answer.sip_call_id in {None, call_id}
