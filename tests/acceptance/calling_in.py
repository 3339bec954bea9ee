"""Plays a case file of an inbound flow: SIPp callers instead of a list, and the records that their calls became."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from central.application.ports.telephony import digest_user
from central.domain.ids import TrunkId
from examples.carrier.callers import Caller, Calls
from tests.acceptance.case_files import Case
from tests.acceptance.far_ends import TrunkPlan
from tests.acceptance.playing import Played
from tests.acceptance.seen import Seen

_PEER = {"name": "peer", "host": "127.0.0.1", "port": 9}


@dataclass
class PlayedInbound(Played):
    """A file whose flow is called; ``calls`` is what SIPp says of each case."""

    calls: dict[str, Calls] = field(default_factory=dict[str, Calls])
    _trunk_ids: dict[str, str] = field(default_factory=dict[str, str])

    def _make_trunks(self, plan: TrunkPlan) -> None:
        for body in [_PEER, *(self.far_ends.own_trunk(plan, trunk) for trunk in plan.own.values())]:
            self._trunk_ids[str(body["name"])] = self.api.post("/trunks", body)["id"]

    def _number(self, plan: TrunkPlan) -> None:
        del plan
        for row, case in enumerate(self.file.cases):
            self.numbers[case.name] = [case.from_number or f"9192{self.place:03d}{row:05d}"]

    def submit(self) -> None:
        """Place all calls and wait until they are over."""
        callers = {case.name: self._caller(case) for case in self.file.cases}
        for case in self.file.cases:
            try:
                calls = self.calls[case.name] = callers[case.name].wait()
                if calls.bad or not calls.good:
                    self.faults.append(f"{case.name}: SIPp: {calls}")
            finally:
                callers[case.name].remove()
        self.until("all calls have records", self._found, 15)

    def _caller(self, case: Case) -> Caller:
        host, _, port = self.installation.environment["CENTRAL_SIP_BIND"].rpartition(":")
        user = digest_user(TrunkId(UUID(self._trunk_ids[case.proves]))) if case.proves else ""
        secret = next((str(t["password"]) for t in self.file.trunks if t["name"] == case.proves), "")
        return Caller(
            case.caller,
            (host, int(port)),
            called=case.dials or self.did,
            caller=self.numbers[case.name][0],
            host=case.from_host,
            login=(user, secret),
        )

    def _found(self) -> bool:
        wanted = [case for case in self.file.cases if not case.refused]
        requests = list(self.api.pages("/requests", flow=self.flow_id))
        if not requests:
            return not wanted
        self.request_id = requests[0]["request_id"]
        rows = list(self.api.pages(f"/requests/{self.request_id}/records", limit=200))
        by_number: Mapping[str, Any] = {row["numbers"][0]: row for row in rows}
        for case in wanted:
            row = by_number.get(self.numbers[case.name][0])
            if row is not None:
                self.seen[case.name] = Seen({"record_id": row["record_id"], "status": "IN_PROGRESS", "accepted": True})
        return len(self.seen) == len(wanted) and len(rows) == len(wanted)
