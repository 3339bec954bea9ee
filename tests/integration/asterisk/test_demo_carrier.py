"""The demo carrier does what the number plan promises, and keeps count of what it received."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from central.application.ports.telephony import Digit, LegAnswered, LegEnded, LegProgress, Originate, Trunk
from central.domain.ids import LegId, TrunkId
from examples.carrier import BEHAVIOURS, DemoCarrier, number_for
from tests.contract.telephony.rig import CALLER, AsteriskRig, Call, Switchboard

REFUSED = {
    "busy": 486,
    "not_found": 404,
    "forbidden": 403,
    "unavailable": 480,
    "not_acceptable": 488,
    "server_error": 500,
    "congested": 503,
    "declined": 603,
    "early_media_then_busy": 486,
}
PRESSED = {"presses_1": "1", "presses_2": "2", "presses_1_2_3": "123", "answers": ""}


@pytest.fixture
async def board(asterisk_root: Path, tmp_path: Path) -> AsyncIterator[Switchboard]:
    rig = AsteriskRig(asterisk_root, tmp_path / "engine")
    made = Switchboard(rig)
    await made.open("c404")
    yield made
    await made.close()
    await rig.close()


async def dial(board: Switchboard, trunk: Trunk, number: str, attempt: int = 1) -> Call:
    leg = LegId(uuid4())
    call = board.calls[leg] = Call(leg)
    header = {"X-Central-Attempt": f"{leg};number={attempt};position=0"}
    call.answer = (await board.rig.telephony.originate([Originate(leg, trunk.id, number, CALLER, 60, header)]))[0]
    return call


async def end(board: Switchboard, call: Call) -> Call:
    await board.rig.telephony.hang_up(call.leg, "hangup_by_us")
    await call.evidence()
    return call


@pytest.mark.parametrize("digits", ["auto", "info"])
async def test_every_number_behaves_as_planned(board: Switchboard, digits: str) -> None:
    with DemoCarrier(port=0, digits=digits) as far:
        trunk = Trunk(TrunkId(uuid4()), "demo", far.host, far.port, tag_calls=True)
        await board.rig.telephony.set_trunks([trunk])
        calls = {name: await dial(board, trunk, number_for(name, 7)) for name in BEHAVIOURS}
        second = await dial(board, trunk, number_for("answers_on_second_attempt", 7), attempt=2)
        nobody = await dial(board, trunk, "919999999999")
        for name, code in REFUSED.items():
            assert ((await calls[name].evidence()).sip, name) == (code, name)
        assert (await calls["answers_on_second_attempt"].evidence()).sip == 486
        assert (await nobody.evidence()).sip == 404
        await second.until(LegAnswered)
        for name in ("hangs_up_mid_flow", "hangs_up_at_once"):
            assert (await calls[name].evidence()).local == "hangup_by_them"
        assert (await calls["hangs_up_mid_flow"].evidence()).elapsed_ms >= 4_000
        assert (await calls["hangs_up_at_once"].evidence()).elapsed_ms <= 2_000
        for name, keys in PRESSED.items():
            if keys:
                await calls[name].until(Digit, nth=len(keys))
            assert "".join(e.digit for e in calls[name].events if isinstance(e, Digit)) == keys
            await end(board, calls[name])
        await end(board, second)
        for name in ("rings_out", "trying_only", "silent"):
            assert calls[name].count(LegEnded) == 0
            assert calls[name].count(LegProgress) == (2 if name == "rings_out" else 1)
            await board.rig.telephony.hang_up(calls[name].leg, "cancelled_by_us")
            assert (await calls[name].evidence()).local == "cancelled_by_us"
        received = {invite.number: invite.attempt.split(";")[0] for invite in far.invites()}
        expected = {number_for(name, 7): str(call.leg) for name, call in calls.items()}
        expected[number_for("answers_on_second_attempt", 7)] = str(second.leg)
        expected["919999999999"] = str(nobody.leg)
        assert received == expected
        assert len(far.invites()) == len(calls) + 2
