"""DKIM signatures: RSA with SHA-256 (RFC 6376) and Ed25519 (RFC 8463), relaxed/relaxed. No I/O.

Our own signer on OpenSSL: dkimpy computes RSA in Python (150 signatures a second), and its verifier, which is the judge in the
tests, needs none of this. The header fields are ours, so that each is signed as it was written.
Fields that a reader shows are named once more than they occur: one that is added on the way breaks the signature
(RFC 6376, section 8.15).
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from central.adapters.smtp.mime import Field
from central.application.ports.composition import DkimKey
from central.domain.errors import OperatorError

_SIGNED: Final = frozenset({
    b"from", b"reply-to", b"to", b"cc", b"subject", b"date", b"message-id", b"mime-version", b"content-type",
    b"content-transfer-encoding", b"content-language", b"list-unsubscribe", b"list-unsubscribe-post", b"feedback-id",
})  # fmt: skip
_GUARDED: Final = (b"from", b"reply-to", b"to", b"cc", b"subject", b"date", b"content-type")
_MIN_RSA_BITS: Final = 1024  # RFC 8301, section 3.2
_RSA_BITS: Final = 2048
_SHA256: Final = utils.Prehashed(hashes.SHA256())
_PADDING: Final = padding.PKCS1v15()
_SELECTOR: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9-]{1,63})*", re.ASCII)
_VALUE_LINE: Final = 72


def signatures(domain: str, keys: Sequence[DkimKey], fields: Sequence[Field], body: bytes, at_s: int) -> list[Field]:
    """A DKIM-Signature field for each key. body: behind the empty line, CRLF. at_s: seconds since 1970.

    Raises OperatorError ``bad_dkim_key``.
    """
    if not keys:
        return []
    body_hash = base64.b64encode(hashlib.sha256(relaxed_body(body)).digest())
    signed = [(name.lower(), value) for name, value in fields if name.lower() in _SIGNED]
    # Of fields with one name the last is taken first (RFC 6376, section 5.4.2); ours occur once each.
    names = b":".join([*(name for name, _ in signed), *_GUARDED])
    text = b"".join(name + b":" + b" ".join(value.split()) + b"\r\n" for name, value in signed)
    made: list[Field] = []
    for key in keys:
        private = _loaded(key)
        algorithm = b"rsa-sha256" if isinstance(private, rsa.RSAPrivateKey) else b"ed25519-sha256"
        tags = (
            b"v=1; a=" + algorithm + b"; c=relaxed/relaxed; d=" + domain.encode("ascii"),
            b"s=" + key.selector.encode("ascii") + b"; t=%d" % at_s,
            b"h=" + names,
            b"bh=" + body_hash,
            b"b=",
        )
        digest = hashlib.sha256(text + b"dkim-signature:" + b"; ".join(tags)).digest()
        if isinstance(private, rsa.RSAPrivateKey):
            signature = private.sign(digest, _PADDING, _SHA256)
        else:
            signature = private.sign(digest)
        made.append((b"DKIM-Signature", b";\r\n ".join(tags) + _value_lines(base64.b64encode(signature))))
    return made


def relaxed_body(body: bytes) -> bytes:
    """The relaxed form of a body (RFC 6376, section 3.4.4): runs of blanks as one, none at ends of lines, no empty end."""
    if b"\t" in body:
        body = body.replace(b"\t", b" ")
    for run in (b" " * 16, b" " * 4, b"  "):
        while run in body:
            body = body.replace(run, b" ")
    if b" \r\n" in body:
        body = body.replace(b" \r\n", b"\r\n")
    body = body.removesuffix(b" ")
    if body.endswith(b"\r\n"):
        return body.rstrip(b"\r\n") + b"\r\n" if body.strip(b"\r\n") else b""
    return body + b"\r\n" if body else b""


def public_record(key: DkimKey) -> str:
    """The text of the TXT record that publishes a key (RFC 6376, section 3.6.1). Raises OperatorError ``bad_dkim_key``."""
    private = _loaded(key)
    if isinstance(private, rsa.RSAPrivateKey):
        public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode('ascii')}"
    raw = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return f"v=DKIM1; k=ed25519; p={base64.b64encode(raw).decode('ascii')}"


def new_key(selector: str, kind: Literal["rsa", "ed25519"]) -> DkimKey:
    """A fresh key: RSA of 2,048 bits (about a tenth of a second) or Ed25519. Raises OperatorError ``bad_dkim_key``: the selector."""
    private = rsa.generate_private_key(65_537, _RSA_BITS) if kind == "rsa" else ed25519.Ed25519PrivateKey.generate()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    key = DkimKey(selector, pem.decode("ascii"))
    _loaded(key)
    return key


@lru_cache(maxsize=1024)
def _loaded(key: DkimKey) -> rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey:
    if not _SELECTOR.fullmatch(key.selector):
        raise OperatorError("bad_dkim_key", f"{key.selector[:64]!r} is no selector.")
    try:
        private = load_pem_private_key(key.private_pem.encode(), None)
    except (TypeError, ValueError, UnsupportedAlgorithm) as error:
        raise OperatorError("bad_dkim_key", f"The key of selector {key.selector} is no private key in PEM.") from error
    if isinstance(private, rsa.RSAPrivateKey) and private.key_size >= _MIN_RSA_BITS:
        return private
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return private
    raise OperatorError("bad_dkim_key", f"The key of selector {key.selector} is neither RSA nor Ed25519, or too short.")


def _value_lines(value: bytes) -> bytes:
    return b"".join(b"\r\n " + value[place : place + _VALUE_LINE] for place in range(0, len(value), _VALUE_LINE))
