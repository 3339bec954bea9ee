"""The log: constant events with keys, and no personal data whatever happens."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from central.adapters.telemetry.log import LogPlan, open_log
from central.adapters.telemetry.personal_data import find_personal_data
from central.adapters.telemetry.process_telemetry import ProcessTelemetry
from central.domain.errors import NeighbourError

NUMBER = "919812345678"


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


class Log:
    def __init__(self, plan: LogPlan) -> None:
        self.stream = io.StringIO()
        self.telemetry = ProcessTelemetry(open_log(plan, self.stream), None)

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


def raised(text: str) -> Exception:
    """An unforeseen error that carries its traceback."""
    with pytest.raises(RuntimeError) as caught:
        raise RuntimeError(text)
    return caught.value


def test_event_is_a_constant_name_plus_keys() -> None:
    log = Log(LogPlan(process="worker-1"))
    log.telemetry.bound(record_id="01a206b0-3e00-7643-bd58-446655440000").event("records_claimed", records=500)
    (line,) = log.lines
    assert line.pop("at").endswith("Z")
    assert line == {
        "event": "records_claimed",
        "level": "info",
        "process": "worker-1",
        "record_id": "01a206b0-3e00-7643-bd58-446655440000",
        "records": 500,
    }


def test_failure_carries_code_and_traceback() -> None:
    log = Log(LogPlan())
    log.telemetry.failure("claim_failed", NeighbourError("database_unavailable", "PostgreSQL does not answer"))
    log.telemetry.failure("claim_failed", raised("unforeseen"))
    ours, theirs = log.lines
    assert (ours["code"], ours["error"], "exception" in ours) == (
        "database_unavailable",
        "PostgreSQL does not answer",
        False,
    )
    assert theirs["code"] == "defect"
    assert "Traceback" in theirs["exception"]


def test_level_holds_lines_back() -> None:
    log = Log(LogPlan(level="warning"))
    log.telemetry.event("records_claimed")
    log.telemetry.warning("lease_lost")
    logging.getLogger("some.library").info("chatter")
    assert [line["event"] for line in log.lines] == ["lease_lost"]


def test_libraries_speak_through_the_same_door() -> None:
    log = Log(LogPlan(process="api"))
    logging.getLogger("psycopg.pool").warning("error connecting in %r", "pool-1")
    (line,) = log.lines
    assert (line["event"], line["library"], line["level"], line["process"]) == (
        "library_log",
        "psycopg.pool",
        "warning",
        "api",
    )
    assert line["message"] == "error connecting in 'pool-1'"


def write_everything_with_a_number(log: Log) -> None:
    telemetry = log.telemetry.bound(caller_pii=NUMBER)
    telemetry.event("call_placed", number_pii=f"+{NUMBER}", name_pii="Jan Kowalski", nothing_pii=None)
    telemetry.event("call_placed", to=NUMBER, uri=f"sip:{NUMBER}@carrier.example.com", mail="jan.kowalski@example.com")
    telemetry.warning("call_refused", detail={"number": NUMBER, "tried": [NUMBER, f"+{NUMBER}"]})
    telemetry.failure("intake_failed", raised(f"Key (number)=({NUMBER}) already exists"))
    telemetry.failure("intake_failed", NeighbourError("carrier_refused", f"refused {NUMBER}"))
    logging.getLogger("uvicorn.error").error("GET /records?number=%s", NUMBER)


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_number_and_no_address_reaches_the_log(form: Any) -> None:
    log = Log(LogPlan(format=form))
    write_everything_with_a_number(log)
    text = log.stream.getvalue()
    assert text.count("\n") >= 6
    assert find_personal_data(text.splitlines()) == []
    assert "Kowalski" not in text
    assert NUMBER not in text


def test_scanner_finds_what_an_open_log_holds() -> None:
    log = Log(LogPlan(show_pii=True))
    write_everything_with_a_number(log)
    found = find_personal_data(log.stream.getvalue().splitlines())
    assert {NUMBER, f"+{NUMBER}", "jan.kowalski@example.com"} <= set(found)


def test_masked_number_keeps_its_last_two_digits() -> None:
    log = Log(LogPlan())
    log.telemetry.event("call_placed", number_pii=NUMBER, nothing_pii=None)
    assert (log.lines[0]["number_pii"], log.lines[0]["nothing_pii"]) == ("***78", None)
