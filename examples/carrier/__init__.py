"""A carrier to practise on: SIPp processes that behave like the phones and networks of the real world.

Used in two shapes. ``Carrier`` starts one SIPp process for each behaviour, one port each: tests pick a behaviour by its
port. ``DemoCarrier`` is one process on one port, where the called number picks the behaviour: the demo's contact list
decides what each contact does. Run it by hand with ``python -m examples.carrier``. Needs the ``sipp`` program (Debian package
sip-tester). Use it on loopback or a closed network only.
"""

from __future__ import annotations

from examples.carrier.demo import BEHAVIOURS, DemoCarrier, number_for
from examples.carrier.laboratory import Carrier
from examples.carrier.scenarios import CALLEES, Scenario
from examples.carrier.sipp import Invite, may_replay_captures

__all__ = [
    "BEHAVIOURS",
    "CALLEES",
    "Carrier",
    "DemoCarrier",
    "Invite",
    "Scenario",
    "may_replay_captures",
    "number_for",
]
