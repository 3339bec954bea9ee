"""Variables and templates: ``{{ $flow.key.Name }}`` in any text field is replaced by the variable's value.

The braces are required everywhere; a bare ``$flow.key.Name`` is ordinary text (the checker warns). What has no value
renders as empty text and is reported, so that a customer never hears a variable's name. Secret values render as ``***``
in everything that a timeline shows. Domain specification, section 6.1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

MASK = "***"
LIMIT_VALUE_CHARS = 4_096
LIMIT_RECORD_BYTES = 65_536

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
SYSTEM_KEYS = frozenset({
    "record_id", "request_id", "attempt_id", "attempt_number", "flow_id", "flow_version", "client_identifier",
    "contact_number", "did", "status", "reason", "last_connection_status", "queue_outcome", "now",
})  # fmt: skip
USER_SYSTEM_KEYS = frozenset({"number", "time_zone", "updated_at"})
"""``number`` is always there; the others once something about the contact was stored."""
CALL_KEYS = frozenset({"cdr", "start", "connect", "hangup", "dnis.number", "cli.number"})

_BRACES = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_REFERENCE = re.compile(r"\$(flow\.key|flow\.syskey|user\.key|user\.syskey|call)\.([A-Za-z_][A-Za-z0-9_.]{0,63})")
_BARE = re.compile(r"\$(?:flow\.key|flow\.syskey|user\.key|user\.syskey|call)\.[A-Za-z_]")


@dataclass(frozen=True, slots=True)
class Reference:
    """One variable by namespace (``flow.key``, ``flow.syskey``, ``user.key``, ``user.syskey``, ``call``) and name."""

    space: str
    name: str

    def __str__(self) -> str:
        return f"${self.space}.{self.name}"


@dataclass(frozen=True, slots=True)
class Template:
    """A text with references. ``broken`` holds what stood in braces and is no reference."""

    parts: tuple[str | Reference, ...]
    literal: str | None
    broken: tuple[str, ...] = ()
    bare: bool = False

    @property
    def references(self) -> tuple[Reference, ...]:
        """The variables it reads, in order."""
        return tuple(part for part in self.parts if isinstance(part, Reference))


@dataclass(frozen=True, slots=True)
class Rendered:
    """A rendered template: ``text`` for the customer, ``shown`` for timelines, ``unresolved`` the names without a value."""

    text: str
    shown: str
    unresolved: tuple[str, ...] = ()


class Scope(Protocol):
    """Where a running flow finds its values."""

    def value_of(self, reference: Reference) -> str | None:
        """The value, None when there is none."""
        ...

    def is_secret(self, reference: Reference) -> bool:
        """Whether the value must not reach a timeline."""
        ...


def parse_template(text: str) -> Template:
    """Split a text at its braces; never fails, see ``Template.broken``."""
    if "{{" not in text:
        return Template((text,), text, bare=bool(_BARE.search(text)))
    parts: list[str | Reference] = []
    broken: list[str] = []
    rest = 0
    for match in _BRACES.finditer(text):
        parts.append(text[rest : match.start()])
        rest = match.end()
        reference = parse_reference(match[1].strip())
        if reference is None:
            broken.append(match[1].strip())
        else:
            parts.append(reference)
    parts.append(text[rest:])
    if "{{" in text[rest:]:
        broken.append(text[rest:].partition("{{")[2].strip())
    kept = tuple(part for part in parts if part != "")
    outside = any(_BARE.search(part) for part in kept if isinstance(part, str))
    literal = "".join(part for part in kept if isinstance(part, str))
    has_references = any(isinstance(part, Reference) for part in kept)
    return Template(kept, None if has_references else literal, tuple(broken), outside)


def parse_reference(text: str) -> Reference | None:
    """``$flow.key.Name`` and the like; None for anything else, unknown ``$call`` names included."""
    match = _REFERENCE.fullmatch(text)
    if match is None:
        return None
    space, name = match[1], match[2]
    if space == "call":
        return Reference(space, name) if name in CALL_KEYS else None
    return Reference(space, name) if NAME.fullmatch(name) else None


def render(
    template: Template, scope: Scope, limit: int = LIMIT_VALUE_CHARS, quote: Callable[[str], str] | None = None
) -> Rendered:
    """Fill in the values. The text is cut after ``limit`` + 1 characters, so that its excess can be seen.

    quote: what is done to each value first, such as to make it harmless in HTML.
    """
    if template.literal is not None:
        return Rendered(template.literal, template.literal)
    text: list[str] = []
    shown: list[str] = []
    unresolved: list[str] = []
    for part in template.parts:
        if isinstance(part, str):
            text.append(part)
            shown.append(part)
            continue
        value = scope.value_of(part)
        if value is None:
            unresolved.append(str(part))
            continue
        value = value if quote is None else quote(value)
        text.append(value)
        shown.append(MASK if scope.is_secret(part) else value)
    return Rendered("".join(text)[: limit + 1], "".join(shown)[: limit + 1], tuple(unresolved))


def record_bytes(variables: Mapping[str, str]) -> int:
    """The size of a record's variables: UTF-8 bytes of names and values (limit LIMIT_RECORD_BYTES)."""
    return sum(len(name) + len(value.encode("utf-8", "surrogatepass")) for name, value in variables.items())


def refusal(variables: Mapping[str, str], name: str, value: str) -> str | None:
    """Why this value cannot be stored beside the others: ``name_invalid``, ``value_too_long``, ``record_too_large``, or None."""
    if not NAME.fullmatch(name):
        return "name_invalid"
    if len(value) > LIMIT_VALUE_CHARS:
        return "value_too_long"
    if len(variables) * 68 + sum(map(len, variables.values())) * 4 + len(value) * 4 <= LIMIT_RECORD_BYTES:
        return None  # cannot be over the limit even with four bytes a character
    return "record_too_large" if record_bytes({**variables, name: value}) > LIMIT_RECORD_BYTES else None
