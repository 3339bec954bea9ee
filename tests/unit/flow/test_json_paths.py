"""Places in a JSON document: which texts are one, what is found there, and that nothing is too big or too deep."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.flow.json_paths import LIMIT_DEPTH, Unreadable, find, parse_path, read_document

DOCUMENT = '{"a": [1.10, {"x": "y", "t": true, "z": null}], "b.c": {"d": 0}, "big": 1e400}'


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("$", ()), ("a", ("a",)), ("$.a[0]", ("a", 0)), ("[3].a", (3, "a")), ('a["b.c"].d', ("a", "b.c", "d")),
        ('["b.c"]', ("b.c",)), ("$[1][2]", (1, 2)), ("größe", ("größe",)),
    ],
)  # fmt: skip
def test_a_path(text: str, path: tuple[str | int, ...]) -> None:
    assert parse_path(text) == path


@pytest.mark.parametrize(
    "text",
    ["", ".a", "a..b", "a[", "a]", "a b", "$a", "$$", "a[0]b", "a[-1]", "a[x]", "a.", "[1234567]", ".".join("a" * 33)],
)
def test_no_path(text: str) -> None:
    assert parse_path(text) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a[0]", "1.10"), ("a[1].x", "y"), ("a[1].t", "true"), ("a[1].z", ""), ('["b.c"]', '{"d":0}'), ("big", "1e400"),
        ("a", '[1.10,{"x":"y","t":true,"z":null}]'), ("a[2]", None), ("a.x", None), ("b", None), ("a[0].x", None), ("big[0]", None),
    ],
)  # fmt: skip
def test_what_stands_there(text: str, value: str | None) -> None:
    path = parse_path(text)
    assert path is not None
    assert find(read_document(DOCUMENT), path) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html>",
        '{"a": 1',
        "NaN",
        "[1,]",
        "{'a': 1}",
        "[" * 60_000,
        "[" * (LIMIT_DEPTH + 1) + "]" * (LIMIT_DEPTH + 1),
    ],
    ids=["empty", "html", "cut", "nan", "comma", "quotes", "endless depth", "one too deep"],
)
def test_no_document(text: str) -> None:
    with pytest.raises(Unreadable):
        read_document(text)


def test_a_number_of_any_length_keeps_its_digits() -> None:
    assert find(read_document("9" * 60_000), ()) == "9" * 60_000


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(value=values)
def test_the_whole_is_given_back_as_it_was(value: object) -> None:
    found = find(read_document(json.dumps(value)), ())
    assert found == (value if isinstance(value, str) else "" if value is None else found)
    if found and not isinstance(value, str):
        assert json.loads(found) == value


@given(path=st.text(alphabet='ab.[]"0$ ', max_size=12), document=st.text(max_size=40))
def test_any_text_is_a_path_or_none_and_any_document_is_read_or_refused(path: str, document: str) -> None:
    parsed = parse_path(path)
    try:
        read = read_document(document)
    except Unreadable:
        return
    if parsed is not None:
        assert isinstance(find(read, parsed), str | None)
