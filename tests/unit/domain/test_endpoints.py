"""What may be saved as a webhook endpoint."""

from __future__ import annotations

import pytest

from central.domain.endpoints import EndpointAuth, check_events, check_url, make_secret, parse_auth
from central.domain.errors import InvalidInput


@pytest.mark.parametrize("url", ["https://example.com", "https://example.com:8443/a/b?c=d", "HTTPS://EXAMPLE.com/"])
def test_https_addresses_are_accepted(url: str) -> None:
    assert check_url(url, plain_http=False) == url


def test_plain_http_needs_the_switch_of_the_account() -> None:
    assert check_url("http://example.com/", plain_http=True)
    with pytest.raises(InvalidInput) as caught:
        check_url("http://example.com/", plain_http=False)
    assert caught.value.code == "plain_http_webhooks_disabled"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "//example.com",
        "ftp://example.com/",
        "file:///etc/passwd",
        "https://",
        "https:///path",
        "https://user:secret@example.com/",
        "https://user@example.com/",
        "https://example.com:0/",
        "https://example.com:99999/",
        "https://example.com/a b",
        "https://example.com/\n",
        "https://exämple.com/",
        "https://[::1",
        "https://example.com/" + "a" * 2048,
    ],
)
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_url(url, plain_http=True)
    assert caught.value.code == "invalid_webhook_url"


def test_events_come_back_once_and_in_order() -> None:
    assert check_events(["record.status", "record.final", "record.final"]) == ("record.final", "record.status")


@pytest.mark.parametrize("events", [[], ["record.final", "record.finale"]])
def test_unknown_or_no_events_are_refused(events: list[str]) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_events(events)
    assert caught.value.code == "unknown_event_type"


def test_authentication_is_none_or_basic() -> None:
    assert parse_auth(None) == parse_auth({}) == parse_auth({"kind": "none"}) == EndpointAuth()
    basic = parse_auth({"kind": "basic", "username": "us", "password": "pw"})
    assert basic == EndpointAuth("basic", "us", "pw")
    assert "pw" not in repr(basic)


@pytest.mark.parametrize(
    "document",
    [
        {"kind": "bearer"},
        {"kind": "basic"},
        {"kind": "basic", "username": ""},
        {"kind": "basic", "username": "a:b", "password": "c"},
        {"kind": "basic", "username": "a", "password": 1},
        {"kind": "basic", "username": "a", "password": "c\r\nx: y"},
    ],
)
def test_other_authentication_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_auth(document)
    assert caught.value.code == "invalid_webhook_auth"


@pytest.mark.parametrize("size", [0, 23, 65])
def test_a_secret_has_a_sound_length(size: int) -> None:
    with pytest.raises(InvalidInput):
        make_secret(bytes(size))
