"""No customer's webhook reaches our own network, however the address is written."""

from __future__ import annotations

import pytest

from central.adapters.webhook.addresses import AddressPolicy
from central.adapters.webhook.config import WebhookConfig
from central.adapters.webhook.url_policy import WebhookUrlPolicy
from central.application.ports.reach import AddressRefused
from central.domain.errors import InvalidInput, OperatorError

POLICY = AddressPolicy()

PRIVATE = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",  # carrier-grade NAT
    "100.100.100.200",  # metadata
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",  # metadata on a public address
    "169.254.169.254",  # metadata
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",  # metadata
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",  # IPv4-compatible, deprecated
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::ffff:10.0.0.1",
    "::ffff:0:127.0.0.1",  # IPv4-translated
    "64:ff9b::127.0.0.1",  # NAT64
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",  # NAT64 for local use
    "100::1",
    "2001:db8::1",
    "2001:0:7f00:1::",  # Teredo with a loopback server
    "2002:7f00:1::",  # 6to4 of 127.0.0.1
    "2002:a00:1::1",
    "fc00::1",
    "fd00:ec2::254",  # metadata
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.0.1",
    "172.32.0.1",
    "2606:4700:4700::1111",
    "64:ff9b::8.8.8.8",
    "::ffff:8.8.8.8",
    "2002:808:808::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_own_and_reserved_addresses_are_refused(address: str) -> None:
    assert not POLICY.permits(address)
    with pytest.raises(AddressRefused):
        POLICY.check_host(address)
    if ":" in address:
        with pytest.raises(AddressRefused):
            POLICY.check_host(f"[{address}]")


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_permitted(address: str) -> None:
    assert POLICY.permits(address)
    POLICY.check_host(address)


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",  # decimal
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",  # octal
        "017700000001",
        "127.1",
        "127.0.1",
        "0",
        "127.0.0.1.",  # trailing dot
        "127.0.0.1..",
        "example.0x7f",
        "",
        ".",
    ],
)
def test_hosts_that_a_resolver_would_turn_into_an_address_are_refused(host: str) -> None:
    with pytest.raises(AddressRefused):
        POLICY.check_host(host)


@pytest.mark.parametrize("host", ["example.com", "example.com.", "localhost", "0x7f.example", "xn--bcher-kva.example"])
def test_names_pass_until_their_addresses_are_known(host: str) -> None:
    POLICY.check_host(host)


@pytest.mark.parametrize("text", ["", "no address", "1.2.3", "1.2.3.4.5"])
def test_what_is_no_address_is_not_permitted(text: str) -> None:
    assert not POLICY.permits(text)
    assert not AddressPolicy(allow_private=True).permits(text)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.0.0.1", "8.8.8.8"])
def test_the_development_setting_opens_private_addresses(address: str) -> None:
    assert AddressPolicy(allow_private=True).permits(address)


@pytest.mark.parametrize("address", ["224.0.0.1", "ff02::1"])
def test_multicast_stays_closed_even_for_development(address: str) -> None:
    assert not AddressPolicy(allow_private=True).permits(address)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/x", "https://[::1]:8443/", "https://0177.0.0.1/", "https://2130706433/"]
)
def test_an_endpoint_with_such_a_literal_cannot_be_saved(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        WebhookUrlPolicy(WebhookConfig()).check(url)
    assert caught.value.code == "webhook_target_refused"


@pytest.mark.parametrize(
    "host",
    ["a..b.example.com", ".example.com", "example.com..", "a" * 64 + ".example.com", ".".join(["a" * 60] * 5),
     "xn--a.com", "xn--" + "a" * 80 + ".com", "a%20b.example.com", "-a.example.com"],
)  # fmt: skip
@pytest.mark.parametrize("allow_private", [False, True])
def test_an_endpoint_whose_host_no_resolver_can_ask_for_cannot_be_saved(host: str, allow_private: bool) -> None:
    with pytest.raises(InvalidInput) as caught:
        WebhookUrlPolicy(WebhookConfig(allow_private=allow_private)).check(f"https://{host}/hooks")
    assert caught.value.code == "invalid_webhook_url"


@pytest.mark.parametrize(
    "host",
    ["example.com", "example.com.", "a_b.example.com", "a" * 63 + ".example", "xn--bcher-kva.example", "8.8.8.8",
     "[2606:4700:4700::1111]"],
)  # fmt: skip
def test_an_endpoint_with_a_name_or_a_public_address_can_be_saved(host: str) -> None:
    WebhookUrlPolicy(WebhookConfig()).check(f"https://{host}/hooks")


def test_the_operator_can_open_networks_of_his_own() -> None:
    policy = AddressPolicy.from_settings(allow_private=False, allowed=["10.1.0.0/16"])
    assert policy.permits("10.1.2.3")
    assert not policy.permits("10.2.0.1")
    with pytest.raises(OperatorError) as caught:
        AddressPolicy.from_settings(allow_private=False, allowed=["10.1.0.0/33"])
    assert caught.value.code == "bad_webhook_network"
