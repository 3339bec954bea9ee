"""What a flow's web request (path step 4) needs of the world: somebody who sends it, and the account's saved endpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from typing_extensions import override

from central.domain.delivery import NoAnswer
from central.domain.endpoints import NO_AUTH, EndpointAuth
from central.domain.ids import AccountId


@dataclass(frozen=True, slots=True)
class Signed:
    """The request is signed as events are (Standard Webhooks): its id, the moment, the secrets, newest first."""

    id: UUID
    at: datetime
    secrets: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class WebRequest:
    """One request. ``url`` is absolute and percent-encoded; header names may have any case.

    login: headers for the first origin only. sealed: the body must not go along to another origin. timeout_s covers all of
    it: name look-up, redirects, answer. plain_http is the account's switch.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    login: Mapping[str, str]
    body: bytes | None
    timeout_s: float
    plain_http: bool = False
    sealed: bool = False
    auth: EndpointAuth = NO_AUTH
    signed: Signed | None = None

    @override
    def __repr__(self) -> str:
        """Names the method only: the rest holds personal data and secrets."""
        return f"WebRequest({self.method})"


@dataclass(frozen=True, slots=True)
class WebAnswer:
    """What came back: status code, time taken, the beginning of the body as text; ``cut`` = there was more of it."""

    status: int
    duration_ms: int
    body: str = field(repr=False)
    cut: bool = False


class WebCaller(Protocol):
    """Sends web requests of flows."""

    async def call(self, request: WebRequest) -> WebAnswer | NoAnswer:
        """Send it and read the beginning of the answer. Never raises for what the far side does; may be cancelled."""
        ...


@dataclass(frozen=True, slots=True)
class SavedEndpoint:
    """A saved endpoint as far as calling it needs it."""

    url: str
    auth: EndpointAuth = NO_AUTH
    secrets: tuple[str, ...] = field(default=(), repr=False)
    disabled: bool = False


class SavedEndpoints(Protocol):
    """The endpoints of the accounts by name."""

    async def find_endpoint(self, account_id: AccountId, name: str) -> SavedEndpoint | None:
        """The endpoint, None when the account has none of this name. Raises NeighbourError when the store is away."""
        ...


class EndpointNames(Protocol):
    """Which endpoints the accounts have, for the check before a flow is published."""

    async def known_endpoints(self, account_id: AccountId, names: Sequence[str]) -> frozenset[str]:
        """Those of the names that an endpoint of the account has."""
        ...
