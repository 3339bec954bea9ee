"""Web addresses are found inside texts as people write them, and nothing else is touched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.domain.text_links import replace_links, shown_origin


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("See https://a.example/x.", ["https://a.example/x"]),
        ("See (https://a.example/x_(1)), or http://b.example!", ["https://a.example/x_(1)", "http://b.example"]),
        ("HTTPS://A.example/?q=1&r=2#top, now", ["HTTPS://A.example/?q=1&r=2#top"]),
        ('<a href="https://a.example/">', ["https://a.example/"]),
        ("https://a.example/\u00fc?n=Zo\u00eb", ["https://a.example/%C3%BC?n=Zo%C3%AB"]),
        ("a.example, ftp://a.example, https://, https://\u2026, mailto:a@b.example", []),
        ("https://" + "a" * 3000 + ".example", []),
        ("", []),
    ],
)
def test_addresses_end_where_the_sentence_goes_on(text: str, found: list[str]) -> None:
    seen: list[str] = []

    def shorten(url: str) -> str:
        seen.append(url)
        return "L"

    replaced = replace_links(text, shorten, 10)
    assert seen == found
    assert replaced.count("L") >= len(found)
    if not found:
        assert replaced == text


def test_only_so_many_are_replaced_and_some_are_left() -> None:
    text = " ".join(f"https://a.example/{n}" for n in range(4))
    assert replace_links(text, lambda _: "L", 2) == "L L https://a.example/2 https://a.example/3"
    assert (
        replace_links(text, lambda url: None if url.endswith("0") else "L", 2)
        == "https://a.example/0 L L https://a.example/3"
    )


@given(st.text(max_size=300))
def test_what_is_no_address_stays_as_it_is(text: str) -> None:
    assert replace_links(text, lambda _: None, 10) == text


def test_many_brackets_cost_no_time() -> None:
    assert replace_links("https://a.example/" + ")" * 1900, lambda _: "L", 1) == "L" + ")" * 1900


def test_what_may_be_shown_of_a_secret_address() -> None:
    assert shown_origin("https://user:pass@a.example:8443/reset?token=1") == "https://a.example/..."
