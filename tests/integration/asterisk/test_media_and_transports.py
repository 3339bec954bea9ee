"""Media that stops, TCP and TLS trunks: what the engine does by its configuration."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from central.application.ports.telephony import LegAnswered, Trunk
from central.domain.ids import TrunkId
from examples.carrier import Carrier
from tests.contract.telephony.rig import AsteriskRig, Switchboard
from tests.integration.asterisk.fronts import Front


@pytest.fixture
async def board(asterisk_root: Path, tmp_path: Path) -> AsyncIterator[Switchboard]:
    rig = AsteriskRig(asterisk_root, tmp_path / "engine", rtp_timeout_s=2)
    made = Switchboard(rig)
    yield made
    await made.close()
    await rig.close()


async def test_a_call_whose_media_stops_is_ended_by_us_and_stays_answered(board: Switchboard) -> None:
    await board.open("rtp_stops")
    call = await board.place("rtp_stops")
    evidence = await call.evidence(seconds=20)
    assert (evidence.phase, evidence.local, evidence.side, evidence.end) == (
        "answered",
        "hangup_by_us",
        "us",
        "dropped",
    )
    assert evidence.engine.cause == 44
    assert evidence.elapsed_ms >= 2_500


async def test_tcp_trunks_carry_calls_and_a_closed_port_is_no_response(board: Switchboard, free_port: int) -> None:
    await board.open("c486")
    with Carrier(["far_bye", "c503"], transport="tcp") as far:
        trunks = [Trunk(TrunkId(uuid4()), name, "127.0.0.1", far.port(name), "tcp") for name in far.names]
        closed = Trunk(TrunkId(uuid4()), "closed", "127.0.0.1", free_port, "tcp")
        await board.rig.telephony.set_trunks([*trunks, closed])
        talked, refused, lost = [await board.place("", trunk=trunk) for trunk in (*trunks, closed)]
        assert (await talked.evidence()).local == "hangup_by_them"
        assert (await refused.evidence()).sip == 503
        assert (await lost.evidence()).local == "no_response"


def certificate(directory: Path) -> tuple[Path, Path]:
    key, public = directory / "far.key", directory / "far.crt"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1"]
    subprocess.run([*command, "-keyout", str(key), "-out", str(public)], check=True, capture_output=True)
    return public, key


async def test_tls_trunks_carry_calls(board: Switchboard, tmp_path: Path) -> None:
    public, key = await asyncio.to_thread(certificate, tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, key)
    await board.open("c486")
    reserved = Front(0, context)
    port = await reserved.start()
    await reserved.stop()
    with Carrier(["answer"], transport="tcp", contacts={"answer": f"127.0.0.1:{port};transport=tls"}) as far:
        front = Front(far.port("answer"), context)
        await front.start(port)
        trunk = Trunk(TrunkId(uuid4()), "secure", "127.0.0.1", port, "tls")
        await board.rig.telephony.set_trunks([trunk])
        call = await board.place("", trunk=trunk)
        await call.until(LegAnswered)
        await asyncio.sleep(0.2)
        await board.rig.telephony.hang_up(call.leg, "hangup_by_us")
        assert (await call.evidence()).local == "hangup_by_us"
        assert len(far.invites("answer")) == 1
        await front.stop()
