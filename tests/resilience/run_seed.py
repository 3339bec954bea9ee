"""One seed: submit its list, deal its blows, look at the counts all the time, wait until all is mended, ask for every promise."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import httpx

from tests.api_client import ApiRefused
from tests.resilience import promises
from tests.resilience.house_of_chaos import OPENING, HouseOfChaos
from tests.resilience.load import Contact, as_csv, contacts
from tests.resilience.plan import Plan, Stroke

_QUIET_S: Final = 75.0  # after the last blow everything has ended within this time
_POLL_S: Final = 0.2
_SUBMIT_S: Final = 40.0
_PUSHES_S: Final = 30.0


@dataclass
class Outcome:
    """What a seed showed."""

    plan: Plan
    wrong: list[str] = field(default_factory=list[str])
    not_reached: list[Stroke] = field(default_factory=list[Stroke])
    seconds: float = 0.0
    laps: dict[str, float] = field(default_factory=dict[str, float])

    def __str__(self) -> str:
        missed = "".join(f"\n  not reached: {stroke}" for stroke in self.not_reached)
        shown = "".join(f"\n  - {line}" for line in self.wrong[:40])
        return f"{self.plan}{missed}\n  {self.seconds:.1f} s {self.laps}, {len(self.wrong)} broken promises{shown}"


class SeedRun:
    """Runs seeds on one installation, one after the other; records of all seeds stay and are counted together."""

    def __init__(self, house: HouseOfChaos) -> None:
        self._house = house
        self._api = house.api
        self._contacts: dict[str, Contact] = {}
        self._details: dict[str, dict[str, Any]] = {}

    def __call__(self, plan: Plan) -> Outcome:
        """Run one plan to its end."""
        begun = time.monotonic()
        rows = contacts(plan.seed, plan.records)
        self._contacts |= {row.name: row for row in rows}
        early = [stroke for stroke in plan.strokes if stroke.at_s <= 0.5 and stroke.kind == "order"]
        outcome = Outcome(plan)
        request_id = self._submit(plan, rows)
        for stroke in early:
            self._house.strike(stroke)
        outcome.laps["accepted"] = round(time.monotonic() - begun, 1)
        self._strike(plan, early, request_id, len(rows), outcome)
        outcome.laps["struck"] = round(time.monotonic() - begun, 1)
        self._house.wait_mended()
        outcome.laps["mended"] = round(time.monotonic() - begun, 1)
        self._until_ended(request_id, len(rows), outcome)
        outcome.laps["ended"] = round(time.monotonic() - begun, 1)
        outcome.not_reached = [s for s in plan.strokes if s.kind == "order" and self._house.withdraw(s)]
        self._judge(request_id, rows, outcome)
        outcome.seconds = time.monotonic() - begun
        return outcome

    # -- the load ------------------------------------------------------------------------------------------------------
    def _submit(self, plan: Plan, rows: Sequence[Contact]) -> str:
        """Upload the list until it is accepted; the same bytes twice are refused, with the request that has them."""
        end = time.monotonic() + _SUBMIT_S
        while True:
            try:
                answer = self._api.answer(
                    "POST", "/requests/upload", content=as_csv(list(rows)), headers={"Content-Type": "text/csv"},
                    params={"flow": self._house.flow_id, "name": f"seed {plan.seed}", "filename": "seed.csv"},
                )  # fmt: skip
            except httpx.HTTPError:
                answer = None
            if answer is not None and answer.status_code == httpx.codes.ACCEPTED:
                return str(answer.json()["request_id"])
            if answer is not None and answer.status_code == httpx.codes.CONFLICT and "request_id" in answer.json():
                return str(answer.json()["request_id"])
            if time.monotonic() > end:
                raise AssertionError(f"{plan}: not accepted, {answer.text if answer is not None else 'no answer'}")
            time.sleep(_POLL_S)

    def _strike(self, plan: Plan, dealt: Sequence[Stroke], request_id: str, listed: int, outcome: Outcome) -> None:
        """Deal the blows at their times, let go what stands still, and look at the counts in between."""
        begun = time.monotonic()
        due: list[tuple[float, bool, Stroke]] = [(s.at_s, False, s) for s in plan.strokes if s not in dealt]
        due += [(s.at_s + s.for_s, True, s) for s in plan.strokes if s.for_s and s.kind in {"stop", "control"}]
        standing = [s for s in plan.strokes if s.action == "stand"]
        since: dict[Stroke, float] = {}
        last: dict[str, Any] | None = None
        while due or any(s not in since or since[s] >= 0 for s in standing):
            now = time.monotonic() - begun
            for item in sorted(one for one in due if one[0] <= now):
                due.remove(item)
                self._deal(item[2], request_id, over=item[1])
            for stroke in standing:
                self._watch_standing(stroke, since, now)
            last = self._look(request_id, last, listed, outcome)
            if now > 25.0 and not due:
                break
            time.sleep(_POLL_S)
        for stroke in standing:
            self._house.release(stroke)

    def _watch_standing(self, stroke: Stroke, since: dict[Stroke, float], now: float) -> None:
        """A process that stopped itself is let go after its time."""
        if stroke not in since:
            if any(struck["key"] == stroke.key for struck in self._house.struck()):
                since[stroke] = now
        elif 0 <= since[stroke] <= now - stroke.for_s:
            self._house.release(stroke)
            since[stroke] = -1.0

    def _deal(self, stroke: Stroke, request_id: str, *, over: bool) -> None:
        if stroke.kind == "control":
            self._control(request_id, "resume" if over else "pause")
        elif over:
            self._house.release(stroke)
        else:
            self._house.strike(stroke)

    def _control(self, request_id: str, action: str) -> None:
        end = time.monotonic() + _SUBMIT_S
        while time.monotonic() < end:
            try:
                self._api.post(f"/requests/{request_id}/{action}")
            except httpx.HTTPError:
                time.sleep(_POLL_S)
            except ApiRefused as refused:
                if refused.status < httpx.codes.INTERNAL_SERVER_ERROR:
                    return  # it has ended meanwhile
                time.sleep(_POLL_S)
            else:
                return

    def _look(self, request_id: str, before: dict[str, Any] | None, listed: int, outcome: Outcome) -> dict[str, Any] | None:
        """One look at the counts; an API that is away just now is no violation."""
        try:
            request: dict[str, Any] = self._api.get(f"/requests/{request_id}")
        except httpx.HTTPError:
            return before
        except ApiRefused as refused:
            if refused.status < httpx.codes.INTERNAL_SERVER_ERROR:
                outcome.wrong.append(f"GET /requests/{request_id}: {refused}")
            return before
        outcome.wrong += promises.counts_add_up(request, before, listed)
        return request

    def _until_ended(self, request_id: str, listed: int, outcome: Outcome) -> None:
        end = time.monotonic() + _QUIET_S
        last: dict[str, Any] | None = None
        while time.monotonic() < end:
            last = self._look(request_id, last, listed, outcome)
            if last is not None and last["status"] == "Completed":
                return
            time.sleep(_POLL_S)
        counts = {} if last is None else {k: n for k, n in last["statuses"].items() if n}
        outcome.wrong.append(f"lost: not completed {_QUIET_S:.0f} s after the last blow: {counts}")

    # -- the questions -------------------------------------------------------------------------------------------------
    def _judge(self, request_id: str, rows: Sequence[Contact], outcome: Outcome) -> None:
        records = list(self._api.pages(f"/requests/{request_id}/records", limit=500))
        wrong = outcome.wrong
        wrong += promises.rows_are_records(rows, records)
        with ThreadPoolExecutor(8) as pool:
            details = list(pool.map(lambda r: self._api.get(f"/records/{r['record_id']}/timeline"), records))
        shown = {d["record_id"]: d for d in map(_flat, details)}
        self._details |= shown
        self._wait_for_pushes(shown)
        for record_id, detail in shown.items():
            contact = self._contacts.get(detail["client_identifier"])
            if contact is None:
                continue
            wrong += promises.record_is_whole(detail, contact)
            wrong += promises.status_history(detail)
            wrong += promises.no_immediate_redial(detail)
            wrong += promises.pushes_tell_it(detail, self._house.receiver.of(record_id)) if contact.may_answer is not None else []
        wrong += promises.far_end_agrees(self._house.carrier.invites(), self._details.values())
        wrong += promises.money_adds_up(self._api.get("/account"), Decimal(OPENING), self._details.values())

    def _wait_for_pushes(self, shown: dict[str, dict[str, Any]]) -> None:
        """Pushes follow within seconds; what is missing after that, the promises tell."""
        end = time.monotonic() + _PUSHES_S
        waiting = {r for r, d in shown.items() if d["attempts"]}
        while waiting and time.monotonic() < end:
            waiting = {r for r in waiting if not any(p.type == "record.final" for p in self._house.receiver.of(r))}
            time.sleep(0.05)


def _flat(document: dict[str, Any]) -> dict[str, Any]:
    """The record's detail together with the changes of its status."""
    return {**document["record"], "statuses": document["statuses"]}
