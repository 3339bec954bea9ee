"""Accounts, flows, requests and records put straight into the tables: for tests and benchmarks that begin behind intake."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg

from central.adapters.system import SystemIds
from central.domain.ids import AccountId, FlowId, RecordId, RequestId
from central.domain.moves import counts_as
from central.domain.status_rows import Bucket
from central.domain.statuses import FlowStatus

PRICE = 1000
FLOW = b"""
flow: f
type: multicast
purpose: %PURPOSE%
calls: {attempts: 2, interval: 6s, ring_timeout: 4s, short_hangup: 1s, expires_after: 24h}
steps:
  start: {widget: start, next: call}
  call: {widget: make_call, on: {connected: greet, busy: end, no_answer: end, failed: end}}
  greet: {widget: play, say: Hello., next: bye}
  bye: {widget: hang_up}
"""
_COLUMNS = "account_id, id, request_id, row_number, due_at, expires_at, changed_at, status, numbers, variables, time_zone, attempts_made"


@dataclass(slots=True)
class Stock:
    """One database; connects as its superuser. All times lie around ``now``."""

    dsn: str
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    ids: SystemIds = field(default_factory=SystemIds)

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.dsn, autocommit=True)

    def rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        with self.connect() as connection:
            return connection.execute(query.encode(), values).fetchall()

    def value(self, query: str, *values: object) -> object:
        return self.rows(query, *values)[0][0]

    def run(self, query: str, *values: object) -> None:
        with self.connect() as connection:
            connection.execute(query.encode(), values)

    def account(self, *, balance: int = 10**12, **columns: object) -> AccountId:
        """An account under policy LAB with money; ``columns`` of table account go before the defaults."""
        account_id = AccountId(self.ids.uuid())
        plan = {"name": "p", "voice": [{"prefix": "", "pulse_s": 30, "per_pulse": PRICE}]}
        values = {
            "id": account_id, "name": "a", "policy_id": "LAB", "valid_until": "2099-01-01", "rate_plan": json.dumps(plan),
            "channel_cap": 100_000, "cps_cap": 100_000,
        } | columns  # fmt: skip
        with self.connect() as connection:
            marks = ", ".join(["%s"] * len(values))
            connection.execute(
                f"insert into account ({', '.join(values)}) values ({marks})".encode(), list(values.values())
            )
            connection.execute("insert into balance (account_id, balance) values (%s, %s)", [account_id, balance])
        return account_id

    @staticmethod
    def account_named(text: str) -> AccountId:
        """The id of an account that exists already."""
        return AccountId(UUID(text))

    def flow(self, account_id: AccountId, document: bytes = FLOW, purpose: str = "service") -> tuple[FlowId, UUID]:
        """A flow with one frozen version and a DID; answers both ids."""
        flow_id, version_id = FlowId(self.ids.uuid().hex[-8:]), self.ids.uuid()
        text = document.replace(b"%PURPOSE%", purpose.encode())
        with self.connect() as connection:
            did = f"9180{self.ids.uuid().int % 10**8:08d}"
            connection.execute("insert into did (account_id, number) values (%s, %s)", [account_id, did])
            connection.execute(
                "insert into flow (account_id, id, name, type, draft, draft_hash) values (%s, %s, %s, 'multicast', %s, 'h')",
                [account_id, flow_id, f"f_{flow_id}", text],
            )
            connection.execute("insert into flow_did values (%s, %s, %s)", [account_id, flow_id, did])
            connection.execute(
                "insert into flow_version (account_id, id, flow_id, hash, document) values (%s, %s, %s, 'h', %s)",
                [account_id, version_id, flow_id, text],
            )
        return flow_id, version_id

    def request(self, account_id: AccountId, flow: tuple[FlowId, UUID], **columns: object) -> RequestId:
        """An open request of a flow."""
        request_id = RequestId(self.ids.uuid())
        values = {
            "account_id": account_id, "id": request_id, "flow_id": flow[0], "flow_version_id": flow[1], "source": "test",
        } | columns  # fmt: skip
        with self.connect() as connection:
            marks = ", ".join(["%s"] * len(values))
            connection.execute(
                f"insert into request ({', '.join(values)}) values ({marks})".encode(), list(values.values())
            )
        return request_id

    def records(
        self,
        account_id: AccountId,
        request_id: RequestId,
        numbers: Sequence[Sequence[str]],
        *,
        status: FlowStatus = FlowStatus.UNPROCESSED,
        due_s: float = -1.0,
        expires_s: float = 86_400.0,
        variables: Mapping[str, str] | None = None,
        time_zone: str | None = None,
        attempts_made: int = 0,
    ) -> list[RecordId]:
        """Waiting records with these numbers, due so many seconds from now, counted as intake counts them."""
        due, expires = self.now + timedelta(seconds=due_s), self.now + timedelta(seconds=expires_s)
        ids = [RecordId(UUID(text)) for text in self.ids.texts(len(numbers), self.ids.instant())]
        text = json.dumps(dict(variables or {}))
        with self.connect() as connection, connection.transaction():
            with connection.cursor() as cursor, cursor.copy(f"copy record ({_COLUMNS}) from stdin") as copy:
                for row, (id_, tels) in enumerate(zip(ids, numbers, strict=True), 1):
                    copy.write_row(
                        (account_id, id_, request_id, row, due, expires, self.now, status, list(tels), text, time_zone, attempts_made)
                    )  # fmt: skip
            connection.execute(
                "insert into request_tally (account_id, request_id, counter, n, pending) values (%s, %s, %s, %s, %s)",
                [account_id, request_id, f"status:{status}", len(ids), counts_as(status) is Bucket.PENDING],
            )
        return ids

    def tally(self, request_id: RequestId) -> dict[str, int]:
        """The counts of a request as they add up now."""
        query = "select counter, sum(n)::bigint from request_tally where request_id = %s group by 1 having sum(n) <> 0"
        return {str(counter): int(str(n)) for counter, n in self.rows(query, request_id)}

    def statuses(self, request_id: RequestId) -> dict[str, int]:
        """Records by status, counted from the rows."""
        query = "select status, count(*) from record where request_id = %s group by 1"
        return {str(status): int(str(n)) for status, n in self.rows(query, request_id)}

    def check_counts(self) -> None:
        """Each request's counters by status equal its rows, and reservations equal the open attempts."""
        for (request_id,) in self.rows("select id from request"):
            assert isinstance(request_id, UUID)
            counted = self.tally(RequestId(request_id))
            by_status = {k.removeprefix("status:"): n for k, n in counted.items() if k.startswith("status:")}
            assert by_status == self.statuses(RequestId(request_id))
        reserved = self.rows(
            "select b.account_id, b.reserved, coalesce((select sum(a.reserved) from attempt a "
            "where a.account_id = b.account_id and a.ended_at is null), 0) from balance b"
        )
        assert [account for account, booked, open_ in reserved if booked != open_] == []


def number(n: int) -> str:
    """The n-th Indian mobile number of the tests."""
    return f"9198{n:08d}"
