"""Where a call goes, in the engine's words, or why it cannot be placed.

Step 3 of the path (channel).
"""

from __future__ import annotations

from typing import NamedTuple

from central.adapters.asterisk.outgoing import dial_string
from central.adapters.asterisk.phones import Phones
from central.adapters.asterisk.trunks import Trunks
from central.application.ports.telephony import Originate, Rejected


class Target(NamedTuple):
    """The dial string, the host to look up first ("" = none), and whether the far end counts by our header."""

    dial: str
    host: str = ""
    tag: bool = False


def target_of(call: Originate, trunks: Trunks, phones: Phones, *, connected: bool) -> Target | Rejected:
    """A trunk and a number, or a phone that is registered now."""
    phone = phones.get(call.phone) if call.phone is not None else None
    trunk = trunks.get(call.trunk) if call.trunk is not None and call.phone is None else None
    if phone is None and trunk is None:
        what = f"phone of {call.phone}" if call.phone is not None else f"trunk {call.trunk}"
        return Rejected("no_trunk", f"{what} is not known to this engine")
    if not connected:
        return Rejected("engine_lost", "no connection to the engine")
    if trunk is not None:
        return Target(dial_string(trunk.trunk, trunk.endpoint, call.to), trunk.trunk.host, trunk.trunk.tag_calls)
    if call.phone not in phones.registered:
        return Rejected("unresolvable", f"phone of {call.phone} is not registered")
    return Target(f"PJSIP/{phone}")
