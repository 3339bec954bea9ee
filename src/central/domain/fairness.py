"""How free channels are shared out: weighted deficit round robin, first between accounts, then between requests.

Pure; the dispatcher (path step 2) calls ``share`` once a round and keeps the returned state for the next. A request of
ten stands beside a million and gets its ten within one round, because every round gives each account, and within it each
request, its weighted part of the capacity before anybody gets more (Shreedhar and Varghese, Deficit Round Robin, 1995).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from central.domain.errors import DefectError
from central.domain.ids import AccountId, FlowId, RequestId


@dataclass(frozen=True, slots=True)
class Demand:
    """One request with due records. ``cap_left`` = records it may still start (its own cap), None = no cap."""

    account: AccountId
    flow: FlowId
    request: RequestId
    due: int
    weight: int = 1
    cap_left: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What may be started in this round, in records. A missing key means no cap at that level.

    Callers put the smaller of free channels and call-per-second tokens into each value.
    """

    capacity: int
    accounts: Mapping[AccountId, int] = field(default_factory=dict[AccountId, int])
    flows: Mapping[FlowId, int] = field(default_factory=dict[FlowId, int])
    account_weights: Mapping[AccountId, int] = field(default_factory=dict[AccountId, int])


@dataclass(frozen=True, slots=True)
class Share:
    """A grant of ``n`` records of one request."""

    account: AccountId
    request: RequestId
    n: int


Path = tuple[AccountId | FlowId | RequestId, ...]
Deficits = Mapping[Path, float]
"""What accounts, flows and requests are owed (or have had in advance) from earlier rounds, in records; starts as {}."""

_CEILING: Final = 1.0  # a part of one record is all that is ever owed: nobody saves up for a burst
_ROUNDING: Final = 1e-9


@dataclass(slots=True)
class _Claim:
    """A node of the tree accounts > flows > requests: what it wants at most, and what it has been given."""

    path: Path
    want: int
    weight: int
    children: Sequence[_Claim] = ()
    given: int = 0
    owed: float = 0.0


def share(room: Room, demands: Sequence[Demand], deficits: Deficits) -> tuple[list[Share], Deficits]:
    """Share the capacity out; deterministic, in the order of the demands, and work conserving.

    Never gives more than the capacity, than a cap, or than is due, and leaves nothing unused that somebody may use.
    Returns the shares above zero and the deficits to bring along to the next round. Raises DefectError
    ``doubled_demand`` when a request stands there twice.
    """
    if len({demand.request for demand in demands}) != len(demands):
        raise DefectError("doubled_demand", "A request asks for channels twice in one round.")
    claims = _tree(room, demands)
    carried: dict[Path, float] = {}
    _hand_out(max(room.capacity, 0), claims, deficits, carried)
    shares = [
        Share(demand.account, demand.request, claim.given)
        for demand, claim in zip(_live(demands), _leaves(claims, demands), strict=True)
        if claim.given
    ]
    return shares, carried


def _live(demands: Sequence[Demand]) -> list[Demand]:
    return [demand for demand in demands if demand.due > 0 and demand.weight > 0]


def _leaves(claims: Sequence[_Claim], demands: Sequence[Demand]) -> list[_Claim]:
    """The requests' claims in the order of the demands."""
    found = {leaf.path: leaf for claim in claims for flow in claim.children for leaf in flow.children}
    return [found[demand.account, demand.flow, demand.request] for demand in _live(demands)]


def _tree(room: Room, demands: Sequence[Demand]) -> list[_Claim]:
    """Bundle the demands by flow and account; a bundle wants what its parts want together, up to its own cap."""
    flows: dict[tuple[AccountId, FlowId], list[_Claim]] = {}
    for demand in _live(demands):
        want = demand.due if demand.cap_left is None else min(demand.due, max(demand.cap_left, 0))
        path: Path = (demand.account, demand.flow, demand.request)
        flows.setdefault((demand.account, demand.flow), []).append(_Claim(path, want, demand.weight))
    accounts: dict[AccountId, list[_Claim]] = {}
    for (account, flow), parts in flows.items():
        weight = sum(part.weight for part in parts if part.want) or 1
        claim = _Claim((account, flow), _bounded(parts, room.flows.get(flow)), weight, parts)
        accounts.setdefault(account, []).append(claim)
    return [
        _Claim(
            (account,),
            _bounded(parts, room.accounts.get(account)),
            max(room.account_weights.get(account, 1), 1),
            parts,
        )
        for account, parts in accounts.items()
    ]


def _bounded(parts: Sequence[_Claim], cap: int | None) -> int:
    total = sum(part.want for part in parts)
    return total if cap is None else min(total, max(cap, 0))


def _hand_out(capacity: int, claims: Sequence[_Claim], deficits: Deficits, carried: dict[Path, float]) -> None:
    """Give whole records to the claims by weight, then let each hand its part down to its children."""
    waiting: list[_Claim] = [claim for claim in claims if claim.want > 0]
    for claim in waiting:
        claim.owed = deficits.get(claim.path, 0.0)
    left = capacity
    while left > 0 and waiting:
        left = _one_pass(left, waiting)
        waiting = [claim for claim in waiting if claim.given < claim.want]
    for claim in waiting:  # who got all that it may have is owed nothing
        carried[claim.path] = max(-_CEILING, min(claim.owed, _CEILING))
    for claim in claims:
        if claim.children:
            _hand_out(claim.given, claim.children, deficits, carried)


def _one_pass(left: int, waiting: Sequence[_Claim]) -> int:
    """Owe each claim its weighted part, give the whole records of it, and the rest singly to whom most is owed."""
    weights = sum(claim.weight for claim in waiting)
    for claim in waiting:
        claim.owed += left * claim.weight / weights
    by_debt = sorted(waiting, key=_debt)
    for claim in by_debt:
        left -= _give(claim, min(int(claim.owed + _ROUNDING), left))
    for claim in sorted(by_debt, key=_debt):
        left -= _give(claim, min(1, left))
    return left


def _debt(claim: _Claim) -> float:
    return -claim.owed


def _give(claim: _Claim, n: int) -> int:
    n = max(0, min(n, claim.want - claim.given))
    claim.given += n
    claim.owed -= n
    return n
