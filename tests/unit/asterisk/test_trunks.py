"""What the engine knows of trunks: one identify a peer, which follows its addresses; trunks that share one are told together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast
from uuid import UUID

from central.adapters.asterisk.trunks import Trunks
from central.application.ports.telephony import Trunk, digest_user
from central.domain.ids import TrunkId

ONE, TWO, THREE = (TrunkId(UUID(int=n)) for n in (1, 2, 3))


@dataclass
class Engine:
    """Takes everything; ``objects`` are those it has, ``names`` what hosts resolve to."""

    names: dict[str, tuple[str, ...]]
    objects: dict[str, Mapping[str, object] | None] = field(default_factory=dict[str, "Mapping[str, object] | None"])

    async def request(self, method: str, path: str, body: Mapping[str, object] | None = None) -> tuple[int, bytes]:
        if method == "DELETE":
            return (204, b"") if self.objects.pop(path, self) is not self else (404, b"")
        self.objects[path] = body
        return 200, b""

    async def resolve(self, host: str) -> tuple[str, ...]:
        return self.names.get(host, ())

    @property
    def matches(self) -> list[str]:
        found: list[str] = []
        for path, body in self.objects.items():
            fields = cast("list[dict[str, str]]", body["fields"]) if body is not None else []
            if "/identify/" in path:
                found += [one["value"] for one in fields if one["attribute"] == "match"]
        return sorted(found)


def trunks(engine: Engine) -> Trunks:
    return Trunks(engine.request, 0, lambda: True, engine.resolve)


async def test_a_peer_that_moves_is_followed_and_one_without_a_name_keeps_what_it_had() -> None:
    engine = Engine({"sip.example": ("192.0.2.1",)})
    known, wanted = trunks(engine), [Trunk(ONE, "a", "sip.example"), Trunk(TWO, "b", "later.example")]
    await known.change(wanted)
    assert engine.matches == ["192.0.2.1"]
    engine.names = {"sip.example": ("192.0.2.9",), "later.example": ("192.0.2.7", "192.0.2.8")}
    await known.change(wanted)
    assert engine.matches == ["192.0.2.7,192.0.2.8", "192.0.2.9"]
    engine.names = {}
    await known.change(wanted)
    assert engine.matches == ["192.0.2.7,192.0.2.8", "192.0.2.9"]
    await known.change([])
    assert not engine.objects


async def test_trunks_that_share_an_address_are_told_together() -> None:
    engine = Engine({"a.example": ("192.0.2.1",), "b.example": ("192.0.2.1", "192.0.2.2"), "c.example": ("192.0.2.3",)})
    known = trunks(engine)
    await known.change([Trunk(ONE, "a", "a.example"), Trunk(TWO, "b", "b.example"), Trunk(THREE, "c", "c.example")])
    endpoints = {key: known.get(key) for key in (ONE, TWO, THREE)}
    first, third = endpoints[ONE], endpoints[THREE]
    assert first is not None
    assert third is not None
    assert known.callers(first.endpoint) == {ONE, TWO}
    assert known.callers(third.endpoint) == {THREE}
    assert known.callers("nobody") == frozenset()


async def test_a_peer_known_by_digest_has_no_address_and_keeps_its_user_when_it_changes() -> None:
    engine = Engine({"a.example": ("192.0.2.1",)})
    known = trunks(engine)
    trunk = Trunk(ONE, "a", "a.example", username="u", password="one", inbound="digest")
    await known.change([trunk])
    await known.change([Trunk(ONE, "a", "a.example", username="u", password="two", inbound="digest")])
    user = digest_user(ONE)
    assert not engine.matches
    assert known.callers(user) == {ONE}
    assert engine.objects[f"/asterisk/config/dynamic/res_pjsip/auth/{user}"] is not None
    assert sum("/endpoint/" in path for path in engine.objects) == 2
