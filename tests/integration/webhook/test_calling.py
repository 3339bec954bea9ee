"""A flow's web request: what the far end gets, what comes back of any answer, where redirects may lead, and what hangs alone."""

from __future__ import annotations

import asyncio
import gzip
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from standardwebhooks import Webhook
from typing_extensions import override

from central.adapters.webhook.caller import WebhookCaller
from central.adapters.webhook.config import WebhookConfig
from central.adapters.webhook.name_lookup import NameLookup
from central.application.ports.web_calls import Signed, WebAnswer, WebRequest
from central.domain.delivery import NoAnswer
from central.domain.endpoints import EndpointAuth, make_secret
from tests.integration.webhook.far_end import FarEnd, answer, cut, endless

LAB = WebhookConfig(timeout_s=60, allowed_networks=("127.0.0.1/32",), per_host=4)
PLAIN = WebRequest("GET", "", {}, {}, None, 5.0, plain_http=True)
SECRET = make_secret(bytes(range(32)))


@pytest.fixture
async def far_end() -> AsyncIterator[FarEnd]:
    async with FarEnd() as running:
        yield running


@pytest.fixture
async def caller() -> AsyncIterator[WebhookCaller]:
    made = WebhookCaller(LAB)
    yield made
    await made.close()


def to(far_end: FarEnd, path: str = "/hook", **fields: Any) -> WebRequest:
    return replace(PLAIN, url=far_end.url(path), **fields)


async def good(caller: WebhookCaller, request: WebRequest) -> WebAnswer:
    answered = await caller.call(request)
    assert isinstance(answered, WebAnswer), answered
    return answered


async def refused(caller: WebhookCaller, request: WebRequest) -> NoAnswer:
    answered = await caller.call(request)
    assert isinstance(answered, NoAnswer), answered
    return answered


# -- what goes out, what comes back ------------------------------------------------------------------------------------
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_the_request_arrives_as_it_was_put_together(far_end: FarEnd, caller: WebhookCaller, method: str) -> None:
    far_end.otherwise = answer(200, '{"a": "ß"}')
    request = to(far_end, "/a%2Fb/%C3%A9?q=%20%26", method=method, headers={"X-A": "b", "Idempotency-Key": "k"})
    answered = await good(
        caller, replace(request, login={"Authorization": "Bearer t"}, body=None if method == "GET" else b"hi")
    )
    assert (answered.status, answered.body, answered.cut) == (200, '{"a": "ß"}', False)
    (received,) = far_end.received
    assert received.method == method
    assert received.raw_path == "/a%2Fb/%C3%A9?q=%20%26"
    assert received.body == (b"" if method == "GET" else b"hi")
    wanted = {
        "x-a": "b",
        "idempotency-key": "k",
        "authorization": "Bearer t",
        "accept-encoding": "identity",
        "user-agent": "Central-Webhooks/1",
    }
    assert wanted.items() <= {name.lower(): value for name, value in received.headers.items()}.items()


async def test_a_saved_endpoint_is_logged_in_to_and_can_tell_that_it_is_us(
    far_end: FarEnd, caller: WebhookCaller
) -> None:
    signed = Signed(uuid4(), datetime.now(UTC), (SECRET,))
    await good(caller, to(far_end, method="POST", body=b"{}", auth=EndpointAuth("basic", "u", "p"), signed=signed))
    (received,) = far_end.received
    Webhook(SECRET).verify(received.body, dict(received.headers))
    assert received.headers["Authorization"].startswith("Basic ")


@pytest.mark.parametrize("status", [200, 204, 301, 404, 500])
async def test_any_status_comes_back_with_its_body(far_end: FarEnd, caller: WebhookCaller, status: int) -> None:
    far_end.otherwise = answer(status, "" if status == 204 else "told")
    answered = await good(caller, to(far_end))
    assert (answered.status, answered.body) == (status, "" if status == 204 else "told")


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        ("text/plain; charset=iso-8859-1", b"\xe9", "é"),
        ("application/json", b"\xef\xbb\xbf{}", "{}"),
        ("text/plain; charset=utf-16", "é".encode("utf-16"), "é"),
        ("text/plain; charset=zlib", b"plain", "plain"),
        ("text/plain; charset=iso-8859-77", b"plain", "plain"),
        ("text/plain", b"\xff\xfe", "\ufffd\ufffd"),
    ],
)  # fmt: skip
async def test_text_is_read_as_it_was_written(
    far_end: FarEnd, caller: WebhookCaller, content_type: str, body: bytes, text: str
) -> None:
    async def behave(_: web.Request) -> web.StreamResponse:
        return web.Response(body=body, headers={"Content-Type": content_type})

    far_end.otherwise = behave
    assert (await good(caller, to(far_end))).body == text


# -- answers without end -----------------------------------------------------------------------------------------------
async def test_of_an_endless_answer_the_beginning_is_kept_and_the_rest_costs_nothing(
    far_end: FarEnd, caller: WebhookCaller
) -> None:
    far_end.otherwise = endless(200)
    answered = await good(caller, to(far_end))
    assert len(answered.body) == LAB.max_answer_bytes
    assert answered.cut
    assert answered.duration_ms < 4000


async def test_an_answer_that_drips_ends_at_the_time_limit(far_end: FarEnd, caller: WebhookCaller) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while not far_end.release.is_set():
            await response.write(b"x")
            await asyncio.wait([asyncio.ensure_future(far_end.release.wait())], timeout=0.05)
        return response

    far_end.otherwise = drip
    answered = await refused(caller, to(far_end, timeout_s=0.3))
    assert answered.reason == "timeout"
    assert 300 <= answered.duration_ms < 2000


async def test_a_compressed_answer_is_not_unpacked(far_end: FarEnd, caller: WebhookCaller) -> None:
    async def bomb(_: web.Request) -> web.StreamResponse:
        return web.Response(body=gzip.compress(bytes(10_000_000)), headers={"Content-Encoding": "gzip"})

    far_end.otherwise = bomb
    assert len((await good(caller, to(far_end))).body) < 20_000


async def test_a_cut_connection_is_unreachable(far_end: FarEnd, caller: WebhookCaller, free_port: int) -> None:
    far_end.otherwise = cut
    assert (await refused(caller, to(far_end))).reason == "unreachable"
    assert (await refused(caller, replace(PLAIN, url=f"http://127.0.0.1:{free_port}/"))).reason == "unreachable"


# -- redirects ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("status", "method", "then"),
    [(301, "POST", "GET"), (302, "POST", "GET"), (303, "PUT", "GET"), (307, "POST", "POST"), (308, "PUT", "PUT"), (302, "PUT", "PUT")],
)  # fmt: skip
async def test_a_redirect_is_followed_as_browsers_do(
    far_end: FarEnd, caller: WebhookCaller, status: int, method: str, then: str
) -> None:
    far_end.plan["/hook"] = [answer(status, Location="/moved")]
    headers = {"Content-Type": "text/plain"}
    answered = await good(caller, to(far_end, method=method, body=b"hi", headers=headers, login={"X-Key": "s"}))
    assert answered.status == 204
    first, second = far_end.received
    assert (first.method, second.method) == (method, then)
    assert second.body == (b"" if then == "GET" else b"hi")
    assert second.headers["x-key"] == "s"
    assert ("Content-Type" in second.headers) == (then != "GET")


async def test_log_in_data_goes_to_no_other_origin_and_not_back_again(far_end: FarEnd, caller: WebhookCaller) -> None:
    async with FarEnd() as other:
        far_end.plan["/hook"] = [answer(307, Location=other.url("/there"))]
        other.plan["/there"] = [answer(307, Location=far_end.url("/back"))]
        signed = Signed(uuid4(), datetime.now(UTC), (SECRET,))
        request = to(far_end, method="POST", body=b"{}", login={"Authorization": "Bearer t"}, headers={"X-A": "b"})
        await good(caller, replace(request, signed=signed))
        (there,) = other.received
    back = far_end.received[-1]
    for received in (there, back):
        assert received.headers["x-a"] == "b"
        assert not {"authorization", "webhook-signature"} & {name.lower() for name in received.headers}


async def test_a_body_with_a_secret_goes_to_no_other_origin(far_end: FarEnd, caller: WebhookCaller) -> None:
    async with FarEnd() as other:
        far_end.plan["/hook"] = [answer(307, Location=other.url())]
        answered = await refused(caller, to(far_end, method="POST", body=b"s", sealed=True))
        assert answered.reason == "bad_redirect"
        assert not other.received


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("http://10.0.0.1/", "address_refused"), ("http://169.254.169.254/latest/meta-data", "address_refused"),
        ("http://2130706433/", "address_refused"), ("http://[::ffff:10.0.0.1]/", "address_refused"),
        ("file:///etc/passwd", "bad_url"), ("/hook", "bad_redirect"),
    ],
)  # fmt: skip
async def test_a_redirect_leads_nowhere_that_is_ours_and_not_in_circles(
    far_end: FarEnd, caller: WebhookCaller, location: str, reason: str
) -> None:
    far_end.otherwise = answer(302, Location=location)
    assert (await refused(caller, to(far_end))).reason == reason


# -- where it may go ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "url",
    [
        "http://10.1.2.3/",
        "http://127.0.0.2/",
        "http://0x7f.1/",
        "http://[::1]/",
        "http://[fe80::1%25eth0]/",
    ],
)
async def test_what_is_not_public_is_refused(caller: WebhookCaller, url: str) -> None:
    assert (await refused(caller, replace(PLAIN, url=url))).reason == "address_refused"


async def test_plain_http_needs_the_switch(far_end: FarEnd, caller: WebhookCaller) -> None:
    assert (await refused(caller, to(far_end, plain_http=False))).reason == "plain_http_refused"
    assert not far_end.received


@pytest.mark.parametrize("url", ["", "no url", "http://h:99999/", "http://[x/", "https:///x"])
async def test_what_is_no_address(caller: WebhookCaller, url: str) -> None:
    assert (await refused(caller, replace(PLAIN, url=url))).reason == "bad_url"


# -- a target that hangs -----------------------------------------------------------------------------------------------
async def test_a_target_that_hangs_holds_up_only_those_who_ask_it(far_end: FarEnd, caller: WebhookCaller) -> None:
    far_end.otherwise = far_end.hang
    hanging = [asyncio.create_task(caller.call(to(far_end, timeout_s=1.5))) for _ in range(40)]  # ten times its bound
    await asyncio.sleep(0)
    async with FarEnd() as other:
        begun = time.perf_counter()
        await asyncio.gather(*(good(caller, to(other)) for _ in range(20)))
        assert time.perf_counter() - begun < 1.2
        assert len(other.received) == 20
    answers = await asyncio.gather(*hanging)
    assert {given.reason for given in answers if isinstance(given, NoAnswer)} == {"timeout"}
    assert len(answers) == 40
    assert len(far_end.received) <= LAB.per_host


async def test_a_request_that_nobody_waits_for_ends_at_once(far_end: FarEnd, caller: WebhookCaller) -> None:
    far_end.otherwise = far_end.hang
    task = asyncio.create_task(caller.call(to(far_end)))
    while not far_end.received:  # noqa: ASYNC110 - the far end has no bell
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


class Stuck(AbstractResolver):
    """A name service that hangs for one name."""

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        if host == "stuck.example":
            await asyncio.Event().wait()
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0)]

    @override
    async def close(self) -> None:
        pass


async def test_a_name_that_is_never_found_ends_at_the_time_limit(far_end: FarEnd) -> None:
    caller = WebhookCaller(LAB, resolver=Stuck())
    stuck, fine = await asyncio.gather(
        caller.call(replace(PLAIN, url="http://stuck.example/", timeout_s=0.3)),
        caller.call(replace(PLAIN, url=far_end.url(host="fine.example"))),
    )
    await caller.close()
    assert isinstance(stuck, NoAnswer)
    assert stuck.reason == "timeout"
    assert isinstance(fine, WebAnswer)


async def test_names_are_looked_up_by_the_system() -> None:
    names = NameLookup()
    first, second = await asyncio.gather(names.resolve("localhost", 80), names.resolve("localhost", 80))
    assert first == second
    assert "127.0.0.1" in {found["host"] for found in first}
    with pytest.raises((OSError, UnicodeError)):
        await names.resolve("." * 300, 80)
    await names.close()
