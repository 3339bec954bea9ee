"""``CENTRAL_TEST_UPDATE_CASES=1 make acceptance`` writes what came out into the case files: only keys that stand there already.

A switch for after a change that was meant: read the difference before you keep it. Layout and comments stay.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from tests.acceptance.case_files import Case
from tests.acceptance.seen import Seen

_BECOMES = re.compile(r"^becomes = .*$", re.MULTILINE)
_LEGS = re.compile(r"^legs = \[(?:\]|\n.*?^\])", re.MULTILINE | re.DOTALL)


def updated(text: str, case: Case, seen: Seen) -> str:
    """The file's text with this case's expectations as they were seen."""
    start = text.index(f"name = {_toml(case.name)}\n")
    end = text.find("\n[[", start)
    end = len(text) if end < 0 else end
    part = text[start:end]
    record = seen.as_record()
    becomes = _table({key: _fitting(key, must, record) for key, must in case.becomes.items()})
    part = _BECOMES.sub(lambda _: f"becomes = {becomes}", part, count=1)
    if case.legs is not None:
        part = _LEGS.sub(lambda _: _legs(case, seen), part, count=1)
    return text[:start] + part + text[end:]


def _legs(case: Case, seen: Seen) -> str:
    wanted = list(case.legs or ())
    lines: list[str] = []
    for index in range(len(seen.legs)):
        found = seen.as_leg(index)
        keys = wanted[index] if index < len(wanted) else {"status": None}
        lines.append(f"  {_table({key: _fitting(key, must, found) for key, must in keys.items()})},")
    return "legs = []" if not lines else "\n".join(("legs = [", *lines, "]"))


def _fitting(key: str, must: Any, found: Mapping[str, Any]) -> Any:
    value = found[key]
    if key == "variables":
        names: Mapping[str, str] = must
        return {name: value.get(name, "") for name in names}
    return "none" if value is None else value


def _table(values: Mapping[str, Any]) -> str:
    inner = ", ".join(f"{key} = {_toml(value)}" for key, value in values.items())
    return f"{{ {inner} }}" if inner else "{}"


def _toml(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case list() | tuple():
            return f"[{', '.join(_toml(item) for item in cast('list[object]', value))}]"
        case dict():
            return _table(cast("dict[str, object]", value))
        case int() | float():
            return str(value)
        case _:
            text = str(value).replace("\\", "\\\\").replace('"', '\\"')
            return f'"{text}"'
