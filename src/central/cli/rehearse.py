"""Commands that play flows on this machine alone, without an installation: test cases, and a call in the terminal."""

from __future__ import annotations

import json as json_text
import os
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.types import ExistingFile, ExistingPath

from central.adapters.system import SystemClock
from central.cli.operate import Json
from central.cli.output import console, print_json, say
from central.domain.errors import InvalidInput
from central.domain.statuses import CallStatus
from central.flow.checker import check
from central.flow.document import Flow, parse
from central.flow.findings import has_errors
from central.flow.flow_cases import Coverage, Played, coverage, parse_cases, play_case
from central.flow.preparation import prepare
from central.flow.rehearsal import Rehearsal

_KEYS = set("0123456789*#")
_NOTHING_LEFT_OUT = Coverage((), ())
_HELP = "keys 0-9 * #  press    Enter  listen on    h  hang up    q  end"
_ASKED = {
    "answer": "answer? [Y/b(usy)/n(o answer)/r(eject)] ",
    "errand": "comes back with? (t: they talk, h: hang up) ",
}
_VALUE = re.compile(r"\s+(?=[A-Za-z_]\w*=)")  # before each NAME=VALUE; a value may hold blanks
_CALLED = {"": None, "y": None, "b": CallStatus.BUSY, "n": CallStatus.RING_TIMEOUT, "r": CallStatus.USER_REJECTED}

Done = str | dict[str, Any]
"""An act in the words of a test case."""


@dataclass(frozen=True, slots=True)
class FileResult:
    """A case file with its played cases; ``error`` instead where it, or its flow, cannot be read."""

    file: Path
    played: tuple[Played, ...] = ()
    coverage: Coverage = _NOTHING_LEFT_OUT
    error: str = ""

    @property
    def failed(self) -> bool:
        """Whether a case is not as it must be."""
        return bool(self.error) or any(one.wrong for one in self.played)


def play_file(file: Path) -> FileResult:
    """Play all cases of a file."""
    try:
        found = parse_cases(file.read_bytes())
        flow = parse((file.parent / found.flow).read_bytes())
    except InvalidInput as error:
        return FileResult(file, error=error.message)
    except OSError as error:
        return FileResult(file, error=f"{error.filename}: {error.strerror}")
    findings = check(flow)
    if has_errors(findings):
        first = next(finding for finding in findings if finding.severity == "error")
        return FileResult(file, error=f"{found.flow}, line {first.line}: {first.message}")
    played = tuple(play_case(flow, case) for case in found.cases)
    return FileResult(file, played, coverage(prepare(flow), played))


def play_cases(
    path: ExistingPath, *, strict: Annotated[bool, Parameter(negative="")] = False, json: Json = False
) -> int:
    """Play the cases of a ``*.cases.yaml`` file, or of all in a folder; exit status 1 when one is not as it must be.

    Steps and branches that no case reaches are listed; --strict counts them as failures.
    """
    files = sorted(path.rglob("*.cases.yaml")) if path.is_dir() else [path]
    results = [play_file(file) for file in files]
    if json:
        print_json([_as_json(result) for result in results])
    else:
        for result in results:
            _print_result(result)
        cases = [one for result in results for one in result.played]
        wrong = sum(bool(one.wrong) for one in cases) + sum(bool(result.error) for result in results)
        say(f"{len(cases) - sum(bool(one.wrong) for one in cases)} passed, {wrong} failed")
    left_out = any(result.coverage.steps or result.coverage.branches for result in results)
    return int(not results or any(result.failed for result in results) or (strict and left_out))


def _print_result(result: FileResult) -> None:
    say((str(result.file), "bold"))
    if result.error:
        say("  ", (result.error, "red"))
    for one in result.played:
        mark = ("failed", "red") if one.wrong else ("passed", "green")
        say("  ", mark, f"  {one.case.name}")
        for line in one.wrong:
            say(f"          {line}")
    for name in result.coverage.steps:
        say("  ", ("no case enters", "yellow"), f" {name}")
    for name, branch in result.coverage.branches:
        if name not in result.coverage.steps:
            say("  ", ("no case takes", "yellow"), f" {name} > {branch}")


def _as_json(result: FileResult) -> dict[str, Any]:
    return {
        "file": str(result.file),
        "error": result.error,
        "cases": [{"name": one.case.name, "passed": not one.wrong, "wrong": one.wrong} for one in result.played],
        "steps_left_out": result.coverage.steps,
        "branches_left_out": [{"step": name, "branch": branch} for name, branch in result.coverage.branches],
    }


# -- a call in the terminal ------------------------------------------------------------------------------------------------
def run_flow(file: ExistingFile, *variables: str, at: datetime | None = None, write: Path | None = None) -> int:
    """Play a flow in the terminal: it prints what the caller would hear and takes keys; VARIABLES are NAME=VALUE.

    --at is the moment at which it begins (now); --write adds the dialogue to a file of test cases.
    """
    flow = parse(file.read_bytes())
    findings = check(flow)
    for finding in findings:
        say((f"line {finding.line}: {finding.message}", "red" if finding.severity == "error" else "yellow"))
    values = {name: value for name, _, value in (text.partition("=") for text in variables)}
    begun = at or SystemClock().now()
    at_moment = begun if begun.tzinfo else begun.astimezone()
    rehearsal = Rehearsal(prepare(flow), flow.calls, at_moment, values, inbound=flow.type == "inbound")
    acts = _converse(rehearsal)
    status = rehearsal.outcome.status if rehearsal.outcome is not None else "not ended"
    say((status, "bold"), f"  {' > '.join(rehearsal.path)}")
    if write is not None and rehearsal.outcome is not None:
        _write_case(write, file, flow, rehearsal, values, acts)
        say(f"added to {write}")
    return int(has_errors(findings))


def _converse(rehearsal: Rehearsal) -> list[Done]:
    """Let the person at the keyboard be the called side; what was done, in the words of a test case."""
    acts: list[Done] = []
    shown = 0
    say((_HELP, "dim"))
    while True:
        for line in rehearsal.lines[shown:]:
            mark = {"flow": ("flow  ", "bold cyan"), "caller": ("caller", "bold"), "note": ("      ", "dim")}[line.who]
            text = (line.text, "dim" if line.who == "note" else "")
            say((f"{line.at_s:7.1f} ", "dim"), mark, " ", text)
        shown = len(rehearsal.lines)
        if rehearsal.over:
            return acts
        asked = _ASKED.get(rehearsal.awaits, "> ")
        try:
            typed = console.input(asked).strip()
        except EOFError:
            typed = "q"
        if typed.lower() == "q":
            return acts
        if rehearsal.asks_others and typed.lower() not in {"", "t", "h"} and not set(typed) <= _KEYS:
            acts.append(_reply(rehearsal, typed))
        else:
            _do(rehearsal, typed.lower(), acts)


def _reply(rehearsal: Rehearsal, typed: str) -> Done:
    """``success response_raw={"state": "paid"}``: what an errand brings back."""
    outcome, *pairs = _VALUE.split(typed)
    values = {name: value for name, _, value in (pair.partition("=") for pair in pairs)}
    rehearsal.replies(outcome.lower(), values)
    return {"replies": outcome.lower(), "values": values} if values else f"replies {outcome.lower()}"


def _do(rehearsal: Rehearsal, typed: str, acts: list[Done]) -> None:
    if rehearsal.awaits == "answer":
        status = _CALLED.get(typed)
        if status is None:
            rehearsal.answers()
            acts.append("answers")
        else:
            rehearsal.refuses(status)
            acts.append({"b": "is busy", "n": "does not answer", "r": "rejects"}[typed])
    elif rehearsal.awaits == "errand" and typed == "t":
        rehearsal.talks()
        acts.append("talks")
    elif typed == "h":
        rehearsal.hangs_up()
        acts.append("hangs up")
    elif typed and set(typed) <= _KEYS:
        rehearsal.presses(typed)
        acts.append(f"presses {typed} now")
    else:
        rehearsal.waits()
        acts.append("waits")


def _write_case(
    path: Path, file: Path, flow: Flow, rehearsal: Rehearsal, values: dict[str, str], acts: list[Done]
) -> None:
    """Append a case; JSON texts are YAML too."""
    quote = json_text.dumps
    at = rehearsal.begun.isoformat(timespec="seconds")
    status = rehearsal.outcome.status if rehearsal.outcome is not None else ""
    beside = os.path.relpath(file.resolve(), path.resolve().parent)
    lines = [] if path.exists() else [f"flow: {quote(beside)}", "cases:"]
    lines += [
        f"  - name: {quote(f'{flow.name} {len(acts)} acts at {at}')}",
        f"    at: {at}",
        f"    variables: {quote(values)}",
        f"    caller: {quote(acts)}",
        f"    becomes: {status}",
        f"    path: {quote(rehearsal.path)}",
    ]
    with path.open("a", encoding="utf-8") as out:
        out.write("\n".join(lines) + "\n")
