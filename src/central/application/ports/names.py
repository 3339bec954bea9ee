"""What the DNS is to the platform: the texts and mail exchangers that a name publishes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec


class NameQuestion(msgspec.Struct, frozen=True):
    """A name without its last dot, and which kind of record is asked for."""

    name: str
    record_type: Literal["TXT", "MX"]


class NameAnswer(msgspec.Struct, frozen=True):
    """What is published: texts with their pieces joined, exchangers as ``10 host``. () = nothing, which is an answer too.

    failed: "" = answered; else nothing is known: ``timeout``, ``refused`` (no server would answer), ``bad_name``.
    """

    values: tuple[str, ...] = ()
    failed: Literal["", "timeout", "refused", "bad_name"] = ""


class NameLookup(Protocol):
    """Asks the DNS."""

    async def look_up(self, questions: Sequence[NameQuestion]) -> Sequence[NameAnswer]:
        """One answer each, in the same order; never raises for what a name server says or does not say."""
        ...
