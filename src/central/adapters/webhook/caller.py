"""The WebCaller port over HTTP: sends the request of a flow, follows lawful redirects, reads the beginning of the answer.

Path step 4. Every hop is checked like the first. Redirects are followed as the Fetch standard says (WHATWG Fetch, "HTTP-redirect
fetch"): 303, and 301 or 302 after a POST, go on as GET without a body; the others keep method and body.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import replace

from aiohttp.abc import AbstractResolver

from central.adapters.webhook.config import WebhookConfig
from central.adapters.webhook.hops import HopRefused, checked, redirected
from central.adapters.webhook.name_lookup import NameLookup
from central.adapters.webhook.reasons import FAILURES, reason_of
from central.adapters.webhook.signing import sign
from central.adapters.webhook.translate import USER_AGENT, authorization, failure_text
from central.adapters.webhook.transport import HttpTransport, RawAnswer
from central.application.ports.web_calls import WebAnswer, WebRequest
from central.domain.delivery import NoAnswer
from central.domain.errors import InvalidInput

_SEE_OTHER = 303
_REDIRECTS = (301, 302, _SEE_OTHER, 307, 308)
_BECOME_GET = (301, 302)
# What a body may be written in; others (and what Python would also take for a codec) are read as UTF-8.
_CHARSET = re.compile(
    r"""charset=["']?(utf-?8|utf-16(?:le|be)?|us-ascii|iso-8859-(?:1[013-6]|[1-9])|windows-125[0-8]|shift_jis|euc-jp|euc-kr|gb18030|gbk|big5)\b""",
    re.IGNORECASE,
)


class WebhookCaller:
    """Sends requests; ``resolver`` replaces the name look-up (its answers are checked all the same).

    Connections are not kept: a flow's request must not fail on one that the far side closed in the same moment.
    """

    def __init__(self, config: WebhookConfig, *, resolver: AbstractResolver | None = None) -> None:
        self._config = config
        single = replace(config, keep_connections=False)
        self._transport = HttpTransport(single, resolver=resolver if resolver is not None else NameLookup())

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.close()

    async def call(self, request: WebRequest) -> WebAnswer | NoAnswer:
        """Send it; see the port."""
        begun = time.perf_counter()

        def passed_ms() -> int:
            return round((time.perf_counter() - begun) * 1000)

        try:
            async with asyncio.timeout(request.timeout_s):
                raw = await self._send(request)
        except HopRefused as refused:
            return NoAnswer(refused.reason, passed_ms(), refused.detail)
        except InvalidInput as error:
            return NoAnswer("bad_secret", passed_ms(), error.message)
        except FAILURES as error:
            return NoAnswer(reason_of(error), passed_ms(), failure_text(str(error).encode(errors="replace")))
        return WebAnswer(raw.status, passed_ms(), _text(raw), raw.cut)

    async def _send(self, request: WebRequest) -> RawAnswer:
        url = checked(request.url, plain_http=request.plain_http, encoded=True)
        origin = url.origin()
        method, body = request.method, request.body
        headers, login = _headers(request)
        for _ in range(self._config.max_redirects + 1):
            answer = await self._transport.send(method, url, {**headers, **login}, body)
            location = _header(answer.headers, "location")
            if answer.status not in _REDIRECTS or not location:
                return answer
            url = redirected(url, location, plain_http=request.plain_http)
            if answer.status == _SEE_OTHER or (answer.status in _BECOME_GET and method == "POST"):
                method, body = "GET", None
                headers = {name: value for name, value in headers.items() if not name.startswith("content-")}
            if url.origin() != origin:
                login = {}  # and it stays dropped: whoever sent us away does not choose where it is shown
                if body is not None and request.sealed:
                    raise HopRefused("bad_redirect", "The redirect would carry a secret to another server.")
        raise HopRefused("bad_redirect", f"More than {self._config.max_redirects} redirects.")


def _headers(request: WebRequest) -> tuple[dict[str, str], dict[str, str]]:
    """Headers for every hop, and those for the first origin. Raises InvalidInput ``invalid_webhook_secret``."""
    headers = {"user-agent": USER_AGENT, **{name.lower(): value for name, value in request.headers.items()}}
    headers["accept-encoding"] = "identity"  # nothing is unpacked here: a small answer could become a huge one
    login = {**authorization(request.auth), **{name.lower(): value for name, value in request.login.items()}}
    if request.signed is not None:
        login |= sign(request.signed.id, request.signed.at, request.body or b"", request.signed.secrets)
    return headers, login


def _header(headers: Mapping[str, str], wanted: str) -> str:
    return next((value for name, value in headers.items() if name.lower() == wanted), "")


def _text(raw: RawAnswer) -> str:
    found = _CHARSET.search(_header(raw.headers, "content-type"))
    return raw.body.decode(found[1] if found is not None else "utf-8", errors="replace").removeprefix("\ufeff")
