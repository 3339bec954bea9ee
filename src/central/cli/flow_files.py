"""Commands for flows as files, without an installation: check a document, draw it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter
from cyclopts.types import ExistingFile

from central.cli.client import call_api
from central.cli.operate import Json
from central.cli.output import print_json, say
from central.domain.errors import InvalidInput
from central.flow.checker import check, check_program
from central.flow.document import parse
from central.flow.drawing import draw
from central.flow.findings import Finding, has_errors
from central.flow.preparation import prepare
from central.flow.tree import LIMIT_BYTES

_LINE_END: Final = re.compile(r"\r\n|\n|\r")
_WIDEST: Final = 160  # characters of a line that is shown
_STYLES: Final = {"error": "bold red", "warning": "bold yellow"}


def read_document(file: Path) -> bytes:
    """The bytes of a flow's file, cut behind what a document may hold: a device or a film is not read to its end."""
    with file.open("rb") as opened:
        return opened.read(LIMIT_BYTES + 1)


def document_type(file: Path) -> str:
    """The media type of a flow's file, by its name."""
    return "application/json" if file.suffix == ".json" else "application/yaml"


def find(data: bytes) -> tuple[Finding, ...]:
    """All findings; a document that cannot be read at all has one."""
    try:
        return check(parse(data))
    except InvalidInput as error:
        return (unreadable(error),)


def unreadable(error: InvalidInput) -> Finding:
    """The refusal of a document as a finding."""
    line = error.details.get("line")
    tab = "'\\t'" in error.message
    hint = "Indent with blanks, not with tabs." if tab else "Mend this first: nothing else can be checked before."
    return Finding(error.code, "error", line if isinstance(line, int) else 0, "", error.message, hint)


# -- check -----------------------------------------------------------------------------------------------------------------
def check_files(
    file: ExistingFile,
    /,
    *more: ExistingFile,
    online: Annotated[bool, Parameter(negative="")] = False,
    json: Json = False,
) -> int:
    """Check flow documents, without an installation; exit status 1 when one has errors.

    Parameters
    ----------
    file
        the document, YAML or JSON.
    more
        further documents.
    online
        ask the installation, which also knows the account's prompts, numbers and endpoints.
    json
        print JSON: every finding with code, severity, file, line, step, message, hint and the line's text.
    """
    shown: list[dict[str, Any]] = []
    wrong = 0
    for one in (file, *more):
        data = read_document(one)
        findings = _asked(one, data) if online else find(data)
        lines = _LINE_END.split(data.decode("utf-8", "replace"))
        wrong += has_errors(findings)
        if json:
            shown += [{"file": str(one), **asdict(finding), "text": _text(lines, finding.line)} for finding in findings]
        else:
            _print_findings(one, lines, findings)
    if json:
        print_json(shown)
    return int(wrong > 0)


def _asked(file: Path, data: bytes) -> tuple[Finding, ...]:
    try:
        parse(data)
    except InvalidInput as error:
        return (unreadable(error),)
    answer = call_api("POST", "/flows/check", data=data, headers={"Content-Type": document_type(file)})
    return tuple(Finding(**finding) for finding in answer["findings"])


def _print_findings(file: Path, lines: Sequence[str], findings: Sequence[Finding]) -> None:
    for finding in findings:
        where = f" in step {finding.step}" if finding.step else ""
        say((f"{finding.severity}[{finding.code}]", _STYLES[finding.severity]), where, ": ", (finding.message, "bold"))
        say("  --> ", (f"{file}:{finding.line}" if finding.line else str(file), "cyan"))
        text = _text(lines, finding.line)
        if text:
            say((f"{finding.line:5} | ", "dim"), text)
        if finding.hint:
            say("      = hint: ", (finding.hint, "green"))
        say("")
    errors = sum(finding.severity == "error" for finding in findings)
    style = "red" if errors else "yellow" if findings else "green"
    say(f"{file}: ", (f"{_count(errors, 'error')}, {_count(len(findings) - errors, 'warning')}", style))


def _text(lines: Sequence[str], line: int) -> str:
    """A line of the document, tabs as blanks; "" for the document as a whole."""
    text = lines[line - 1].expandtabs(4).rstrip() if 0 < line <= len(lines) else ""
    return text if len(text) <= _WIDEST else f"{text[:_WIDEST]}…"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


# -- draw ------------------------------------------------------------------------------------------------------------------
def draw_file(file: ExistingFile, out: Path | None = None) -> None:
    """Draw a flow as a picture (SVG), without an installation; steps with errors have a red frame.

    Parameters
    ----------
    file
        the document, YAML or JSON.
    out
        where the picture goes; beside the document, with the ending .svg, by default.
    """
    flow = parse(read_document(file))
    program = prepare(flow)
    found = check_program(flow, program)
    picture = draw(flow, program, frozenset(finding.step for finding in found if finding.severity == "error"))
    to = out or file.with_suffix(".svg")
    to.write_text(picture, "utf-8")
    say(f"drawn to {to}")
