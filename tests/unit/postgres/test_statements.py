"""Named statements: every file of the package can be read, and mistakes in one are found when it is loaded."""

from __future__ import annotations

import pytest

from central.adapters.postgres.statements import load_statements, parse_statements, statement_files
from central.domain.errors import DefectError


@pytest.mark.parametrize("file", statement_files())
def test_every_file_of_the_package_loads(file: str) -> None:
    names = list(load_statements(file))
    assert names
    assert all(load_statements(file)[name].startswith(f"/* {file}.{name} */".encode()) for name in names)


def test_statement_loses_comments_and_semicolon_only() -> None:
    found = parse_statements(
        "x", "-- the file\n\n-- name: one\n-- 100 % sure\nselect 1 -- kept\n  , '--';\n\n-- name: two\nselect 2"
    )
    assert found == {"one": b"/* x.one */ select 1 -- kept\n  , '--'", "two": b"/* x.two */ select 2"}


@pytest.mark.parametrize(
    "text",
    [
        "-- name: a\nselect 1\n-- name: a\nselect 2",
        "-- name: a\n-- only a comment\n",
        "-- name: A-b\nselect 1",
        "-- name:\nselect 1",
    ],
)
def test_doubled_empty_and_malformed_names_are_defects(text: str) -> None:
    with pytest.raises(DefectError) as refusal:
        parse_statements("x", text)
    assert refusal.value.code == "bad_statement"


def test_unknown_name_is_a_defect() -> None:
    with pytest.raises(DefectError) as refusal:
        load_statements(statement_files()[0])["no_such_statement"]
    assert refusal.value.code == "unknown_statement"
