"""A finding: what the checker says about a flow document. Drafts are saved with findings; publishing refuses errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One remark about one place of a document.

    code: stable lower_snake word. line: from 1, 0 = the document as a whole. step: name of the step, "" = outside of steps.
    hint: what to do about it.
    """

    code: str
    severity: Severity
    line: int
    step: str
    message: str
    hint: str = ""


def has_errors(findings: tuple[Finding, ...]) -> bool:
    """Whether publishing must refuse the document."""
    return any(finding.severity == "error" for finding in findings)
