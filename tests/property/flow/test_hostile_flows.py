"""Any readable document becomes a program that ends, is drawn and compared, whatever its fields hold."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

from hypothesis import given, settings
from hypothesis import strategies as st

from central.flow.checker import check_program
from central.flow.difference import compare
from central.flow.document import parse
from central.flow.drawing import draw
from central.flow.findings import Finding
from central.flow.preparation import prepare
from central.flow.rehearsal import Rehearsal
from central.flow.widgets.table import WIDGETS

NAMES = ["start", "call", "s1", "s2", "gone", "done"]
USUAL = {"start": {"widget": "start", "next": "call"}, "call": {"widget": "make_call", "on": {"connected": "s1"}}}
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
words = st.sampled_from(
    [*NAMES, *WIDGETS, "end", "nowhere", "", "a", "{{ $flow.key.A }}", "{{", "{{ x }}", "$flow.key.A", "5s", "99h", "-1", "1", "#",
     "1*#", "in", ">=", "regex", "(", "(?=a)", "silence:1", "../x", "mon-fri", "09:00-18:00", "2026-12-25", "en", "xx", "INR",
     "add", "date_add", "dd-MM-yyyy", "\u2028", "\U0001f600", "a" * 300, "x" * 9_000]
)  # fmt: skip
scalars = words | st.none() | st.booleans() | st.integers(-2, 12) | st.floats(allow_nan=False, allow_infinity=False)
keys = st.sampled_from(
    ["say", "file", "when", "value", "is", "to", "next", "name", "days", "hours", "dates", "all", "any", "kind", "error", "connected",
     "money", "currency", "1", "2", "12", "A", "else", "x"]
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def fields_of(draw_: st.DrawFn, name: str) -> dict[str, object]:
    """A step of this widget: some of its fields hold something, right or wrong, and most branches lead somewhere."""
    widget = WIDGETS[name]
    own = [field.name for field in widget.fields]
    chosen = draw_(st.lists(st.sampled_from([*own, "on_failure", "about", "zzz"]), max_size=5, unique=True))
    step: dict[str, object] = {"widget": name, **{field: draw_(values) for field in chosen}}
    targets = st.sampled_from([*NAMES, "end", "nowhere"])
    wired = {branch.name: draw_(targets) for branch in widget.branches}
    if "next" in wired:
        step["next"] = wired.pop("next")
    return step | ({"on": wired} if wired else {})


steps = st.dictionaries(
    st.sampled_from([*NAMES, "s 1", "end", "1x"]),
    st.sampled_from(sorted(WIDGETS)).flatmap(fields_of),
    max_size=8,
)
documents = st.fixed_dictionaries(
    {"steps": steps},
    optional={
        "flow": scalars,
        "type": st.sampled_from(["multicast", "inbound", "dialer", "x"]),
        "purpose": scalars,
        "formats": values,
        "calls": values,
        "variables": values,
        "business_hours": values,
        "layout": values,
        "zzz": values,
    },
)


@settings(max_examples=150)
@given(
    documents,
    st.lists(st.sampled_from(["answers", "waits", "1", "9#", "hangs up", "busy", "success", "failed"]), max_size=12),
)
def test_whatever_the_fields_hold(document: dict[str, object], acts: list[str]) -> None:
    document = {"flow": "x", "type": "multicast", "purpose": "service", **document}
    document["steps"] = {**USUAL, **dict(document["steps"])}  # type: ignore[call-overload]
    data = json.dumps(document, indent=1, ensure_ascii=False).encode()
    flow = parse(data)
    program = prepare(flow)
    found = check_program(flow, program)
    for finding in found:
        assert isinstance(finding, Finding)
        assert finding.code
        assert finding.hint
        assert 0 <= finding.line <= data.count(b"\n") + 1
    ET.fromstring(draw(flow, program, frozenset({"start"})))
    difference = compare(data, json.dumps(document, ensure_ascii=False).encode())
    assert difference.changes == ()
    rehearsal = Rehearsal(program, flow.calls, NOON, {"A": "7"}, ("15550100001", "15550100002"))
    for act in acts:
        if act == "answers":
            rehearsal.answers()
        elif act == "busy":
            rehearsal.waits()
        elif act in {"success", "failed"}:
            rehearsal.replies(act)
        elif act == "hangs up":
            rehearsal.hangs_up()
        elif act == "waits":
            rehearsal.waits()
        else:
            rehearsal.presses(act)
