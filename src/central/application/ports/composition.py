"""What composing e-mail is to the platform: drafts in, finished envelopes or reasons out, in batches.

A draft names one recipient, a template that many drafts share, and the values of this one. Composing renders, encodes, marks
links and signs; it sends nothing and stores nothing. Whoever stores the message stores the targets of its links with it, as a
redirect takes its target from there only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from central.application.ports.carriers import Envelope
from central.domain.ids import MessageId
from central.domain.statuses import EmailStatus


class MailAddress(msgspec.Struct, frozen=True):
    """An address and the name that people read beside it."""

    address: str
    name: str = ""


class Attachment(msgspec.Struct, frozen=True):
    """A file that goes along. content, or a reference that the loader understands. media_type "" = octets of any kind.

    content_id: given, it is a picture inside the HTML, which names it as ``cid:CONTENT_ID``.
    """

    name: str
    media_type: str = ""
    content: bytes = b""
    reference: str = ""
    content_id: str = ""


class MailTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """What many drafts share: subject, text, and HTML or MJML. At least one of the three is not empty.

    liquid: they are Liquid templates, rendered with the values of each draft; False = they stand as they are. Without a text one
    is made from the HTML. CSS of ``style`` elements of HTML is put into its elements, as many readers drop it otherwise.
    """

    subject: str
    text: str = ""
    html: str = ""
    mjml: str = ""
    liquid: bool = True


class DkimKey(msgspec.Struct, frozen=True):
    """A key that signs for a domain: RSA of at least 1,024 bits, or Ed25519, as PEM (PKCS #8). Its selector names it in DNS."""

    selector: str
    private_pem: str

    def __repr__(self) -> str:
        return f"DkimKey({self.selector!r}, ...)"


class MailIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """A domain that an account has proved: who may be the sender, who signs, and where what comes back arrives.

    link_address: https address under which tracked links and unsubscribing are served, "" = none of them. keys: all of them sign.
    """

    domain: str
    bounce_domain: str
    link_address: str = ""
    keys: tuple[DkimKey, ...] = ()


class MailDraft(msgspec.Struct, frozen=True, kw_only=True):
    """One e-mail to one recipient.

    recipient: the envelope's; "" = the only address of ``to``. to, cc: as everybody who gets the mail reads them. tracked: opens
    and clicks are counted. marketing: it can be unsubscribed from (RFC 8058). feedback_id: as the receiving providers count
    complaints by it. language: RFC 5646. tries: the how many-th hand-over (from 1).
    """

    id: MessageId
    identity: MailIdentity
    sender: MailAddress
    to: tuple[MailAddress, ...]
    template: MailTemplate
    recipient: str = ""
    cc: tuple[MailAddress, ...] = ()
    reply_to: MailAddress | None = None
    values: Mapping[str, object] = {}
    attachments: tuple[Attachment, ...] = ()
    tracked: bool = False
    marketing: bool = False
    feedback_id: str = ""
    language: str = ""
    tries: int = 1


class LinkTargets(msgspec.Struct, frozen=True):
    """Where the links of a message lead: link number n (from 1) to ``targets[n - 1]``. Equal targets have an equal id."""

    id: str
    targets: tuple[str, ...]


class Composed(msgspec.Struct, frozen=True, tag="composed"):
    """Ready to be handed to a relay. links: None = it has no tracked link."""

    envelope: Envelope
    links: LinkTargets | None = None


class Unfit(msgspec.Struct, frozen=True, tag="unfit"):
    """It cannot be composed, and never will as it is. reason: a stable word. detail: a sentence."""

    id: MessageId
    status: EmailStatus
    reason: str
    detail: str = ""


class Missing(msgspec.Struct, frozen=True):
    """An attachment that could not be had. reason: ``not_found`` or ``too_large``."""

    reason: str


class Loaded(msgspec.Struct, frozen=True):
    """An attachment that was had, with the media type that it was stored with."""

    content: bytes
    media_type: str = ""


class AttachmentLoader(Protocol):
    """Where the contents of attachments come from that are given by reference."""

    async def load(self, references: Sequence[str], limit_bytes: int) -> Sequence[Loaded | Missing]:
        """Each content, in the same order; what all before it leave no room for is not read. Raises NeighbourError when the store is away."""
        ...


class Trial(msgspec.Struct, frozen=True):
    """A draft to be composed for trial. file_bytes: of all its files together, also of those by reference."""

    draft: MailDraft
    file_bytes: int = 0


class TrialComposer(Protocol):
    """Composes while somebody waits, and throws away what it made."""

    async def faults(self, trials: Sequence[Trial]) -> Sequence[Unfit | None]:
        """For each, in the same order, why it can never be composed; None = it can, or there was no time to try."""
        ...


class Composer(Protocol):
    """Makes envelopes of drafts."""

    async def compose(self, drafts: Sequence[MailDraft]) -> Sequence[Composed | Unfit]:
        """One answer each, in the same order. Finished messages are held in memory: cut batches by size where files go along.

        Raises NeighbourError when attachments cannot be loaded now; nothing is composed then.
        """
        ...
