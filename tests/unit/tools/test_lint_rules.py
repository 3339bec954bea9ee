from __future__ import annotations

import pytest

from tools.import_rules import room_of, violations
from tools.lint_paths import check_text
from tools.lint_shape import check_module
from tools.lint_statuses import check_python, check_sql
from tools.repository import Finding, report

KNOWN = frozenset({"IN_PROGRESS", "PAUSE", "INSUFFICIENT_BALANCE"})


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("docs/a.md", "see /" + "work/main/x"),
        ("docs/a.md", "`/" + "root/.cache`"),
        ("tools/a.sh", "cp /tmp/" + "lab/x ."),
        ("requirements/runtime.txt", "--find-links /wheels"),
        ("requirements/runtime.txt", "--index-url somewhere"),
        ("README.md", "from pypi." + "org"),
    ],
)
def test_machine_path_or_registry_host_is_found(path: str, text: str) -> None:
    assert [(f.path, f.line) for f in check_text(path, f"\n{text}\n")] == [(path, 2)]


@pytest.mark.parametrize(
    "text", ["src/work/main", "the root/ folder", "asterisk-root/etc", "${x}/root/etc", "/var/lib/x"]
)
def test_ordinary_path_passes(text: str) -> None:
    assert check_text("docs/a.md", text) == []


def test_long_function_and_module_and_empty_name_are_found() -> None:
    long_function = "def f() -> None:\n" + "    x = 1\n" * 50
    assert [f.line for f in check_module("src/central/domain/a.py", long_function)] == [1]
    assert check_module("src/central/domain/a.py", "x = 1\n" * 401)
    assert check_module("src/central/domain/utils.py", "")
    assert check_module("src/central/helpers/a.py", "")
    assert check_module("src/central/domain/call_manager.py", "")
    assert check_module("src/central/domain/numbers.py", "x = 1\n" * 400) == []


def test_status_written_as_a_string_is_found() -> None:
    assert check_python("a.py", 'x = "IN_PROGRESS"\n', KNOWN)
    assert check_python("a.py", 'x = "IN_PROGRES"\n', KNOWN)
    assert check_python("a.py", '"""IN_PROGRESS"""\nx = "HTTP_METHOD"\n', KNOWN) == []


def test_status_unknown_to_the_catalogue_is_found_in_sql() -> None:
    assert check_sql("a.sql", "set status = 'PAUSED'", KNOWN)
    assert check_sql("a.sql", "set status = 'IN_PROGRES'", KNOWN)
    assert check_sql("a.sql", "set status = 'PAUSE' -- 'PAUSED'", KNOWN) == []


def test_a_rule_that_saw_nothing_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert report([], 0, "statement") == 1
    assert report([], 1, "statement") == 0
    assert report([Finding("a", 1, "wrong")], 1, "statement") == 1
    assert "a:1: wrong" in capsys.readouterr().out


ROOMS = {"central.domain": frozenset({"re2"}), "central.adapters.postgres": frozenset({"psycopg"})}
PURE, IMPURE = frozenset({"central.domain"}), frozenset({"time"})


@pytest.mark.parametrize(
    ("importer", "imported", "allowed"),
    [
        ("central.domain.numbers", "re2", True),
        ("central.domain.numbers", "psycopg", False),
        ("central.domain.numbers", "datetime", True),
        ("central.domain.numbers", "time", False),
        ("central.adapters.postgres.pool", "psycopg.rows", True),
        ("central.adapters.postgres.pool", "time", True),
        ("central.cellar.x", "datetime", False),
        ("central.domains.x", "re2", False),
    ],
)
def test_library_stays_in_its_room(importer: str, imported: str, allowed: bool) -> None:
    assert (violations([(importer, imported)], ROOMS, PURE, IMPURE) == []) is allowed


def test_the_longest_room_counts() -> None:
    assert room_of("central.domain.x", ["central", "central.domain"]) == "central.domain"
