"""Which carrier takes a message: longest prefix, priority, cost, and by share what is equal."""

from __future__ import annotations

from collections import Counter
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from central.domain.message_routes import CarrierRoute, carriers_for

A, B, C = (UUID(int=number) for number in (1, 2, 3))
MESSAGE = UUID(int=99)


def order(*routes: CarrierRoute, to: str = "919800000001", message: UUID = MESSAGE) -> list[UUID]:
    return [route.carrier_id for route in carriers_for(routes, to, message)]


def test_the_longest_prefix_goes_first_then_priority_then_cost() -> None:
    assert order(CarrierRoute(A), CarrierRoute(B, "91", priority=9), CarrierRoute(C, "9198", priority=9)) == [C, B, A]
    assert order(CarrierRoute(A, priority=3), CarrierRoute(B, priority=1), CarrierRoute(C, priority=2)) == [B, C, A]
    assert order(CarrierRoute(A, cost=30), CarrierRoute(B, cost=10), CarrierRoute(C, cost=20)) == [B, C, A]
    assert order(CarrierRoute(A, cost=1, priority=2), CarrierRoute(B, cost=9, priority=1)) == [B, A]


def test_only_carriers_that_take_the_number_are_asked() -> None:
    assert order(CarrierRoute(A, "92"), CarrierRoute(B, "91")) == [B]
    assert order(CarrierRoute(A, "92")) == []


def test_of_one_carrier_the_longest_prefix_counts_even_when_it_is_dearer() -> None:
    cheap, dear = CarrierRoute(A, "", cost=1), CarrierRoute(A, "9198", cost=50)
    for routes in ((cheap, dear), (dear, cheap)):
        (found,) = carriers_for(routes, "919800000001", MESSAGE)
        assert found is dear


def test_equal_carriers_divide_messages_by_their_share() -> None:
    routes = CarrierRoute(A, share=3), CarrierRoute(B, share=1)
    first = Counter(order(*routes, message=uuid4())[0] for _ in range(4000))
    assert 0.71 < first[A] / 4000 < 0.79


@given(
    st.lists(
        st.builds(
            CarrierRoute, st.sampled_from([A, B, C]), st.sampled_from(["", "9", "91", "92"]), st.integers(1, 3), st.integers(0, 9),
            st.integers(0, 3),
        ),
        unique_by=lambda route: (route.carrier_id, route.prefix),
    ),
    st.uuids(),
)  # fmt: skip
def test_each_carrier_stands_once_and_the_same_message_goes_the_same_way(
    routes: list[CarrierRoute], message: UUID
) -> None:
    found = order(*routes, message=message)
    assert len(found) == len(set(found))
    assert set(found) == {route.carrier_id for route in routes if "919800000001".startswith(route.prefix)}
    assert order(*reversed(routes), message=message) == found
