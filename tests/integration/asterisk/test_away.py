"""While Central is away, its Asterisk lets the carrier hunt on: 503 for known peers, 401 for everybody else."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import uuid4

from central.adapters.asterisk.channel import AsteriskTelephony
from central.adapters.asterisk.config import AsteriskConfig, ForeignEngine, OwnEngine
from central.adapters.asterisk.engine import Engine
from central.adapters.system import SystemClock, SystemIds
from central.application.ports.telephony import Trunk
from central.domain.ids import TrunkId
from examples.carrier.callers import Caller


async def test_calls_are_refused_with_503_once_nobody_listens(asterisk_root: Path, tmp_path: Path) -> None:
    own = OwnEngine(root=asterisk_root, state_dir=tmp_path / "engine", strict_rtp=False)
    engine = Engine(AsteriskConfig(engine=own), own, SystemIds().secret)
    access = await engine.start(None)
    try:
        foreign = ForeignEngine(url=access.url, user=access.user, password=access.password)
        telephony = AsteriskTelephony(AsteriskConfig(engine=foreign, trace=False), SystemClock(), SystemIds())
        await telephony.start([Trunk(TrunkId(uuid4()), "peer", "127.0.0.1")])
        await telephony.stop()
        for name, host in (("refused_503", "127.0.0.1"), ("refused_401", "127.0.0.3")):
            caller = Caller(name, ("127.0.0.1", engine.sip_port), called="918000000001", host=host)
            try:
                told = await asyncio.to_thread(caller.wait, 30)
            finally:
                caller.remove()
            assert (told.good, told.bad) == (1, 0), told
    finally:
        await engine.stop()
