"""Fill the tables ``move`` and ``status_catalogue`` from the status catalogue (steps 1, 2 and 5 are guarded by them).

The catalogue is the one source of lawful moves; the database holds a copy, so that each status change is checked in the
statement that makes it. The packaged policies are added beside it: rows that exist are never changed.
"""

from __future__ import annotations

import tomllib
from importlib import resources

import msgspec
import psycopg

from central.domain.moves import FINAL
from central.domain.policies import Policy
from central.domain.status_rows import Bucket
from central.domain.statuses import FLOW, INITIAL, MOVES, FlowStatus


def lawful_moves() -> list[tuple[str, str, str]]:
    """Every (family, from, to), sorted; what a thing may begin as is reached from the empty word."""
    steps = [(f, a, b) for f, edges in MOVES.items() for a, following in edges.items() for b in following]
    first = [(f, "", b) for f, words in INITIAL.items() for b in words]
    return sorted((str(f), str(a), str(b)) for f, a, b in [*steps, *first])


def refresh_catalogue(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Make both tables equal to the packaged catalogue and add policies, in the caller's transaction, as central_owner.

    Only differing rows are touched: a second start changes nothing and waits for nobody.
    """
    moves = [{"family": f, "from_status": a, "to_status": b} for f, a, b in lawful_moves()]
    words = [
        {"family": family, "name": name, "final": name in FINAL[family], "counts_as": _bucket(name)}
        for family, edges in MOVES.items()
        for name in edges
    ]
    connection.execute(_REFRESH_MOVES, {"rows": msgspec.json.encode(moves).decode()})
    connection.execute(_REFRESH_WORDS, {"rows": msgspec.json.encode(words).decode()})
    connection.execute(_ADD_POLICIES, {"rows": msgspec.json.encode(_packaged_policies()).decode()})


def _packaged_policies() -> list[dict[str, object]]:
    text = resources.files("central.domain").joinpath("policies.toml").read_text(encoding="utf-8")
    rows: list[dict[str, object]] = []
    for document in tomllib.loads(text)["policy"]:
        policy = Policy.parse(document)
        rows.append(
            {
                "id": policy.id, "version": policy.version, "effective_from": policy.effective_from,
                "author": policy.author, "legal_reference": policy.reference, "body": document,
            }
        )  # fmt: skip
    return rows


def _bucket(name: str) -> Bucket:
    return FLOW[name].counts_as if isinstance(name, FlowStatus) else Bucket.NONE


_REFRESH_MOVES = """
with wanted as (
  select * from jsonb_to_recordset(%(rows)s::jsonb) as w(family text, from_status text, to_status text)),
gone as (
  delete from move m where not exists (select from wanted w
    where (w.family, w.from_status, w.to_status) = (m.family, m.from_status, m.to_status)))
insert into move (family, from_status, to_status) select * from wanted on conflict do nothing
"""
_REFRESH_WORDS = """
with wanted as (
  select * from jsonb_to_recordset(%(rows)s::jsonb) as w(family text, name text, final boolean, counts_as text)),
gone as (
  delete from status_catalogue c where not exists (select from wanted w where (w.family, w.name) = (c.family, c.name)))
insert into status_catalogue as c (family, name, final, counts_as) select * from wanted
on conflict (family, name) do update set final = excluded.final, counts_as = excluded.counts_as
 where (c.final, c.counts_as) is distinct from (excluded.final, excluded.counts_as)
"""
_ADD_POLICIES = """
insert into policy (id, version, effective_from, author, legal_reference, body)
select w.id, w.version, w.effective_from::timestamp at time zone 'UTC', w.author, w.legal_reference, w.body
  from jsonb_to_recordset(%(rows)s::jsonb)
    as w(id text, version int, effective_from date, author text, legal_reference text, body jsonb)
on conflict do nothing
"""
