"""The carrier against a real HTTP server that behaves in every way of table 3.3: each part has one outcome, nothing goes twice."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from msgspec import UNSET
from typing_extensions import override

from central.adapters.gateway.channel import GatewayCarrier
from central.adapters.gateway.translate import WireRequest
from central.adapters.gateway.transport import GatewayTransport, Guard, NotBegun
from central.adapters.system import SystemClock
from central.adapters.webhook.reach import GuardedReach
from central.application.ports.carriers import (
    Answer,
    CarrierId,
    LinkMoved,
    NotSent,
    NotTaken,
    PartAnswered,
    Submission,
    Taken,
    Uncertain,
)
from central.application.ports.message_store import OpenCarrier
from central.application.ports.reach import AddressRefused
from central.bootstrap.carriers import carrier_check
from central.bootstrap.gateways import open_gateway
from central.domain.errors import InvalidInput
from central.domain.ids import AccountId
from tests.fakes.observed import ObservedTelemetry
from tests.fakes.reach import loopback_reach, reach_by
from tests.integration.webhook.far_end import Behaviour, FarEnd, answer, cut, endless
from tests.unit.gateway.samples import SECRETS, config, message, settings

PLACE = "/v1/messages"


def taken(id_: str = "g-1") -> Behaviour:
    return answer(200, json.dumps({"message": {"id": id_}}))


def public() -> GuardedReach:
    return reach_by({"gw.example": [["93.184.216.34"]], "localhost": [["127.0.0.1"]]})


class Rig:
    """A carrier on a far end, and what it told."""

    def __init__(self, far: FarEnd) -> None:
        self.far = far
        self.telemetry = ObservedTelemetry()
        self.told: list[PartAnswered] = []
        self.links: list[str] = []
        self.came = asyncio.Event()
        self.carrier: GatewayCarrier | None = None
        self.reader: asyncio.Task[None] | None = None

    def open(self, url: str = "", *, private: bool = True, plain: bool = True, **more: Any) -> GatewayCarrier:
        row = OpenCarrier(
            AccountId(message().id), CarrierId(message().id), "gw", "sms", "http",
            settings(url or self.far.url(PLACE), **more), SECRETS, 0, plain_http=plain,
        )  # fmt: skip
        carrier = self.carrier = open_gateway(
            row, SystemClock(), self.telemetry, loopback_reach() if private else public()
        )
        self.reader = asyncio.create_task(self._read(carrier))
        return carrier

    async def _read(self, carrier: GatewayCarrier) -> None:
        async for batch in carrier.news():
            for one in batch.news:
                if isinstance(one, PartAnswered):
                    self.told.append(one)
                elif isinstance(one, LinkMoved):
                    self.links.append(one.news)
            self.came.set()
            await batch.ack()

    async def send(self, *messages: Submission) -> list[Answer]:
        assert self.carrier is not None
        await self.carrier.submit(messages)
        return await self.answers(sum(one.parts for one in messages))

    async def answers(self, n: int) -> list[Answer]:
        async with asyncio.timeout(20):
            while len(self.told) < n:
                self.came.clear()
                await self.came.wait()
        return [one.answer for one in self.told]


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with FarEnd() as far:
        rig = Rig(far)
        yield rig
        far.release.set()
        if rig.carrier is not None:
            await rig.carrier.close(1)
            assert rig.reader is not None
            await rig.reader


async def test_a_message_of_three_parts_is_one_request_with_three_answers(rig: Rig) -> None:
    rig.open()
    rig.far.plan[PLACE] = [taken("g-7")]
    assert await rig.send(message(parts=3, tries=2)) == [Taken("g-7")] * 3
    assert [(one.part, one.tries, one.link) for one in rig.told] == [(1, 2, "gw"), (2, 2, "gw"), (3, 2, "gw")]
    (request,) = rig.far.received
    assert json.loads(request.body)["text"] == "Hello."
    assert request.headers["Authorization"] == "Bearer k-secret"
    assert "Accept-Encoding" in request.headers
    assert rig.links == ["up"]


GET = {"method": "GET", "json": UNSET, "query": {"to": "{to}", "text": "{text}"}}
ROWS: list[tuple[Behaviour, type, str, bool]] = [
    (answer(200, '{"error": {"code": 21211}}'), NotTaken, "bad_recipient", False),
    (answer(200, '{"error": {"code": 1}}'), NotTaken, "refused_by_gateway", False),
    (answer(200, "<html>"), Uncertain, "answer_unreadable", False),
    (answer(204), Uncertain, "answer_unreadable", False),
    (answer(400), NotTaken, "bad_request", False),
    (answer(401), NotTaken, "log_in_refused", True),
    (answer(402), NotTaken, "no_credit", True),
    (answer(409), NotTaken, "conflict", True),
    (answer(429, Retry_After="9"), NotTaken, "throttled", True),
    (answer(503), NotTaken, "gateway_unavailable", True),
    (answer(418), NotTaken, "refused_by_gateway", False),
    (answer(500), Uncertain, "gateway_error", False),
    (answer(502), Uncertain, "gateway_error", False),
    (cut, Uncertain, "link_lost", False),
    (endless(200), Uncertain, "answer_unreadable", False),
]


@pytest.mark.parametrize("request_", [{}, GET])
@pytest.mark.parametrize(("behave", "kind", "reason", "retry"), ROWS)
async def test_each_row_of_the_table_is_asked_once(
    rig: Rig, behave: Behaviour, kind: type, reason: str, retry: bool, request_: dict[str, Any]
) -> None:
    rig.open(request=dict(request_))
    rig.far.plan[PLACE] = [behave]
    rig.far.otherwise = taken("a second request")
    (got,) = await rig.send(message())
    assert isinstance(got, kind)
    assert getattr(got, "reason", "") == reason
    assert getattr(got, "retry", False) is retry
    assert len(rig.far.received) == 1  # the client library would repeat a GET that was cut


async def test_redirects_are_never_followed(rig: Rig) -> None:
    rig.open()
    for status in (301, 302, 303, 307, 308):
        rig.far.plan[PLACE] = [answer(status, Location=rig.far.url("/elsewhere"))]
        (*_, got) = await rig.send(message(status)) if not rig.told else await _next(rig, message(status))
        assert isinstance(got, NotTaken)
        assert (got.reason, got.status, got.alert) == ("redirect_refused", "FAILED", True)
    assert {one.path for one in rig.far.received} == {PLACE}
    assert [name for name, _ in rig.telemetry.events].count("gateway_needs_attention") == 5


async def _next(rig: Rig, one: Submission) -> list[Answer]:
    assert rig.carrier is not None
    before = len(rig.told)
    await rig.carrier.submit([one])
    return (await rig.answers(before + 1))[before:]


async def test_a_time_out_after_the_request_is_uncertain_and_not_repeated(rig: Rig) -> None:
    rig.open(timeouts={"connect": 0.2, "answer": 0.2})
    rig.far.plan[PLACE] = [rig.far.hang]
    (got,) = await rig.send(message())
    assert isinstance(got, Uncertain)
    assert got.reason == "timeout"
    assert len(rig.far.received) == 1


async def test_with_an_idempotency_key_what_is_unsure_is_asked_again_by_the_same_key(rig: Rig) -> None:
    rig.open(request={"idempotency_header": "Idempotency-Key"})
    rig.far.plan[PLACE] = [cut, answer(502), taken("at last")]
    assert await rig.send(message()) == [Taken("at last")]
    keys = {one.headers["idempotency-key"] for one in rig.far.received}
    assert keys == {str(message().id)}
    assert len(rig.far.received) == 3


async def test_an_unsure_outcome_stays_unsure_when_the_repeats_do_not_tell(rig: Rig) -> None:
    rig.open(request={"idempotency_header": "Idempotency-Key"}, repeats=1)
    rig.far.plan[PLACE] = [cut, answer(429)]
    (got,) = await rig.send(message())
    assert isinstance(got, Uncertain)
    assert got.reason == "link_lost"
    rig.far.plan[PLACE] = [cut, answer(400)]
    (got,) = await _next(rig, message(2))
    assert isinstance(got, NotTaken)
    assert got.reason == "bad_request"


async def test_what_never_left_us_is_told_as_not_sent_and_the_gateway_rests(rig: Rig) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound, and nobody listens
        carrier = rig.open(f"http://127.0.0.1:{held.getsockname()[1]}/")
        assert carrier.room() == 10
        (got,) = await rig.send(message())
        assert isinstance(got, NotSent)
        assert got.reason == "unreachable"
        assert carrier.room() == 0
        assert rig.links == ["up", "down"]


async def test_a_name_without_an_address_and_a_server_without_tls_are_not_sent(rig: Rig) -> None:
    class Nobody(AbstractResolver):
        @override
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[ResolveResult]:
            raise OSError(None, f"{host} has no address")

        @override
        async def close(self) -> None:
            pass

    guard = Guard(Nobody, lambda _: None, AddressRefused)
    lost = GatewayTransport(config("https://gw.example/"), guard)
    with pytest.raises(NotBegun) as caught:
        await lost.send(WireRequest("POST", "https://gw.example/", {}, b""))
    await lost.close()
    assert caught.value.reason == "unresolvable"
    rig.open(rig.far.url(PLACE).replace("http:", "https:"))
    (got,) = await rig.send(message())
    assert isinstance(got, NotSent)
    assert got.reason == "tls_failed"
    assert got.alert
    assert rig.far.received == []


async def test_private_addresses_and_plain_http_are_refused_when_saved_and_when_asked(rig: Rig) -> None:
    check = carrier_check(public())
    for url in (
        "https://127.0.0.1/",
        "https://10.0.0.1/x",
        "https://169.254.169.254/",
        "https://[::1]/",
        "https://0x7f.1/",
    ):
        with pytest.raises(InvalidInput, match=r"public|plain IP") as caught:
            await check("http", settings(url), SECRETS, plain_http=True)
        assert caught.value.code == "carrier_target_refused"
    with pytest.raises(InvalidInput, match="https"):
        await check("http", settings("http://gw.example/"), SECRETS, plain_http=False)
    await check("http", settings("https://gw.example/"), SECRETS, plain_http=False)
    rig.open(f"http://localhost:{rig.far.port}/", private=False)  # a name: judged when it is resolved
    (got,) = await rig.send(message())
    assert isinstance(got, NotSent)
    assert got.reason == "address_refused"
    assert got.alert
    assert rig.far.received == []


async def test_a_throttled_gateway_rests_for_what_it_asked_for(rig: Rig) -> None:
    carrier = rig.open()
    rig.far.plan[PLACE] = [answer(429, Retry_After="1")]
    rig.far.otherwise = taken()
    (got,) = await rig.send(message())
    assert isinstance(got, NotTaken)
    assert got.delay_s == 1
    assert carrier.room() == 0
    begun = asyncio.get_running_loop().time()
    assert await _next(rig, message(2)) == [Taken("g-1")]  # given to it all the same, it waits for the end of the rest
    assert asyncio.get_running_loop().time() - begun > 0.8
    assert rig.links == ["up", "slow", "normal"]


async def test_connections_and_rate_bound_what_runs_at_once(rig: Rig) -> None:
    running = most = 0

    async def count(_: web.Request) -> web.StreamResponse:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.02)
        running -= 1
        return web.Response(text='{"message": {"id": "x"}}')

    rig.far.otherwise = count
    carrier = rig.open(connections=3, rate=100)
    begun = asyncio.get_running_loop().time()
    await rig.send(*(message(n) for n in range(1, 41)))
    assert most <= 3
    assert asyncio.get_running_loop().time() - begun >= 0.28  # 40 at 100 a second, of which 10 at once
    assert len({one.id for one in rig.told}) == len(rig.told) == 40
    assert carrier.room() <= 10


async def test_closing_answers_everything_once(rig: Rig) -> None:
    carrier = rig.open(connections=2)
    begun = asyncio.Semaphore(0)

    async def hang(request: web.Request) -> web.StreamResponse:
        begun.release()
        return await rig.far.hang(request)

    rig.far.otherwise = hang
    await carrier.submit([message(n) for n in range(1, 6)])
    async with asyncio.timeout(5):
        for _ in range(2):
            await begun.acquire()
    await carrier.submit([message(6)])
    await carrier.close(0)
    assert rig.reader is not None
    await rig.reader
    kinds = {one.id.int: type(one.answer) for one in rig.told}
    assert [kinds[n] for n in range(1, 7)] == [Uncertain, Uncertain, NotSent, NotSent, NotSent, NotSent]
    assert len(rig.told) == 6


async def test_no_secret_stands_in_what_people_see(rig: Rig) -> None:
    rig.open(request={"query": {"key": "{secret.key}"}}, timeouts={"connect": 0.2, "answer": 0.2})
    rig.far.plan[PLACE] = [answer(401, "No such key: k-secret."), rig.far.hang, answer(400, "key=k%2Dsecret k-secret")]
    for number in range(1, 4):
        got = (await rig.send(message(number)) if number == 1 else await _next(rig, message(number)))[-1]
        assert "k-secret" not in str(got)
    assert [one.raw_path for one in rig.far.received] == [f"{PLACE}?key=k-secret"] * 3
    assert "k-secret" not in str(rig.telemetry.events)
