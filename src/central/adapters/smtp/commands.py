"""One message as the commands of an SMTP transaction: MAIL, RCPT, the content with its dots doubled. Pure.

Step 3 of the path (channel). Sources: RFC 5321 sections 4.1.1.2-4, 4.5.2 (transparency), RFC 1870 (SIZE=), RFC 6152 (BODY=),
RFC 6531 (SMTPUTF8), RFC 3461 (RET, ENVID, NOTIFY, ORCPT; xtext in section 4). A content with a bare CR or LF is never sent: two
programs disagree where such a message ends, and then one can carry another inside (SMTP smuggling).
"""

from __future__ import annotations

import re
from typing import Final

from central.adapters.smtp.opening import Offer
from central.application.ports.carriers import Envelope

END: Final = b".\r\n"
_ADDRESS: Final = re.compile(r"[^\x00-\x20\x7f-\xa0<>@\"\\]+@[^\x00-\x20\x7f-\xa0<>@\"\\]+")
_LIMIT_ADDRESS_BYTES: Final = 254  # RFC 5321, section 4.5.3.1.3, less the brackets
_XTEXT: Final = re.compile(r"[^\x21-\x2a\x2c-\x3c\x3e-\x7e]")


class Unfit(Exception):
    """This message cannot go this way, whatever the relay would say. reason: a stable word, see ``reasons``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def commands(envelope: Envelope, offer: Offer, *, notices: bool) -> tuple[bytes, bytes]:
    """MAIL and RCPT lines. notices: ask for delivery status notifications where the relay offers them. Raises Unfit."""
    sender, recipient, content = envelope.sender, envelope.recipient, envelope.content
    if not lawful_address(recipient):
        raise Unfit("bad_recipient")
    if sender and not lawful_address(sender):
        raise Unfit("bad_sender")
    ends = content.count(b"\r\n")
    if content.count(b"\n") != ends or content.count(b"\r") != ends:
        raise Unfit("bare_line_end")
    if offer.size and len(content) > offer.size:
        raise Unfit("too_large")
    words = [f"MAIL FROM:<{sender}>"]
    if offer.size:
        words.append(f"SIZE={len(content)}")
    wide = not (sender.isascii() and recipient.isascii())
    if wide and not offer.utf8:
        raise Unfit("relay_lacks_smtputf8")
    if not content.isascii():
        if not offer.eight_bit:
            raise Unfit("relay_lacks_8bitmime")
        words.append("BODY=8BITMIME")
    if wide:
        words.append("SMTPUTF8")
    to = f"RCPT TO:<{recipient}>"
    if notices and offer.dsn and sender:  # a notice of our own has no sender, and gets no notice
        words.append(f"RET=HDRS ENVID={envelope.id.hex}")
        to += " NOTIFY=SUCCESS,FAILURE,DELAY"
        if not wide:
            to += f" ORCPT=rfc822;{xtext(recipient)}"
    return f"{' '.join(words)}\r\n".encode(), f"{to}\r\n".encode()


def body(content: bytes) -> bytes:
    """The content as it stands between DATA and the final dot: lines that begin with a dot have two, the last line ends."""
    if b"\r\n." in content:
        content = content.replace(b"\r\n.", b"\r\n..")
    if content.startswith(b"."):
        content = b"." + content
    return content if content.endswith(b"\r\n") or not content else content + b"\r\n"


def lawful_address(address: str) -> bool:
    """It fits between < and >: one @, no spaces, controls, quotes or brackets; intake checked the rest."""
    return _ADDRESS.fullmatch(address) is not None and len(address.encode("utf-8", "replace")) <= _LIMIT_ADDRESS_BYTES


def domain_of(address: str) -> str:
    """The part behind the last @, in lower case."""
    return address.rpartition("@")[2].lower()


def xtext(text: str) -> str:
    """RFC 3461, section 4: printable ASCII but ``+`` and ``=`` as it is, the rest as ``+XX``."""
    return _XTEXT.sub(lambda found: f"+{ord(found[0]):02X}", text)
