"""Status words come from the catalogue: code names them by their enum, SQL writes no word that the catalogue lacks.

A word typed by hand compiles, runs, and makes a status nobody can explain; the database's ``move`` table would only find out
when the statement is executed.
"""

from __future__ import annotations

import ast
import difflib
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tools.repository import ROOT, Finding, files, relative, report

CATALOGUE = "src/central/domain/statuses.toml"
_FAMILIES = ("flow", "call", "sms", "email", "agent")
_HOME = ("src/central/domain/statuses.py",)
_SQL_WORD = re.compile(r"'([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[A-Z]{4,})'")
_CODE_WORD = re.compile(r"^[A-Z]+(?:_[A-Z]+)+$")
_LIKENESS = 0.88  # of a word with one or two letters wrong


def words(catalogue: Path) -> frozenset[str]:
    """Every status word of every family."""
    rows = tomllib.loads(catalogue.read_text("utf-8"))
    return frozenset(row["name"] for family in _FAMILIES for row in rows[family])


def _literals(tree: ast.Module) -> Iterator[ast.Constant]:
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node


def check_python(path: str, text: str, known: frozenset[str]) -> list[Finding]:
    """Findings in one module: a status with an underscore written as a string, or a near miss of one."""
    found: list[Finding] = []
    for node in _literals(ast.parse(text, path)):
        word = str(node.value)
        if not _CODE_WORD.match(word):
            continue
        if word in known:
            found.append(
                Finding(path, node.lineno, f"{word!r} is a status: name it by its enum in central.domain.statuses")
            )
        elif near := difflib.get_close_matches(word, known, n=1, cutoff=_LIKENESS):
            found.append(Finding(path, node.lineno, f"{word!r} is no status of the catalogue; {near[0]!r} is"))
    return found


def check_sql(path: str, text: str, known: frozenset[str]) -> list[Finding]:
    """Findings in one file of statements: an upper-case word that is no status."""
    return [
        Finding(path, number, f"'{hit.group(1)}' is no status of the catalogue")
        for number, line in enumerate(text.splitlines(), 1)
        for hit in _SQL_WORD.finditer(line.split("--", 1)[0])
        if hit.group(1) not in known
    ]


def check(root: Path = ROOT) -> tuple[list[Finding], int]:
    """Findings in the package, and how many files were read."""
    known = words(root / CATALOGUE)
    modules = [path for path in files("src/*.py", root=root) if relative(path, root) not in _HOME]
    statements = files("src/central/adapters/postgres/queries/*.sql", root=root)
    found = [f for path in modules for f in check_python(relative(path, root), path.read_text("utf-8"), known)]
    found += [f for path in statements for f in check_sql(relative(path, root), path.read_text("utf-8"), known)]
    return found, min(len(modules), len(statements))


if __name__ == "__main__":
    sys.exit(report(*check(), "module or statement"))
