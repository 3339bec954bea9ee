"""What came out of a case, read from the API's documents in the words that case files use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NOT_SENT = frozenset({"no_trunk", "unresolvable", "trunk_channel_cap", "cps_cap", "account_channel_cap"})


def messages_of(leg: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The SIP messages of a leg, none where it has no copy of them."""
    talk: Mapping[str, Any] | None = leg["sip"]
    return [] if talk is None else list(talk["messages"])


@dataclass(frozen=True, slots=True)
class Seen:
    """The receipt of a record and, once it has settled, its explanation."""

    receipt: Mapping[str, Any]
    explanation: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def detail(self) -> Mapping[str, Any]:
        """The record with its attempts and legs."""
        detail: Mapping[str, Any] = self.explanation["record"]
        return detail

    @property
    def legs(self) -> list[Mapping[str, Any]]:
        """All legs of all attempts in order."""
        return [leg for attempt in self.detail["attempts"] for leg in attempt["legs"]]

    @property
    def statuses(self) -> list[str]:
        """Every status that the record went through, the first included."""
        lines: list[Mapping[str, Any]] = self.explanation["statuses"]
        words = [str(line["to_status"]) for line in lines]
        first = str(self.receipt["status"])
        return words if words[:1] == [first] or first in words[:2] else [first, *words]

    def complete(self) -> bool:
        """Whether the copy of the SIP messages of each call that was sent and is over has been stored."""
        return all(
            bool(messages_of(leg)) for leg in self.legs if leg["end_at"] is not None and leg["local"] not in NOT_SENT
        )

    def as_record(self) -> dict[str, Any]:
        """What ``becomes`` of a case is compared with."""
        record = self.detail
        path = [step["step"] for step in self.explanation["path"]]
        failed = [check["check"] for check in self.explanation["checks"] if check["result"] == "failed"]
        return {
            "status": record["status"],
            "class": record["record_class"],
            "final": record["final"],
            "reason": record["reason"],
            "rule": self.explanation["rule"],
            "check": failed[-1] if failed else "",
            "attempts": record["attempts_made"],
            "charged": record["attempts_charged"],
            "epoch": record["epoch"],
            "connection": record["last_connection_status"],
            "struck": len(self.detail["struck_numbers"]),
            "dropped": len(self.explanation["input"]["dropped"]),
            "accepted": self.receipt["accepted"],
            "first_status": self.receipt["status"],
            "path": path,
            "passes": self.statuses,
            "variables": self.detail["variables"],
        }

    def as_leg(self, index: int) -> dict[str, Any]:
        """What a line of ``legs`` is compared with."""
        leg = self.legs[index]
        reason: Mapping[str, Any] | None = leg["carrier_reason"]
        return {
            "status": leg["status"],
            "code": leg["code"],
            "q850": leg["q850"],
            "sip_code": leg["sip_code"],
            "local": leg["local"],
            "phase": leg["phase"],
            "hangup_by": leg["hangup_by"],
            "digits": "".join(digit["digit"] for digit in leg["digits"]),
            "attempt": leg["attempt"],
            "position": leg["position"],
            "trunk": leg["trunk"],
            "reason_header": None if reason is None else reason["cause"],
            "rang": leg["ring_at"] is not None,
            "caller": leg["number_from"],
            "sip": [("> " if message["sent"] else "< ") + str(message["label"]) for message in messages_of(leg)],
        }
