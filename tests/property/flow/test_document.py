"""Reading and checking a document answer any bytes with a flow or with InvalidInput, and with nothing else."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from central.domain.errors import InvalidInput
from central.flow.checker import check
from central.flow.document import Flow, parse
from central.flow.json_tree import read_json
from central.flow.tree import plain

EXAMPLE = Path(__file__).parents[3].joinpath("examples/appointment-reminder.yaml").read_bytes()
SNIPPETS = st.sampled_from(
    [b"- ", b"{", b"}", b"[", b"]", b": ", b"&a ", b"*a", b"!!x ", b"|", b">", b"'", b'"', b"\n", b"\t", b"\xff", b"\x00",
     b"? ", b"%YAML 1.1\n", b"---\n", b"...\n", b"#", b"{{", b"}}", b"\\ud800", b"1e999", b"~", b"end", b"  ", b"\xe2\x80\xa8"]
)  # fmt: skip


def outcome(data: bytes) -> None:
    refused: InvalidInput | None = None
    flow: Flow | None = None
    try:
        flow = parse(data)
    except InvalidInput as error:
        refused = error
    if refused is not None:
        assert refused.code.startswith("document_")
        assert isinstance(refused.details["line"], int)
    if flow is not None:
        for finding in check(flow):
            assert finding.code
            assert finding.hint
            assert 0 <= finding.line <= data.count(b"\n") + 1


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    outcome(data)


@given(st.lists(SNIPPETS, max_size=30))
def test_pieces_of_yaml(pieces: list[bytes]) -> None:
    outcome(b"".join(pieces))
    outcome(b"{" + b"".join(pieces))


@settings(max_examples=200)
@given(st.integers(0, len(EXAMPLE) - 1), st.integers(0, 30), SNIPPETS)
def test_a_damaged_example(at: int, cut: int, put: bytes) -> None:
    outcome(EXAMPLE[:at] + put + EXAMPLE[at + cut :])


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('abc é"\\\n', max_size=4), inner, max_size=4),
    max_leaves=20,
)


@given(json_values, st.booleans())
def test_the_json_reader_reads_what_json_writes(value: object, spread: bool) -> None:
    tree = read_json(json.dumps(value, indent=1 if spread else None, ensure_ascii=spread))
    assert tree is not None
    assert plain(tree) == value
