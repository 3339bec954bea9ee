"""Each case of a ``*.cases.yaml`` file is a test of pytest: the flow is played in virtual time (docs/howto/test-a-flow.md)."""

# pyright: reportUnknownMemberType=false
# pytest types neither its keywords nor its parents
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from central.domain.errors import InvalidInput
from central.flow.document import Flow, parse
from central.flow.flow_cases import FlowCase, parse_cases, play_case


class CaseFailed(Exception):
    """What a case demands did not come; one line a difference."""


class FlowCases(pytest.File):
    """One case file."""

    @override
    def collect(self) -> Iterator[pytest.Item]:
        """Its cases; a file or flow that cannot be read is an error of the collection."""
        try:
            found = parse_cases(self.path.read_bytes())
            flow = parse((self.path.parent / found.flow).read_bytes())
        except (InvalidInput, OSError) as error:
            raise self.CollectError(str(error)) from error
        for case in found.cases:
            yield FlowCaseItem.from_parent(self, name=case.name, flow=flow, case=case)


class FlowCaseItem(pytest.Item):
    """One case."""

    def __init__(self, *, flow: Flow, case: FlowCase, **more: Any) -> None:  # noqa: ANN401 - pytest's own
        super().__init__(**more)
        self._flow, self._case = flow, case

    @override
    def runtest(self) -> None:
        """Play it. Raises CaseFailed."""
        if wrong := play_case(self._flow, self._case).wrong:
            raise CaseFailed("\n".join(wrong))

    @override
    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The differences alone; our own faults with their trace."""
        return str(excinfo.value) if isinstance(excinfo.value, CaseFailed) else super().repr_failure(excinfo, style)

    @override
    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the case stands."""
        return self.path, self._case.line - 1, self.name


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.File | None:
    """Take case files."""
    return FlowCases.from_parent(parent, path=file_path) if file_path.name.endswith(".cases.yaml") else None
