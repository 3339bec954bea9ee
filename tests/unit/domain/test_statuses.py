"""The generated status tables say what the catalogue says, and the moves are closed and lawful."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from central.domain import moves
from central.domain.errors import InvalidInput
from central.domain.status_rows import Bucket, Family, RecordClass
from central.domain.statuses import AGENT, ALIASES, CALL, EMAIL, FLOW, INITIAL, INITIAL_FLOW, MOVES, SMS, FlowStatus
from tools import generate_statuses

CATALOGUE: dict[str, Any] = tomllib.loads((Path(moves.__file__).parent / "statuses.toml").read_text(encoding="utf-8"))
TABLES: dict[Family, Mapping[Any, Any]] = {
    Family.FLOW: FLOW,
    Family.CALL: CALL,
    Family.SMS: SMS,
    Family.EMAIL: EMAIL,
    Family.AGENT: AGENT,
}


@pytest.mark.parametrize("family", Family)
def test_every_status_of_the_catalogue_is_there_with_its_meaning_and_its_moves(family: Family) -> None:
    entries = {entry["name"]: entry for entry in CATALOGUE[family]}
    assert set(TABLES[family]) == set(entries) == set(MOVES[family])
    assert len(entries) == CATALOGUE["meta"]["expected"][family]
    for word, row in TABLES[family].items():
        assert row.meaning == entries[word]["meaning"]
        assert MOVES[family][word] == set(entries[word].get("next", []))


def test_flow_rows_carry_number_class_and_bucket() -> None:
    for entry in CATALOGUE["flow"]:
        row = FLOW[FlowStatus(entry["name"])]
        wanted = (
            entry["number"],
            entry["record_class"],
            entry["counts_as"],
            entry["final"],
            entry.get("reopen", False),
        )
        assert (row.number, row.record_class, row.counts_as, row.final, row.reopen) == wanted
        assert row.scope == tuple(entry["scope"])
        assert row.body_code == entry.get("body_code")


def test_a_final_flow_status_is_left_only_where_a_user_may_reopen_it() -> None:
    left = {status for status, row in FLOW.items() if row.final and MOVES[Family.FLOW][status]}
    assert left == {FlowStatus.INSUFFICIENT_BALANCE, FlowStatus.ACCOUNT_VALIDITY_EXPIRED}
    assert all(MOVES[Family.FLOW][status] == {FlowStatus.RESUME} for status in left)


def test_lawful_asks_the_table() -> None:
    assert moves.lawful("flow", "IN_PROGRESS", "COMPLETED")
    assert not moves.lawful("flow", "COMPLETED", "IN_PROGRESS")
    assert not moves.lawful("flow", "UNPROCESSED", "COMPLETED")
    assert moves.lawful("sms", "EXPIRED", "DELIVERED")
    assert not moves.lawful("sms", "DELIVERED", "EXPIRED")
    assert not moves.lawful("no_family", "A", "B")
    assert not moves.lawful("flow", "NO_STATUS", "COMPLETED")


def test_lawful_knows_what_may_come_first() -> None:
    assert moves.lawful(Family.FLOW, None, "UNPROCESSED")
    assert moves.lawful(Family.EMAIL, None, "Rejected")
    assert moves.lawful(Family.CALL, None, "Busy")
    assert not moves.lawful(Family.FLOW, None, "COMPLETED")
    assert INITIAL_FLOW["outbound"] == {FlowStatus.UNPROCESSED}
    assert INITIAL[Family.AGENT] == {"LOGGED_OUT"}


def test_is_final_and_the_buckets() -> None:
    assert moves.is_final("flow", FlowStatus.SHORT_HANGUP)
    assert not moves.is_final("flow", FlowStatus.PAUSE)
    assert moves.is_final("sms", "DELIVERED")
    assert not moves.is_final("sms", "UNDELIVERED")
    assert moves.is_final("call", "Busy")
    assert not moves.is_final("agent", "LOGGED_OUT")
    assert moves.counts_as(FlowStatus.PAUSE) is Bucket.PENDING
    assert moves.record_class(FlowStatus.PAUSE) is RecordClass.INVALID
    assert moves.counts_as(FlowStatus.MASK_ALLOCATED) is Bucket.NONE
    with pytest.raises(InvalidInput, match="unknown_status"):
        moves.is_final("sms", "NO_SUCH")


def test_waiting_statuses_are_those_that_a_claim_may_take_or_a_pause_holds() -> None:
    assert {str(status) for status in moves.WAITING_FLOW} == {
        "UNPROCESSED", "SCHEDULED", "REATTEMPT_SCHEDULED", "PAUSE", "RESUME", "AGENT_REATTEMPT_SCHEDULED",
        "CUSTOMER_REATTEMPT_SCHEDULED",
    }  # fmt: skip


def test_aliases_are_read_but_never_emitted() -> None:
    assert moves.flow_status("COMPLETE") is FlowStatus.COMPLETED
    assert moves.flow_status("FAILURE") is FlowStatus.FAILURE
    assert not set(ALIASES) & set(FlowStatus)
    with pytest.raises(InvalidInput, match="unknown_status"):
        moves.flow_status("complete")


def test_the_generated_module_is_up_to_date() -> None:
    assert generate_statuses.main(["--check"]) == 0


def test_the_generator_refuses_a_catalogue_that_contradicts_itself() -> None:
    entries = [dict(entry) for entry in CATALOGUE["flow"]]
    entries[7]["next"] = ["IN_PROGRESS", "NO_SUCH"]
    wrong = generate_statuses.findings({**CATALOGUE, "flow": entries[:-1]})
    assert any("38 distinct statuses, 39 expected" in line for line in wrong)
    assert any("COMPLETED: unknown next NO_SUCH" in line for line in wrong)
    assert any("COMPLETED: final, yet has a next status" in line for line in wrong)
