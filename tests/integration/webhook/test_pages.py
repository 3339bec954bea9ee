"""Pages of a mail provider: a 200 of reasonable size, straight from its address, or an error with a stable code."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from central.adapters.webhook.config import WebhookConfig
from central.adapters.webhook.pages import WebPages
from central.domain.errors import NeighbourError
from tests.integration.webhook.far_end import Behaviour, FarEnd, answer, cut, endless

LAB = WebhookConfig(timeout_s=5, allowed_networks=("127.0.0.1/32",))


@pytest.fixture
async def far_end() -> AsyncIterator[FarEnd]:
    async with FarEnd() as running:
        yield running


async def get(far_end: FarEnd, config: WebhookConfig = LAB, *, plain_http: bool = True) -> bytes:
    pages = WebPages(config, plain_http=plain_http)
    try:
        return await pages.get(far_end.url("/page"))
    finally:
        await pages.close()


async def test_a_page_comes_as_it_is(far_end: FarEnd) -> None:
    far_end.otherwise = answer(200, "-----BEGIN")
    assert await get(far_end) == b"-----BEGIN"
    assert [one.method for one in far_end.received] == ["GET"]


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        (answer(404), "provider_page_unusable"),
        (answer(302, location="http://127.0.0.1:1/"), "provider_page_unusable"),
        (answer(200, "x" * 70_000), "provider_page_unusable"),
        (endless, "provider_page_unusable"),
        (cut, "provider_away"),
    ],
)
async def test_anything_else_is_an_error(far_end: FarEnd, behaviour: Behaviour, code: str) -> None:
    far_end.otherwise = behaviour
    with pytest.raises(NeighbourError) as caught:
        await get(far_end)
    assert caught.value.code == code


async def test_only_public_addresses_over_tls_are_asked(far_end: FarEnd) -> None:
    with pytest.raises(NeighbourError):
        await get(far_end, plain_http=False)
    with pytest.raises(NeighbourError):
        await get(far_end, replace(LAB, allowed_networks=()))
    assert far_end.received == []
