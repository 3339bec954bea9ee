"""A mail provider's pages, as a test says they are."""

from __future__ import annotations

from typing import ClassVar


class ProviderPagesHere:
    """A mail provider whose pages are ``pages``, by address; ``asked`` are those that were fetched."""

    pages: ClassVar[dict[str, bytes]] = {}
    asked: ClassVar[list[str]] = []

    async def get(self, url: str) -> bytes:
        self.asked.append(url)
        return self.pages[url]
