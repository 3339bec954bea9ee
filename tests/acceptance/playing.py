"""Plays one case file: makes its account and trunks, loads its list, does its steps, waits, and reads what came out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from examples.carrier.sms_center import SmsCenter
from tests.acceptance.case_files import Case, CaseFile
from tests.acceptance.counting import Counting, final_events
from tests.acceptance.far_ends import FarEnds, TrunkPlan, number
from tests.acceptance.moments import resolve
from tests.acceptance.phones import RegisteredPhone
from tests.acceptance.receiver import Receiver
from tests.acceptance.seen import Seen
from tests.api_client import Api
from tests.installation import Installation
from tests.tones import tone

LOOK_S = 0.6
_SAME_LOOKS = 5
_TRACE_S = 8.0
_CLOSE_S = 15.0
_PLAN = {"name": "laboratory", "voice": [{"prefix": "", "pulse_s": 60, "per_pulse": 1_000_000}]}
ACCOUNT = {
    "policy_id": "LAB", "opening_balance": "1000", "rate_plan": _PLAN, "api_per_minute": 600_000, "channel_cap": 200, "cps_cap": 50,
}  # fmt: skip


@dataclass
class Played:
    """A case file in play. ``faults`` is what went wrong beside the cases: steps, counts, events."""

    file: CaseFile
    place: int
    installation: Installation
    far_ends: FarEnds
    receiver: Receiver
    finals: frozenset[str]
    sms_center: SmsCenter | None = None
    api: Api = field(init=False)
    account_id: str = ""
    flow_id: str = ""
    request_id: str = ""
    secret: str = ""
    did: str = ""
    seen: dict[str, Seen] = field(default_factory=dict[str, Seen])
    faults: list[str] = field(default_factory=list[str])
    counting: Counting = field(default_factory=Counting)
    numbers: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    agents: dict[str, str] = field(default_factory=dict[str, str])
    histories: dict[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict[str, Sequence[Mapping[str, Any]]])
    phones: dict[str, RegisteredPhone] = field(default_factory=dict[str, "RegisteredPhone"])
    _figures: object = None
    _records: dict[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])

    def prepare(self) -> None:
        """Everything before the list is loaded."""
        file, operator = self.file, self.installation.operator
        changes = {key: resolve(value) if isinstance(value, str) else value for key, value in file.account.items()}
        account = operator.post("/operator/accounts", {"name": file.name} | ACCOUNT | changes)
        self.account_id = account["id"]
        issued = operator.post(f"/operator/accounts/{self.account_id}/keys", {"name": "acceptance", "role": "owner"})
        operator.close()
        self.api = self.installation.api(issued["secret"])
        plan = TrunkPlan(file.trunks)
        self._number(plan)
        self._make_trunks(plan)
        self._fill_lists()
        self._staff(plan)
        flow = self.api.send("POST", "/flows", file.flow.encode(), "application/yaml")
        self.flow_id = flow["id"]
        did = self.did = f"91800001{self.place:04d}" if file.did is None else file.did
        if did:
            self.api.post("/dids", {"dids": [{"number": did}]})
            self.api.put(f"/flows/{self.flow_id}/dids", {"dids": [did]})
        for document in file.other_flows:
            self._add_flow(document, did)
        for document in file.drafts:
            self.api.send("POST", "/flows", document.encode(), "application/yaml")
        for prompt in file.removed_prompts:
            self.api.send("PUT", f"/prompts/{prompt}", tone(), "audio/wav")
        if file.mode == "production":
            self.api.post(f"/flows/{self.flow_id}/publish", {"note": "acceptance"})
        for prompt in file.removed_prompts:
            self.api.call("DELETE", f"/prompts/{prompt}", params={"force": True})
        if file.sms_center and self.sms_center is not None:
            self.api.post("/carriers", sms_carrier(self.sms_center))
        if file.webhooks:
            hook = {"name": "receiver", "url": self.receiver.url(file.name), "events": list(file.webhooks)}
            self.secret = self.api.post("/webhooks", hook)["secret"]

    def _add_flow(self, document: str, did: str) -> None:
        """A further flow of the account, in production, with the same number."""
        flow = self.api.send("POST", "/flows", document.encode(), "application/yaml")["id"]
        self.api.put(f"/flows/{flow}/dids", {"dids": [did]})
        self.api.post(f"/flows/{flow}/publish", {"note": "acceptance"})

    def _number(self, plan: TrunkPlan) -> None:
        for row, case in enumerate(self.file.cases):
            serial = self.place * 100 + row
            self.numbers[case.name] = [
                number(plan.place(call), serial) if plan.knows(call) else call for call in case.calls
            ]

    def _make_trunks(self, plan: TrunkPlan) -> None:
        used = {call for case in self.file.cases for call in case.calls if plan.knows(call) and call not in plan.own}
        for name in sorted(used):
            self.api.post("/trunks", self.far_ends.trunk(name))
        for trunk in plan.own.values():
            self.api.post("/trunks", self.far_ends.own_trunk(plan, trunk))

    def _staff(self, plan: TrunkPlan) -> None:
        """The file's queues, and its agents: telephones that are reachable, of far ends, or SIP phones that register."""
        queues = {str(queue["name"]): self.api.post("/queues", dict(queue))["id"] for queue in self.file.queues}
        for row, agent in enumerate(self.file.agents):
            body = {"key": f"a{row}", "name": agent["name"], "skills": agent.get("skills", {})}
            if "far_end" in agent:
                telephone = number(plan.place(agent["far_end"]), self.place * 100 + row)
                body |= {"kind": "direct", "number": telephone, "phone": "number"}
            made = self.agents[agent["name"]] = self.api.post("/agents", body)["id"]
            for queue in agent["queues"]:
                self.api.put(f"/queues/{queues[queue]}/agents/{made}", {"place": row})
            if "phone" in agent:
                issued = self.api.post(f"/agents/{made}/phone", {})
                phone = RegisteredPhone(issued["username"], issued["password"], self._door(), agent["phone"])
                self.phones[agent["name"]] = phone.start()
            self.api.post(f"/agents/{made}/login", {"phone": "sip" if "phone" in agent else "number"})

    def _door(self) -> tuple[str, int]:
        host, _, port = self.installation.environment["CENTRAL_SIP_BIND"].rpartition(":")
        return host, int(port)

    def _fill_lists(self) -> None:
        if self.file.register_age_h is not None:
            fresh = resolve(f"@{round(self.file.register_age_h * 3600)}s-ago")
            content = b"number\n919999999999\n"
            self.api.send("POST", "/lists/dnd/import", content, "text/csv", fresh_at=fresh)
        for case in self.file.cases:
            for name in case.on:
                self.put_on_list(name, case)

    def put_on_list(self, name: str, case: Case) -> None:
        """Put all numbers of a case on a list."""
        if name == "dnd" and self.file.register_age_h:
            content = "number\n" + "\n".join(self.numbers[case.name]) + "\n"
            fresh = resolve(f"@{round(self.file.register_age_h * 3600)}s-ago")
            self.api.send("POST", "/lists/dnd/import", content.encode(), "text/csv", fresh_at=fresh)
            return
        entries = [{"number": n} for n in self.numbers[case.name] if n.strip("+").isdigit()]
        self.api.put(f"/lists/{name}/entries", {"entries": entries})

    # -- the list runs ---------------------------------------------------------------------------------------------------
    def submit(self) -> None:
        """Load the list; every record gets its receipt."""
        body = {"flow": self.flow_id, "mode": self.file.mode, "records": [self._row(case) for case in self.file.cases]}
        submitted = self.api.post("/requests", body)
        self.request_id = submitted["request_id"]
        for case, receipt in zip(self.file.cases, submitted["records"], strict=True):
            self.seen[case.name] = Seen(receipt)

    def _row(self, case: Case) -> dict[str, Any]:
        row: dict[str, Any] = {"numbers": self.numbers[case.name], "client_identifier": case.name}
        for name in ("start_time", "time_zone", "priority"):
            if value := getattr(case, name):
                row[name] = resolve(value)
        if case.variables is not None:
            web = self.receiver.url("web")
            row["variables"] = {name: web if value == "@web" else value for name, value in case.variables.items()}
        return row

    def records(self) -> dict[str, Mapping[str, Any]]:
        """The records as they are now, by case; the request's counts are checked on the way."""
        request = self.api.get(f"/requests/{self.request_id}")
        self.counting.look(request)
        figures = (request["statuses"], request["calls"], request["attempts"])
        # most looks change nothing: then the records are not asked for, so that forty files do not wear out the API
        if figures == self._figures and self.counting.looks % _SAME_LOOKS:
            return self._records
        rows = self.api.pages(f"/requests/{self.request_id}/records", limit=200)
        names = {seen.receipt["record_id"]: name for name, seen in self.seen.items()}
        self._figures, self._records = (
            figures,
            {names[row["record_id"]]: row for row in rows if row["record_id"] in names},
        )
        return self._records

    def until(self, what: str, holds: Callable[[], bool], limit_s: float) -> bool:
        """Look again and again; a fault when it does not hold in time."""
        end = time.monotonic() + limit_s
        while not holds():
            if time.monotonic() > end:
                self.faults.append(f"not within {limit_s:.0f} s: {what}")
                return False
            time.sleep(LOOK_S)
        return True

    def settle(self) -> None:
        """Wait until every record is as its case says, or the file's patience is over."""
        self.until("all cases settled", self._settled, self.file.patience_s)

    def _settled(self) -> bool:
        records = self.records()
        for case in self._recorded():
            record, wanted = records.get(case.name), case.becomes
            if (
                record is None
                or record["status"] != wanted.get("status")
                or record["attempts_made"] < wanted.get("attempts", 0)
            ):
                return False
        return True

    def collect(self) -> None:
        """Read the explanation of each record, once the copies of its SIP messages are stored."""
        end = time.monotonic() + _TRACE_S
        for case in self._recorded():
            receipt = self.seen[case.name].receipt
            while True:
                seen = Seen(receipt, self.api.get(f"/records/{receipt['record_id']}/timeline"))
                if seen.complete() or time.monotonic() > end:
                    break
                time.sleep(LOOK_S)
            self.seen[case.name] = seen
            self._check_record(case, seen)

    def _recorded(self) -> list[Case]:
        return [case for case in self.file.cases if not case.refused]

    def _check_record(self, case: Case, seen: Seen) -> None:
        if any(n > 1 for n in final_events(seen.explanation["statuses"], self.finals)):
            self.faults.append(f"{case.name}: I5: an epoch has more than one final event: {seen.statuses}")
        if seen.statuses[-1] != seen.detail["status"]:
            self.faults.append(
                f"{case.name}: the events end at {seen.statuses[-1]}, the status is {seen.detail['status']}"
            )

    def close(self) -> None:
        """Stop what still waits, so that nothing calls on behind the suite's back; the counts must come out even.

        The agents go home; their histories are read, oldest change first.
        """
        if any(not record["final"] for record in self.records().values()):
            self.api.post(f"/requests/{self.request_id}/stop", force=True)
            self.until("the request is Completed after its stop", self._completed, _CLOSE_S)
        self.faults += self.counting.wrong
        self.counting.wrong = []
        for agent in self.agents.values():
            self.api.post(f"/agents/{agent}/logout", {})
        if self.agents:
            self.until("all agents are logged out", self._gone_home, _CLOSE_S)
        for name, agent in self.agents.items():
            self.histories[name] = list(self.api.pages(f"/agents/{agent}/events"))[::-1]

    def _gone_home(self) -> bool:
        return all(self.api.get(f"/agents/{agent}")["status"] == "LOGGED_OUT" for agent in self.agents.values())

    def _completed(self) -> bool:
        request = self.api.get(f"/requests/{self.request_id}")
        self.counting.look(request)
        return bool(request["status"] == "Completed")


def sms_carrier(center: SmsCenter) -> dict[str, Any]:
    """The carrier that leads every SMS of an account there."""
    return {
        "name": "sms center", "kind": "smpp", "secrets": {"password": center.password},
        "settings": {"host": center.host, "port": center.port, "system_id": center.system_id, "timers": {"response": 6}},
        "routes": [{"priority": 1}],
    }  # fmt: skip
