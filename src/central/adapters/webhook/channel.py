"""The Courier port over HTTP: signs an event, posts it, follows lawful redirects, and answers with a value.

Step 6 of the path. Redirects 307 and 308 keep method and body and are followed, each hop checked like the first; other
3xx answers would turn the POST into a GET and count as failures.
"""

from __future__ import annotations

import asyncio
import time
from datetime import datetime

from aiohttp.abc import AbstractResolver

from central.adapters.webhook.config import WebhookConfig
from central.adapters.webhook.hops import HopRefused, checked, redirected
from central.adapters.webhook.reasons import FAILURES, reason_of
from central.adapters.webhook.translate import authorization, failure_text, request_headers, retry_after
from central.adapters.webhook.transport import HttpTransport, RawAnswer
from central.application.ports.outbox import Delivery
from central.domain.delivery import Answer, HttpAnswer, NoAnswer
from central.domain.errors import InvalidInput

_REDIRECTS = (307, 308)
_FAILURE_FROM = 300


class WebhookCourier:
    """Posts events; ``resolver`` replaces the system's name lookup (its answers are checked all the same)."""

    def __init__(self, config: WebhookConfig, *, resolver: AbstractResolver | None = None) -> None:
        self._config = config
        self._transport = HttpTransport(config, resolver=resolver)

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.close()

    async def post(self, delivery: Delivery, at: datetime) -> Answer:
        """Sign and send; ``at`` is the moment that is signed. Never raises for what the far side does."""
        begun = time.perf_counter()

        def passed_ms() -> int:
            return round((time.perf_counter() - begun) * 1000)

        try:
            async with asyncio.timeout(self._config.timeout_s):
                raw = await self._post_hops(delivery, request_headers(delivery, at))
        except HopRefused as refused:
            return NoAnswer(refused.reason, passed_ms(), refused.detail)
        except InvalidInput as error:
            return NoAnswer("bad_secret", passed_ms(), error.message)
        except FAILURES as error:
            return NoAnswer(reason_of(error), passed_ms(), failure_text(str(error).encode(errors="replace")))
        detail = failure_text(raw.body) if raw.status >= _FAILURE_FROM else ""
        return HttpAnswer(raw.status, passed_ms(), retry_after(raw.headers, at), detail)

    async def _post_hops(self, delivery: Delivery, headers: dict[str, str]) -> RawAnswer:
        first = url = checked(delivery.url, plain_http=delivery.plain_http)
        for _ in range(self._config.max_redirects + 1):
            # log-in data is for the saved address only; a redirect elsewhere must not carry it along
            login = authorization(delivery.auth) if url.origin() == first.origin() else {}
            answer = await self._transport.post(url, {**headers, **login}, delivery.body)
            if answer.status not in _REDIRECTS:
                return answer
            location = next((text for name, text in answer.headers.items() if name.lower() == "location"), "")
            url = redirected(url, location, plain_http=delivery.plain_http)
        raise HopRefused("bad_redirect", f"More than {self._config.max_redirects} redirects.")
