"""Trunks: where calls leave, with caps, prefix routes, priority and failover; and the DIDs that calls show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from central.application.administration.acting import Actor, Auditor
from central.application.administration.checks import (
    check_at_least,
    check_host,
    check_name,
    check_number,
    check_prefix,
)
from central.application.ports.numbering import Did, DidStore, Route, TrunkRow, TrunkStore
from central.domain.errors import InvalidInput, NotFound
from central.domain.ids import TrunkId

TRANSPORTS = ("udp", "tcp", "tls")
CODECS = ("ulaw", "alaw", "g722", "gsm", "g729", "opus")
_PRIORITIES = range(1, 101)
_PORTS = range(1, 65536)


@dataclass(frozen=True, slots=True)
class MaintainTrunks:
    """The SIP trunks of an account."""

    store: TrunkStore
    auditor: Auditor

    async def create(self, actor: Actor, trunk: TrunkRow) -> TrunkRow:
        """Store a trunk; ``id`` and ``created_at`` are given here. Raises InvalidInput, Conflict ``name_taken``."""
        made = replace(
            trunk,
            id=TrunkId(self.auditor.ids.uuid()),
            created_at=self.auditor.clock.now(),
            routes=_check_routes(trunk.routes),
        )
        _check({name: getattr(made, name) for name in TrunkRow.__dataclass_fields__})
        _check_peer(made.inbound, has_password=bool(made.password))
        audit = self.auditor.entry(actor, "trunk_created", f"trunk:{made.id}", name=made.name, host=made.host)
        await self.store.create(actor.account_id, made, audit)
        return made

    async def get(self, actor: Actor, trunk_id: TrunkId) -> TrunkRow:
        """Raises NotFound ``trunk_not_found``."""
        return _found(await self.store.get(actor.account_id, trunk_id))

    async def page(self, actor: Actor, after: TrunkId | None, limit: int) -> Sequence[TrunkRow]:
        """Trunks in the order they were made."""
        return await self.store.page(actor.account_id, after, limit)

    async def change(
        self, actor: Actor, trunk_id: TrunkId, changes: Mapping[str, object], routes: Sequence[Route] | None = None
    ) -> TrunkRow:
        """Set the named fields and, unless None, all routes. Raises InvalidInput, NotFound, Conflict ``name_taken``."""
        _check(changes)
        if {"inbound", "password"} & changes.keys():
            now = await self.get(actor, trunk_id)
            password = changes.get("password", now.password)
            _check_peer(changes.get("inbound", now.inbound), has_password=bool(password))
        checked = None if routes is None else _check_routes(routes)
        fields = sorted(changes) + (["routes"] if routes is not None else [])
        audit = self.auditor.entry(actor, "trunk_changed", f"trunk:{trunk_id}", fields=fields)
        return _found(await self.store.change(actor.account_id, trunk_id, changes, checked, audit))

    async def remove(self, actor: Actor, trunk_id: TrunkId) -> None:
        """Delete a trunk; calls in progress go on. Raises NotFound ``trunk_not_found``."""
        audit = self.auditor.entry(actor, "trunk_removed", f"trunk:{trunk_id}")
        if not await self.store.remove(actor.account_id, trunk_id, audit):
            _found(None)


@dataclass(frozen=True, slots=True)
class MaintainDids:
    """The numbers an account owns."""

    store: DidStore
    auditor: Auditor

    async def put(self, actor: Actor, dids: Sequence[Did], country: str) -> tuple[int, list[Did]]:
        """Add or change; returns how many are new, and the stored form.

        Raises InvalidInput ``invalid_number``, NotFound ``trunk_not_found``, Conflict ``did_taken``.
        """
        now = self.auditor.clock.now()
        stored = [replace(did, number=check_number(did.number, country), created_at=now) for did in dids]
        audit = self.auditor.entry(actor, "dids_put", "dids", numbers=len(stored))
        return await self.store.put(actor.account_id, stored, audit), stored

    async def page(self, actor: Actor, after: str | None, limit: int) -> Sequence[Did]:
        """DIDs by number."""
        return await self.store.page(actor.account_id, after, limit)

    async def remove(self, actor: Actor, number: str) -> None:
        """Raises NotFound ``did_not_found``, Conflict ``did_in_use``."""
        audit = self.auditor.entry(actor, "did_removed", f"did:{number}")
        if not await self.store.remove(actor.account_id, number, audit):
            raise NotFound("did_not_found", "There is no such DID in this account.")


def _found(trunk: TrunkRow | None) -> TrunkRow:
    if trunk is None:
        raise NotFound("trunk_not_found", "There is no such trunk in this account.")
    return trunk


def _check_peer(inbound: object, *, has_password: bool) -> None:
    if inbound == "digest" and not has_password:
        message = "Calls that prove themselves by digest need the trunk's password."
        raise InvalidInput("digest_without_password", message, field="password")


def _check_routes(routes: Sequence[Route]) -> tuple[Route, ...]:
    for route in routes:
        if route.priority not in _PRIORITIES:
            raise InvalidInput("invalid_priority", "A priority is 1 (first) to 100.", field="routes")
    checked = {Route(check_prefix(route.prefix, "routes"), route.priority) for route in routes}
    return tuple(sorted(checked, key=lambda route: (route.prefix, route.priority)))


def _check(changes: Mapping[str, object]) -> None:
    name, host, port = changes.get("name"), changes.get("host"), changes.get("port")
    if isinstance(name, str):
        check_name(name)
    if isinstance(host, str):
        check_host(host)
    if port is not None and port not in _PORTS:
        raise InvalidInput("invalid_port", "A port is 1 to 65535.", field="port")
    if changes.get("transport", "udp") not in TRANSPORTS:
        raise InvalidInput("unknown_transport", f"A transport is one of {', '.join(TRANSPORTS)}.", field="transport")
    codecs = changes.get("codecs", CODECS)
    named = set(cast("Sequence[object]", codecs)) if isinstance(codecs, list | tuple) else set[object]()
    if not named or not named <= set(CODECS):
        raise InvalidInput("unknown_codec", f"Codecs are some of {', '.join(CODECS)}.", field="codecs")
    for field in ("username", "password"):
        value = changes.get(field, "")
        if not isinstance(value, str) or not (value.isprintable() or not value) or any(c in value for c in "\r\n"):
            raise InvalidInput(f"invalid_{field}", f"A {field} is printable text.", field=field)
    check_at_least(changes, 0, "channel_cap", "cps_cap")
