"""What is kept about contacts: merged by flows, brought along by the claim where a flow reads it, and the zone it is called in."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from central.adapters.postgres import dispatch_store
from central.adapters.postgres.contacts import PostgresContacts
from central.adapters.postgres.inbound_store import PostgresInbound
from central.adapters.postgres.pool import Pool
from central.application.ports.administration import AuditEntry
from central.domain.contacts import Contact
from central.domain.ids import AccountId
from tests.integration.dispatch.conftest import Desk
from tests.stock import FLOW, number

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
READS = FLOW.replace(b"say: Hello.", b"say: 'Hello {{ $user.key.Name }}.'")


@pytest.fixture
def contacts(api_pool: Pool) -> PostgresContacts:
    return PostgresContacts(api_pool)


async def values_of(contacts: PostgresContacts, account_id: AccountId, n: int = 1) -> dict[str, str]:
    found = await contacts.get(account_id, number(n))
    return dict(found.values) if found else {}


# -- merging -----------------------------------------------------------------------------------------------------------
async def test_values_are_merged_key_by_key_and_an_empty_one_goes(desk: Desk, contacts: PostgresContacts) -> None:
    account_id = desk.stock.account()
    for values in ({"A": "1", "B": "2", "Z": ""}, {"B": "3", "C": "4"}, {"A": ""}):
        assert await contacts.merge(account_id, number(1), values, NOW)
    assert await values_of(contacts, account_id) == {"B": "3", "C": "4"}


async def test_updates_at_the_same_moment_all_stay(desk: Desk, contacts: PostgresContacts) -> None:
    account_id = desk.stock.account()
    merges = (contacts.merge(account_id, number(1), {f"K{n}": str(n)}, NOW) for n in range(20))
    assert all(await asyncio.gather(*merges))
    assert await values_of(contacts, account_id) == {f"K{n}": str(n) for n in range(20)}


async def test_a_contact_has_a_limit_and_stays_as_it_was(desk: Desk, contacts: PostgresContacts) -> None:
    account_id = desk.stock.account()
    for n in range(10, 26):
        assert await contacts.merge(account_id, number(1), {f"K{n}": "x" * 4000}, NOW) is True
    assert await contacts.merge(account_id, number(1), {"L": "x" * 4000}, NOW) is False
    assert await contacts.merge(account_id, number(1), {"K10": "", "L": "x" * 4000}, NOW) is True
    assert "L" in await values_of(contacts, account_id)


async def test_accounts_do_not_see_each_other(desk: Desk, contacts: PostgresContacts) -> None:
    one, two = desk.stock.account(), desk.stock.account()
    assert await contacts.merge(one, number(1), {"A": "1"}, NOW)
    assert await contacts.get(two, number(1)) is None
    assert await contacts.merge(two, number(1), {"B": "2"}, NOW)
    assert await values_of(contacts, one) == {"A": "1"}
    assert await values_of(contacts, two) == {"B": "2"}
    assert [len(await contacts.page(account, "", 10)) for account in (one, two)] == [1, 1]


# -- the claim ---------------------------------------------------------------------------------------------------------
async def test_a_flow_that_reads_them_gets_the_values_of_its_first_usable_number(
    desk: Desk, contacts: PostgresContacts
) -> None:
    stock = desk.stock
    account_id = stock.account()
    request_id = stock.request(account_id, stock.flow(account_id, READS))
    stock.records(account_id, request_id, [[number(1)], [number(2), number(3)], [number(4)]])
    stock.run("update record set struck = 1 where numbers[1] = %s", number(2))
    for n in (1, 2, 3):
        assert await contacts.merge(account_id, number(n), {"Name": f"n{n}"}, NOW)
    await contacts.merge(stock.account(), number(4), {"Name": "somebody else's"}, NOW)
    handed = await desk.claim_all(account_id, request_id)
    assert [item.contact and item.contact.values for item in handed] == [{"Name": "n1"}, {"Name": "n3"}, None]


async def test_callers_of_several_accounts_are_found_in_their_own(
    desk: Desk, contacts: PostgresContacts, worker_pool: Pool
) -> None:
    one, two = desk.stock.account(), desk.stock.account()
    for account_id, n in ((one, 1), (two, 1), (two, 2)):
        assert await contacts.merge(account_id, number(n), {"Of": str(account_id)}, NOW)
    wanted = [(one, number(1)), (one, number(2)), (two, number(1))]
    found = await PostgresInbound(worker_pool).contacts(wanted)
    assert {key: contact.values for key, contact in found.items()} == {
        (one, number(1)): {"Of": str(one)},
        (two, number(1)): {"Of": str(two)},
    }


async def test_nobody_is_asked_where_no_flow_reads_them(
    desk: Desk, contacts: PostgresContacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    stock = desk.stock
    account_id = stock.account()
    request_id = stock.request(account_id, stock.flow(account_id))
    stock.records(account_id, request_id, [[number(1)], [number(2)]])
    assert await contacts.merge(account_id, number(1), {"Name": "n1"}, NOW)
    monkeypatch.delattr(dispatch_store.PostgresClaim, "contacts")
    handed = await desk.claim_all(account_id, request_id)
    assert [item.contact for item in handed] == [None, None]


async def test_many_records_are_one_statement(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    stock = desk.stock
    account_id = stock.account()
    request_id = stock.request(account_id, stock.flow(account_id, READS))
    stock.records(account_id, request_id, [[number(n)] for n in range(50)])
    asked: list[Any] = []
    plain = dispatch_store.PostgresClaim.contacts

    async def counted(self: dispatch_store.PostgresClaim, wanted: Any) -> Any:
        asked.append(wanted)
        return await plain(self, wanted)

    monkeypatch.setattr(dispatch_store.PostgresClaim, "contacts", counted)
    assert len(await desk.claim_all(account_id, request_id)) == 50
    assert [len(wanted) for wanted in asked] == [50]


async def test_the_zone_kept_about_a_contact_decides_when_it_may_be_called(
    desk: Desk, contacts: PostgresContacts
) -> None:
    stock = desk.stock
    account_id = stock.account(policy_id="IN")
    noon_in_india = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)
    desk.clock.at = noon_in_india
    stock.run("insert into list_version (account_id, list, fresh_at) values (%s, 'dnd', %s)", account_id, noon_in_india)
    request_id = stock.request(account_id, stock.flow(account_id, purpose="marketing"))
    ids = stock.records(account_id, request_id, [[number(1)], [number(2)]])
    stock.run("update record set due_at = %s, expires_at = %s + interval '1 day'", noon_in_india, noon_in_india)
    audit = _audit(desk)
    await contacts.put(
        account_id, Contact(number(1), {}, "America/New_York", NOW), audit
    )  # where it is 1:30 in the night
    handed = await desk.claim_all(account_id, request_id)
    assert [item.record.id for item in handed] == [ids[1]]
    assert stock.rows("select status, reason from record where id = %s", ids[0]) == [("SCHEDULED", "outside_hours")]


def _audit(desk: Desk) -> AuditEntry:
    return AuditEntry(desk.ids.uuid(), NOW, "test", "contact_changed", "contact")
