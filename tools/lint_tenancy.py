"""Every named SQL statement ties the tenant tables that it joins by ``account_id``.

Workers run as ``central_worker``, which row-level security does not hold back: a join on an id alone would still find the
right row today, and another account's row on the day an id is copied, guessed or reused. The rule, for each SELECT, UPDATE
or DELETE: all sources that carry an account must be tied to each other by equality of the account, or to one account given
as a parameter; a subquery that reads a tenant table must be tied to the row around it.

A statement that means to cross accounts says so in a comment line ``-- across accounts: WHY``.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import sqlglot
from sqlglot import exp

from tools.repository import ROOT, Finding, files, relative, report

QUERIES = "src/central/adapters/postgres/queries/*.sql"
MIGRATIONS = "src/central/adapters/postgres/migrations/*.sql"
KEY = "account_id"
_NAME = re.compile(r"^-- name: *(\S+).*$", re.MULTILINE)
_TABLE = re.compile(r"^create (?:unlogged )?table (?:if not exists )?(\w+) \(([^;]*);", re.MULTILINE)
_COMMENT = re.compile(r"--.*$", re.MULTILINE)
_EXEMPT = re.compile(r"^-- across accounts: *\S", re.MULTILINE)
_PARAMETER = "a parameter"
_AROUND = "the row around it"
_SCOPES = (exp.Select, exp.Update, exp.Delete)
Source = tuple[exp.Expr, list[exp.Expr]]  # a source, and the columns of its USING clause


@dataclass(slots=True)
class _Scope:
    """One SELECT, UPDATE or DELETE: which sources carry an account, and which of them are tied together."""

    tenant: set[str] = field(default_factory=set[str])  # aliases of stored tables
    carriers: dict[str, str] = field(default_factory=dict[str, str])  # alias -> its account column
    ties: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def tied_to(self, start: str) -> set[str]:
        reached = {start}
        while more := {b for pair in self.ties for a, b in (pair, pair[::-1]) if a in reached} - reached:
            reached |= more
        return reached


def tenant_tables(migrations: str) -> dict[str, str]:
    """Stored tables that carry an account, with the column that holds it, read from the migrations' text."""
    found = {name: KEY for name, body in _TABLE.findall(_COMMENT.sub("", migrations)) if re.search(rf"\b{KEY}\b", body)}
    return found | {"account": "id"}


def statements(text: str) -> Iterator[tuple[str, int, str]]:
    """Name, first line and text of each ``-- name: X`` statement."""
    marks = list(_NAME.finditer(text))
    for mark, following in zip(marks, [*marks[1:], None], strict=True):
        end = following.start() if following else len(text)
        yield mark.group(1), text.count("\n", 0, mark.start()) + 1, text[mark.start() : end]


def _parts(node: exp.Expr, name: str) -> list[exp.Expr]:
    """What a node holds under ``name``: nothing, one part or several, always as a list."""
    part = cast("object", node.args.get(name))
    several = cast("list[object]", part) if isinstance(part, list) else [part]
    return [one for one in several if isinstance(one, exp.Expr)]


def _joined(node: exp.Expr) -> list[Source]:
    return [(join.this, _parts(join, "using")) for join in _parts(node, "joins")]


def _sources(scope: exp.Expr) -> Iterator[Source]:
    """Each source of a scope's FROM, USING, JOIN or target, with the columns of its USING clause."""
    roots = _parts(scope, "this") if isinstance(scope, exp.Update | exp.Delete) else []
    for clause in _parts(scope, "from_"):
        roots += _parts(clause, "this")
    roots += _parts(scope, "using") if isinstance(scope, exp.Delete) else []
    pending: list[Source] = [(root, []) for root in roots]
    pending += _joined(scope)
    pending += [(lateral, []) for lateral in _parts(scope, "laterals")]
    while pending:
        source, using = pending.pop(0)
        yield source, using
        pending = _joined(source) + pending


def _gives_account(query: exp.Expr, ctes: set[str], tables: dict[str, str]) -> bool:
    """Whether a subquery's rows have a column ``account_id``."""
    returned = [column for clause in _parts(query, "returning") for column in _parts(clause, "expressions")]
    for column in returned or (query.selects if isinstance(query, exp.Query) else []):
        if column.alias_or_name == KEY:
            return True
        if column.is_star:
            inner = query if isinstance(query, _SCOPES) else next(query.find_all(exp.Select), query)
            wanted = column.table if isinstance(column, exp.Column) else ""
            named = [s for s, _ in _sources(inner) if not wanted or s.alias_or_name == wanted]
            if any(_account_column(s, ctes, tables) for s in named):
                return True
    return False


def _account_column(source: exp.Expr, ctes: set[str], tables: dict[str, str]) -> str | None:
    """The column of a source that holds the account, if it has one."""
    if any(column.name == KEY for alias in _parts(source, "alias") for column in _parts(alias, "columns")):
        return KEY
    if isinstance(source, exp.Table):
        return KEY if source.name in ctes else tables.get(source.name)
    inner = source.this
    if isinstance(source, exp.Lateral) and isinstance(inner, exp.Subquery):
        inner = inner.this
    return KEY if isinstance(inner, exp.Query) and _gives_account(inner, ctes, tables) else None


def _reads_tenant(query: exp.Expr, tables: dict[str, str]) -> bool:
    return any(table.name in tables for table in query.find_all(exp.Table))


def _bounds(condition: exp.Expr, kind: type[exp.GTE | exp.LTE]) -> set[exp.EQ]:
    """First places of the rows that a condition compares in one direction (by "at least" or "at most")."""
    together = condition.flatten() if isinstance(condition, exp.And) else [condition]
    rows = [c for c in together if isinstance(c, kind) and isinstance(c.left, exp.Tuple)]
    return {exp.EQ(this=c.left.expressions[0].copy(), expression=c.right.expressions[0].copy()) for c in rows}


def _conjuncts(condition: exp.Expr) -> Iterator[exp.EQ]:
    if isinstance(condition, exp.Where):  # (a, x) >= (b, y) and (a, z) <= (b, u) leave only a = b
        yield from _bounds(condition.this, exp.GTE) & _bounds(condition.this, exp.LTE)
    if isinstance(condition, exp.Where | exp.Paren):
        yield from _conjuncts(condition.this)
    elif isinstance(condition, exp.And):
        yield from _conjuncts(condition.left)
        yield from _conjuncts(condition.right)
    elif isinstance(condition, exp.EQ):
        left, right = condition.left, condition.right
        if isinstance(left, exp.Tuple) and isinstance(right, exp.Tuple):
            for a, b in zip(left.expressions, right.expressions, strict=False):
                yield exp.EQ(this=a.copy(), expression=b.copy())
        else:
            yield condition


def _end(side: exp.Expr, scope: _Scope, around: dict[str, str]) -> str | None:
    """What one side of an equality stands for: a source of the scope, the row around it, a parameter, or nothing."""
    if isinstance(side, exp.Column):
        alias = side.table or (next(iter(scope.carriers)) if len(scope.carriers) == 1 else "")
        if scope.carriers.get(alias) == side.name:
            return alias
        return _AROUND if around.get(alias) == side.name else None
    return _PARAMETER if side.find(exp.Placeholder) else None


def _read(node: exp.Expr, around: dict[str, str], ctes: set[str], tables: dict[str, str]) -> _Scope:
    scope = _Scope()
    joins = [join for owner in (node, *(s for s, _ in _sources(node))) for join in _parts(owner, "joins")]
    conditions = _parts(node, "where") + [on for join in joins for on in _parts(join, "on")]
    for source, using in _sources(node):
        column = _account_column(source, ctes, tables)
        if column is None:
            continue
        alias = source.alias_or_name
        lateral = isinstance(source, exp.Lateral)  # checked by itself against the rows around it
        if lateral or any(name.name == KEY for name in using):
            scope.ties += [(alias, other) for other, theirs in scope.carriers.items() if theirs == KEY]
        scope.carriers[alias] = column
        if isinstance(source, exp.Table) and source.name in tables and source.name not in ctes:
            scope.tenant.add(alias)
    for condition in conditions:
        for equal in _conjuncts(condition):
            a, b = _end(equal.left, scope, around), _end(equal.right, scope, around)
            if a and b:
                scope.ties.append((a, b))
    return scope


def _correlated(node: exp.Expr) -> exp.Expr | None:
    """The scope whose rows a subquery may name: none for a statement, a CTE or a plain subquery in FROM."""
    parent = node.parent
    while parent is not None:
        if isinstance(parent, exp.CTE):
            return None
        if isinstance(parent, exp.Subquery) and isinstance(parent.parent, exp.From | exp.Join):
            return None
        if isinstance(parent, _SCOPES):
            return parent
        parent = parent.parent
    return None


def _membership(node: exp.Expr, scope: _Scope, around: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Ties by ``(account_id, id) in (select account_id, id ...)``: the same place on both sides holds the account."""
    holder = node.parent.parent if isinstance(node.parent, exp.Subquery) else node.parent
    if not isinstance(holder, exp.In) or not isinstance(node, exp.Select):
        return
    left = holder.this.expressions if isinstance(holder.this, exp.Tuple) else [holder.this]
    for outside, inside in zip(left, node.selects, strict=False):
        named = isinstance(outside, exp.Column) and outside.name in around.values()
        end = _end(inside.unalias(), scope, around)
        if named and end in scope.carriers:
            yield end, _AROUND


def untied(sql: str, tables: dict[str, str]) -> list[str]:
    """What is wrong with one statement: a sentence for each source that is not tied by account."""
    tree = sqlglot.parse_one(sql, read="postgres")
    if isinstance(tree, exp.Command):  # what the parser does not know, it keeps as text
        named = sorted(name for name in tables if re.search(rf"\b{name}\b", _COMMENT.sub("", sql)))
        return [f"{name}: the statement cannot be read" for name in named]
    ctes: set[str] = set()
    for cte in tree.find_all(exp.CTE, bfs=False):
        if _gives_account(cte.this, ctes, tables) or _reads_tenant(cte.this, tables):
            ctes.add(cte.alias)
    wrong: list[str] = []
    for node in tree.find_all(*_SCOPES):
        around: dict[str, str] = {}
        outer = _correlated(node)
        while outer is not None:
            around |= _read(outer, {}, ctes, tables).carriers
            outer = _correlated(outer)
        scope = _read(node, around, ctes, tables)
        if not scope.tenant:
            continue
        scope.ties += _membership(node, scope, around)
        needed = set(scope.carriers) | ({_AROUND} if around else set[str]())
        reached = scope.tied_to(min(scope.tenant))
        loose = set[str]() if _PARAMETER in reached and needed - {_AROUND} <= reached else needed - reached
        wrong += [f"{', '.join(sorted(scope.tenant))}: not tied to {name} by {KEY}" for name in sorted(loose)]
    return wrong


def check(root: Path = ROOT) -> tuple[list[Finding], int]:
    """Findings in all named statements, and how many statements there are."""
    tables = tenant_tables("\n".join(path.read_text("utf-8") for path in files(MIGRATIONS, root=root)))
    found: list[Finding] = []
    seen = 0
    for path in files(QUERIES, root=root):
        for name, line, sql in statements(path.read_text("utf-8")):
            seen += 1
            if not _EXEMPT.search(sql):
                found += [Finding(relative(path, root), line, f"{name}: {what}") for what in untied(sql, tables)]
    return found, seen


if __name__ == "__main__":
    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it reports each statement that it keeps as text
    sys.exit(report(*check(), "named statement"))
