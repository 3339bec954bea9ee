"""The port ProviderPages over HTTP: one small page of a mail provider, from an address that was checked, following nothing.

Step 3 of the path: signing certificates and confirmations of subscriptions, for the e-mail channel.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from aiohttp.abc import AbstractResolver
from typing_extensions import override
from yarl import URL

from central.adapters.webhook.config import WebhookConfig
from central.adapters.webhook.hops import HopRefused, checked
from central.adapters.webhook.reasons import FAILURES, reason_of
from central.adapters.webhook.transport import HttpTransport
from central.application.ports.carriers import ProviderPages
from central.domain.errors import NeighbourError

_OK = 200
_LIMIT_BYTES = 64 * 1024


class WebPages(ProviderPages):
    """``resolver`` replaces the name look-up (its answers are checked all the same). plain_http is for laboratories."""

    def __init__(
        self, config: WebhookConfig, *, resolver: AbstractResolver | None = None, plain_http: bool = False
    ) -> None:
        self._timeout_s = config.timeout_s
        self._plain_http = plain_http
        self._transport = HttpTransport(replace(config, max_answer_bytes=_LIMIT_BYTES), resolver=resolver)

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.close()

    @override
    async def get(self, url: str) -> bytes:
        try:
            async with asyncio.timeout(self._timeout_s):
                hop: URL = checked(url, plain_http=self._plain_http)
                page = await self._transport.send("GET", hop, {}, None)
        except HopRefused as refused:
            raise NeighbourError("provider_page_refused", refused.detail) from refused
        except FAILURES as error:
            raise NeighbourError("provider_away", f"The provider's page did not come: {reason_of(error)}.") from error
        if page.status != _OK or page.cut:
            raise NeighbourError("provider_page_unusable", f"The provider's page came with status {page.status}.")
        return page.body
