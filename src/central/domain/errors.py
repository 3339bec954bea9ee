"""The one error tree of Central; every leaf family says who must act, every error has a stable code.

    CentralError
    ├── CallerError            the caller sent something that cannot be done: mend the input
    │   ├── InvalidInput       a value or document is malformed
    │   ├── NotFound           the thing does not exist in this account
    │   ├── Conflict           the thing's present state forbids it
    │   ├── Forbidden          the caller lacks the right, or the account lacks the capability
    │   └── Refused            a cap, a rate or a balance stands against it; later may be possible
    ├── OperatorError          set-up or settings are wrong: the operator must act
    ├── NeighbourError         PostgreSQL, Asterisk, a carrier or an endpoint is absent or misbehaves
    └── DefectError            our own fault: a state that must not exist

Codes are lower_snake_case words, stable across releases; HTTP, CLI and logs all show them. HTTP knows errors, errors do
not know HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping


class CentralError(Exception):
    """Base of all: a stable ``code``, a sentence for a person, and machine-readable ``details``."""

    def __init__(self, code: str, message: str, **details: object) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details: Mapping[str, object] = details

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class CallerError(CentralError):
    """The caller must mend the input."""


class InvalidInput(CallerError):
    """A value or a document is malformed."""


class NotFound(CallerError):
    """No such thing in this account."""


class Conflict(CallerError):
    """The thing's present state forbids the action."""


class Forbidden(CallerError):
    """The caller lacks the right, or the account the capability."""


class Refused(CallerError):
    """A cap, a rate or a balance stands against it."""


class OperatorError(CentralError):
    """Set-up or settings are wrong."""


class NeighbourError(CentralError):
    """A neighbour (PostgreSQL, Asterisk, a carrier, an endpoint) is absent or misbehaves."""


class DefectError(CentralError):
    """Our own fault: a state that must not exist."""
