"""The flows in ``examples/``: cases take every branch, lists fit, and any account can publish them."""

from __future__ import annotations

import asyncio
import csv
import re
from pathlib import Path

import pytest

from central.application.administration.judge_draft import judge_draft
from central.cli.rehearse import play_file
from central.domain.variable_rules import compile_rules
from central.flow.document import parse

EXAMPLES = Path(__file__).parents[3] / "examples"
FLOWS = sorted(path for path in EXAMPLES.glob("*.yaml") if not path.name.endswith(".cases.yaml"))
LISTS = {
    "payments.csv": "payment-reminder.yaml",
    "deliveries.csv": "delivery-confirmation.yaml",
    "surveys.csv": "satisfaction-survey.yaml",
    "codes.csv": "otp-call.yaml",
}
_NUMBERS = re.compile(r"tel[12]|client_identifier")


@pytest.mark.parametrize("flow", FLOWS, ids=lambda path: path.stem)
def test_the_cases_take_every_branch(flow: Path) -> None:
    result = play_file(flow.with_suffix(".cases.yaml"))
    assert not result.failed
    assert (result.coverage.steps, result.coverage.branches) == ((), ())


@pytest.mark.parametrize("flow", FLOWS, ids=lambda path: path.stem)
def test_any_account_with_a_number_can_publish_it(flow: Path) -> None:
    judged = asyncio.run(judge_draft(flow.read_bytes()))
    assert judged.publishable
    assert (judged.prompts, judged.endpoints, judged.caller_ids) == ((), (), ())  # nothing that an account must have


@pytest.mark.parametrize("flow", FLOWS, ids=lambda path: path.stem)
def test_the_page_names_it(flow: Path) -> None:
    assert f"({flow.name})" in (EXAMPLES / "README.md").read_text()


@pytest.mark.parametrize(("name", "flow"), LISTS.items())
def test_a_list_fits_its_flow(name: str, flow: str) -> None:
    document = parse((EXAMPLES / flow).read_bytes())
    rules = compile_rules(document.variables, document.formats.dates)
    with (EXAMPLES / name).open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert rows
    for row in rows:
        values = {column: value for column, value in row.items() if not _NUMBERS.fullmatch(column)}
        assert values.keys() == {variable.name for variable in document.variables}
        assert rules.first_failure(values) is None
