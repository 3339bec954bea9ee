"""``central up`` with a second voice node, every process started with a fault port: ``python -m tests.resilience.up``."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace

from central.bootstrap import up
from central.entrypoints import supervision
from central.entrypoints.supervision import Child
from central.settings import Settings, read_settings

SECOND = "voice-node-b"
_FASTEST_RESTART_S = 1.0  # a child that is killed again and again is not misconfigured here


def children(settings: Settings) -> list[Child]:
    """One process of each kind, and a second voice node with an Asterisk of its own."""
    plain = plain_children(settings)
    (node,) = [child for child in plain if child.name == "voice-node"]
    middle = (settings.rtp_start + settings.rtp_end) // 4 * 2
    first = {"CENTRAL_RTP_END": str(middle - 1)}
    other = {
        "CENTRAL_NODE_NAME": f"{settings.node_name}-b",
        "CENTRAL_SIP_BIND": "127.0.0.1:0",
        "CENTRAL_RTP_START": str(middle),
    }
    every = [
        *[child for child in plain if child is not node],
        replace(node, environment={**node.environment, **first}),
        replace(node, name=SECOND, environment={**node.environment, **other}),
    ]
    return [_with_faults(child) for child in every]


def _with_faults(child: Child) -> Child:
    arguments = child.argv[list(child.argv).index("central") + 1 :]
    return replace(child, argv=[sys.executable, "-m", "tests.resilience.process", child.name, *arguments])


plain_children = up.children

if __name__ == "__main__":
    setattr(up, "children", children)  # noqa: B010
    setattr(supervision, "_LONGEST_WAIT_S", _FASTEST_RESTART_S)  # noqa: B010
    asyncio.run(up.run_up(read_settings()))
