"""Shares never exceed what there is, nothing useful stays unused, and nobody waits behind a crowd."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from central.domain.errors import DefectError
from central.domain.fairness import Deficits, Demand, Room, share
from central.domain.ids import AccountId, FlowId, RequestId

A, B = AccountId(UUID(int=1)), AccountId(UUID(int=2))


def request(n: int) -> RequestId:
    return RequestId(UUID(int=1000 + n))


def demand(account: AccountId, n: int, due: int, weight: int = 1, flow: str = "") -> Demand:
    return Demand(account, FlowId(flow or f"flow{n}"), request(n), due, weight)


def granted(room: Room, demands: list[Demand], deficits: Deficits) -> tuple[dict[RequestId, int], Deficits]:
    shares, kept = share(room, demands, deficits)
    assert len({one.request for one in shares}) == len(shares)
    return {one.request: one.n for one in shares}, kept


@st.composite
def rounds(draw: st.DrawFn) -> tuple[Room, list[Demand]]:
    accounts = [AccountId(UUID(int=n)) for n in range(draw(st.integers(1, 4)))]
    demands: list[Demand] = []
    for n in range(draw(st.integers(0, 12))):
        account = draw(st.sampled_from(accounts))
        flow = FlowId(f"flow{account.int}{draw(st.integers(0, 1))}")
        due, weight, cap = draw(st.integers(0, 60)), draw(st.integers(0, 5)), draw(st.none() | st.integers(-1, 20))
        demands.append(Demand(account, flow, request(n), due, weight, cap))
    flows = sorted({one.flow for one in demands})
    room = Room(
        capacity=draw(st.integers(-1, 100)),
        accounts=draw(st.dictionaries(st.sampled_from(accounts), st.integers(-1, 30))),
        flows=draw(st.dictionaries(st.sampled_from(flows), st.integers(0, 30))) if flows else {},
        account_weights=draw(st.dictionaries(st.sampled_from(accounts), st.integers(1, 5))),
    )
    return room, demands


@settings(max_examples=400)
@given(steps=st.lists(rounds(), min_size=1, max_size=4))
def test_within_every_cap_and_nothing_useful_left_over(steps: list[tuple[Room, list[Demand]]]) -> None:
    deficits: Deficits = {}
    for room, demands in steps:
        found, deficits = granted(room, demands, deficits)
        by_account: Counter[AccountId] = Counter()
        by_flow: Counter[FlowId] = Counter()
        for one in demands:
            n = found.get(one.request, 0)
            by_account[one.account] += n
            by_flow[one.flow] += n
            assert 0 <= n <= one.due
            assert one.cap_left is None or n <= max(one.cap_left, 0)
        assert sum(found.values()) <= max(room.capacity, 0)
        assert all(by_account[key] <= max(cap, 0) for key, cap in room.accounts.items())
        assert all(by_flow[key] <= max(cap, 0) for key, cap in room.flows.items())
        if sum(found.values()) < room.capacity:
            for one in demands:
                usable = min(
                    one.due - found.get(one.request, 0) if one.weight else 0,
                    one.due if one.cap_left is None else one.cap_left - found.get(one.request, 0),
                    room.accounts.get(one.account, 1000) - by_account[one.account],
                    room.flows.get(one.flow, 1000) - by_flow[one.flow],
                )
                assert usable <= 0, "work conserving"
        assert all(-1 <= owed <= 1 for owed in deficits.values())


@settings(max_examples=50)
@given(steps=st.lists(rounds(), min_size=1, max_size=3))
def test_deterministic(steps: list[tuple[Room, list[Demand]]]) -> None:
    first: Deficits = {}
    second: Deficits = {}
    for room, demands in steps:
        one, first = share(room, demands, first)
        two, second = share(room, demands, second)
        assert (one, first) == (two, second)


@given(million_first=st.booleans(), same_account=st.booleans(), capacity=st.integers(20, 500))
def test_ten_beside_a_million_get_their_ten_in_one_round(
    million_first: bool, same_account: bool, capacity: int
) -> None:
    demands = [demand(A, 1, 1_000_000), demand(A if same_account else B, 2, 10)]
    found, _ = granted(Room(capacity=capacity), demands if million_first else demands[::-1], {})
    assert found == {request(1): capacity - 10, request(2): 10}


@given(weights=st.lists(st.integers(1, 9), min_size=1, max_size=8), capacity=st.integers(1, 7))
def test_over_many_rounds_everyone_gets_the_weighted_part(weights: list[int], capacity: int) -> None:
    demands = [demand(A, n, 10_000, weight) for n, weight in enumerate(weights)]
    deficits: Deficits = {}
    total: Counter[RequestId] = Counter()
    for _ in range(200):
        found, deficits = granted(Room(capacity=capacity), demands, deficits)
        total.update(found)
    for n, weight in enumerate(weights):
        fair = 200 * capacity * weight / sum(weights)
        assert abs(total[request(n)] - fair) <= len(weights), (total, fair)


@given(accounts=st.integers(2, 40))
def test_nobody_starves_at_one_channel(accounts: int) -> None:
    demands = [demand(AccountId(UUID(int=n)), n, 10_000) for n in range(accounts)]
    deficits: Deficits = {}
    served: Counter[RequestId] = Counter()
    for _ in range(2 * accounts):
        found, deficits = granted(Room(capacity=1), demands, deficits)
        served.update(found)
    assert len(served) == accounts


def test_accounts_share_by_their_own_weights_not_by_how_much_they_load() -> None:
    demands = [demand(A, n, 1000) for n in range(9)] + [demand(B, 9, 1000)]
    found, _ = granted(Room(capacity=100), demands, {})
    assert found[request(9)] == 50
    heavy, _ = granted(Room(capacity=100, account_weights={A: 3}), demands, {})
    assert heavy[request(9)] == 25


def test_two_requests_of_a_capped_flow_share_its_cap() -> None:
    demands = [demand(A, 1, 1000, flow="tight"), demand(A, 2, 1000, flow="tight"), demand(A, 3, 1000)]
    found, _ = granted(Room(capacity=100, flows={FlowId("tight"): 4}), demands, {})
    assert found == {request(1): 2, request(2): 2, request(3): 96}


def test_a_request_that_stands_there_twice_is_a_defect() -> None:
    with pytest.raises(DefectError, match="doubled_demand"):
        share(Room(capacity=1), [demand(A, 1, 1), demand(A, 1, 1)], {})
