from __future__ import annotations

import pytest

from tools.lint_tenancy import statements, tenant_tables, untied

TABLES = {"account": "id", "record": "account_id", "request": "account_id", "event": "account_id"}

TIED = {
    "one table, whatever the account": "select id from record where lease_until < now()",
    "join by the account": "select 1 from record r join request q on q.account_id = r.account_id and q.id = r.request_id",
    "the account table's key is its id": "select 1 from record r join account a on a.id = r.account_id",
    "using": "select 1 from record r join request q using (account_id, id)",
    "row comparison": "select 1 from record r join request q on (q.account_id, q.id) = (r.account_id, r.request_id)",
    "both by one parameter": (
        "select 1 from record r, request q where r.account_id = %(account_id)s and q.account_id = %(account_id)s"
    ),
    "a table without accounts": "select 1 from record r join move m on m.from_status = r.status",
    "a batch in a parameter": (
        "update record r set fence = 1 from jsonb_to_recordset(%(x)s::jsonb) as d(account_id uuid, id uuid)"
        " where r.account_id = d.account_id and r.id = d.id"
    ),
    "through a CTE": (
        "with w as (select account_id, id from record limit 5) delete from event e using w"
        " where e.account_id = w.account_id and e.record_id = w.id"
    ),
    "a subquery tied to its row": (
        "select 1 from record r where exists (select from event e where e.account_id = r.account_id and e.record_id = r.id)"
    ),
    "between two rows of one account": (
        "select 1 from request q where exists (select from record r"
        " where (r.account_id, r.request_id) >= (q.account_id, q.id) and (r.account_id, r.request_id) <= (q.account_id, q.id))"
    ),
    "membership by account and id": (
        "delete from event where (account_id, record_id) in (select account_id, id from record limit 5)"
    ),
    "a lateral tied inside": (
        "select 1 from request q cross join lateral (select r.account_id, r.id from record r"
        " where r.account_id = q.account_id and r.request_id = q.id limit 5) x"
    ),
}

LOOSE = {
    "join by id alone": "select 1 from record r join request q on q.id = r.request_id",
    "the account only under or": "select 1 from record r join request q on q.account_id = r.account_id or q.id = r.request_id",
    "the account in an inequality": "select 1 from record r join request q on q.account_id <> r.account_id",
    "behind a row of another account": (
        "select 1 from request q where exists (select from record r where (r.account_id, r.id) >= (q.account_id, q.id))"
    ),
    "before or behind a row": (
        "select 1 from request q where exists (select from record r"
        " where (r.account_id, r.id) >= (q.account_id, q.id) or (r.account_id, r.id) <= (q.account_id, q.id))"
    ),
    "update from": "update record r set fence = 1 from request q where q.id = r.request_id",
    "delete using a CTE": "with w as (select account_id, id from record) delete from event e using w where e.record_id = w.id",
    "membership by id alone": "delete from event where record_id in (select id from record limit 5)",
    "membership with the account in another place": (
        "delete from event where (account_id, record_id) in (select id, account_id from record limit 5)"
    ),
    "a CTE that hides the account": (
        "with w as (select id from record limit 5) update event e set late = true from w where e.record_id = w.id"
    ),
    "a subquery by id alone": "select 1 from record r where exists (select from event e where e.record_id = r.id)",
    "a lateral by id alone": (
        "select 1 from request q cross join lateral (select r.account_id from record r where r.request_id = q.id limit 5) x"
    ),
    "a batch by id alone": (
        "update record r set fence = 1 from jsonb_to_recordset(%(x)s::jsonb) as d(account_id uuid, id uuid) where r.id = d.id"
    ),
    "a returning clause that is joined by id": (
        "with gone as (delete from event e returning e.account_id, e.record_id)"
        " select 1 from gone g join record r on r.id = g.record_id"
    ),
    "a statement that cannot be read": "prepare x as select 1 from record r join request q on q.id = r.request_id",
    "the third table": (
        "select 1 from record r join request q on q.account_id = r.account_id join event e on e.record_id = r.id"
    ),
}


@pytest.mark.parametrize("sql", TIED.values(), ids=TIED)
def test_statement_tied_by_account_passes(sql: str) -> None:
    assert untied(sql, TABLES) == []


@pytest.mark.parametrize("sql", LOOSE.values(), ids=LOOSE)
def test_statement_not_tied_by_account_is_found(sql: str) -> None:
    assert untied(sql, TABLES)


def test_tenant_tables_are_those_with_an_account_column() -> None:
    migrations = (
        "create table move (a text);\n"
        "create table record ( -- account_id; of all\n  account_id uuid not null,\n  id uuid) with (fillfactor = 80);\n"
        "create table node (name text); -- no account_id here\n"
    )
    assert tenant_tables(migrations) == {"record": "account_id", "account": "id"}


def test_statements_carry_name_and_line() -> None:
    text = "-- a file\n\n-- name: first\nselect 1;\n-- name: second\n-- across accounts: reaper\nselect 2;\n"
    assert [(name, line) for name, line, _ in statements(text)] == [("first", 3), ("second", 5)]
