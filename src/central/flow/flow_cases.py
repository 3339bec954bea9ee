"""Test cases of a flow: what the called side does, and what must come of it; played by ``rehearsal`` in virtual time. Pure.

A file is YAML or JSON, ``<name>.cases.yaml`` beside the flow that it names; docs/howto/test-a-flow.md describes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from central.domain.accounts import OF_FLOWS, Switch
from central.domain.errors import InvalidInput
from central.domain.statuses import CallStatus
from central.flow.document import Flow, read_root
from central.flow.findings import Finding
from central.flow.preparation import prepare
from central.flow.program import Program
from central.flow.reading import Reading
from central.flow.rehearsal import Rehearsal
from central.flow.tree import Entries, Scalar

LIMIT_CASES: Final = 500
LIMIT_TURNS: Final = 2_000
_MIDDAY: Final = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)  # a Monday
_NUMBERS: Final = tuple(f"1555010{n:04d}" for n in range(1, 11))
_KEYS = re.compile(r"(?:presses )?([0-9*#]{1,32})( now)?")
_UNREACHED: Final[Mapping[str, CallStatus]] = {
    "is busy": CallStatus.BUSY,
    "does not answer": CallStatus.RING_TIMEOUT,
    "rejects": CallStatus.USER_REJECTED,
    "fails": CallStatus.FAILED,
}
_WORDS: Final = (
    "answers", "answers as a machine", *_UNREACHED, "presses 1", "presses 1 now", "listens", "waits", "agent comes", "talks", "replies OUTCOME", "hangs up", "hangs up in STEP",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Act:
    """What the world does next, in a few words; ``values`` is what an errand brings back."""

    words: str
    values: Mapping[str, str] = field(default_factory=dict[str, str])

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True, slots=True)
class FlowCase:
    """One case. ``becomes`` "" and None elsewhere = not looked at; path and says are parts in order, others may stand between.

    says () = nothing at all is heard; warns () = no warning.
    """

    name: str
    line: int
    acts: tuple[Act, ...]
    at: datetime = _MIDDAY
    numbers: int = 1
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    becomes: str = ""
    path: tuple[str, ...] = ()
    says: tuple[str, ...] | None = None
    stores: Mapping[str, str] = field(default_factory=dict[str, str])
    contact: Mapping[str, str] = field(default_factory=dict[str, str])
    remembers: Mapping[str, str] = field(default_factory=dict[str, str])
    warns: tuple[str, ...] | None = None
    lacks: frozenset[Switch] = frozenset()


@dataclass(frozen=True, slots=True)
class CaseFile:
    """The cases of one flow; ``flow`` is its file, seen from the case file."""

    flow: str
    cases: tuple[FlowCase, ...]


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a case; ``wrong`` is empty when all is as it must be."""

    case: FlowCase
    rehearsal: Rehearsal
    wrong: tuple[str, ...]


def parse_cases(data: bytes) -> CaseFile:
    """Read a case file. Raises InvalidInput: those of ``document.parse``, and ``cases_unreadable`` with line and hint."""
    findings: list[Finding] = []
    reading = Reading(read_root(data), findings)
    flow = reading.text("flow", required=True)
    reading.text("about")
    trees = reading.items("cases")
    if not trees or len(trees) > LIMIT_CASES:
        reading.find(
            "cases_missing",
            f"A file holds 1 to {LIMIT_CASES} cases.",
            line=reading.line("cases"),
            hint="`cases: [...]`",
        )
    cases = [_case(Reading(tree, findings)) for tree in trees if isinstance(tree, Entries)]
    if len(cases) != len(trees):
        reading.find(
            "field_not_mapping", "A case is a mapping.", line=reading.line("cases"), hint="{name: ..., caller: [...]}"
        )
    reading.close("A case file")
    if findings:
        first = min(findings, key=lambda finding: finding.line)
        message = f"Line {first.line}: {first.message} {first.hint}"
        raise InvalidInput("cases_unreadable", message, line=first.line, finding=first.code)
    return CaseFile(flow, tuple(cases))


def _case(reading: Reading) -> FlowCase:
    reading.text("about")
    case = FlowCase(
        name=reading.text("name", required=True),
        line=reading.entries.line,
        acts=tuple(_acts(reading)),
        at=_moment(reading),
        numbers=reading.whole("numbers", 1, 1, len(_NUMBERS)),
        variables=_texts(reading, "variables"),
        becomes=reading.text("becomes"),
        path=reading.texts("path"),
        says=reading.texts("says") if "says" in reading.entries.entries else None,
        stores=_texts(reading, "stores"),
        contact=_texts(reading, "contact"),
        remembers=_texts(reading, "remembers"),
        warns=reading.texts("warns") if "warns" in reading.entries.entries else None,
        lacks=_lacks(reading),
    )
    reading.close("A case")
    return case


def _lacks(reading: Reading) -> frozenset[Switch]:
    found = reading.texts("lacks")
    if not set(found) <= set(OF_FLOWS):
        hint = f"Some of: {', '.join(OF_FLOWS)}."
        reading.find("switch_unknown", "`lacks` names no capability.", line=reading.line("lacks"), hint=hint)
    return frozenset(switch for switch in OF_FLOWS if switch in found)


def _acts(reading: Reading) -> Iterable[Act]:
    for tree in reading.items("caller"):
        if isinstance(tree, Entries):
            inner = Reading(tree, reading.findings)
            act = Act(f"replies {inner.text('replies', required=True)}", _texts(inner, "values"))
            inner.close("What an errand brings back")
        else:
            act = Act(" ".join(tree.text.split()) if isinstance(tree, Scalar) else "")
        plain = act.words
        known = plain in _WORDS or plain.startswith(("hangs up in ", "replies ")) or _KEYS.fullmatch(plain)
        if not known:
            message = f"A caller cannot do {plain[:60]!r}."
            reading.find("act_unknown", message, line=reading.line("caller"), hint=f"One of: {', '.join(_WORDS)}.")
        yield act


def _moment(reading: Reading) -> datetime:
    text = reading.text("at")
    try:
        found = datetime.fromisoformat(text) if text else _MIDDAY
    except ValueError:
        found = _MIDDAY.replace(tzinfo=None)
    if found.tzinfo is None:
        hint = "Such as 2026-12-24T18:30+01:00."
        reading.find(
            "moment_unreadable", "`at` must be a date and time with its offset.", line=reading.line("at"), hint=hint
        )
        return _MIDDAY
    return found


def _texts(reading: Reading, name: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for key, tree in reading.mapping(name).entries.items():
        if isinstance(tree, Scalar):
            found[key] = "" if tree.missing else tree.text
        else:
            reading.find("field_not_text", f"{key!r} must be a text.", line=tree.line, hint="One text a variable.")
    return found


# -- playing -----------------------------------------------------------------------------------------------------------
def play_case(flow: Flow, case: FlowCase) -> Played:
    """Play one case and compare."""
    numbers, inbound = _NUMBERS[: case.numbers], flow.type == "inbound"
    rehearsal = Rehearsal(
        prepare(flow),
        flow.calls,
        case.at,
        case.variables,
        numbers,
        contact=case.contact,
        inbound=inbound,
        lacks=case.lacks,
    )
    missed = [f"the run was over before the caller {act}" for act in case.acts if not _act(rehearsal, act)]
    _until(rehearsal, over=True)
    return Played(case, rehearsal, (*missed, *_differences(case, rehearsal)))


def _act(rehearsal: Rehearsal, wanted: Act) -> bool:
    """Do it as soon as it can be done; False when the run is over before."""
    act, keys = wanted.words, _KEYS.fullmatch(wanted.words)
    _until_possible(rehearsal, act, keys)
    if rehearsal.over:
        return False
    if keys is not None:
        rehearsal.presses(keys[1])
    elif act in _UNREACHED:
        rehearsal.refuses(_UNREACHED[act])
    elif act.startswith("answers"):
        rehearsal.answers(machine=act == "answers as a machine")
    elif act.startswith("replies "):
        rehearsal.replies(act.removeprefix("replies "), wanted.values)
    elif act.startswith("hangs up"):
        rehearsal.hangs_up()
    else:
        {"talks": rehearsal.talks, "listens": rehearsal.listens, "agent comes": rehearsal.agent_comes}.get(
            act, rehearsal.waits
        )()
    return True


def _until_possible(rehearsal: Rehearsal, act: str, keys: re.Match[str] | None) -> None:
    if act.startswith("answers") or act in _UNREACHED:
        _until(rehearsal, awaits="answer")
    elif act in {"talks", "agent comes"} or act.startswith("replies "):
        _until(rehearsal, errand=True)
    elif keys is not None and keys[2] is None:
        _until(rehearsal, asks=True)
    elif act.startswith("hangs up in "):
        _until(rehearsal, step=act.removeprefix("hangs up in "))


def _until(
    rehearsal: Rehearsal,
    *,
    over: bool = False,
    awaits: str = "",
    asks: bool = False,
    errand: bool = False,
    step: str = "",
) -> None:
    """Let time pass until the run stands there; a call that nobody takes is not reached."""
    for _ in range(LIMIT_TURNS):
        asked = (asks and rehearsal.asks) or (errand and rehearsal.asks_others)
        there = asked or rehearsal.awaits == awaits or (step and rehearsal.run.step == step)
        if rehearsal.over or (there and not over):
            return
        if rehearsal.awaits == "answer":
            rehearsal.refuses(CallStatus.RING_TIMEOUT)
        else:
            rehearsal.waits()


def _differences(case: FlowCase, rehearsal: Rehearsal) -> Iterable[str]:
    status = rehearsal.outcome.status if rehearsal.outcome is not None else "nothing: it did not end"
    if case.becomes and case.becomes != status:
        yield f"became {status}, not {case.becomes}"
    if missing := _first_missing(case.path, rehearsal.path):
        yield f"did not come to {missing}; went {' > '.join(rehearsal.path)}"
    if case.says == () and rehearsal.said:
        yield f"was to say nothing; said {rehearsal.said}"
    elif unsaid := _first_unsaid(case.says or (), rehearsal.said):
        yield f"did not say {unsaid!r}; said {rehearsal.said}"
    for name, value in case.stores.items():
        if rehearsal.run.variables.get(name) != value:
            yield f"{name} is {rehearsal.run.variables.get(name)!r}, not {value!r}"
    for name, value in case.remembers.items():
        if rehearsal.run.facts.user.get(name, "") != value:
            yield f"user.key.{name} is {rehearsal.run.facts.user.get(name)!r}, not {value!r}"
    if case.warns is not None and sorted(case.warns) != sorted(rehearsal.warnings):
        yield f"warned of {rehearsal.warnings}, not of {list(case.warns)}"


def _first_missing(wanted: Sequence[str], found: Sequence[str]) -> str:
    """The first that does not come behind the one before it; "" when all do."""
    rest = iter(found)
    return next((one for one in wanted if one not in rest), "")


def _first_unsaid(wanted: Sequence[str], said: Sequence[str]) -> str:
    """The first part that is not in the utterance of the one before it, or a later one; "" when all are."""
    place = 0
    for part in wanted:
        place = next((n for n in range(place, len(said)) if part in said[n]), len(said))
        if place == len(said):
            return part
    return ""


# -- coverage ----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Coverage:
    """Steps that no case entered, and branches (step, branch) that none took, in the order of the document."""

    steps: tuple[str, ...]
    branches: tuple[tuple[str, str], ...]


def coverage(program: Program, played: Iterable[Played]) -> Coverage:
    """What the cases together leave out."""
    entered: set[str] = set()
    taken: set[tuple[str, str]] = set()
    for one in played:
        entered.update(one.rehearsal.path)
        taken |= one.rehearsal.taken
    branches = [(step.name, branch) for step in program.steps.values() for branch in step.targets]
    return Coverage(
        tuple(name for name in program.steps if name not in entered),
        tuple(pair for pair in branches if pair not in taken),
    )
