"""The Courier port over HTTP: signs an event, posts it, follows lawful redirects, and answers with a value.

Step 6 of the path. Redirects 307 and 308 keep method and body and are followed, each hop checked like the first; other
3xx answers would turn the POST into a GET and count as failures.
"""

from __future__ import annotations

import asyncio
import time
from datetime import datetime

from aiohttp.abc import AbstractResolver
from yarl import URL

from central.adapters.webhook.config import WebhookConfig
from central.adapters.webhook.reasons import FAILURES, reason_of
from central.adapters.webhook.translate import authorization, failure_text, request_headers, retry_after
from central.adapters.webhook.transport import HttpTransport, RawAnswer
from central.application.ports.outbox import Delivery
from central.domain.delivery import Answer, HttpAnswer, NoAnswer, NoAnswerReason
from central.domain.errors import InvalidInput

_REDIRECTS = (307, 308)
_FAILURE_FROM = 300


class _Refused(Exception):
    """A hop that must not be made; carries the reason and the sentence of the answer."""

    def __init__(self, reason: NoAnswerReason, detail: str) -> None:
        super().__init__(detail)
        self.reason: NoAnswerReason = reason
        self.detail = detail


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
        except _Refused as refused:
            return NoAnswer(refused.reason, passed_ms(), refused.detail)
        except InvalidInput as error:
            return NoAnswer("bad_secret", passed_ms(), error.message)
        except FAILURES as error:
            return NoAnswer(reason_of(error), passed_ms(), failure_text(str(error).encode(errors="replace")))
        detail = failure_text(raw.body) if raw.status >= _FAILURE_FROM else ""
        return HttpAnswer(raw.status, passed_ms(), retry_after(raw.headers, at), detail)

    async def _post_hops(self, delivery: Delivery, headers: dict[str, str]) -> RawAnswer:
        first = url = self._check(delivery.url, delivery)
        for _ in range(self._config.max_redirects + 1):
            # log-in data is for the saved address only; a redirect elsewhere must not carry it along
            login = authorization(delivery.auth) if url.origin() == first.origin() else {}
            answer = await self._transport.post(url, {**headers, **login}, delivery.body)
            if answer.status not in _REDIRECTS:
                return answer
            location = next((text for name, text in answer.headers.items() if name.lower() == "location"), "")
            url = self._redirect(url, location, delivery)
        raise _Refused("bad_redirect", f"More than {self._config.max_redirects} redirects.")

    def _redirect(self, url: URL, location: str, delivery: Delivery) -> URL:
        try:
            target = url.join(URL(location))
        except ValueError as error:
            raise _Refused("bad_redirect", "The redirect leads to no URL.") from error
        if not location or (url.scheme == "https" and target.scheme != "https"):
            raise _Refused("bad_redirect", "The redirect leads nowhere, or from https to plain http.")
        return self._check(str(target), delivery)

    def _check(self, text: str, delivery: Delivery) -> URL:
        try:
            url = URL(text)
        except ValueError as error:
            raise _Refused("bad_url", "The address cannot be read.") from error
        if url.scheme not in ("http", "https") or not url.raw_host:
            raise _Refused("bad_url", "The address has no host, or is neither https nor http.")
        if url.scheme == "http" and not delivery.plain_http:
            raise _Refused("plain_http_refused", "This account may only use https addresses.")
        return url.with_user(None)  # log-in data comes from the endpoint's own fields only
