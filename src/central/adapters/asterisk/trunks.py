"""The trunks that the engine knows: pushed over ARI, changed without a restart and without touching calls.

Step 3 of the path (channel). Asterisk cannot change a pushed endpoint that carries a channel variable (measured, 22.10: HTTP 500),
so a changed trunk becomes a new object under a new name, new calls go there, and the old object is withdrawn; calls in
progress keep what they hold.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import aiohttp

from central.adapters.asterisk.outgoing import PushedObject, peer_objects, trunk_objects
from central.application.ports.telephony import Trunk, digest_user
from central.domain.errors import CallerError, NeighbourError, OperatorError
from central.domain.ids import TrunkId

_TAKEN = range(200, 300)
_NOT_FOUND = 404
_UNREACHABLE = "engine_unreachable"


class Request(Protocol):
    """One ARI request: status and body."""

    def __call__(
        self, method: str, path: str, body: Mapping[str, object] | None = None
    ) -> Awaitable[tuple[int, bytes]]:
        """Raises aiohttp.ClientError or TimeoutError when no answer came."""
        ...


@dataclass(frozen=True, slots=True)
class KnownTrunk:
    """A trunk, the engine's present name for it, and the addresses by which its calls to us are known."""

    trunk: Trunk
    endpoint: str
    addresses: tuple[str, ...] = ()


class Trunks:
    """The wanted trunks of one engine.

    ``has_tls`` tells whether the engine can open TLS connections, ``resolve`` gives the addresses of a host.
    """

    def __init__(
        self,
        request: Request,
        rtp_timeout_s: int,
        has_tls: Callable[[], bool],
        resolve: Callable[[str], Awaitable[tuple[str, ...]]],
    ) -> None:
        self._request, self._resolve = request, resolve
        self._rtp_timeout_s = rtp_timeout_s
        self._has_tls = has_tls
        self._known: dict[TrunkId, KnownTrunk] = {}
        self._refused: dict[TrunkId, tuple[Trunk, str]] = {}
        self._changes = 0

    @property
    def refused(self) -> Mapping[TrunkId, str]:
        """Trunks that the engine would not take, and why: one account's trunk must not stop the others."""
        return {key: detail for key, (_, detail) in self._refused.items()}

    def get(self, trunk: TrunkId) -> KnownTrunk | None:
        """What calls over this trunk need; None when it is not known."""
        return self._known.get(trunk)

    def callers(self, endpoint: str) -> frozenset[TrunkId]:
        """Whose calls come in by an endpoint: several trunks may share an address, and the engine knows one of them."""
        known = next((known for known in self._known.values() if endpoint == known.endpoint), None)
        if known is None:
            by_digest = (key for key in self._known if endpoint == digest_user(key))
            return frozenset(by_digest)
        sharing = (key for key, other in self._known.items() if set(other.addresses) & set(known.addresses))
        return frozenset(sharing)

    def keep(self, trunks: Sequence[Trunk]) -> None:
        """Remember the trunks for the next ``push_all``; nothing is sent."""
        self._known = {trunk.id: self._name(trunk) for trunk in trunks}
        self._refused.clear()

    async def push_all(self) -> None:
        """Make a freshly connected engine know all trunks, whatever it knew before. Raises as ``change``."""
        again = [trunk for trunk, _ in self._refused.values()]
        self._refused.clear()
        self._known |= {trunk.id: self._name(trunk) for trunk in again}
        await self._look_up(known.trunk for known in self._known.values())
        for known in list(self._known.values()):
            await self._keep_if_taken(known, fresh=True)

    async def change(self, trunks: Sequence[Trunk]) -> None:
        """Make exactly these trunks known.

        One that the engine refuses is left out and told by ``refused``; it is tried again when it is changed. Raises
        NeighbourError ``engine_unreachable``; trunks that were handled before the failure stay changed.
        """
        wanted = {trunk.id: trunk for trunk in trunks}
        self._refused = {key: refused for key, refused in self._refused.items() if wanted.get(key) == refused[0]}
        await self._look_up(wanted.values())
        for trunk in wanted.values():
            old = self._known.get(trunk.id)
            if (old is None or old.trunk != trunk) and trunk.id not in self._refused:
                if old is not None:  # its user name stays the same, so the old one must go first
                    await self._delete_all(peer_objects(old.trunk, old.endpoint, old.addresses, self._rtp_timeout_s))
                await self._keep_if_taken(self._name(trunk))
                if old is not None:
                    await self._delete_all(trunk_objects(old.trunk, old.endpoint, self._rtp_timeout_s))
        for known in list(self._known.values()):
            await self._follow_address(known)
        for gone in [known for key, known in self._known.items() if key not in wanted]:
            del self._known[gone.trunk.id]
            await self._withdraw(gone)

    async def _follow_address(self, known: KnownTrunk) -> None:
        """The peer of an unchanged trunk may have moved, or its name may resolve at last; one that does not keeps its addresses."""
        if known.trunk.inbound != "address":
            return
        addresses = await self._resolve(known.trunk.host)
        if not addresses or addresses == known.addresses:
            return
        moved = replace(known, addresses=addresses)
        for thing in peer_objects(moved.trunk, moved.endpoint, moved.addresses, self._rtp_timeout_s):
            self._check(moved, *await self._ask("PUT", thing.path, thing.body))
        self._known[moved.trunk.id] = moved

    def _name(self, trunk: Trunk) -> KnownTrunk:
        """A fresh name of fixed length: names that are prefixes of each other clash."""
        self._changes += 1
        return KnownTrunk(trunk, f"t{trunk.id.hex}{self._changes:08x}")

    async def _look_up(self, trunks: Iterable[Trunk]) -> None:
        """Ask for the addresses of all at once, so that slow names do not add up; the answers are remembered."""
        hosts = {trunk.host for trunk in trunks if trunk.inbound == "address"}
        await asyncio.gather(*map(self._resolve, sorted(hosts)))

    async def _keep_if_taken(self, wanted: KnownTrunk, *, fresh: bool = False) -> None:
        """Push a trunk (``fresh``: to an engine that may know an older one) and remember whether the engine took it."""
        heard = wanted.trunk.inbound == "address"
        known = replace(wanted, addresses=await self._resolve(wanted.trunk.host) if heard else ())
        if await self._taken(known, fresh=fresh):
            self._known[known.trunk.id] = known
        else:
            self._known.pop(known.trunk.id, None)

    async def _taken(self, known: KnownTrunk, *, fresh: bool) -> bool:
        try:
            if fresh:
                await self._withdraw(known)
            await self._put(known)
        except (CallerError, NeighbourError, OperatorError) as error:
            if error.code == _UNREACHABLE:
                raise
            self._refused[known.trunk.id] = (known.trunk, error.message)
            return False
        return True

    def _objects(self, known: KnownTrunk) -> tuple[PushedObject, ...]:
        objects = trunk_objects(known.trunk, known.endpoint, self._rtp_timeout_s)
        return objects + peer_objects(known.trunk, known.endpoint, known.addresses, self._rtp_timeout_s)

    async def _put(self, known: KnownTrunk) -> None:
        objects = self._objects(known)
        if known.trunk.transport == "tls" and not self._has_tls():
            raise OperatorError(
                "tls_not_available", f"trunk {known.trunk.name}: the engine has no certificate (openssl is missing)"
            )
        for thing in objects:
            self._check(known, *await self._ask("PUT", thing.path, thing.body))

    async def _withdraw(self, known: KnownTrunk) -> None:
        await self._delete_all(self._objects(known))

    async def _delete_all(self, things: Sequence[PushedObject]) -> None:
        for thing in reversed(things):
            status, answer = await self._ask("DELETE", thing.path)
            if status not in _TAKEN and status != _NOT_FOUND:
                raise NeighbourError("trunk_refused", f"{thing.path}: HTTP {status} {answer[:200]!r}")

    async def _ask(self, method: str, path: str, body: Mapping[str, object] | None = None) -> tuple[int, bytes]:
        try:
            return await self._request(method, path, body)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NeighbourError(_UNREACHABLE, f"{type(error).__name__}: {error}") from error

    @staticmethod
    def _check(known: KnownTrunk, status: int, answer: bytes) -> None:
        if status not in _TAKEN:
            raise NeighbourError("trunk_refused", f"trunk {known.trunk.name}: HTTP {status} {answer[:200]!r}")
