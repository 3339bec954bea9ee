"""Which status moves are lawful, asked of the one generated table (path steps 2 to 5; SQL holds the same table).

All functions take plain words as well as enum members; an unknown word is simply not lawful.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

from central.domain.errors import InvalidInput
from central.domain.status_rows import Bucket, Family, RecordClass
from central.domain.statuses import ALIASES, CALL, EMAIL, FLOW, INITIAL, MOVES, SMS, FlowStatus

FINAL_FLOW: Final[frozenset[FlowStatus]] = frozenset(status for status, row in FLOW.items() if row.final)
FINAL: Final[Mapping[Family, frozenset[str]]] = {
    Family.FLOW: frozenset(FINAL_FLOW),
    Family.CALL: frozenset(CALL),
    Family.SMS: frozenset(status for status, row in SMS.items() if row.final),
    Family.EMAIL: frozenset(status for status, row in EMAIL.items() if row.final),
    Family.AGENT: frozenset(),
}
WAITING_FLOW: Final[frozenset[FlowStatus]] = frozenset(
    status for status, row in FLOW.items() if row.counts_as is Bucket.PENDING and status is not FlowStatus.IN_PROGRESS
)


def lawful(family: Family | str, from_: str | None, to: str) -> bool:
    """Tell whether ``from_ -> to`` is an edge of the catalogue; ``from_`` None asks whether ``to`` may be the first."""
    key = cast("Family", family)  # equal to its word, and found by it: the hot path makes no member first
    if key not in MOVES:
        return False
    allowed = INITIAL[key] if from_ is None else MOVES[key].get(from_, frozenset())
    return to in allowed


def is_final(family: Family | str, status: str) -> bool:
    """Tell whether the status is the end: never left by the engine itself (flow), no change possible (SMS, e-mail).

    A call leg's word is always final, an agent's never. Raises InvalidInput ``unknown_status``.
    """
    key = Family(family)
    if status not in MOVES[key]:
        raise InvalidInput("unknown_status", f"{key} has no status {status!r}.", family=str(key), status=status)
    return status in FINAL[key]


def counts_as(status: FlowStatus) -> Bucket:
    """The bucket of the request arithmetic in which a record with this status stands (domain 7.5)."""
    return FLOW[status].counts_as


def record_class(status: FlowStatus) -> RecordClass:
    """The published class of a record with this status."""
    return FLOW[status].record_class


def flow_status(word: str) -> FlowStatus:
    """Read a flow status from outside, aliases included. Raises InvalidInput ``unknown_status``."""
    alias = ALIASES.get(word)
    if alias is not None:
        return alias
    try:
        return FlowStatus(word)
    except ValueError as error:
        raise InvalidInput("unknown_status", f"There is no flow status {word!r}.", status=word) from error
