"""Errand of the Webhook step: send its request, and say in a few stable words what came of it (path step 4).

Nothing is shared between calls but the table of endpoints: a target that hangs holds up only those who ask it.
"""

from __future__ import annotations

from typing import Final
from uuid import NAMESPACE_URL, uuid5

from central.application.conversation.live_call import LiveCall
from central.application.conversation.run_errands import Returned
from central.application.ports.telemetry import Telemetry
from central.application.ports.web_calls import SavedEndpoint, SavedEndpoints, Signed, WebAnswer, WebCaller, WebRequest
from central.application.ports.world import Clock
from central.domain.accounts import Switch
from central.domain.delivery import NoAnswer
from central.domain.endpoints import NO_AUTH
from central.domain.ids import AccountId
from central.flow.errands import CallWebhook

KEPT_S: Final = 5.0
"""How long an endpoint is known without asking again: a thousand calls ask once, and a change is felt soon."""
_LIMIT_KNOWN: Final = 1_000
_OK: Final = range(200, 300)
_SENTENCES: Final = {
    "endpoint_unknown": "The account has no saved endpoint of this name.",
    "endpoint_disabled": "The saved endpoint is disabled.",
}


class CallWebhooks:
    """The runner of the errand CallWebhook."""

    def __init__(self, caller: WebCaller, endpoints: SavedEndpoints, clock: Clock, telemetry: Telemetry) -> None:
        self._caller, self._endpoints, self._clock, self._telemetry = caller, endpoints, clock, telemetry
        self._known: dict[tuple[AccountId, str], tuple[float, SavedEndpoint | None]] = {}

    async def __call__(self, call: LiveCall, errand: CallWebhook) -> Returned:
        """Send the request. Raises NeighbourError when the store is away."""
        endpoint = await self._endpoint(call.account_id, errand.endpoint) if errand.endpoint else None
        if errand.endpoint and (endpoint is None or endpoint.disabled):
            return self._nothing(
                NoAnswer("bad_url", 0), "endpoint_unknown" if endpoint is None else "endpoint_disabled"
            )
        answer = await self._caller.call(self._request(call, errand, endpoint))
        if isinstance(answer, NoAnswer):
            return self._nothing(answer, answer.reason)
        return self._answered(answer)

    def _request(self, call: LiveCall, errand: CallWebhook, endpoint: SavedEndpoint | None) -> WebRequest:
        url = errand.url if endpoint is None else endpoint.url.partition("#")[0]
        if errand.query:
            url += ("&" if "?" in url else "?") + errand.query
        signed = None
        if endpoint is not None and endpoint.secrets:
            signed = Signed(uuid5(NAMESPACE_URL, errand.key), self._clock.now(), endpoint.secrets)
        return WebRequest(
            method=errand.method,
            url=url,
            headers={**errand.headers, "Idempotency-Key": errand.key},
            login=errand.login,
            body=None if errand.body is None else errand.body.encode(errors="replace"),
            timeout_s=errand.timeout_s,
            plain_http=call.handed.account.has(Switch.PLAIN_HTTP_WEBHOOKS),
            sealed=errand.sealed,
            auth=NO_AUTH if endpoint is None else endpoint.auth,
            signed=signed,
        )

    def _answered(self, answer: WebAnswer) -> Returned:
        good = answer.status in _OK
        self._tell("success" if good else "http_status", answer.duration_ms)
        values = {
            "response_status_code": str(answer.status),
            "response_duration": str(answer.duration_ms),
            "response_raw": answer.body,
            "response_cut": "yes" if answer.cut else "",
            "response_error": "" if good else "http_status",
        }
        return Returned("success" if good else "failure", values, f"HTTP {answer.status}")

    def _nothing(self, answer: NoAnswer, error: str) -> Returned:
        self._tell(error, answer.duration_ms)
        values = {"response_duration": str(answer.duration_ms), "response_error": error}
        return Returned("failure", values, _SENTENCES.get(error) or answer.detail)

    def _tell(self, outcome: str, duration_ms: int) -> None:
        self._telemetry.count("flow_webhooks", outcome=outcome)
        self._telemetry.observe("flow_webhook_ms", duration_ms)

    async def _endpoint(self, account_id: AccountId, name: str) -> SavedEndpoint | None:
        now = self._clock.monotonic()
        until, known = self._known.get((account_id, name), (float("-inf"), None))
        if until > now:
            return known
        found = await self._endpoints.find_endpoint(account_id, name)
        if len(self._known) >= _LIMIT_KNOWN:
            self._known.clear()
        self._known[account_id, name] = (now + KEPT_S, found)
        return found
