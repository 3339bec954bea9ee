"""Drafts, keys and a loader of attachments for tests of composing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import cache
from uuid import UUID

import dkim
from msgspec.structs import replace

from central.adapters.smtp.compose import MailComposer
from central.adapters.smtp.signing import new_key, public_record
from central.adapters.smtp.trial import MailTrials
from central.application.ports.composition import (
    Composed,
    DkimKey,
    Loaded,
    MailAddress,
    MailDraft,
    MailIdentity,
    MailTemplate,
    Missing,
    Unfit,
)
from central.application.ports.world import Clock
from central.domain.ids import MessageId
from central.domain.mail_tokens import TokenKey, TokenKeys

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEYS = TokenKeys((TokenKey(1, b"k" * 32),))
IDENTITY = MailIdentity(
    domain="brand.example.com",
    bounce_domain="bounce.brand.example.com",
    link_address="https://links.brand.example.com/t",
)
DRAFT = MailDraft(
    id=MessageId(UUID("0190f7a0-0000-7000-8000-00000000002a")),
    identity=IDENTITY,
    sender=MailAddress("shop@brand.example.com", "Brand"),
    to=(MailAddress("zoe@customer.example.org", "Zo\u00eb"),),
    template=MailTemplate(subject="Hello {{ name }}", text="Dear {{ name }},\n\nbye.\n"),
    values={"name": "Zo\u00eb"},
)


class FixedClock:
    """It is always noon."""

    def now(self) -> datetime:
        return NOON

    def monotonic(self) -> float:
        return 0.0


class Files:
    """A loader that knows some contents, and counts how often it was asked."""

    def __init__(self, contents: Mapping[str, bytes]) -> None:
        self.contents = contents
        self.asked = 0

    async def load(self, references: Sequence[str], limit_bytes: int) -> Sequence[Loaded | Missing]:
        self.asked += len(references)
        return [self._one(one, limit_bytes) for one in references]

    def _one(self, reference: str, limit_bytes: int) -> Loaded | Missing:
        content = self.contents.get(reference)
        if content is None:
            return Missing("not_found")
        return Loaded(content) if len(content) <= limit_bytes else Missing("too_large")


def trials(clock: Clock | None = None) -> MailTrials:
    return MailTrials(KEYS, clock or FixedClock(), IDENTITY.link_address)


def composer(contents: Mapping[str, bytes] | None = None, *, templates: int = 200) -> MailComposer:
    return MailComposer(KEYS, FixedClock(), Files(contents or {}), templates=templates)


async def composed(draft: MailDraft, contents: Mapping[str, bytes] | None = None) -> Composed:
    (answer,) = await composer(contents).compose([draft])
    assert isinstance(answer, Composed), answer
    return answer


async def refused(draft: MailDraft, contents: Mapping[str, bytes] | None = None) -> Unfit:
    (answer,) = await composer(contents).compose([draft])
    assert isinstance(answer, Unfit), answer
    return answer


def parsed(answer: Composed) -> EmailMessage:
    """As the standard library reads it; every line has a lawful length and end."""
    content = answer.envelope.content
    assert content.endswith(b"\r\n")
    lines = content.split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert not any(b"\r" in line or b"\n" in line or b"\0" in line for line in lines)
    message = message_from_bytes(content, policy=default)
    assert not message.defects
    return message


def text_in(message: EmailMessage, kind: str) -> str:
    """The text of a body part, with plain ends of lines; "" = there is none."""
    part = message.get_body((kind,))
    return "" if part is None else str(part.get_content()).replace("\r\n", "\n")


@cache
def rsa_key() -> DkimKey:
    return new_key("s2026", "rsa")


@cache
def ed25519_key() -> DkimKey:
    return new_key("e2026", "ed25519")


def signed(draft: MailDraft, *keys: DkimKey) -> MailDraft:
    return replace(draft, identity=replace(draft.identity, keys=keys))


def verifies(content: bytes, *keys: DkimKey) -> list[bool]:
    """What dkimpy's verifier says of each signature of a message, in order."""
    records = {f"{key.selector}._domainkey.brand.example.com.".encode(): public_record(key).encode() for key in keys}

    def look_up(name: bytes, timeout: float = 5) -> bytes | None:
        assert timeout
        return records.get(name)

    def one(number: int) -> bool:
        try:
            return bool(dkim.DKIM(content).verify(number, dnsfunc=look_up))  # pyright: ignore[reportUnknownMemberType]
        except dkim.ValidationError:
            return False

    return [one(number) for number in range(len(keys))]
