"""Step 3 of the path, before the relay: drafts become signed messages, or the reason why not (port Composer).

Everything a message is made of may come from a customer or a contact list; what cannot become a lawful message is answered with
``Unfit``, never sent in part. The order: addresses, template, links, files, size, signature.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Mapping, Sequence
from email.utils import format_datetime
from functools import lru_cache
from typing import Final

import msgspec

from central.adapters.smtp.faults import Unfitting
from central.adapters.smtp.headers import LIMIT_SUBJECT_CHARS, addresses, checked, unstructured, wire
from central.adapters.smtp.links import LinkMaker
from central.adapters.smtp.mime import (
    LIMIT_MESSAGE_BYTES,
    Field,
    Part,
    encoded_bytes,
    file_part,
    multipart,
    text_part,
    written,
)
from central.adapters.smtp.rendering import PreparedTemplates, Rendered
from central.adapters.smtp.signing import signatures
from central.application.ports.carriers import Envelope
from central.application.ports.composition import (
    Attachment,
    AttachmentLoader,
    Composed,
    LinkTargets,
    Loaded,
    MailAddress,
    MailDraft,
    MailIdentity,
    Missing,
    Unfit,
)
from central.application.ports.world import Clock
from central.domain.errors import OperatorError
from central.domain.mail_tokens import TokenKeys, TokenKind, bounce_address
from central.domain.statuses import EmailStatus
from central.domain.value_shapes import is_web_address

_AT_ONCE, _BYTES_AT_ONCE = 16, 256 * 1024
"""So many messages, some ten milliseconds, or so much content is made before others may use the event loop."""

_LIMIT_FILES: Final = 50
_LIMIT_ADDRESSES: Final = 100
_DOMAIN: Final = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}", re.ASCII)
_LIMIT_LINK_ADDRESS_CHARS: Final = 400
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,4}", re.ASCII)
_FEEDBACK_ID: Final = re.compile(r"[!-~]{1,127}", re.ASCII)


class MailComposer:
    """Composes with its keys, its clock and its loader. templates: how many prepared ones are kept."""

    def __init__(self, keys: TokenKeys, clock: Clock, loader: AttachmentLoader, *, templates: int = 200) -> None:
        self._keys = keys
        self._clock = clock
        self._loader = loader
        self.templates = PreparedTemplates(templates)

    async def compose(self, drafts: Sequence[MailDraft]) -> Sequence[Composed | Unfit]:
        """One answer each, in the same order. Raises NeighbourError when attachments cannot be loaded now."""
        files = _Files(await self._load(drafts))
        made: list[Composed | Unfit] = []
        number = size = 0
        for draft in drafts:
            made.append(answer := self._answer(draft, files))
            number += 1
            size += len(answer.envelope.content) if isinstance(answer, Composed) else 0
            if number >= _AT_ONCE or size >= _BYTES_AT_ONCE:
                number = size = 0
                await asyncio.sleep(0)
        return made

    async def _load(self, drafts: Sequence[MailDraft]) -> Mapping[str, Loaded | Missing]:
        wanted = list({one.reference: None for draft in drafts for one in draft.attachments if one.reference})
        if not wanted:
            return {}
        return dict(zip(wanted, await self._loader.load(wanted, LIMIT_MESSAGE_BYTES), strict=True))

    def fault(self, draft: MailDraft, file_bytes: int) -> Unfit | None:
        """Why it can never be composed: tried now, without its styles inlined. file_bytes: of files that the draft leaves out."""
        answer = self._answer(draft, _Files({}), inlining=False)
        if isinstance(answer, Unfit):
            return answer
        if len(answer.envelope.content) + encoded_bytes(file_bytes) > LIMIT_MESSAGE_BYTES:
            fault = _too_large()
            return Unfit(draft.id, fault.status, fault.reason, fault.detail)
        return None

    def _answer(self, draft: MailDraft, files: _Files, *, inlining: bool = True) -> Composed | Unfit:
        try:
            return self._composed(draft, files, inlining=inlining)
        except Unfitting as fault:
            return Unfit(draft.id, fault.status, fault.reason, fault.detail)
        except OperatorError as error:
            return Unfit(draft.id, EmailStatus.FAILURE, error.code, error.message)

    def _composed(self, draft: MailDraft, files: _Files, *, inlining: bool) -> Composed:
        identity = draft.identity
        _check_identity(identity)
        fields, recipient = _addressing(draft)
        now = self._clock.now()
        links = LinkMaker(self._keys, identity.link_address) if identity.link_address else None
        values = draft.values
        unsubscribe = ""
        if links:
            unsubscribe = links.address(TokenKind.UNSUBSCRIBE, draft.id)
            values = {**values, "unsubscribe_url": unsubscribe}
        elif draft.marketing or draft.tracked:
            raise Unfitting(
                "no_link_address", "The sender's domain has no link address for tracking and unsubscribing."
            )
        rendered = self.templates.of(draft.template).render(values, now, inlining=inlining)
        targets: tuple[str, ...] = ()
        if draft.tracked and links and rendered.html:
            rendered.html, targets = links.mark(rendered.html, draft.id)
        subject = checked(rendered.subject, "The subject", LIMIT_SUBJECT_CHARS)
        fields += [
            (b"Subject", unstructured(subject, len("Subject: "))),
            (b"Date", format_datetime(now).encode("ascii")),
            (b"Message-ID", f"<{draft.id.hex}@{identity.domain}>".encode("ascii")),
            *_optional(draft, unsubscribe),
            (b"MIME-Version", b"1.0"),
        ]
        whole = _whole(draft, rendered, files)
        fields += whole.fields
        signed = signatures(identity.domain, identity.keys, fields, whole.body, int(now.timestamp()))
        content = b"".join((written(signed), written(fields), b"\r\n", whole.body))
        if len(content) > LIMIT_MESSAGE_BYTES:
            raise _too_large()
        sender = bounce_address(self._keys, draft.id, identity.bounce_domain)
        envelope = Envelope(id=draft.id, sender=sender, recipient=recipient, content=content, tries=draft.tries)
        return Composed(envelope, _links(targets))


def _addressing(draft: MailDraft) -> tuple[list[Field], str]:
    """From, To, Cc and Reply-To, and the envelope's recipient."""
    if not 0 < len(draft.to) <= _LIMIT_ADDRESSES or len(draft.cc) > _LIMIT_ADDRESSES:
        raise Unfitting("address_count", f"There must be 1 to {_LIMIT_ADDRESSES} addresses in To, and no more in Cc.")
    fields = [(b"From", _sender(draft.sender, draft.identity.domain))]
    if draft.reply_to:
        value = addresses((draft.reply_to,), len("Reply-To: "), EmailStatus.INVALID_DATA, "Reply-To")
        fields.append((b"Reply-To", value))
    fields.append((b"To", addresses(draft.to, len("To: "), EmailStatus.INVALID_TO_EMAIL, "the recipient")))
    if draft.cc:
        fields.append((b"Cc", addresses(draft.cc, len("Cc: "), EmailStatus.INVALID_TO_EMAIL, "a recipient in Cc")))
    recipient = draft.recipient or (draft.to[0].address if len(draft.to) == 1 else "")
    return fields, wire(recipient, EmailStatus.INVALID_TO_EMAIL, "the recipient")


@lru_cache(maxsize=1024)
def _sender(sender: MailAddress, domain: str) -> bytes:
    value = addresses((sender,), len("From: "), EmailStatus.INVALID_FROM_EMAIL, "the sender")
    own = wire(sender.address, EmailStatus.INVALID_FROM_EMAIL, "the sender").rpartition("@")[2].lower()
    if own != domain and not own.endswith(f".{domain}"):
        raise Unfitting(
            "sender_domain",
            f"The sender's address is not of the proved domain {domain}.",
            EmailStatus.INVALID_FROM_EMAIL,
        )
    return value


@lru_cache(maxsize=1024)
def _check_identity(identity: MailIdentity) -> None:
    """Raises OperatorError ``bad_mail_identity``."""
    link = identity.link_address
    if not (_DOMAIN.fullmatch(identity.domain) and _DOMAIN.fullmatch(identity.bounce_domain)) or (
        link and not (is_web_address(link) and link.isascii() and len(link) <= _LIMIT_LINK_ADDRESS_CHARS)
    ):
        raise OperatorError(
            "bad_mail_identity", "The domain, bounce domain or link address of the sender's identity has a wrong shape."
        )


def _optional(draft: MailDraft, unsubscribe: str) -> list[Field]:
    fields: list[Field] = []
    if draft.marketing:
        fields.append((b"List-Unsubscribe", f"<{unsubscribe}>".encode("ascii")))
        if unsubscribe.startswith("https:"):  # RFC 8058, section 3.1: one click needs https
            fields.append((b"List-Unsubscribe-Post", b"List-Unsubscribe=One-Click"))
    if draft.feedback_id:
        if not _FEEDBACK_ID.fullmatch(draft.feedback_id):
            raise Unfitting(
                "feedback_id", "The feedback id is longer than 127 printable ASCII characters, or holds others."
            )
        fields.append((b"Feedback-ID", draft.feedback_id.encode("ascii")))
    if draft.language:
        if not _LANGUAGE.fullmatch(draft.language):
            raise Unfitting("language", "The language of the message is no language tag (RFC 5646).")
        fields.append((b"Content-Language", draft.language.encode("ascii")))
    return fields


def _whole(draft: MailDraft, rendered: Rendered, files: _Files) -> Part:
    """The body: text, HTML with its pictures, files (RFC 2046, section 5.1.4: the best alternative last)."""
    text, html = rendered.text, rendered.html
    if not text.strip() and not html.strip():
        raise Unfitting("empty_message", "Rendered, the message has neither text nor HTML.")
    mark = draft.id.hex.encode("ascii")
    pictures, others = files.parts(draft.attachments)
    if not html:
        others = [*pictures, *others]
        part = text_part(b"plain", text)
    else:
        part = text_part(b"html", html)
        if pictures:
            part = multipart(b"related", b"=_r" + mark, [part.octets(), *pictures])
        part = multipart(b"alternative", b"=_a" + mark, [text_part(b"plain", text).octets(), part.octets()])
    if others:
        part = multipart(b"mixed", b"=_m" + mark, [part.octets(), *others])
    return part if part.body.endswith(b"\r\n") else Part(part.fields, part.body + b"\r\n")


class _Files:
    """The files of one batch, of which many messages have the same: each is loaded and encoded once."""

    def __init__(self, loaded: Mapping[str, Loaded | Missing]) -> None:
        self._loaded = loaded
        self._parts: dict[Attachment, bytes] = {}

    def parts(self, attachments: Sequence[Attachment]) -> tuple[list[bytes], list[bytes]]:
        """Pictures inside the HTML, and files, each with its header fields."""
        if len(attachments) > _LIMIT_FILES:
            raise Unfitting("attachment_count", f"There are more than {_LIMIT_FILES} attachments.")
        pictures: list[bytes] = []
        others: list[bytes] = []
        room = LIMIT_MESSAGE_BYTES
        for one in attachments:
            file = self._loaded[one.reference] if one.reference else Loaded(one.content)
            if isinstance(file, Missing):
                if file.reason == "too_large":
                    raise _too_large()
                raise Unfitting("attachment_missing", f"The attachment {one.name} is not there any more.")
            room -= len(file.content) * 4 // 3
            if room < 0:
                raise _too_large()
            part = self._parts.get(one)
            if part is None:
                typed = one if one.media_type else msgspec.structs.replace(one, media_type=file.media_type)
                part = self._parts[one] = file_part(typed, file.content).octets()
            (pictures if one.content_id else others).append(part)
        return pictures, others


def _links(targets: tuple[str, ...]) -> LinkTargets | None:
    if not targets:
        return None
    return LinkTargets(hashlib.sha256("\n".join(targets).encode()).hexdigest()[:32], targets)


def _too_large() -> Unfitting:
    return Unfitting(
        "too_large", f"With its attachments the message takes more than {LIMIT_MESSAGE_BYTES // 1024 // 1024} MB."
    )
