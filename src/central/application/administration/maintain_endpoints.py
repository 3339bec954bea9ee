"""Webhook endpoints: saved with their events and log-in, secrets shown once, rotated with overlap, removed."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import cast

from central.application.administration.acting import Actor, Auditor
from central.application.administration.checks import check_name
from central.application.administration.save_flow import flow_found
from central.application.ports.administration import DeliveryTry, Endpoint, EndpointStore, UrlPolicy
from central.application.ports.flow_store import FlowStore
from central.application.ports.world import Ids
from central.domain.endpoints import check_events, check_url, make_secret, parse_auth, rotate_secret
from central.domain.errors import NotFound
from central.domain.ids import EndpointId

_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class MaintainEndpoints:
    """The webhook endpoints of an account, or of one of its flows."""

    store: EndpointStore
    flows: FlowStore
    policy: UrlPolicy
    auditor: Auditor

    async def create(
        self,
        actor: Actor,
        *,
        name: str,
        url: str,
        events: Sequence[str],
        flow: str | None = None,
        auth: Mapping[str, object] | None = None,
        is_default: bool = False,
        plain_http: bool = False,
    ) -> tuple[Endpoint, str]:
        """Save an endpoint; the second value is its signing secret, which cannot be had again.

        Raises InvalidInput (URL, events, log-in), NotFound ``flow_not_found``, Conflict ``name_taken``.
        """
        secret = _fresh_secret(self.auditor.ids)
        endpoint = Endpoint(
            id=EndpointId(self.auditor.ids.uuid()),
            name=check_name(name),
            url=self._checked_url(url, plain_http=plain_http),
            flow_id=None if flow is None else flow_found(await self.flows.get(actor.account_id, flow)).id,
            events=check_events(events),
            auth=asdict(parse_auth(auth)),
            secrets=(secret,),
            is_default=is_default,
            disabled_at=None,
            disabled_reason=None,
            created_at=self.auditor.clock.now(),
        )
        audit = self.auditor.entry(
            actor, "endpoint_created", f"endpoint:{endpoint.id}", name=name, events=endpoint.events
        )
        await self.store.create(actor.account_id, endpoint, audit)
        return endpoint, secret

    async def get(self, actor: Actor, endpoint_id: EndpointId) -> Endpoint:
        """Raises NotFound ``webhook_endpoint_not_found``."""
        return _found(await self.store.get(actor.account_id, endpoint_id))

    async def page(self, actor: Actor, after: EndpointId | None, limit: int) -> Sequence[Endpoint]:
        """Endpoints in the order they were made."""
        return await self.store.page(actor.account_id, after, limit)

    async def change(
        self, actor: Actor, endpoint_id: EndpointId, changes: Mapping[str, object], *, plain_http: bool = False
    ) -> Endpoint:
        """Set name, url, events, auth, is_default or enabled. Raises as ``create``."""
        fields: dict[str, object] = {}
        for field, value in changes.items():
            match field, value:
                case "name", str():
                    fields["name"] = check_name(value)
                case "url", str():
                    fields["url"] = self._checked_url(value, plain_http=plain_http)
                case "events", list():
                    fields["events"] = list(check_events([str(item) for item in cast("list[object]", value)]))
                case "auth", dict() | None:
                    fields["auth"] = asdict(parse_auth(cast("dict[str, object] | None", value)))
                case "enabled", bool():
                    fields["disabled_at"] = None if value else self.auditor.clock.now()
                    fields["disabled_reason"] = None if value else "by_user"
                case "is_default", bool():
                    fields["is_default"] = value
                case _:
                    continue
        audit = self.auditor.entry(actor, "endpoint_changed", f"endpoint:{endpoint_id}", fields=sorted(fields))
        return _found(await self.store.change(actor.account_id, endpoint_id, fields, audit))

    async def rotate(self, actor: Actor, endpoint_id: EndpointId) -> tuple[Endpoint, str]:
        """A new secret, shown once; the one before signs along until the next rotation. Raises NotFound."""
        secret = _fresh_secret(self.auditor.ids)
        endpoint = _found(await self.store.get(actor.account_id, endpoint_id))
        audit = self.auditor.entry(actor, "endpoint_secret_rotated", f"endpoint:{endpoint_id}")
        changes = {"secrets": list(rotate_secret(endpoint.secrets, secret))}
        return _found(await self.store.change(actor.account_id, endpoint_id, changes, audit)), secret

    async def remove(self, actor: Actor, endpoint_id: EndpointId) -> None:
        """Delete it with all that waits for it. Raises NotFound ``webhook_endpoint_not_found``."""
        audit = self.auditor.entry(actor, "endpoint_removed", f"endpoint:{endpoint_id}")
        if not await self.store.remove(actor.account_id, endpoint_id, audit):
            _found(None)

    async def tries(
        self, actor: Actor, endpoint_id: EndpointId, before: datetime | None, limit: int
    ) -> Sequence[DeliveryTry]:
        """Recorded tries, newest first. Raises NotFound ``webhook_endpoint_not_found``."""
        _found(await self.store.get(actor.account_id, endpoint_id))
        return await self.store.tries(actor.account_id, endpoint_id, before, limit)

    def _checked_url(self, url: str, *, plain_http: bool) -> str:
        checked = check_url(url, plain_http=plain_http)
        self.policy.check(checked)
        return checked


def _fresh_secret(ids: Ids) -> str:
    text = ids.secret(_SECRET_BYTES)
    return make_secret(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def _found(endpoint: Endpoint | None) -> Endpoint:
    if endpoint is None:
        raise NotFound("webhook_endpoint_not_found", "There is no such webhook endpoint in this account.")
    return endpoint
