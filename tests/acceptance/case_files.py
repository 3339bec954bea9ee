"""Reads the case files of ``tests/cases``: one file is one account, one flow, one list of contacts, and what must come out.

The format is described for people in ``tests/cases/README.md``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "cases"

FILE_KEYS = {
    "about", "mode", "account", "register", "trunk", "flow", "other_flows", "drafts", "removed_prompts", "did", "case", "then", "patience_s", "webhooks", "sms_center",
    "queue", "agent",
}  # fmt: skip
CASE_KEYS = {
    "name", "about", "calls", "start_time", "time_zone", "priority", "variables", "on", "becomes", "legs", "recordings",
}  # fmt: skip
CALLER_KEYS = {"caller", "dials", "from_number", "from_host", "proves"}
STEPS = {"until", "asleep", "ringing", "talking", "pause", "resume", "stop", "requeue", "account", "funds", "list"}
STEP_KEYS = {"of", "touches", "force", "times"}


class BadCaseFile(ValueError):
    """A case file does not say what a case file must say."""


@dataclass(frozen=True, slots=True)
class Case:
    """One contact: whom it calls, on which lists it stands, what must become of it.

    For an inbound flow: ``caller`` is who calls (``examples/carrier/callers.py``), ``dials`` which number instead of the flow's,
    ``proves`` the trunk whose log-in he uses. Without ``becomes`` the call is refused and makes no record.
    """

    file: str
    name: str
    calls: Sequence[str]
    becomes: Mapping[str, Any]
    legs: Sequence[Mapping[str, Any]] | None
    on: Sequence[str] = ()
    start_time: str = ""
    time_zone: str = ""
    priority: str = ""
    variables: Mapping[str, str] | None = None
    recordings: Sequence[Mapping[str, Any]] | None = None
    caller: str = ""
    dials: str = ""
    from_number: str = ""
    from_host: str = "127.0.0.1"
    proves: str = ""

    @property
    def refused(self) -> bool:
        """Whether the call must not become a record."""
        return bool(self.caller) and not self.becomes

    @property
    def id(self) -> str:
        """How reports and the status atlas name it."""
        return f"{self.file}/{self.name}"


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A list with its flow and what is done while it runs."""

    name: str
    path: Path
    flow: str
    flow_name: str
    mode: str
    account: Mapping[str, Any]
    register_age_h: float | None
    trunks: Sequence[Mapping[str, Any]]
    did: str | None  # None: a number of the file's own
    cases: Sequence[Case]
    then: Sequence[Mapping[str, Any]]
    patience_s: float
    webhooks: Sequence[str] = ()
    removed_prompts: Sequence[str] = ()
    other_flows: Sequence[str] = ()
    drafts: Sequence[str] = ()
    sms_center: bool = False
    queues: Sequence[Mapping[str, Any]] = ()
    agents: Sequence[Mapping[str, Any]] = ()

    @property
    def inbound(self) -> bool:
        """Whether customers call the flow."""
        return "\ntype: inbound" in self.flow

    def case(self, name: str) -> Case:
        """A case by its name. Raises BadCaseFile."""
        for case in self.cases:
            if case.name == name:
                return case
        raise BadCaseFile(f"{self.path.name}: there is no case {name!r}")


@cache
def case_files() -> tuple[CaseFile, ...]:
    """All files in the order of their names. Raises BadCaseFile."""
    return tuple(read_case_file(path) for path in sorted(FOLDER.glob("*.toml")))


def read_case_file(path: Path) -> CaseFile:
    """Read and check one file. Raises BadCaseFile."""
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    _known(path, document, FILE_KEYS)
    flow = str(document["flow"])
    file = CaseFile(
        name=path.stem,
        path=path,
        flow=flow,
        flow_name=next(line.removeprefix("flow:").strip() for line in flow.splitlines() if line.startswith("flow:")),
        mode=str(document.get("mode", "production")),
        account=document.get("account", {}),
        register_age_h=document.get("register", {}).get("age_h"),
        trunks=document.get("trunk", ()),
        did=document.get("did"),
        cases=tuple(_case(path, case) for case in document["case"]),
        then=tuple(document.get("then", ())),
        patience_s=float(document.get("patience_s", 60)),
        webhooks=tuple(document.get("webhooks", ())),
        removed_prompts=tuple(document.get("removed_prompts", ())),
        other_flows=tuple(document.get("other_flows", ())),
        drafts=tuple(document.get("drafts", ())),
        sms_center=document.get("sms_center") is True,
        queues=tuple(document.get("queue", ())),
        agents=tuple(document.get("agent", ())),
    )
    names = [case.name for case in file.cases]
    if len(set(names)) != len(names):
        raise BadCaseFile(f"{path.name}: two cases have the same name")
    for step in file.then:
        if len(step.keys() & STEPS) != 1 or step.keys() - STEPS - STEP_KEYS:
            raise BadCaseFile(f"{path.name}: a step does one of {', '.join(sorted(STEPS))}, not {dict(step)}")
    return file


def _case(path: Path, case: Mapping[str, Any]) -> Case:
    _known(path, case, CASE_KEYS | CALLER_KEYS)
    return Case(
        file=path.stem,
        name=str(case["name"]),
        calls=tuple(case["calls"] if "caller" not in case else ()),
        becomes=case.get("becomes", {}),
        legs=case.get("legs"),
        on=tuple(case.get("on", ())),
        start_time=str(case.get("start_time", "")),
        time_zone=str(case.get("time_zone", "")),
        priority=str(case.get("priority", "")),
        variables=case.get("variables"),
        recordings=case.get("recordings"),
        caller=str(case.get("caller", "")),
        dials=str(case.get("dials", "")),
        from_number=str(case.get("from_number", "")),
        from_host=str(case.get("from_host", "127.0.0.1")),
        proves=str(case.get("proves", "")),
    )


def _known(path: Path, table: Mapping[str, Any], keys: set[str]) -> None:
    if unknown := table.keys() - keys:
        raise BadCaseFile(f"{path.name}: unknown key {', '.join(sorted(unknown))}")
