"""The agents' phones that the engine knows: pushed over ARI, and whether each of them is registered and answers.

Step 3 of the path (channel). A phone is three objects under its user name: how it proves itself, where it registers, how it is
called. Deleting the second one forgets where it registered (measured, 22.10), so a phone whose password changes is deleted and
made anew, and has to prove the new one. What is known of the phone's presence comes as events to an ARI application of its
own: an application that follows an endpoint hears all of its channels' events too, and ours would hear each twice (measured).
The state of the endpoint itself is not to be trusted: made anew during a call it stays online without a registration (measured).
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final, TypeVar
from uuid import UUID

import aiohttp

from central.adapters.asterisk.outgoing import phone_objects
from central.adapters.asterisk.trunks import Request
from central.adapters.asterisk.wire import Event, decode_endpoint, decode_endpoints, decode_fields
from central.application.ports.telephony import Phone, phone_user
from central.domain.errors import NeighbourError

_TAKEN: Final = range(200, 300)
_NOT_FOUND: Final = 404
_NO_SUCH_SOURCE: Final = 422
_USER: Final = re.compile(r"a[0-9a-f]{32}")
_AT_ONCE: Final = 16
_CONFIG: Final = "/asterisk/config/dynamic/res_pjsip"


Thing = TypeVar("Thing")


class Phones:
    """The wanted phones of one engine. ``app``: the ARI application that hears of them; ``check_s``: how often they are asked."""

    def __init__(self, request: Request, app: str, rtp_timeout_s: int, check_s: int) -> None:
        self._request, self._app = request, app
        self._rtp_timeout_s, self._check_s = rtp_timeout_s, check_s
        self._wanted: dict[UUID, Phone] = {}
        self._known: dict[UUID, Phone] = {}
        self._refused: dict[UUID, tuple[Phone, str]] = {}
        self._contacts: dict[
            str, dict[str, bool]
        ] = {}  # by user: where it registered from, and whether it answers there
        self._news: Counter[str] = Counter()
        self._turn, self._room = asyncio.Lock(), asyncio.Semaphore(_AT_ONCE)

    @property
    def refused(self) -> Mapping[UUID, str]:
        """Phones that the engine would not take, and why."""
        return {key: detail for key, (_, detail) in self._refused.items()}

    @property
    def registered(self) -> frozenset[UUID]:
        """Agents whose phone can be rung."""
        return frozenset(agent for agent in self._known if any(self._contacts.get(phone_user(agent), {}).values()))

    def get(self, agent: UUID) -> str | None:
        """The engine's name for an agent's phone; None when it is not known."""
        return phone_user(agent) if agent in self._known else None

    def owner(self, endpoint: str) -> UUID | None:
        """Whose phone an endpoint is; None when it is none."""
        return UUID(endpoint[1:]) if _USER.fullmatch(endpoint) else None

    def heard(self, event: Event) -> None:
        """A phone came, went, or answers no more."""
        if (contact := event.contact_info) is None:
            return
        self._news[contact.aor] += 1
        places = self._contacts.setdefault(contact.aor, {})
        if contact.contact_status == "Removed":
            places.pop(contact.uri, None)
        else:
            places[contact.uri] = contact.contact_status != "Unreachable"

    def keep(self, phones: Sequence[Phone]) -> None:
        """Remember the phones for the next ``push_all``; nothing is sent."""
        self._wanted = {phone.id: phone for phone in phones}

    async def push_all(self) -> None:
        """Make a freshly connected engine know exactly these phones, whatever it knew before. Raises as ``change``.

        One that it knows already, with the same password, stays registered.
        """
        async with self._turn:
            self._known.clear()
            self._refused.clear()
            self._contacts.clear()
            wanted = {phone_user(phone.id): phone for phone in self._wanted.values()}
            answer = await self._ask("GET", "/endpoints/PJSIP", but=(_NOT_FOUND,))  # where there is none at all
            found = decode_endpoints(answer) if answer is not None else ()
            there = {endpoint.resource for endpoint in found if _USER.fullmatch(endpoint.resource)}
            unchanged = {user for user in there & wanted.keys() if await self._has(user, wanted[user])}
            await self._each(self._withdraw, there - unchanged)
            await self._each(lambda user: self._push(wanted[user], there=user in unchanged), wanted)

    async def change(self, phones: Sequence[Phone]) -> None:
        """Make exactly these phones known.

        One that the engine refuses is left out and told by ``refused``; it is tried again when it is changed. Raises
        NeighbourError ``engine_unreachable``; what was handled before the failure stays changed.
        """
        async with self._turn:
            self.keep(phones)
            wanted = self._wanted
            self._refused = {key: refused for key, refused in self._refused.items() if wanted.get(key) == refused[0]}
            gone = [known.id for known in self._known.values() if wanted.get(known.id) != known]
            await self._each(self._withdraw, map(phone_user, gone))
            for agent in gone:
                del self._known[agent]
            new = [phone for key, phone in wanted.items() if key not in self._known and key not in self._refused]
            await self._each(self._push, new)

    async def _each(self, deed: Callable[[Thing], Awaitable[None]], things: Iterable[Thing]) -> None:
        """A few at once: a request waits for its connection within its own time limit."""

        async def one(thing: Thing) -> None:
            async with self._room:
                await deed(thing)

        done = await asyncio.gather(*map(one, things), return_exceptions=True)
        for result in done:
            if isinstance(result, BaseException):
                raise result

    async def _push(self, phone: Phone, *, there: bool = False) -> None:
        """Make it known, or take up what is there already; one that is refused is withdrawn and remembered."""
        user = phone_user(phone.id)
        try:
            for thing in () if there else phone_objects(phone, self._rtp_timeout_s, self._check_s):
                await self._must("PUT", thing.path, thing.body)
            await self._follow(phone)
        except NeighbourError as error:
            if error.code != "phone_refused":
                raise
            self._refused[phone.id] = (phone, error.message)
            await self._withdraw(user)

    async def _follow(self, phone: Phone) -> None:
        """Hear of it from now on, and ask once: it may have come before."""
        user = phone_user(phone.id)
        if await self._ask("POST", self._subscription(user), but=(_NOT_FOUND,)) is None:
            raise NeighbourError("engine_unreachable", f"application {self._app} is gone")  # and nothing would be heard
        before = self._news[user]
        places = decode_fields(await self._must("GET", f"{_CONFIG}/aor/{user}")).get("contact", "")
        answers = places and decode_endpoint(await self._must("GET", f"/endpoints/PJSIP/{user}")).state != "offline"
        self._known[phone.id] = phone
        if self._news[user] == before:  # what was told meanwhile is newer than the answer
            self._contacts[user] = {places: True} if answers else {}

    async def _withdraw(self, user: str) -> None:
        """Delete it; first the subscription, which would hold on to the deleted one when the name comes back (measured)."""
        await self._ask("DELETE", self._subscription(user), but=(_NOT_FOUND, _NO_SUCH_SOURCE))
        for kind in ("endpoint", "aor", "auth"):
            await self._ask("DELETE", f"{_CONFIG}/{kind}/{user}", but=(_NOT_FOUND,))
        self._contacts.pop(user, None)
        del self._news[user]

    async def _has(self, user: str, phone: Phone) -> bool:
        """Whether the engine has it with this password."""
        answer = await self._ask("GET", f"{_CONFIG}/auth/{user}", but=(_NOT_FOUND,))
        return answer is not None and decode_fields(answer).get("password") == phone.password

    def _subscription(self, user: str) -> str:
        return f"/applications/{self._app}/subscription?eventSource=endpoint:PJSIP/{user}"

    async def _must(self, method: str, path: str, body: Mapping[str, object] | None = None) -> bytes:
        answer = await self._ask(method, path, body)
        return answer or b""

    async def _ask(
        self, method: str, path: str, body: Mapping[str, object] | None = None, but: Sequence[int] = ()
    ) -> bytes | None:
        """The answer; None for a status of ``but``. Raises NeighbourError ``phone_refused`` or ``engine_unreachable``."""
        try:
            status, answer = await self._request(method, path, body)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NeighbourError("engine_unreachable", f"{type(error).__name__}: {error}") from error
        if status in but:
            return None
        if status not in _TAKEN:
            raise NeighbourError("phone_refused", f"{method} {path}: HTTP {status} {answer[:200]!r}")
        return answer
