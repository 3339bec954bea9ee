"""Documents that want to cost time or memory are answered within seconds, whatever stands in them."""

from __future__ import annotations

import tracemalloc
from time import process_time

import pytest

from central.domain.errors import InvalidInput
from central.flow.checker import check
from central.flow.document import parse
from central.flow.findings import Finding
from central.flow.near_words import hint_for, near_word
from central.flow.tree import LIMIT_BYTES

HEAD = b"flow: x\ntype: multicast\npurpose: service\n"
STEPS = HEAD + b"steps:\n  start: {widget: start, next: call}\n  call: {widget: make_call, on: {connected: s0}}\n"
SIZE = LIMIT_BYTES - 200


def many(template: str, count: int, joined: str = "\n") -> bytes:
    """The template so many times, ``#`` for the number."""
    return joined.join(template.replace("#", str(n)) for n in range(count)).encode()


def told(data: bytes) -> tuple[Finding, ...]:
    """All findings, the refusal of an unreadable document among them."""
    try:
        return check(parse(data))
    except InvalidInput as error:
        return (Finding(error.code, "error", int(str(error.details["line"])), "", error.message, "-"),)


def cut(rows: bytes) -> bytes:
    """As many whole lines as the reader takes."""
    return rows[: rows.rfind(b"\n", 0, SIZE)] + b"\n"


WORDS = many("v#: '{{ $flow.key.variable_numbr_x# }}'", 20, ", ").decode()
DOCUMENTS = {
    "10 MB": (b"#" * 10_000_000, "document_too_large"),
    "10,000 steps": (STEPS + many("  s#: {widget: hang_up}", 10_000), "too_many_steps"),
    "10,000 steps of a name and a next": (STEPS + many("  s#: {widget: play, say: a, next: s1}", 10_000), "document_too_large"),
    "unknown variables beside thousands of declared ones": (
        HEAD + b"variables:\n" + many("  variable_number_#: {}", 10_000) + b"\nsteps:\n"
        + many("  s#: {widget: store_variable, set: {" + WORDS + "}}", 290),
        "too_many_variables",
    ),
    "17,000 unknown targets": (
        STEPS + many("  s#: {widget: menu, say: a, digits: {" + ", ".join(f'"{n}": z{n}' for n in range(60)) + "}}", 290),
        "too_many_findings",
    ),
    "thousands of big patterns": (
        HEAD + b"variables:\n" + many("  v#: {rules: [{kind: regex, pattern: '((x{1,30}){1,30}y#)'}]}", 3_000),
        "too_many_variables",
    ),
    "a billion laughs": (
        b"a: &a [x,x,x,x,x,x,x,x,x]\n"
        + b"".join(b"%c: &%c [%s]\n" % (98 + n, 98 + n, b",".join([b"*%c" % (97 + n)] * 9)) for n in range(20)),
        "document_too_large",
    ),
    "one long text, many times": (
        HEAD + b"z: &z '" + b"{{ x }}" * 1_100 + b"'\nsteps:\n"
        + many("  s#: {widget: store_variable, set: {" + many("v#: *z", 50, ", ").decode() + "}}", 250),
        "document_too_large",
    ),
    "brackets": (b"a: " + b"[" * 1_000_000, "document_too_deep"),
    "JSON brackets": (b'{"a":' + b"[" * 1_000_000, "document_too_deep"),
    "dashes": (b"- " * 400_000, "document_too_deep"),
    "question marks": (b"? " * 400_000, "document_key_not_text"),
    "JSON of many keys": (b"{" + many('"k#":1', 80_000, ",") + b"}", "document_too_large"),
    "a JSON text without an end": (b'{"flow": "' + b'\\"' * 500_000, "document_syntax"),
    "tabs": (b"\t" * 1_000_000, "document_syntax"),
    "directives": (b"%YAML 1.2\n" * 100_000, "document_syntax"),
    "a loop of 290 steps, 290 times": (
        STEPS + b"".join(
            b"  s%d: {widget: menu, say: a, digits: {%s}, store: V%d, on: {no_input: end, invalid_exhausted: end}}\n"
            % (n, b", ".join(b'"%d": s%d' % (k, (n * 7 + k * 3 + 1) % 290) for k in range(65)), n)
            for n in range(290)
        ),
        "",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("data", "code"), DOCUMENTS.values(), ids=list(DOCUMENTS))
@pytest.mark.timeout(90)
def test_no_document_takes_long_or_is_told_at_length(data: bytes, code: str) -> None:
    began = process_time()
    found = told(data)
    assert process_time() - began < 15  # most of it is the reading of a megabyte of YAML
    assert len(found) <= 501
    assert {code} <= {finding.code for finding in found} | {""}
    assert all(finding.code and finding.hint for finding in found)


@pytest.mark.timeout(60)
def test_a_long_text_costs_its_own_length() -> None:
    data = b'{"flow": "' + b"x" * (LIMIT_BYTES - 20) + b'"}'
    tracemalloc.start()
    told(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * LIMIT_BYTES


@pytest.mark.parametrize(
    ("data", "code", "line"),
    [
        ("flow: x".encode("utf-16"), "document_not_utf8", 1),
        ("flow: \u00e9".encode("latin-1"), "document_not_utf8", 1),
        (b"a: b\nflow: a\x00b", "document_bad_character", 2),
        (b"a: b\nflow: a\x01b", "document_bad_character", 2),
        (b'{"flow":\n "a\\ud800"}', "document_bad_character", 2),
        (b"a: b\n\tflow: a", "document_syntax", 2),
        (b'{"a": 1,\n "a": 2}', "document_duplicate_key", 2),
        (b"a: 1\nsteps: {x: {}, x: {}}", "document_duplicate_key", 2),
        (b"a: &x 1\n<<: *y", "document_alias", 2),
        (b"a: b\n---\nc: d", "document_several", 2),
        (b"a: !!python/object:os.system x", "document_tag", 1),
        (b"- a", "document_not_mapping", 1),
        (b" \n\n", "document_empty", 0),
        (b"null", "document_empty", 0),
        (b"{} {}", "document_syntax", 1),
        (b"{'a': 1}", "document_syntax", 1),
        (b"{,}", "document_syntax", 1),
        (b'{"a": NaN}', "document_syntax", 1),
        (b'{"a": 01}', "document_syntax", 1),
    ],
)
def test_what_cannot_be_read_has_a_code_and_a_line(data: bytes, code: str, line: int) -> None:
    assert [(found.code, found.line) for found in told(data)] == [(code, line)]


def test_line_ends_and_a_byte_order_mark_change_nothing() -> None:
    data = STEPS + b'  s0: {widget: play, say: "{{ $flow.key.X }}", nxt: end}\n'
    assert len(told(data)) == 2
    assert told(data.replace(b"\n", b"\r\n")) == told(data)
    assert told(b"\xef\xbb\xbf" + data) == told(data)


def test_near_words() -> None:
    assert near_word("clal", ["bye", "call"]) == "call"
    assert near_word("x" * 65, ["x" * 65]) is None
    assert near_word("", ["a"]) is None
    assert hint_for("zz", ["call"], "No.") == "No."
