"""Each rule of hits has its case, and any hit gets exactly one class by a rule that exists."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.domain.errors import OperatorError
from central.domain.mail_hits import RULES, Hit, HitsAround, Networks, classify, known_machines
from central.domain.mail_tokens import TokenKind

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
)
KNOWN = known_machines(data_centres=("203.0.113.0/24", "2001:db8:5::/48"))
CLICK = Hit(TokenKind.CLICK, "GET", NOON, NOON - timedelta(minutes=5), "198.51.100.7", CHROME)
ALONE = HitsAround()

CASES = [
    (CLICK, ALONE, "human", "reader"),
    (replace(CLICK, kind=TokenKind.OPEN), ALONE, "human", "reader"),
    (replace(CLICK, method="HEAD"), ALONE, "machine", "method"),
    (replace(CLICK, method="OPTIONS"), ALONE, "machine", "method"),
    (replace(CLICK, kind=TokenKind.TRAP), ALONE, "machine", "trap"),
    (replace(CLICK, accepted_at=NOON - timedelta(seconds=1.9)), ALONE, "machine", "too_soon"),
    (replace(CLICK, accepted_at=NOON + timedelta(seconds=1)), ALONE, "machine", "too_soon"),
    (replace(CLICK, accepted_at=NOON - timedelta(seconds=2)), ALONE, "human", "reader"),
    (CLICK, HitsAround(links=3), "machine", "many_links"),
    (CLICK, HitsAround(links=2), "human", "reader"),
    (CLICK, HitsAround(machine_minute=True), "machine", "same_client"),
    (replace(CLICK, agent="Mozilla/5.0 (Windows NT 5.1) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"), ALONE, "machine", "proxy_agent"),
    (replace(CLICK, agent="Mozilla/5.0"), ALONE, "machine", "proxy_agent"),
    (replace(CLICK, address="17.58.1.2"), ALONE, "machine", "proxy_range"),
    (replace(CLICK, address="::ffff:17.58.1.2"), ALONE, "machine", "proxy_range"),
    (replace(CLICK, agent="python-requests/2.34"), ALONE, "machine", "program_agent"),
    (replace(CLICK, agent=CHROME + " (compatible; bingbot/2.0)"), ALONE, "machine", "program_agent"),
    (replace(CLICK, agent=CHROME.replace("Windows NT 10.0", "Linux; Android 13; CUBOT X70")), ALONE, "human", "reader"),
    (replace(CLICK, address="203.0.113.9"), ALONE, "machine", "data_centre"),
    (replace(CLICK, address="2001:db8:5::1"), ALONE, "machine", "data_centre"),
    (replace(CLICK, address="203.0.113.9", cookies=True), ALONE, "human", "reader"),
    (replace(CLICK, agent=" "), ALONE, "unknown", "no_agent"),
    (replace(CLICK, agent="Something/1"), ALONE, "unknown", "unfamiliar_agent"),
    (replace(CLICK, accepted_at=None), ALONE, "unknown", "no_acceptance"),
    (replace(CLICK, address="no address"), ALONE, "human", "reader"),
]  # fmt: skip


@pytest.mark.parametrize(("hit", "around", "hit_class", "rule"), CASES)
def test_a_hit_gets_its_class_and_rule(hit: Hit, around: HitsAround, hit_class: str, rule: str) -> None:
    judged = classify(hit, around, KNOWN)
    assert (judged.hit_class, judged.rule) == (hit_class, rule)


def test_every_rule_has_a_case() -> None:
    assert {rule for *_, rule in CASES} == {name for name, *_ in RULES}


@given(
    st.builds(
        Hit,
        st.sampled_from(TokenKind),
        st.text(max_size=8) | st.just("GET"),
        st.just(NOON),
        st.none() | st.timedeltas(timedelta(-2), timedelta(2)).map(lambda gap: NOON + gap),
        st.text(max_size=20) | st.ip_addresses().map(str),
        st.text(max_size=200) | st.just(CHROME),
        st.booleans(),
    ),
    st.builds(HitsAround, st.integers(1, 9), st.booleans()),
)
def test_any_hit_is_judged_by_a_rule_that_exists(hit: Hit, around: HitsAround) -> None:
    judged = classify(hit, around, KNOWN)
    assert (judged.rule, judged.hit_class) in {(name, hit_class) for name, hit_class, _ in RULES}


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(8, 32)), max_size=8), st.ip_addresses(v=4))
def test_networks_hold_what_one_of_them_holds(ranges: list[tuple[int, int]], address: object) -> None:
    texts = [str(ip_network((number, bits), strict=False)) for number, bits in ranges]
    inside = any(ip_address(str(address)) in ip_network(text) for text in texts)
    assert (str(address) in Networks(texts)) == inside


def test_a_range_that_is_none_is_the_operator_s_to_mend() -> None:
    with pytest.raises(OperatorError, match="bad_network"):
        Networks(["10.0.0.1/8"])
