"""Errand of a Play step with a URL: the recording is fetched and made playable, while the customer hears silence (path step 4)."""

from __future__ import annotations

import asyncio

from central.application.conversation.live_call import LiveCall
from central.application.conversation.run_errands import Returned
from central.application.ports.telemetry import Telemetry
from central.application.ports.web_sounds import NoSound, WebSounds
from central.domain.accounts import Switch
from central.flow.errands import FetchSound


class FetchSounds:
    """The runner of the errand FetchSound."""

    def __init__(self, sounds: WebSounds, telemetry: Telemetry) -> None:
        self._sounds, self._telemetry = sounds, telemetry

    async def __call__(self, call: LiveCall, errand: FetchSound) -> Returned:
        """Fetch it within the step's time. Raises OperatorError where the fault is this machine's."""
        plain_http = call.handed.account.has(Switch.PLAIN_HTTP_WEBHOOKS)
        try:
            async with asyncio.timeout(errand.timeout_s):
                found = await self._sounds.fetch(call.account_id, errand.url, plain_http=plain_http)
        except TimeoutError:
            found = NoSound("url_failed", f"timeout: it could not be played within {errand.timeout_s:g} s")
        if isinstance(found, NoSound):
            self._telemetry.count("flow_sounds", outcome=found.reason)
            return Returned("failed", {"error": found.reason}, found.detail)
        self._telemetry.count("flow_sounds", outcome="fetched")
        return Returned("fetched", {"file": found.path}, f"{found.seconds:.1f} s")
