"""Messages of Amazon SNS: read, and proved by their signature. Pure but for the time, which is given.

Step 3 of the path (channel). Source: Amazon SNS, "Verifying the signatures of Amazon SNS messages": versions 1 (SHA-1) and 2 (SHA-256),
RSA with PKCS #1 v1.5 over named fields. The certificate comes from an address inside the message, so only the hosts that SNS
itself has are asked (``sns.REGION.amazonaws.com``): anybody can put a file on another host of amazonaws.com.
"""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm
from cryptography.x509 import Certificate, load_pem_x509_certificate

LIMIT_BYTES: Final = 512 * 1024
"""SNS sends at most 256 KiB; quoting can double that."""

_HOST: Final = re.compile(r"sns\.[a-z0-9-]{3,30}\.amazonaws\.com(?:\.cn)?")
_PATH: Final = re.compile(r"/SimpleNotificationService-[0-9a-f]{8,64}\.pem")
_HASHES: Final[dict[str, HashAlgorithm]] = {"1": SHA1(), "2": SHA256()}  # noqa: S303 - SNS's version 1 is what topics have by default
_NOTIFICATION: Final = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_CONFIRMATION: Final = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_SIGNED: Final = {
    "Notification": _NOTIFICATION,
    "SubscriptionConfirmation": _CONFIRMATION,
    "UnsubscribeConfirmation": _CONFIRMATION,
}


class NotSns(Exception):
    """It is no message of SNS, or not one that is believed. reason: a stable word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SnsMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The fields that are read, by SNS's own names."""

    type: str = msgspec.field(name="Type")
    message_id: str = msgspec.field(name="MessageId")
    topic: str = msgspec.field(name="TopicArn")
    message: str = msgspec.field(name="Message")
    timestamp: str = msgspec.field(name="Timestamp")
    version: str = msgspec.field(name="SignatureVersion")
    signature: str = msgspec.field(name="Signature")
    certificate_url: str = msgspec.field(name="SigningCertURL")
    subject: str | None = msgspec.field(name="Subject", default=None)
    subscribe_url: str | None = msgspec.field(name="SubscribeURL", default=None)
    token: str | None = msgspec.field(name="Token", default=None)

    def signed(self) -> bytes:
        """What the signature is over: names and values, a line each; fields that are absent are left out."""
        values = {
            "Message": self.message, "MessageId": self.message_id, "Subject": self.subject, "SubscribeURL": self.subscribe_url,
            "Timestamp": self.timestamp, "Token": self.token, "TopicArn": self.topic, "Type": self.type,
        }  # fmt: skip
        names = _SIGNED.get(self.type, ())
        return "".join(f"{name}\n{value}\n" for name in names if (value := values[name]) is not None).encode(
            errors="replace"
        )


def read_sns(body: bytes) -> SnsMessage:
    """Read a POST's body. Raises NotSns: ``too_large``, ``not_sns``, ``bad_certificate_url``, ``bad_subscribe_url``."""
    if len(body) > LIMIT_BYTES:
        raise NotSns("too_large")
    try:
        message = msgspec.json.decode(body, type=SnsMessage)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotSns("not_sns") from error
    if message.type not in _SIGNED or message.version not in _HASHES:
        raise NotSns("not_sns")
    if not _lawful(message.certificate_url, path=True):
        raise NotSns("bad_certificate_url")
    if message.type != "Notification" and not _lawful(message.subscribe_url or "", path=False):
        raise NotSns("bad_subscribe_url")
    return message


def _lawful(url: str, *, path: bool) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    plain = parts.scheme == "https" and port in {None, 443} and "@" not in parts.netloc
    whole = not path or (_PATH.fullmatch(parts.path) is not None and not parts.query)
    return plain and whole and _HOST.fullmatch(parts.hostname or "") is not None


def read_certificate(pem: bytes) -> Certificate:
    """A certificate with an RSA key. Raises NotSns ``bad_certificate``."""
    try:
        certificate = load_pem_x509_certificate(pem)
        key = certificate.public_key()
    except (ValueError, TypeError) as error:
        raise NotSns("bad_certificate") from error
    if not isinstance(key, RSAPublicKey):
        raise NotSns("bad_certificate")
    return certificate


def prove_sns(message: SnsMessage, certificate: Certificate, now: datetime) -> None:
    """Check the signature. Raises NotSns ``expired_certificate`` or ``bad_signature``."""
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise NotSns("expired_certificate")
    key = certificate.public_key()
    if not isinstance(key, RSAPublicKey):
        raise NotSns("bad_certificate")
    try:
        signature = base64.b64decode(message.signature, validate=True)
        key.verify(signature, message.signed(), PKCS1v15(), _HASHES[message.version])
    except (InvalidSignature, binascii.Error, ValueError) as error:
        raise NotSns("bad_signature") from error
