"""One seed: submit its list, deal its blows, look at the counts all the time, wait until all is mended, ask for every promise."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any, Final, Self

import httpx

from tests.api_client import Api, ApiRefused
from tests.resilience import promises
from tests.resilience.house_of_chaos import OPENING, HouseOfChaos
from tests.resilience.load import Contact, as_csv, contacts
from tests.resilience.plan import Plan, Stroke

_QUIET_S: Final = 75.0  # after the last blow everything has ended within this time
_POLL_S: Final = 0.2
_SUBMIT_S: Final = 40.0
_PUSHES_S: Final = 90.0  # a push that a dead publisher held is sent again when its lease of a minute is over
_LAST_ORDER_S: Final = 14.0  # an order that was not reached by then is withdrawn
_SETTLE_S: Final = 0.7


@dataclass
class Outcome:
    """What a seed showed."""

    plan: Plan
    wrong: list[str] = field(default_factory=list[str])
    not_reached: list[Stroke] = field(default_factory=list[Stroke])
    begun: float = 0.0
    laps: dict[str, float] = field(default_factory=dict[str, float])

    def lap(self, name: str) -> None:
        """Note the time of a part."""
        self.laps[name] = round(time.monotonic() - self.begun, 1)

    def __str__(self) -> str:
        missed = "".join(f"\n  not reached: {stroke}" for stroke in self.not_reached)
        shown = "".join(f"\n  - {line}" for line in self.wrong[:40])
        laps = ", ".join(f"{name} {seconds} s" for name, seconds in self.laps.items())
        return f"{self.plan}{missed}\n  {laps}; {len(self.wrong)} broken promises{shown}"


class Watch(threading.Thread):
    """Looks at a request's counts all the time, beside the blows; an API that is away just now is no violation."""

    def __init__(self, api: Api, request_id: str, listed: int) -> None:
        super().__init__(name="watch", daemon=True)
        self._api, self._path, self._listed = api, f"/requests/{request_id}", listed
        self._over = threading.Event()
        self.last: dict[str, Any] | None = None
        self.wrong: list[str] = []
        self.looks = 0

    def run(self) -> None:
        """Look until the block ends."""
        while not self._over.wait(_POLL_S):
            try:
                answer = self._api.answer("GET", self._path, timeout=3.0)
            except httpx.HTTPError:
                continue
            if answer.status_code != httpx.codes.OK.value:
                if answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                    self.wrong.append(f"GET {self._path}: {answer.status_code} {answer.text[:200]}")
                continue
            request: dict[str, Any] = answer.json()
            self.wrong += promises.counts_add_up(request, self.last, self._listed)
            self.last = request
            self.looks += 1

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self.join()


class SeedRun:
    """Runs seeds on one installation, one after the other; records of all seeds stay and are counted together."""

    def __init__(self, house: HouseOfChaos) -> None:
        if house.api is None:
            raise AssertionError("the house is not open")
        self._house = house
        self._api = house.api
        self._contacts: dict[str, Contact] = {}
        self._details: dict[str, dict[str, Any]] = {}
        self._request_id = ""
        self._controls: list[Future[None]] = []
        self._pool = ThreadPoolExecutor(6)
        self._one_by_one = ThreadPoolExecutor(1)

    def __call__(self, plan: Plan) -> Outcome:
        """Run one plan to its end."""
        outcome = Outcome(plan, begun=time.monotonic())
        rows = contacts(plan.seed, plan.records, slow_second=plan.slow_second)
        self._contacts |= {row.name: row for row in rows}
        early = [stroke for stroke in plan.strokes if stroke.at_s == 0]
        for stroke in early:
            self._house.strike(stroke)
        self._request_id = self._submit(plan, rows)
        outcome.lap("accepted")
        with Watch(self._api, self._request_id, len(rows)) as watch:
            self._strike(plan, early, outcome)
            outcome.lap("struck")
            self._house.wait_mended()
            outcome.lap("mended")
            self._until_ended(watch)
            outcome.lap("ended")
        outcome.wrong += watch.wrong
        self._judge(rows, outcome.wrong)
        outcome.lap("judged")
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
            if answer is not None and answer.status_code == httpx.codes.ACCEPTED.value:
                return str(answer.json()["request_id"])
            if (
                answer is not None
                and answer.status_code == httpx.codes.CONFLICT.value
                and "request_id" in answer.json()
            ):
                return str(answer.json()["request_id"])
            if time.monotonic() > end:
                raise AssertionError(f"{plan}: not accepted, {answer.text if answer is not None else 'no answer'}")
            time.sleep(_POLL_S)

    def _strike(self, plan: Plan, dealt: Sequence[Stroke], outcome: Outcome) -> None:
        """Deal the blows at their times and let go what stands still; ends when all is dealt and everything may go on."""
        begun = time.monotonic()
        due: list[tuple[float, bool, Stroke]] = [(s.at_s, False, s) for s in plan.strokes if s not in dealt]
        due += [(s.at_s + s.for_s, True, s) for s in plan.strokes if s.kind in {"stop", "control"}]
        standing = [s for s in plan.strokes if s.action == "stand"]
        since: dict[Stroke, float] = {}
        while True:
            now = time.monotonic() - begun
            for item in sorted((one for one in due if one[0] <= now), key=lambda one: one[0]):
                due.remove(item)
                self._deal(item[2], over=item[1])
            for stroke in standing:
                self._watch_standing(stroke, since, now)
            asleep = any(moment >= 0 for moment in since.values())
            if not due and not asleep and (not self._house.ordered() or now > _LAST_ORDER_S):
                break
            time.sleep(0.05)
        outcome.not_reached = [s for s in plan.strokes if s.kind == "order" and self._house.withdraw(s)]
        time.sleep(_SETTLE_S)  # a blow takes a moment to show
        self._house.release_all()

    def _watch_standing(self, stroke: Stroke, since: dict[Stroke, float], now: float) -> None:
        """A process that stopped itself is let go after its time."""
        if stroke not in since:
            if any(struck["key"] == stroke.key for struck in self._house.struck()):
                since[stroke] = now
        elif 0 <= since[stroke] <= now - stroke.for_s:
            self._house.release(stroke)
            since[stroke] = -1.0

    def _deal(self, stroke: Stroke, *, over: bool) -> None:
        if stroke.kind == "control":
            self._control("resume" if over else "pause")
        elif over:
            self._house.release(stroke)
        else:
            self._house.strike(stroke)

    def _control(self, action: str) -> None:
        """Pause or resume the seed's request beside, because an API that is down must not hold the next blow up."""

        def work() -> None:
            with contextlib.suppress(ApiRefused):  # it has ended meanwhile
                self._patiently("POST", f"/requests/{self._request_id}/{action}")

        self._controls.append(self._one_by_one.submit(work))

    def _until_ended(self, watch: Watch) -> None:
        for control in self._controls:
            control.result()
        self._controls.clear()
        end = time.monotonic() + _QUIET_S
        while time.monotonic() < end:
            if watch.last is not None and watch.last["status"] == "Completed":
                return
            time.sleep(_POLL_S)
        counts = {} if watch.last is None else {k: n for k, n in watch.last["statuses"].items() if n}
        watch.wrong.append(f"lost: not completed {_QUIET_S:.0f} s after the last blow: {counts}")

    def _patiently(self, method: str, path: str, **query: object) -> Any:
        """Ask until there is an answer: what was struck comes back. Raises ApiRefused for a refusal of ours."""
        end = time.monotonic() + _SUBMIT_S
        while True:
            try:
                return self._api.call(method, path, params=query)
            except httpx.HTTPError:
                if time.monotonic() > end:
                    raise
            except ApiRefused as refused:
                if refused.status < httpx.codes.INTERNAL_SERVER_ERROR or time.monotonic() > end:
                    raise
            time.sleep(_POLL_S)

    # -- the questions -------------------------------------------------------------------------------------------------
    def _judge(self, rows: Sequence[Contact], wrong: list[str]) -> None:
        records = self._records()
        wrong += promises.rows_are_records(rows, records)
        paths = [f"/records/{record['record_id']}/timeline" for record in records]
        details = [_flat(answer) for answer in self._pool.map(partial(self._patiently, "GET"), paths)]
        shown = {detail["record_id"]: detail for detail in details}
        self._details |= shown
        for detail in shown.values():
            contact = self._contacts.get(detail["client_identifier"])
            if contact is None:
                continue
            wrong += promises.record_is_whole(detail, contact)
            wrong += promises.status_history(detail)
            wrong += promises.no_immediate_redial(detail)
        wrong += promises.far_end_agrees(self._house.carrier.invites(), self._details.values())
        wrong += promises.money_adds_up(self._patiently("GET", "/account"), Decimal(OPENING), self._details.values())

    def _records(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            more = {"limit": 500} if cursor is None else {"limit": 500, "cursor": cursor}
            page = self._patiently("GET", f"/requests/{self._request_id}/records", **more)
            found += page["items"]
            cursor = page.get("next")
            if not cursor:
                return found

    def close(self) -> None:
        """End its threads."""
        self._pool.shutdown()
        self._one_by_one.shutdown()

    def pushes(self) -> list[str]:
        """At the end of all seeds: what the receiver was told of every record. Late pushes are waited for."""
        end = time.monotonic() + _PUSHES_S
        told = {record_id: d for record_id, d in self._details.items() if d["attempts"]}
        waiting = set(told)
        while waiting and time.monotonic() < end:
            waiting = {r for r in waiting if not any(p.type == "record.final" for p in self._house.receiver.of(r))}
            time.sleep(_POLL_S)
        return [
            line for r, detail in told.items() for line in promises.pushes_tell_it(detail, self._house.receiver.of(r))
        ]


def _flat(document: dict[str, Any]) -> dict[str, Any]:
    """The record's detail together with the changes of its status."""
    return {**document["record"], "statuses": document["statuses"]}
