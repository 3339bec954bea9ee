"""What the engine knows of phones: three objects each, no trace of the withdrawn, and one that is refused stops nobody."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast
from uuid import UUID

import aiohttp
import msgspec
import pytest

from central.adapters.asterisk.outgoing import phone_objects
from central.adapters.asterisk.phones import Phones
from central.adapters.asterisk.wire import Contact, Event
from central.application.ports.telephony import Phone, phone_user
from central.domain.errors import NeighbourError

ONE, TWO = UUID(int=1), UUID(int=2)
CONFIG = "/asterisk/config/dynamic/res_pjsip"


@dataclass
class Engine:
    """An engine's memory: ``objects`` by path, ``followed`` endpoints; ``refuses`` a password, ``unfollowed`` cannot be followed,
    ``away`` answers nothing.
    """

    objects: dict[str, dict[str, str]] = field(default_factory=dict[str, "dict[str, str]"])
    followed: set[str] = field(default_factory=set[str])
    refuses: str = ""
    unfollowed: str = ""
    away: bool = False
    asked: int = 0

    async def request(self, method: str, path: str, body: Mapping[str, object] | None = None) -> tuple[int, bytes]:
        self.asked += 1
        if self.away:
            raise aiohttp.ClientConnectionError("gone")
        if path.startswith("/applications/phones/subscription") and path.endswith(self.unfollowed or "/"):
            return 422, b"Event source does not exist"
        if path.startswith("/applications/phones/subscription"):
            (self.followed.add if method == "POST" else self.followed.discard)(path.rpartition("/")[2])
            return 200, b"{}"
        if path.startswith("/endpoints/PJSIP"):
            return self._endpoints(path.removeprefix("/endpoints/PJSIP").removeprefix("/"))
        if method == "GET":
            found = self.objects.get(path)
            return (200, _fields(found)) if found is not None else (404, b"")
        if method == "DELETE":
            return (204, b"") if self.objects.pop(path, None) is not None else (404, b"")
        fields = {one["attribute"]: one["value"] for one in cast("list[dict[str, str]]", (body or {})["fields"])}
        if (
            path in self.objects or fields.get("password") == self.refuses
        ):  # an endpoint cannot be changed, see trunks.py
            return 500, b"Allocation failed"
        self.objects[path] = fields
        return 200, b"[]"

    def _endpoints(self, name: str) -> tuple[int, bytes]:
        names = [path.rpartition("/")[2] for path in self.objects if "/endpoint/" in path]
        states = [{"resource": one, "state": "online" if self._registered(one) else "offline"} for one in names]
        if name:
            return 200, msgspec.json.encode(states[names.index(name)])
        return (200, msgspec.json.encode(states)) if states else (404, b"")

    def _registered(self, user: str) -> bool:
        return bool(self.objects.get(f"{CONFIG}/aor/{user}", {}).get("contact"))

    def register(self, agent: UUID) -> None:
        """A phone proves itself."""
        self.objects[f"{CONFIG}/aor/{phone_user(agent)}"]["contact"] = "sip:there"

    @property
    def users(self) -> set[str]:
        """Whose objects there are, all of them whole."""
        kinds: dict[str, set[str]] = {}
        for path in self.objects:
            _, kind, user = path.rsplit("/", 2)
            kinds.setdefault(user, set()).add(kind)
        assert all(found == {"endpoint", "aor", "auth"} for found in kinds.values())
        return set(kinds)


def _fields(found: Mapping[str, str]) -> bytes:
    return msgspec.json.encode([{"attribute": name, "value": value} for name, value in found.items()])


def heard(phones: Phones, agent: UUID, status: str, uri: str = "sip:there") -> None:
    phones.heard(Event("ContactStatusChange", contact_info=Contact(uri, status, phone_user(agent))))


def phones_of(engine: Engine) -> Phones:
    return Phones(engine.request, "phones", 60, 15)


async def test_exactly_the_wanted_phones_are_known_and_nothing_is_done_twice() -> None:
    engine = Engine()
    phones = phones_of(engine)
    await phones.change([Phone(ONE, "a"), Phone(TWO, "b")])
    assert engine.users == engine.followed == {phone_user(ONE), phone_user(TWO)}
    asked = engine.asked
    await phones.change([Phone(TWO, "b"), Phone(ONE, "a")])
    assert engine.asked == asked
    await phones.change([Phone(TWO, "b")])
    assert engine.users == engine.followed == {phone_user(TWO)}
    assert phones.get(ONE) is None
    await phones.change([])
    assert not engine.objects


async def test_a_new_password_makes_the_phone_prove_itself_again() -> None:
    engine = Engine()
    phones = phones_of(engine)
    await phones.change([Phone(ONE, "a")])
    engine.register(ONE)
    heard(phones, ONE, "NonQualified")
    assert phones.registered == {ONE}
    await phones.change([Phone(ONE, "b")])
    assert not phones.registered
    assert engine.objects[f"{CONFIG}/auth/{phone_user(ONE)}"]["password"] == "b"
    assert "contact" not in engine.objects[f"{CONFIG}/aor/{phone_user(ONE)}"]


async def test_it_is_there_while_one_place_answers() -> None:
    phones = phones_of(Engine())
    await phones.change([Phone(ONE, "a")])
    for uri, status, there in (
        ("sip:1", "NonQualified", True), ("sip:1", "Unreachable", False), ("sip:2", "NonQualified", True),
        ("sip:1", "Removed", True), ("sip:2", "Reachable", True), ("sip:2", "Removed", False),
    ):  # fmt: skip
        heard(phones, ONE, status, uri)
        assert (ONE in phones.registered) is there
    heard(phones, TWO, "Reachable")
    assert not phones.registered


async def test_one_that_the_engine_refuses_stops_nobody_and_leaves_nothing() -> None:
    engine = Engine(refuses="bad")
    phones = phones_of(engine)
    await phones.change([Phone(ONE, "bad"), Phone(TWO, "b")])
    assert set(phones.refused) == {ONE}
    assert engine.users == {phone_user(TWO)}
    asked = engine.asked
    await phones.change([Phone(ONE, "bad"), Phone(TWO, "b")])
    assert engine.asked == asked
    await phones.change([Phone(ONE, "good"), Phone(TWO, "b")])
    assert not phones.refused
    assert engine.users == {phone_user(ONE), phone_user(TWO)}


async def test_an_engine_that_is_away_is_made_good_for_at_the_next_connection() -> None:
    engine = Engine()
    phones = phones_of(engine)
    await phones.change([Phone(ONE, "a")])
    engine.register(ONE)
    engine.away = True
    with pytest.raises(NeighbourError, match="gone"):
        await phones.change([Phone(TWO, "b")])
    engine.away = False
    await phones.push_all()
    assert engine.users == engine.followed == {phone_user(TWO)}
    phones.keep([Phone(TWO, "b"), Phone(ONE, "c")])
    engine.register(TWO)
    await phones.push_all()
    assert engine.users == {phone_user(ONE), phone_user(TWO)}
    assert phones.registered == {TWO}  # still registered, though its event was not heard


async def test_one_that_is_lost_while_it_is_taken_up_stops_nobody() -> None:
    engine = Engine()
    await phones_of(engine).change([Phone(ONE, "a"), Phone(TWO, "b")])
    engine.unfollowed = phone_user(ONE)
    again = phones_of(engine)
    again.keep([Phone(ONE, "a"), Phone(TWO, "b")])
    await again.push_all()
    assert set(again.refused) == {ONE}
    assert engine.users == {phone_user(TWO)}


async def test_an_endpoint_that_is_no_phone_of_ours_is_left_alone() -> None:
    engine = Engine(objects={f"{CONFIG}/endpoint/t{ONE.hex}00000001": {}})
    phones = phones_of(engine)
    await phones.push_all()
    assert len(engine.objects) == 1
    assert phones.owner(f"t{ONE.hex}00000001") is phones.owner("bob") is None
    assert phones.owner(phone_user(TWO)) == TWO


def test_a_phone_proves_itself_under_its_own_name_and_may_do_nothing_by_itself() -> None:
    auth, aor, endpoint = phone_objects(Phone(ONE, "secret"), 60, 15)
    assert {auth.id, aor.id, endpoint.id} == {phone_user(ONE)}
    assert re.fullmatch(r"a[0-9a-f]{32}", auth.id)
    assert dict(auth.fields) == {"auth_type": "userpass", "username": auth.id, "password": "secret"}
    assert dict(aor.fields)["max_contacts"] == "1"
    fields = dict(endpoint.fields)
    assert (fields["context"], fields["identify_by"], fields["auth"]) == ("from-phone", "username", auth.id)
    assert (fields["allow_transfer"], fields["allow_subscribe"]) == ("no", "no")
    assert fields["set_var"] == "FORWARD_CONTEXT=redirects-refused"
    assert "secret" not in repr(Phone(ONE, "secret"))
