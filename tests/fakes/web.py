"""The web as a flow sees it (ports WebCaller, SavedEndpoints and WebSounds), in memory: answers by URL, remembers what was asked."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from central.application.ports.speech import AudioFile
from central.application.ports.web_calls import SavedEndpoint, WebAnswer, WebRequest
from central.application.ports.web_sounds import NoSound
from central.domain.delivery import NoAnswer
from central.domain.ids import AccountId


@dataclass
class MemoryWeb:
    """``answers`` by URL (without query), else 204; ``hangs`` are URLs that never answer within a request's time."""

    answers: dict[str, WebAnswer | NoAnswer] = field(default_factory=dict[str, WebAnswer | NoAnswer])
    hangs: set[str] = field(default_factory=set[str])
    endpoints: dict[str, SavedEndpoint] = field(default_factory=dict[str, SavedEndpoint])
    asked: list[WebRequest] = field(default_factory=list[WebRequest])
    looked_up: list[str] = field(default_factory=list[str])
    dropped: int = 0

    async def call(self, request: WebRequest) -> WebAnswer | NoAnswer:
        self.asked.append(request)
        place = request.url.partition("?")[0]
        if place in self.hangs:
            try:
                await asyncio.sleep(request.timeout_s)
            except asyncio.CancelledError:
                self.dropped += 1
                raise
            return NoAnswer("timeout", round(request.timeout_s * 1000))
        return self.answers.get(place, WebAnswer(204, 3, ""))

    async def find_endpoint(self, account_id: AccountId, name: str) -> SavedEndpoint | None:
        del account_id
        self.looked_up.append(name)
        return self.endpoints.get(name)


@dataclass
class MemorySounds:
    """``found`` by URL, else nothing is found; ``hangs`` are URLs whose fetch never ends."""

    found: dict[str, AudioFile | NoSound] = field(default_factory=dict[str, AudioFile | NoSound])
    hangs: set[str] = field(default_factory=set[str])
    asked: list[tuple[AccountId, str, bool]] = field(default_factory=list[tuple[AccountId, str, bool]])
    dropped: int = 0

    async def fetch(self, account_id: AccountId, url: str, *, plain_http: bool) -> AudioFile | NoSound:
        self.asked.append((account_id, url, plain_http))
        if url in self.hangs:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                self.dropped += 1
                raise
        return self.found.get(url, NoSound("url_failed", "HTTP 404"))
