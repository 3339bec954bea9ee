"""The states of one bind and what moves it between them: one table, and which PDUs of the SMSC each state allows. Pure.

Source: SMPP v3.4, sections 2.2 and 2.3 (table 2-1). UNBINDING is ours: we have asked to leave and wait for the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final, Literal

from central.adapters.smpp.pdu import ALERT_NOTIFICATION, DATA_SM, DELIVER_SM, ENQUIRE_LINK, OUTBIND, UNBIND


class State(Enum):
    """Where a bind stands."""

    CLOSED = "closed"
    OPEN = "open"
    BOUND_TX = "bound_tx"
    BOUND_RX = "bound_rx"
    BOUND_TRX = "bound_trx"
    UNBINDING = "unbinding"


News = Literal["connected", "bound_tx", "bound_rx", "bound_trx", "refused", "leaving", "left", "lost"]
NEWS: Final[tuple[News, ...]] = (
    "connected", "bound_tx", "bound_rx", "bound_trx", "refused", "leaving", "left", "lost",
)  # fmt: skip

MOVES: Final[Mapping[tuple[State, News], State]] = {
    (State.CLOSED, "connected"): State.OPEN,
    (State.OPEN, "bound_tx"): State.BOUND_TX,
    (State.OPEN, "bound_rx"): State.BOUND_RX,
    (State.OPEN, "bound_trx"): State.BOUND_TRX,
    (State.OPEN, "refused"): State.CLOSED,
    (State.OPEN, "leaving"): State.CLOSED,
    (State.OPEN, "left"): State.CLOSED,
    (State.OPEN, "lost"): State.CLOSED,
    (State.BOUND_TX, "leaving"): State.UNBINDING,
    (State.BOUND_TX, "left"): State.CLOSED,
    (State.BOUND_TX, "lost"): State.CLOSED,
    (State.BOUND_RX, "leaving"): State.UNBINDING,
    (State.BOUND_RX, "left"): State.CLOSED,
    (State.BOUND_RX, "lost"): State.CLOSED,
    (State.BOUND_TRX, "leaving"): State.UNBINDING,
    (State.BOUND_TRX, "left"): State.CLOSED,
    (State.BOUND_TRX, "lost"): State.CLOSED,
    (State.UNBINDING, "left"): State.CLOSED,
    (State.UNBINDING, "lost"): State.CLOSED,
}
"""(state, news) -> state. What is not listed changes nothing."""

BOUND: Final = frozenset({State.BOUND_TX, State.BOUND_RX, State.BOUND_TRX})
SENDS: Final = frozenset({State.BOUND_TX, State.BOUND_TRX})

_ALWAYS: Final = frozenset({ENQUIRE_LINK, UNBIND})
_RECEIVES: Final = _ALWAYS | {DELIVER_SM, DATA_SM, ALERT_NOTIFICATION}
ALLOWED: Final[Mapping[State, frozenset[int]]] = {
    State.CLOSED: frozenset(),
    State.OPEN: _ALWAYS | {OUTBIND},
    State.BOUND_TX: _ALWAYS,
    State.BOUND_RX: _RECEIVES,
    State.BOUND_TRX: _RECEIVES,
    State.UNBINDING: _ALWAYS,
}
"""Requests of the SMSC that a state takes; others are answered ESME_RINVBNDSTS."""


def moved(state: State, news: News) -> State:
    """The state after ``news``. Total."""
    return MOVES.get((state, news), state)
