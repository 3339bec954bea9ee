"""Runs that sleep survive their nodes: both are killed while nobody holds the records, and the same attempts go on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from examples.carrier.demo import number_for
from tests.api_client import Api
from tests.resilience import promises
from tests.resilience.house_of_chaos import OPENING, HouseOfChaos
from tests.resilience.load import Contact, as_csv
from tests.resilience.plan import NODES, Stroke

STEPS = ["start", "early", "wait", "call", "menu", "thanks", "bye", "on_flow_complete"]
CONTACTS = [Contact(f"sleeps-{n}", (number_for("presses_1", n),), may_answer=True, wait="20s") for n in range(6)]


def test_both_nodes_die_and_every_attempt_goes_on(asterisk_root: Path) -> None:
    with HouseOfChaos(asterisk_root) as house:
        assert house.api is not None
        api = house.api
        request_id = _submit(api, house.flow_id)
        _until("all sleep", lambda: _sleeping(_records(api, request_id)), 19)
        for node in NODES:
            house.strike(Stroke(0.0, "kill", node))
        house.wait_mended()
        _until("all have ended", lambda: all(r["final"] for r in _records(api, request_id)), 60)
        wrong: list[str] = []
        details: list[dict[str, Any]] = []
        for row in _records(api, request_id):
            shown = api.get(f"/records/{row['record_id']}/timeline")
            detail = {**shown["record"], "statuses": shown["statuses"]}
            details.append(detail)
            contact = next(c for c in CONTACTS if c.name == detail["client_identifier"])
            wrong += promises.record_is_whole(detail, contact) + promises.status_history(detail)
            assert (detail["status"], len(detail["attempts"])) == ("COMPLETED", 1)
            assert [step["step"] for step in shown["path"]] == STEPS
            assert "waits until" in {line["decision"] for line in shown["schedule"]}
        wrong += promises.far_end_agrees(house.carrier.invites(), details)
        wrong += promises.money_adds_up(api.get("/account"), Decimal(OPENING), details)
        assert not wrong, "\n".join(wrong)
        assert len(house.carrier.invites()) == len(CONTACTS)


def _submit(api: Api, flow_id: str) -> str:
    answer = api.answer(
        "POST", "/requests/upload", content=as_csv(CONTACTS), headers={"Content-Type": "text/csv"},
        params={"flow": flow_id, "name": "sleepers", "filename": "sleepers.csv"},
    )  # fmt: skip
    return str(answer.json()["request_id"])


def _records(api: Api, request_id: str) -> Sequence[dict[str, Any]]:
    found: list[dict[str, Any]] = api.call("GET", f"/requests/{request_id}/records", params={"limit": 500})["items"]
    return found


def _sleeping(records: Sequence[dict[str, Any]]) -> bool:
    asleep = [record for record in records if record["status"] == "IN_PROGRESS" and record["due_at"] is not None]
    return len(asleep) == len(CONTACTS)


def _until(what: str, holds: Callable[[], bool], limit_s: float) -> None:
    end = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < end, f"{what}: not within {limit_s:.0f} s"
        time.sleep(0.1)
