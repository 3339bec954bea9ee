"""Fill the tables ``move`` and ``status_catalogue`` from the status catalogue (steps 1, 2 and 5 are guarded by them).

The catalogue is the one source of lawful moves; the database holds a copy, so that each status change is checked in the
statement that makes it.
"""

from __future__ import annotations

import msgspec
import psycopg

from central.domain.moves import FINAL
from central.domain.status_rows import Bucket
from central.domain.statuses import FLOW, INITIAL, MOVES, FlowStatus


def lawful_moves() -> list[tuple[str, str, str]]:
    """Every (family, from, to), sorted; what a thing may begin as is reached from the empty word."""
    steps = [(f, a, b) for f, edges in MOVES.items() for a, following in edges.items() for b in following]
    first = [(f, "", b) for f, words in INITIAL.items() for b in words]
    return sorted((str(f), str(a), str(b)) for f, a, b in [*steps, *first])


def refresh_catalogue(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Make both tables equal to the packaged catalogue, in the caller's transaction; runs as central_owner.

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
