"""What carriers say about who wrote, and what their settings name."""

from __future__ import annotations

from collections.abc import Sequence

from central.adapters.smpp.config import Timers
from central.application.ports.carriers import LinkMoved, TextCame
from tests.integration.smpp.peer import carrier, smsc

QUICK = Timers(response=0.5, reconnect=(0.05, 0.2), unbind=0.5, join=0.5)


async def test_a_sender_is_international_where_the_carrier_says_so() -> None:
    async with smsc() as peer, carrier(peer.port) as ours:
        (link,) = peer.links
        link.deliver(b"STOP", esm_class=0, source="9800000001", source_ton=2)
        link.deliver(b"STOP", esm_class=0, source="919800000001", source_ton=1)
        link.deliver(b"STOP", esm_class=0, source="+919800000001")
        await ours.until(lambda: len(ours.of(TextCame)) == 3)
        assert [news.sender for news in ours.of(TextCame)] == ["9800000001", "+919800000001", "+919800000001"]


async def test_a_name_that_no_resolver_takes_is_told_and_tried_again() -> None:
    async with carrier(1, bound=False, host="a\0b", timers=QUICK) as ours:
        await ours.until(lambda: "down" in ours.links())
        (moved,) = ours.of(LinkMoved)
        assert moved.detail.startswith("no connection:")
        (bind,) = ours.carrier.binds
        assert bind.session.due() < float("inf")


class _Broken:
    """Has a defect that nobody foresaw."""

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        raise ValueError(f"{host}:{port}")


async def test_a_defect_while_connecting_is_told_and_the_bind_comes_again() -> None:
    async with carrier(2775, bound=False, reach=_Broken(), timers=QUICK) as ours:
        await ours.until(lambda: "down" in ours.links())
        (moved,) = ours.of(LinkMoved)
        assert moved.detail == "defect: ValueError 127.0.0.1:2775"
        (bind,) = ours.carrier.binds
        assert bind.session.due() < float("inf")
