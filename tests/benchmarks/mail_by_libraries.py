"""The bare opponent of email_vs_libraries: python-liquid, mrml, the standard library's EmailMessage, dkimpy, aiosmtplib.

Built as a careful user would: the template is parsed and turned into HTML once, ten connections stay open, each sends the next
message as soon as it may, texts go as base64 (the standard library takes longer for quoted-printable), and RSA is computed by OpenSSL with the key parsed once (dkimpy by itself reaches 150 a second).
``python -m tests.benchmarks.mail_by_libraries PORT MESSAGES KEY`` prints the seconds and the processor seconds.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import sys
import time
from collections.abc import Iterator
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Any

import aiosmtplib
import dkim
import liquid
import mrml
import uvloop
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa, utils
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.benchmarks.mail_template import DOMAIN, MJML, SENDER, SENDER_NAME, SUBJECT, TEXT, recipient_of, values_of

CONNECTIONS = 10
_SHA256 = utils.Prehashed(hashes.SHA256())


@functools.lru_cache
def _key(pem: bytes) -> rsa.RSAPrivateKey:
    key = load_pem_private_key(pem, None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def _rsa(digest: Any, key: rsa.RSAPrivateKey) -> bytes:
    return key.sign(digest.digest(), padding.PKCS1v15(), _SHA256)


def install_openssl() -> None:
    """Replace the RSA of dkimpy 1.1.8, which is written in Python, by OpenSSL's."""
    for name, ours in (("parse_pem_private_key", _key), ("RSASSA_PKCS1_v1_5_sign", _rsa)):
        assert hasattr(dkim, name)
        setattr(dkim, name, ours)


class Writer:
    """Writes and signs the message of a recipient."""

    def __init__(self, pem: bytes) -> None:
        text, html = liquid.Environment(), liquid.Environment(autoescape=True)
        self._subject, self._text = text.from_string(SUBJECT), text.from_string(TEXT)
        self._html = html.from_string(mrml.to_html(MJML).content)
        self._pem = pem
        self._sender = Address(SENDER_NAME, addr_spec=SENDER)

    def write(self, number: int) -> bytes:
        """The finished message."""
        values = values_of(number)
        message = EmailMessage(policy=SMTP)
        message["From"] = self._sender
        message["To"] = Address(values["name"], addr_spec=recipient_of(number))
        message["Subject"] = self._subject.render(**values)
        message["Date"] = formatdate()
        message["Message-ID"] = make_msgid(domain=DOMAIN)
        message.set_content(self._text.render(**values), cte="base64")
        message.add_alternative(self._html.render(**values), subtype="html", cte="base64")
        content = message.as_bytes()
        signature: bytes = dkim.sign(  # pyright: ignore[reportUnknownMemberType]
            content,
            b"s1",
            DOMAIN.encode(),
            self._pem,
            canonicalize=(b"relaxed", b"relaxed"),
            include_headers=[b"from", b"to", b"subject", b"date", b"message-id", b"mime-version", b"content-type"],
        )
        return signature + content


async def _send(port: int, writer: Writer, numbers: Iterator[int]) -> None:
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, use_tls=False, start_tls=False) as client:
        for number in numbers:
            mark = hashlib.sha256(str(number).encode()).hexdigest()[:32]
            await client.sendmail(f"b+{mark}@bounce.{DOMAIN}", [recipient_of(number)], writer.write(number))


async def _run(port: int, messages: int, pem: bytes) -> tuple[float, float]:
    writer = Writer(pem)
    writer.write(0)
    numbers = iter(range(messages))
    begun, spent = time.monotonic(), time.process_time()
    await asyncio.gather(*(_send(port, writer, numbers) for _ in range(CONNECTIONS)))
    return time.monotonic() - begun, time.process_time() - spent


if __name__ == "__main__":
    install_openssl()
    for one in uvloop.run(_run(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]).read_bytes())):
        print(one)  # noqa: T201 - the figure's answer
