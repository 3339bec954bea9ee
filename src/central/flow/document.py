"""A flow document, YAML 1.2 or JSON, read into a frozen ``Flow``. The bytes are the truth and are kept elsewhere.

``parse`` refuses only what cannot be read at all (InvalidInput with ``line`` in its details). Whatever is readable but
wrong becomes a finding in ``Flow.findings``, so that a draft can always be saved; steps are judged by ``checker.check``.
docs/reference/flow-language.md describes the format. Path steps 1, 2 and 4 read flows; entered by the API and the CLI.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from central.domain.errors import InvalidInput
from central.domain.weekly_hours import WeeklyHours
from central.domain.zones import known_zone
from central.flow.configuration import (
    CallSettings,
    FlowType,
    Formats,
    Purpose,
    VariableDeclaration,
)
from central.flow.findings import Finding
from central.flow.json_tree import read_json
from central.flow.reading import Reading
from central.flow.sections import read_business_hours, read_calls, read_formats, read_variables
from central.flow.tree import LIMIT_BYTES, Entries, Scalar
from central.flow.variables import NAME
from central.flow.yaml_tree import read_yaml

LIMIT_STEPS = 300
END: Final = "end"
LAYOUT_KEYS: Final = ("layout", "canvas")  # what an editor keeps for itself: free form, without meaning here
FLOW_NAME = re.compile(r"[A-Za-z0-9_]{1,64}")
TYPES: Final[tuple[FlowType, ...]] = ("multicast", "inbound", "dialer")
PURPOSES: Final[tuple[Purpose, ...]] = ("marketing", "transactional", "service")


@dataclass(frozen=True, slots=True)
class Step:
    """One step as written: its widget's name and all its fields, not yet understood."""

    name: str
    widget: str
    fields: Entries
    line: int


@dataclass(frozen=True, slots=True)
class Flow:
    """A flow as its document says it; no steps where there are more than LIMIT_STEPS.

    ``findings`` holds what reading the document itself found; ``recording``: its calls are recorded from answer to end, and
    ``recording_line`` says so.
    """

    name: str
    type: FlowType
    purpose: Purpose
    time_zone: str
    formats: Formats
    calls: CallSettings
    business_hours: WeeklyHours | None
    variables: tuple[VariableDeclaration, ...]
    steps: Mapping[str, Step]
    findings: tuple[Finding, ...] = ()
    description: str = ""
    recording: bool = False
    recording_line: int = 0


def parse(data: bytes) -> Flow:
    """Read a document of at most 1 MiB; one that begins with ``{`` is JSON, any other YAML.

    Raises InvalidInput: document_too_large, document_not_utf8, document_bad_character, document_empty,
    document_not_mapping, document_syntax, document_several, document_too_deep, document_duplicate_key,
    document_key_not_text, document_alias, document_tag. Takes up to seconds for a hostile document: run it in a thread.
    """
    root = read_root(data)
    findings: list[Finding] = []
    reading = Reading(root, findings)
    zone = reading.text("time_zone", "UTC")
    if known_zone(zone) is None:
        message = f"There is no time zone {zone[:64]!r}."
        reading.find("time_zone_unknown", message, line=reading.line("time_zone"), hint="An IANA name: Asia/Kolkata.")
    has_hours = reading.present("business_hours")
    flow = Flow(
        name=_name(reading),
        type=reading.choice("type", TYPES, "multicast", required=True),
        purpose=reading.choice("purpose", PURPOSES, "marketing", required=True),
        time_zone=zone if known_zone(zone) else "UTC",
        formats=read_formats(reading.section("formats")),
        calls=read_calls(reading.section("calls")),
        business_hours=read_business_hours(reading.section("business_hours")) if has_hours else None,
        variables=read_variables(reading.section("variables")),
        steps=_steps(reading),
        description=reading.text("description"),
        recording=reading.flag("recording", default=False),
        recording_line=reading.line("recording"),
    )
    reading.close("A flow", ignored=LAYOUT_KEYS)
    return replace(flow, findings=tuple(sorted(findings, key=lambda finding: (finding.line, finding.code))))


def read_root(data: bytes) -> Entries:
    """The mapping that a document is, YAML or JSON. Raises what ``parse`` raises."""
    if len(data) > LIMIT_BYTES:
        message = f"A flow document holds at most {LIMIT_BYTES} bytes, this one {len(data)}."
        raise InvalidInput("document_too_large", message, line=0)
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        raise InvalidInput("document_not_utf8", "This is UTF-16. Save it as UTF-8.", line=1)
    if b"\x00" in data:
        line = data.count(b"\n", 0, data.index(b"\x00")) + 1
        raise InvalidInput("document_bad_character", "NUL is not allowed.", line=line)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidInput("document_not_utf8", "A flow document is UTF-8 text.", line=line) from error
    root = read_json(text) if text.lstrip(" \t\r\n").startswith("{") else read_yaml(text)
    if root is None or (isinstance(root, Scalar) and root.missing):
        raise InvalidInput("document_empty", "The document is empty.", line=0)
    if not isinstance(root, Entries):
        raise InvalidInput("document_not_mapping", "A flow document is a mapping: `flow: name`, ...", line=root.line)
    return root


def _name(reading: Reading) -> str:
    name = reading.text("flow", required=True)
    if name and not FLOW_NAME.fullmatch(name):
        message = "A flow's name has 1 to 64 letters, digits and underscores."
        reading.find("flow_name_invalid", message, line=reading.line("flow"), hint="Such as appointment_reminder.")
    return name[:64]


def _steps(reading: Reading) -> Mapping[str, Step]:
    section = reading.section("steps")
    names = section.entries.entries
    if not names:
        reading.find("steps_missing", "The flow has no steps.", line=reading.line("steps"), hint="Add `steps:`.")
    if len(names) > LIMIT_STEPS:
        message = f"A flow has at most {LIMIT_STEPS} steps, this one {len(names)}."
        reading.find("too_many_steps", message, line=reading.line("steps"), hint="Split it into several flows.")
        return {}
    steps: dict[str, Step] = {}
    for name in names:
        line = section.line(name)
        if not NAME.fullmatch(name) or name == END:
            hint = f"Letters, digits and underscore, not beginning with a digit; `{END}` is reserved."
            reading.find("step_name_invalid", f"A step cannot be called {name[:64]!r}.", line=line, hint=hint)
            continue
        fields = section.mapping(name)
        own = Reading(fields, reading.findings, name)
        steps[name] = Step(name, own.text("widget", required=True), fields, line)
    return steps
