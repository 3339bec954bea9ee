"""One post: what the far end gets, what its answers mean, and which addresses are never connected to."""

from __future__ import annotations

import base64
import gzip
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from standardwebhooks import Webhook
from typing_extensions import override

from central.adapters.webhook.channel import WebhookCourier
from central.adapters.webhook.config import WebhookConfig
from central.application.ports.outbox import Delivery
from central.domain.delivery import HttpAnswer, NoAnswer
from central.domain.endpoints import EndpointAuth, make_secret
from central.domain.ids import AccountId, EndpointId, EventId
from tests.integration.webhook.far_end import FarEnd, answer, cut, endless

NOW = datetime.now(UTC)
SECRET = make_secret(bytes(range(32)))
BODY = '{"event_id":"1","name":"Zoë"}'.encode()
LAB = WebhookConfig(timeout_s=5, allowed_networks=("127.0.0.1/32",))


class Names(AbstractResolver):
    """Name service of a test: each look-up takes the next answer, the last one stays."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if not found:
            raise OSError(None, "no such name")
        return [
            ResolveResult(hostname=host, host=address, port=port, family=_family(address), proto=0, flags=0)
            for address in found
        ]

    @override
    async def close(self) -> None:
        pass


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def delivery(
    url: str,
    *,
    secrets: tuple[str, ...] = (SECRET,),
    auth: EndpointAuth | None = None,
    plain_http: bool = True,
) -> Delivery:
    return Delivery(
        account_id=AccountId(uuid4()),
        id=EventId(uuid4()),
        endpoint_id=EndpointId(uuid4()),
        record_id=None,
        event_type="record.final",
        occurred_at=NOW,
        body=BODY,
        tries=1,
        first_tried_at=NOW,
        url=url,
        secrets=secrets,
        auth=auth if auth is not None else EndpointAuth(),
        plain_http=plain_http,
    )


@pytest.fixture
async def far_end() -> AsyncIterator[FarEnd]:
    async with FarEnd() as running:
        yield running


@pytest.fixture
async def courier() -> AsyncIterator[WebhookCourier]:
    made = WebhookCourier(LAB)
    yield made
    await made.close()


async def test_a_post_is_signed_and_says_what_it_is(far_end: FarEnd, courier: WebhookCourier) -> None:
    event = delivery(far_end.url("/a?b=c"))
    answered = await courier.post(event, datetime.now(UTC))  # the verifier reads the clock of the wall
    assert isinstance(answered, HttpAnswer)
    assert answered.status == 204
    (received,) = far_end.received
    assert received.body == BODY
    Webhook(SECRET).verify(received.body, dict(received.headers))
    assert received.event_id == str(event.id)
    assert received.headers["Content-Type"] == "application/json"
    assert received.headers["webhook-event"] == "record.final"
    assert received.headers["User-Agent"] == "Central-Webhooks/1"
    assert "Authorization" not in received.headers


async def test_basic_authentication_is_sent_in_utf8(far_end: FarEnd, courier: WebhookCourier) -> None:
    await courier.post(delivery(far_end.url(), auth=EndpointAuth("basic", "zoë", "p:w")), NOW)
    expected = base64.b64encode("zoë:p:w".encode()).decode()
    assert far_end.received[0].headers["Authorization"] == f"Basic {expected}"


async def test_a_failure_comes_back_with_its_text_and_retry_after(far_end: FarEnd, courier: WebhookCourier) -> None:
    far_end.plan["/hook"] = [answer(503, "try\r\n  later\x00", Retry_After="7"), answer(410)]
    first = await courier.post(delivery(far_end.url()), NOW)
    assert isinstance(first, HttpAnswer)
    assert (first.status, first.retry_after, first.detail) == (503, timedelta(seconds=7), "try later")
    second = await courier.post(delivery(far_end.url()), NOW)
    assert isinstance(second, HttpAnswer)
    assert second.status == 410


async def test_retry_after_may_be_a_date(far_end: FarEnd, courier: WebhookCourier) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    far_end.plan["/hook"] = [answer(503, Retry_After="Thu, 01 Jan 2026 00:01:00 GMT"), answer(503, Retry_After="soon")]
    answers = [await courier.post(delivery(far_end.url()), now) for _ in range(2)]
    waits = [answered.retry_after for answered in answers if isinstance(answered, HttpAnswer)]
    assert waits == [timedelta(minutes=1), None]


async def test_no_answer_in_time_is_a_timeout(far_end: FarEnd) -> None:
    far_end.otherwise = far_end.hang
    impatient = WebhookCourier(WebhookConfig(timeout_s=0.2, allow_private=True))
    answered = await impatient.post(delivery(far_end.url()), NOW)
    await impatient.close()
    assert isinstance(answered, NoAnswer)
    assert answered.reason == "timeout"
    assert answered.duration_ms >= 200


async def test_a_cut_or_refused_connection_is_unreachable(
    far_end: FarEnd, courier: WebhookCourier, free_port: int
) -> None:
    far_end.otherwise = cut
    for url in (far_end.url(), f"http://127.0.0.1:{free_port}/"):
        answered = await courier.post(delivery(url), NOW)
        assert isinstance(answered, NoAnswer)
        assert answered.reason == "unreachable"


@pytest.mark.parametrize("status", [200, 500])
async def test_an_endless_answer_is_cut_short(far_end: FarEnd, courier: WebhookCourier, status: int) -> None:
    far_end.otherwise = endless(status)
    answered = await courier.post(delivery(far_end.url()), NOW)
    assert isinstance(answered, HttpAnswer)
    assert answered.status == status
    assert len(answered.detail) <= 200


async def test_a_compressed_answer_is_not_unpacked(far_end: FarEnd, courier: WebhookCourier) -> None:
    bomb = gzip.compress(b"unpacked" + bytes(10_000_000))

    async def explode(_: web.Request) -> web.StreamResponse:
        return web.Response(status=500, body=bomb, headers={"Content-Encoding": "gzip"})

    far_end.otherwise = explode
    answered = await courier.post(delivery(far_end.url()), NOW)
    assert isinstance(answered, HttpAnswer)
    assert answered.status == 500
    assert "unpacked" not in answered.detail


# -- redirects ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("status", [307, 308])
async def test_a_redirect_that_keeps_the_post_is_followed(
    far_end: FarEnd, courier: WebhookCourier, status: int
) -> None:
    far_end.plan["/hook"] = [answer(status, Location="/moved")]
    event = delivery(far_end.url(), auth=EndpointAuth("basic", "a", "b"))
    answered = await courier.post(event, NOW)
    assert isinstance(answered, HttpAnswer)
    assert answered.status == 204
    assert [received.path for received in far_end.received] == ["/hook", "/moved"]
    assert far_end.received[1].body == BODY
    assert "Authorization" in far_end.received[1].headers


async def test_log_in_data_does_not_travel_to_another_origin(far_end: FarEnd, courier: WebhookCourier) -> None:
    async with FarEnd() as other:
        far_end.plan["/hook"] = [answer(307, Location=other.url().replace("//", "//me:secret@"))]
        await courier.post(delivery(far_end.url(), auth=EndpointAuth("basic", "a", "b")), NOW)
        assert "Authorization" not in other.received[0].headers


@pytest.mark.parametrize("status", [301, 302, 303])
async def test_a_redirect_that_would_make_it_a_get_is_a_failure(
    far_end: FarEnd, courier: WebhookCourier, status: int
) -> None:
    far_end.plan["/hook"] = [answer(status, Location="/moved")]
    answered = await courier.post(delivery(far_end.url()), NOW)
    assert isinstance(answered, HttpAnswer)
    assert answered.status == status
    assert len(far_end.received) == 1


async def test_redirects_in_a_circle_end(far_end: FarEnd, courier: WebhookCourier) -> None:
    far_end.otherwise = answer(307, Location="/hook")
    answered = await courier.post(delivery(far_end.url()), NOW)
    assert isinstance(answered, NoAnswer)
    assert answered.reason == "bad_redirect"
    assert len(far_end.received) == 4


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("http://127.0.0.2/", "address_refused"),
        ("http://169.254.169.254/latest/meta-data/", "address_refused"),
        ("http://2130706433/", "address_refused"),
        ("http://[::ffff:127.0.0.1]/", "address_refused"),
        ("http://[::1]/", "address_refused"),
        ("http://0.0.0.0/", "address_refused"),
        ("http://localhost/", "address_refused"),
        ("http://rebound.example/", "address_refused"),
        ("file:///etc/passwd", "bad_url"),
        ("gopher://127.0.0.1/", "bad_url"),
        ("//127.0.0.2/x", "address_refused"),
        ("http://[::1", "bad_redirect"),
        ("", "bad_redirect"),
    ],
)
async def test_a_redirect_leads_to_no_private_address(far_end: FarEnd, location: str, reason: str) -> None:
    """``localhost`` and ``rebound.example`` resolve to 127.0.0.2 here; only 127.0.0.1 is open in this test."""
    names = Names(["127.0.0.2"])
    courier = WebhookCourier(LAB, resolver=names)
    far_end.plan["/hook"] = [answer(307, Location=location)]
    answered = await courier.post(delivery(far_end.url()), NOW)
    await courier.close()
    assert isinstance(answered, NoAnswer)
    assert answered.reason == reason
    assert len(far_end.received) == 1


# -- addresses ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["10.0.0.1"], ["::1"], ["::ffff:127.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["169.254.169.254"]],
)
async def test_a_name_with_any_private_address_is_not_connected_to(far_end: FarEnd, addresses: list[str]) -> None:
    courier = WebhookCourier(WebhookConfig(timeout_s=5), resolver=Names(addresses))
    answered = await courier.post(delivery(far_end.url(host="innocent.example")), NOW)
    await courier.close()
    assert isinstance(answered, NoAnswer)
    assert answered.reason == "address_refused"
    assert not far_end.received


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::ffff:127.0.0.1]", "2130706433", "0177.0.0.1", "0x7f.1", "127.0.0.1."]
)
async def test_loopback_is_not_connected_to_however_it_is_written(far_end: FarEnd, host: str) -> None:
    courier = WebhookCourier(WebhookConfig(timeout_s=5))
    answered = await courier.post(delivery(far_end.url(host=host)), NOW)
    await courier.close()
    assert isinstance(answered, NoAnswer)
    assert answered.reason in ("address_refused", "bad_url")
    assert not far_end.received


async def test_the_checked_address_is_the_one_connected_to(far_end: FarEnd) -> None:
    """Rebinding: a second look-up would give another address, so there must be none between check and connect."""
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    courier = WebhookCourier(LAB, resolver=names)
    answered = await courier.post(delivery(far_end.url(host="rebinding.example")), NOW)
    assert isinstance(answered, HttpAnswer)
    assert names.asked == ["rebinding.example"]
    assert len(far_end.received) == 1
    far_end.otherwise = cut  # the kept connection ends, so the next one must be resolved and checked anew
    await courier.post(delivery(far_end.url(host="rebinding.example")), NOW)
    answered = await courier.post(delivery(far_end.url(host="rebinding.example")), NOW)
    await courier.close()
    assert isinstance(answered, NoAnswer)
    assert answered.reason == "address_refused"


async def test_a_name_without_an_address_is_unresolvable() -> None:
    courier = WebhookCourier(LAB, resolver=Names([]))
    answered = await courier.post(delivery("https://nowhere.example/"), NOW)
    await courier.close()
    assert isinstance(answered, NoAnswer)
    assert answered.reason == "unresolvable"


@pytest.mark.parametrize("host", ["a..b.example.com", "a" * 100 + ".example.com"])
async def test_a_name_that_cannot_be_encoded_is_unresolvable(host: str) -> None:
    """The system's own look-up, as in production: its idna codec refuses such names."""
    courier = WebhookCourier(WebhookConfig(timeout_s=5))
    answered = await courier.post(delivery(f"https://{host}/"), NOW)
    await courier.close()
    assert isinstance(answered, NoAnswer)
    assert answered.reason == "unresolvable"
    assert answered.detail


async def test_plain_http_needs_the_switch_of_the_account(far_end: FarEnd, courier: WebhookCourier) -> None:
    answered = await courier.post(delivery(far_end.url(), plain_http=False), NOW)
    assert isinstance(answered, NoAnswer)
    assert answered.reason == "plain_http_refused"
    assert not far_end.received


@pytest.mark.parametrize(
    ("url", "secret", "reason"),
    [
        ("https://[::1", SECRET, "bad_url"),
        ("ftp://example.com/", SECRET, "bad_url"),
        ("https://127.0.0.1/", "whsec_broken", "bad_secret"),
    ],
)
async def test_a_damaged_endpoint_answers_with_a_value(
    courier: WebhookCourier, url: str, secret: str, reason: str
) -> None:
    answered = await courier.post(delivery(url, secrets=(secret,)), NOW)
    assert isinstance(answered, NoAnswer)
    assert answered.reason == reason


# -- TLS ---------------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], tuple[Path, ssl.SSLContext]]:
    folder = tmp_path_factory.mktemp("tls")
    key, crt = folder / "key.pem", folder / "crt.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=hooks.example"
    )
    subprocess.run(
        [*command.split(), "-addext", "subjectAltName=DNS:hooks.example", "-keyout", key, "-out", crt],
        check=True,
        capture_output=True,
    )

    def made() -> tuple[Path, ssl.SSLContext]:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(crt, key)
        return crt, context

    return made


@pytest.mark.parametrize(
    ("known", "host", "outcome"),
    [(True, "hooks.example", 204), (False, "hooks.example", "tls_failed"), (True, "other.example", "tls_failed")],
)
async def test_https_is_verified_against_the_name(
    certificate: Callable[[], tuple[Path, ssl.SSLContext]], known: bool, host: str, outcome: object
) -> None:
    ca_file, context = certificate()
    async with FarEnd(ssl_context=context) as far_end:
        config = WebhookConfig(timeout_s=5, allow_private=True, ca_file=str(ca_file) if known else "")
        courier = WebhookCourier(config, resolver=Names(["127.0.0.1"]))
        answered = await courier.post(delivery(far_end.url(host=host), plain_http=False), NOW)
        await courier.close()
    assert outcome == (answered.status if isinstance(answered, HttpAnswer) else answered.reason)
