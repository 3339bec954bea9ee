"""Reads one mapping of a document field by field: what is wrong becomes a finding, what is missing its default.

Used for the sections of a flow and, by every widget, for its own fields; so the checker and the interpreter can never
understand a document differently.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TypeVar

from central.flow.durations import parse_duration, show_duration
from central.flow.findings import Finding, Severity
from central.flow.near_words import hint_for
from central.flow.tree import Entries, Items, Scalar, Tree, flag

Word = TypeVar("Word", bound=str)
LIMIT_TEXT = 8_192
LIMIT_FINDINGS = 500  # of a document, and while it is read of one section or step: nonsense must not cost minutes


class Reading:
    """A mapping under examination. Each method marks its field as known; ``close`` reports all others.

    findings: the list that all readings of one document share. step: the step's name for findings, "" outside of steps.
    """

    __slots__ = ("_known", "entries", "findings", "step")

    def __init__(self, entries: Entries, findings: list[Finding], step: str = "") -> None:
        self.entries = entries
        self.findings = findings
        self.step = step
        self._known: set[str] = set()

    # -- findings ------------------------------------------------------------------------------------------------------
    def find(self, code: str, message: str, *, hint: str, line: int = 0, severity: Severity = "error") -> None:
        """Report a finding at this mapping, or at ``line``; after LIMIT_FINDINGS only that there are more."""
        if len(self.findings) < LIMIT_FINDINGS:
            self.findings.append(Finding(code, severity, line or self.entries.line, self.step, message, hint))
        elif len(self.findings) == LIMIT_FINDINGS:
            message = f"Only the first {LIMIT_FINDINGS} findings here are listed."
            hint = "Mend these first."
            self.findings.append(Finding("too_many_findings", "error", self.entries.line, self.step, message, hint))

    def line(self, name: str) -> int:
        """The line of a field, or of the mapping when it is not there."""
        return self.entries.lines.get(name, self.entries.line)

    def close(self, what: str, ignored: Iterable[str] = ()) -> None:
        """Report every field that nobody asked for; ``what`` names the mapping in the sentence."""
        known = self._known | set(ignored)
        for name in self.entries.entries:
            if len(self.findings) > LIMIT_FINDINGS:
                return
            if name not in known:
                hint = hint_for(name, known, f"Known here: {', '.join(sorted(known)) or 'nothing'}.")
                self.find("unknown_field", f"{what} has no field {name[:64]!r}.", line=self.line(name), hint=hint)

    # -- fields --------------------------------------------------------------------------------------------------------
    def tree(self, name: str) -> Tree | None:
        """The field as it stands, None when it is missing or empty."""
        self._known.add(name)
        found = self.entries.entries.get(name)
        return None if isinstance(found, Scalar) and found.missing else found

    def text(self, name: str, default: str = "", *, required: bool = False, limit: int = LIMIT_TEXT) -> str:
        """A text of at most so many characters, as written."""
        found = self.tree(name)
        if isinstance(found, Scalar) and len(found.text) <= limit:
            return found.text
        if found is None:
            if required:
                self.find("field_missing", f"The field {name!r} is missing.", hint=f"Add `{name}:`.")
            return default
        message = f"{name!r} must be a text of at most {limit} characters."
        self.find("field_not_text", message, line=self.line(name), hint="Neither a list nor a mapping can stand here.")
        return default

    def choice(self, name: str, words: Sequence[Word], default: Word, *, required: bool = False) -> Word:
        """One of some words."""
        found = self.text(name, required=required)
        for word in words:
            if word == found:
                return word
        if found or self.tree(name) is not None:
            hint = hint_for(found, words, f"One of: {', '.join(words)}.")
            self.find("field_unknown_word", f"{name!r} cannot be {found[:64]!r}.", line=self.line(name), hint=hint)
        return default

    def flag(self, name: str, *, default: bool) -> bool:
        """``true`` or ``false``."""
        found = self.tree(name)
        if found is None:
            return default
        value = flag(found)
        if value is None:
            self.find(
                "field_not_flag", f"{name!r} must be true or false.", line=self.line(name), hint="Without quotes."
            )
            return default
        return value

    def whole(self, name: str, default: int, low: int, high: int) -> int:
        """A whole number within bounds."""
        found = self.tree(name)
        if found is None:
            return default
        digits = found.text if isinstance(found, Scalar) else ""
        if digits.isascii() and digits.isdigit() and len(digits) <= 9 and low <= int(digits) <= high:  # noqa: PLR2004
            return int(digits)
        message = f"{name!r} must be a whole number from {low} to {high}."
        self.find("field_out_of_range", message, line=self.line(name), hint="Write it without quotes and unit.")
        return default

    def signed(self, name: str, default: int, limit: int, *, required: bool = False) -> int:
        """A whole number between -limit and limit."""
        found = self.tree(name)
        if found is None:
            self.text(name, required=required)
            return default
        text = found.text if isinstance(found, Scalar) else ""
        digits = text.removeprefix("-")
        if digits.isascii() and digits.isdigit() and len(digits) <= 9 and int(digits) <= limit:  # noqa: PLR2004
            return int(text)
        message = f"{name!r} must be a whole number from -{limit} to {limit}."
        self.find("field_out_of_range", message, line=self.line(name), hint="Write it without quotes and unit.")
        return default

    def number(self, name: str, low: float, high: float) -> float | None:
        """A number within bounds, None when it is missing."""
        found = self.tree(name)
        if found is None:
            return None
        text = found.text if isinstance(found, Scalar) else ""
        if text.isascii() and text.replace(".", "", 1).isdigit() and len(text) <= 12 and low <= float(text) <= high:  # noqa: PLR2004
            return float(text)
        message = f"{name!r} must be a number from {low:g} to {high:g}."
        self.find(
            "field_out_of_range", message, line=self.line(name), hint="Write digits, with a point for a fraction."
        )
        return None

    def duration(self, name: str, default: timedelta, low: timedelta, high: timedelta) -> timedelta:
        """A duration such as ``30s`` within bounds."""
        found = self.tree(name)
        if found is None:
            return default
        value = self.as_duration(name, found, low, high)
        return default if value is None else value

    def durations(self, name: str, default: timedelta, low: timedelta, high: timedelta) -> tuple[timedelta, ...]:
        """One duration, or a list of them."""
        found = self.tree(name)
        if found is None:
            return (default,)
        trees = found.items if isinstance(found, Items) else (found,)
        values = [self.as_duration(name, tree, low, high) for tree in trees]
        return tuple(value for value in values if value is not None) or (default,)

    def as_duration(self, name: str, tree: Tree, low: timedelta, high: timedelta) -> timedelta | None:
        """This tree as a duration; reports it when it is none or is out of bounds."""
        value = parse_duration(tree.text) if isinstance(tree, Scalar) else None
        if value is None:
            hint = "Write a number with its unit, such as 10s, 5m, 2h."
            self.find("field_not_duration", f"{name!r} must be a duration.", line=tree.line, hint=hint)
        elif not low <= value <= high:
            message = f"{name!r} must be between {show_duration(low)} and {show_duration(high)}."
            self.find("field_out_of_range", message, line=tree.line, hint="Choose a duration within these bounds.")
        else:
            return value
        return None

    def items(self, name: str) -> tuple[Tree, ...]:
        """The trees of a list; empty when it is missing."""
        found = self.tree(name)
        if found is None:
            return ()
        if isinstance(found, Items):
            return found.items
        self.find("field_not_list", f"{name!r} must be a list.", line=self.line(name), hint="Write [one, two].")
        return ()

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts; empty when it is missing."""
        trees = self.items(name)
        for tree in trees:
            if not isinstance(tree, Scalar):
                self.find("field_not_text", f"{name!r} must hold texts only.", line=tree.line, hint="Write [one, two].")
        return tuple(tree.text for tree in trees if isinstance(tree, Scalar))

    def mapping(self, name: str) -> Entries:
        """A mapping; empty when it is missing."""
        found = self.tree(name)
        if isinstance(found, Entries):
            return found
        if found is not None:
            message = f"{name!r} must be a mapping of keys to values."
            self.find("field_not_mapping", message, line=self.line(name), hint="Write {key: value}.")
        return Entries(line=self.line(name))

    def section(self, name: str) -> Reading:
        """A mapping as a reading of its own; the caller closes it."""
        return Reading(self.mapping(name), self.findings, self.step)

    def present(self, name: str) -> bool:
        """Whether the field is written and not empty."""
        return self.tree(name) is not None
