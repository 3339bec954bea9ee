"""Every case of ``tests/cases``: a contact, called (or not) by the real Asterisk, must become what its file says."""

from __future__ import annotations

import os

import pytest

from tests.acceptance.case_files import Case, case_files
from tests.acceptance.comparing import differences
from tests.acceptance.laboratory import Laboratory
from tests.acceptance.updating import updated

CASES = [
    pytest.param(case, id=case.id, marks=pytest.mark.case_file(file.name))
    for file in case_files()
    for case in file.cases
]
UPDATE = bool(os.environ.get("CENTRAL_TEST_UPDATE_CASES"))
FILES = [pytest.param(file.name, id=file.name, marks=pytest.mark.case_file(file.name)) for file in case_files()]


@pytest.mark.parametrize("case", CASES)
def test_case(laboratory: Laboratory, case: Case) -> None:
    played = laboratory.played(case.file)
    if case.refused:  # SIPp's own verdict is among the faults of the file
        assert case.name not in played.seen
        return
    seen = played.seen[case.name]
    wrong = differences(case, seen)
    if wrong and UPDATE:
        path = played.file.path
        path.write_text(updated(path.read_text(encoding="utf-8"), case, seen), encoding="utf-8")
        pytest.skip(f"{path.name} was updated: {'; '.join(wrong)}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", FILES)
def test_steps_counts_and_events_are_right(laboratory: Laboratory, name: str) -> None:
    played = laboratory.played(name)
    assert not played.faults
    assert played.counting.looks > 1
