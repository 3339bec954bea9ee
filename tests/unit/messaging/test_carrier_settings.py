"""What is refused when a carrier is saved: addresses of ours, certificates that are none, names of files, secrets in the open."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

import pytest

from central.adapters.smpp.config import SmppConfig, Tls
from central.adapters.smpp.transport import tls_context
from central.adapters.webhook.addresses import AddressPolicy
from central.adapters.webhook.reach import GuardedReach
from central.application.ports.carrier_setup import CarrierKind
from central.bootstrap.carriers import carrier_check
from central.domain.errors import InvalidInput, OperatorError
from tests.fakes.reach import loopback_reach, reach_by

SMPP: dict[str, object] = {"host": "smsc.example", "system_id": "me"}
SMTP: dict[str, object] = {"host": "relay.example", "hello": "us.example"}
OF: dict[CarrierKind, dict[str, object]] = {"smpp": SMPP, "smtp": SMTP}


async def refusal(
    kind: CarrierKind, secrets: dict[str, str] | None = None, guard: GuardedReach | None = None, **more: object
) -> str:
    """The code, "" = it is taken."""
    check = carrier_check(guard or reach_by({"smsc.example": [["93.184.216.34"]]}))
    try:
        await check(kind, OF[kind] | more, secrets or {}, plain_http=False)
    except InvalidInput as error:
        return error.code
    return ""


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A key and its certificate, as texts."""
    folder = tmp_path_factory.mktemp("pair")
    made(folder, "-nodes")
    return (folder / "key.pem").read_text(), (folder / "cert.pem").read_text()


def made(folder: Path, *how: str) -> None:
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        *how,
        "-keyout",
        str(folder / "key.pem"),
        "-out",
        str(folder / "cert.pem"),
    ]
    subprocess.run([*command, "-days", "2", "-subj", "/CN=localhost"], check=True, capture_output=True)


@pytest.mark.parametrize("kind", ["smpp", "smtp"])
@pytest.mark.parametrize("host", ["127.0.0.1", "169.254.169.254", "10.1.2.3", "192.168.0.1", "[::1]", "0"])
async def test_an_address_of_ours_is_not_saved(kind: CarrierKind, host: str) -> None:
    assert await refusal(kind, host=host) == "carrier_target_refused"
    assert await refusal(kind, host=host, guard=GuardedReach(AddressPolicy(allow_private=True))) in {
        "",
        "carrier_target_refused",
    }


@pytest.mark.parametrize("kind", ["smpp", "smtp"])
async def test_a_name_is_looked_up_when_it_is_saved(kind: CarrierKind) -> None:
    inside = reach_by({"inside.example": [["93.184.216.34", "10.0.0.1"]]})
    assert await refusal(kind, host="inside.example", guard=inside) == "carrier_target_refused"
    assert await refusal(kind, host="not-yet.example") == ""
    assert await refusal(kind, host="127.0.0.1", guard=loopback_reach()) == ""
    assert await refusal(kind, host="two words") == "invalid_carrier"


@pytest.mark.parametrize(
    "wrong",
    [
        "/etc/passwd",
        "no certificate",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "\u00e4",
        "x" * 300_000,
    ],
)
async def test_what_is_no_certificate_is_not_saved(wrong: str) -> None:
    assert await refusal("smtp", authorities=wrong) == "invalid_carrier"
    assert await refusal("smpp", tls={"authorities": wrong}) == "invalid_carrier"
    assert await refusal("smpp", {"tls_key": wrong}, tls={"certificate": wrong}) == "invalid_carrier"


async def test_names_of_files_are_no_settings() -> None:
    assert await refusal("smtp", ca_file="/etc/ssl/cert.pem") == "invalid_carrier"
    for name in ("ca_file", "cert_file", "key_file"):
        assert await refusal("smpp", tls={name: "/etc/passwd"}) == "invalid_carrier"


async def test_secrets_stand_in_secrets() -> None:
    assert await refusal("smpp", password="word") == "secret_in_settings"
    assert await refusal("smpp", tls_key="k") == "secret_in_settings"
    assert await refusal("smtp", password="word") == "secret_in_settings"
    assert await refusal("smtp", {"password": "word"}) == ""


async def test_certificates_are_taken_as_texts(pair: tuple[str, str]) -> None:
    key, certificate = pair
    assert await refusal("smtp", authorities=certificate) == ""
    assert await refusal("smpp", {"tls_key": key}, tls={"authorities": certificate, "certificate": certificate}) == ""
    context = tls_context(
        SmppConfig(
            name="c", host="h", system_id="s", tls=Tls(authorities=certificate, certificate=certificate), tls_key=key
        )
    )
    assert context is not None
    assert [one["subject"] for one in context.get_ca_certs()] == [((("commonName", "localhost"),),)]
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


async def test_a_key_that_is_not_the_certificates_or_asks_for_a_password_is_refused(
    tmp_path: Path, pair: tuple[str, str]
) -> None:
    key, certificate = pair
    made(tmp_path, "-passout", "pass:secret")
    locked, other = (tmp_path / "key.pem").read_text(), (tmp_path / "cert.pem").read_text()
    for one, its in ((key, other), (locked, other)):
        with pytest.raises(OperatorError) as caught:
            tls_context(SmppConfig(name="c", host="h", system_id="s", tls=Tls(certificate=its), tls_key=one))
        assert caught.value.code == "bad_certificates"
    assert await refusal("smpp", {"tls_key": key}) == "invalid_carrier"
    assert await refusal("smpp", tls={"certificate": certificate}) == "invalid_carrier"


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("smpp", {"ahead": 10_001}),
        ("smpp", {"held": 20_001}),
        ("smtp", {"connections": 501}),
        ("smtp", {"hold": 20_001}),
        ("smtp", {"hold_bytes": 256 * 1024 * 1024 + 1}),
        ("smtp", {"hold_bytes": 0}),
    ],
)
async def test_no_account_asks_for_all_of_the_process(kind: CarrierKind, settings: dict[str, object]) -> None:
    assert await refusal(kind, None, None, **settings) == "invalid_carrier"
    ((name, most),) = settings.items()
    assert await refusal(kind, None, None, **{name: int(str(most)) - 1 or 1} if most else {name: 1}) == ""
