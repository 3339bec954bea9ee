"""Keys that sign and keys that do not, and the record that publishes each."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from central.adapters.smtp.signing import new_key, public_record, relaxed_body, signatures
from central.application.ports.composition import DkimKey
from central.domain.errors import OperatorError
from tests.fakes.mail_drafts import ed25519_key, rsa_key

FIELDS = [(b"From", b"a@brand.example.com"), (b"Subject", b"s"), (b"X-Other", b"o")]


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def test_each_key_signs_and_the_record_fits_its_kind() -> None:
    made = signatures("brand.example.com", [rsa_key(), ed25519_key()], FIELDS, b"x\r\n", 1)
    assert [b"a=rsa-sha256" in value for _, value in made] == [True, False]
    assert all(b"x-other" not in value and b"h=from:subject:from:" in value for _, value in made)
    assert public_record(rsa_key()).startswith("v=DKIM1; k=rsa; p=MII")
    assert len(public_record(ed25519_key())) == len("v=DKIM1; k=ed25519; p=") + 44
    assert signatures("brand.example.com", [], FIELDS, b"", 1) == []


def test_a_fresh_key_is_another_one_each_time() -> None:
    assert public_record(new_key("s", "ed25519")) != public_record(new_key("s", "ed25519"))
    with pytest.raises(OperatorError, match="bad_dkim_key"):
        new_key("no selector", "ed25519")


@pytest.mark.parametrize(
    "key",
    [
        DkimKey("s", "text"),
        DkimKey("s", ""),
        DkimKey("", rsa_key().private_pem),
        DkimKey("a..b", rsa_key().private_pem),
        DkimKey("a;b", rsa_key().private_pem),
        DkimKey("s", pem(ec.generate_private_key(ec.SECP256R1()))),
    ],
    ids=["text", "empty", "no selector", "empty label", "semicolon", "other kind"],
)
def test_a_key_that_cannot_sign_is_the_operator_s_to_mend(key: DkimKey) -> None:
    with pytest.raises(OperatorError, match="bad_dkim_key"):
        signatures("brand.example.com", [key], FIELDS, b"x\r\n", 1)


@pytest.mark.parametrize(
    ("body", "relaxed"),
    [  # RFC 6376, section 3.4.5, and an empty body of section 3.4.4
        (b" C \r\nD \t E\r\n\r\n\r\n", b" C\r\nD E\r\n"),
        (b"", b""),
        (b"\r\n\r\n", b""),
        (b"a", b"a\r\n"),
        (b"a  \t ", b"a\r\n"),
    ],
)
def test_the_relaxed_form_of_a_body(body: bytes, relaxed: bytes) -> None:
    assert relaxed_body(body) == relaxed
