"""One SMTP connection as a machine without I/O: bytes in, bytes and happenings out, time outside (RFC 5321, RFC 2920).

Step 3 of the path (channel). At most two messages are in its hands: ``front``, whose answer is awaited, and ``behind``, whose
MAIL, RCPT and DATA leave together with the content of the first, as RFC 2920 section 3.1 allows; so a message costs one
round trip. The content leaves only after its own 354, so whatever happens there is at most one message of which it is not
known whether the relay has it. For every envelope that was offered exactly one of Replied, Cut and Unsent comes out.
"""

from __future__ import annotations

from collections import deque
from typing import Final, Literal

import msgspec

from central.adapters.smtp.commands import END, Unfit, body, commands
from central.adapters.smtp.opening import Deed, NotOpened, Offer, Opening, Stage, StartTls, open_dialogue
from central.adapters.smtp.replies import Reply, ReplyReader
from central.application.ports.carriers import Envelope

_CHUNK: Final = 64 * 1024
_GO_ON: Final = 354
_CLOSING: Final = 421

Await = Literal["mail", "rcpt", "data", "dot", "rset", "void", "quit"]
State = Literal["opening", "tls", "ready", "leaving", "closed"]

_STAGES: Final[dict[Await, Stage]] = {
    "mail": "mail", "rcpt": "rcpt", "data": "data", "dot": "dot", "rset": "mail", "void": "data", "quit": "connect",
}  # fmt: skip


class Opened(msgspec.Struct, frozen=True):
    """The relay takes messages now."""

    offer: Offer


class UpgradeNow(msgspec.Struct, frozen=True):
    """The connection must become a TLS one; then ``encrypted`` is called."""


class Refused(msgspec.Struct, frozen=True):
    """The relay is not usable over this connection. reply None = not because of one reply."""

    stage: Stage
    reason: str
    reply: Reply | None


class Replied(msgspec.Struct, frozen=True):
    """What the relay said last about a message. in_place: the reply is one that its stage may have."""

    envelope: Envelope
    stage: Stage
    reply: Reply
    in_place: bool


class Cut(msgspec.Struct, frozen=True):
    """The connection ended under a message. whole: its final dot was written, so the relay may have taken it."""

    envelope: Envelope
    stage: Stage | Literal[""]
    whole: bool
    detail: str


class Unsent(msgspec.Struct, frozen=True):
    """The message cannot go over this connection (``commands.Unfit``)."""

    envelope: Envelope
    reason: str


class Ended(msgspec.Struct, frozen=True):
    """The connection is of no more use: close it. All its messages were told before."""

    detail: str


Happening = Opened | UpgradeNow | Refused | Replied | Cut | Unsent | Ended


class _Message:
    """A message under way. stage: of the last thing that was written of it."""

    __slots__ = ("envelope", "mail", "rcpt", "refusal", "stage", "whole")

    def __init__(self, envelope: Envelope, mail: bytes, rcpt: bytes) -> None:
        self.envelope = envelope
        self.mail = mail
        self.rcpt = rcpt
        self.stage: Stage | Literal[""] = ""
        self.whole = False
        self.refusal = False


class Session:
    """See the module. ``take`` gives what must be written; ask it after every call, while the connection takes bytes."""

    def __init__(self, opening: Opening, *, notices: bool = True, pipelining: bool = True) -> None:
        self.state: State = "opening"
        self.offer = Offer()
        self.taken = 0
        self.answered = 0
        self._notices = notices
        self._allowed = pipelining
        self._pipelining = False
        self._reader = ReplyReader()
        self._dialogue = open_dialogue(opening)
        self._awaited: deque[tuple[Await, _Message | None]] = deque()
        self._front: _Message | None = None
        self._behind: _Message | None = None
        self._dirty = False  # the relay still holds a transaction that came to nothing
        self._out: deque[tuple[bytes, _Message | None]] = deque()
        self._news: list[Happening] = []
        next(self._dialogue)

    # ------------------------------------------------------------------------------------------------- towards the relay
    def wants(self) -> int:
        """How many more messages may be offered now."""
        if self.state != "ready":
            return 0
        held = (self._front is not None) + (self._behind is not None)
        return (2 if self._pipelining else 1) - held

    @property
    def idle(self) -> bool:
        """Ready, and nothing under way."""
        return self.state == "ready" and self._front is None and not self._awaited

    @property
    def awaits(self) -> Stage | Literal[""]:
        """The stage of the reply that must come next; "" = none is awaited."""
        if self.state in {"opening", "tls"}:
            return "connect"
        if self.state == "closed" or not self._awaited:
            return ""
        kind = self._awaited[0][0]
        return _STAGES[kind]

    def send(self, envelope: Envelope) -> list[Happening]:
        """Take one message more (``wants`` allowed it)."""
        try:
            mail, rcpt = commands(envelope, self.offer, notices=self._notices)
        except Unfit as unfit:
            return [Unsent(envelope, unfit.reason)]
        self.taken += 1
        message = _Message(envelope, mail, rcpt)
        if self._front is None:
            self._front = message
        else:
            self._behind = message
        self._begin()
        return self._told()

    def take(self) -> bytes:
        """What to write next, "" = nothing. What was taken counts as written."""
        size, chunks = 0, list[bytes]()
        while self._out and size < _CHUNK:
            chunk, ends = self._out.popleft()
            if ends is not None:
                ends.whole = True
            chunks.append(chunk)
            size += len(chunk)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def quit(self) -> None:
        """Say good-bye (only while ``idle``); the relay's reply ends the session."""
        self.state = "leaving"
        self._write(b"QUIT\r\n", "quit", None)

    def encrypted(self) -> list[Happening]:
        """The connection is a TLS one now."""
        self.state = "opening"
        self._reader = ReplyReader()
        self._say(Reply(220))
        return self._told()

    def not_encrypted(self, detail: str) -> list[Happening]:
        """The connection did not become a TLS one: no agreement, or a certificate that nobody should trust."""
        if self.state == "tls":
            self._end_opening(Refused("login", "tls_failed", Reply(0, (detail,))))
        return self._told()

    # ------------------------------------------------------------------------------------------------- from the relay
    def receive(self, data: bytes) -> list[Happening]:
        """Bytes came."""
        for reply in self._reader.feed(data):
            if self.state == "opening":
                self._say(reply)
            elif self.state == "tls":
                break
            elif self.state != "closed":
                self._hear(reply)
        else:
            if self.state != "tls" or self._reader.empty:
                return self._told()
        # said in clear behind the reply to STARTTLS: somebody in between slips it in (CVE-2011-0411)
        self._news.clear()
        self._end_opening(Refused("login", "clear_text_after_starttls", None))
        return self._told()

    def lost(self, detail: str) -> list[Happening]:
        """The connection is gone, or is given up by us (time-out)."""
        if self.state in {"opening", "tls"}:
            self._end_opening(Refused("connect", "link_lost", Reply(0, (detail,))))
        elif self.state != "closed":
            self._close(detail)
        return self._told()

    def _told(self) -> list[Happening]:
        news, self._news = self._news, []
        return news

    # ------------------------------------------------------------------------------------------------- opening
    def _say(self, reply: Reply) -> None:
        try:
            deed: Deed = self._dialogue.send(reply)
        except StopIteration as done:
            self.offer = done.value
            self._pipelining = self.offer.pipelining and self._allowed
            self.state = "ready"
            self._news.append(Opened(self.offer))
        except NotOpened as refused:
            self._end_opening(Refused(refused.stage, refused.reason, refused.reply))
        else:
            if isinstance(deed, StartTls):
                self.state = "tls"
                self._news.append(UpgradeNow())
            elif deed:
                self._out.append((deed, None))

    def _end_opening(self, refused: Refused) -> None:
        self.state = "closed"
        self._news += (refused, Ended(refused.reason))

    # ------------------------------------------------------------------------------------------------- messages
    def _write(self, line: bytes, awaited: Await, message: _Message | None) -> None:
        self._out.append((line, None))
        self._awaited.append((awaited, message))

    def _begin(self) -> None:
        """Write the commands of the message that waits for it, if the protocol allows it now."""
        first = self._front is not None and not self._front.stage
        waits = self._front if first else self._behind
        if waits is None or waits.stage or self.state != "ready":
            return
        if self._awaited and not (self._pipelining and self._awaited[-1][0] in {"dot", "void"}):
            return  # DATA ends a group: nothing may follow it before its reply (RFC 2920, section 3.1)
        if self._dirty:
            self._dirty = False
            self._write(b"RSET\r\n", "rset", None)
            if not self._pipelining:
                return
        waits.stage = "mail"
        self._write(waits.mail, "mail", waits)
        if self._pipelining:
            self._write(waits.rcpt, "rcpt", waits)
            self._write(b"DATA\r\n", "data", waits)

    def _hear(self, reply: Reply) -> None:
        if not self._awaited:
            self._close(f"unasked: {reply.text}" if reply.code else "not_smtp")
            return
        kind, message = self._awaited.popleft()
        if message is None:
            if kind == "quit" or reply.code == _CLOSING or not (reply.good or kind == "void"):
                self._close(reply.text)
            else:
                self._begin()
            return
        self._judge(kind, message, reply)
        if self.state == "ready":
            self._begin()

    def _judge(self, kind: Await, message: _Message, reply: Reply) -> None:
        right = reply.code == _GO_ON if kind == "data" else reply.good
        refused = reply.code >= 400  # noqa: PLR2004 - 4xx and 5xx of RFC 5321
        if reply.code == _CLOSING or not (right or refused):
            if not message.refusal:
                self._tell(message, kind, reply, in_place=reply.code == _CLOSING)
            self._close(reply.text if reply.code else "not_smtp")
        elif kind == "dot":
            self._tell(message, kind, reply)
        elif kind == "data":
            self._after_data(message, reply, go_on=right)
        elif refused:
            self._refused(kind, message, reply)
        elif not self._pipelining:
            kind = "data" if kind == "rcpt" else "rcpt"
            message.stage = kind
            self._write(b"DATA\r\n" if kind == "data" else message.rcpt, kind, message)
        else:
            message.stage = "data" if kind == "rcpt" else "rcpt"

    def _refused(self, kind: Await, message: _Message, reply: Reply) -> None:
        """MAIL or RCPT was refused: the message is told at once, and the replies to what left with it are passed over."""
        if message.refusal:
            return
        self._tell(message, kind, reply)
        message.refusal = True
        self._dirty = self._dirty or kind == "rcpt"

    def _after_data(self, message: _Message, reply: Reply, *, go_on: bool) -> None:
        if message.refusal:
            if go_on and self._dirty:  # MAIL was good, no recipient is: a lone dot ends it (RFC 2920, section 3.1)
                self._dirty = False
                self._out.append((END, None))
                self._awaited.append(("void", None))
            elif go_on:
                self._close("354 after MAIL was refused")  # to whom the relay would send a lone dot nobody knows
        elif go_on:
            message.stage = "dot"
            self._pour(message)
        else:
            self._dirty = True
            self._tell(message, "data", reply)

    def _pour(self, message: _Message) -> None:
        content = body(message.envelope.content)
        if len(content) <= _CHUNK:
            self._out.append((content + END, message))
        else:  # in pieces, so that a dot that never left is known not to have left
            self._out.extend((content[at : at + _CHUNK], None) for at in range(0, len(content), _CHUNK))
            self._out.append((END, message))
        self._awaited.append(("dot", message))

    def _tell(self, message: _Message, kind: Await, reply: Reply, *, in_place: bool = True) -> None:
        self.answered += 1
        self._news.append(Replied(message.envelope, _STAGES[kind], reply, in_place))
        self._drop(message)

    def _drop(self, message: _Message) -> None:
        if message is self._front:
            self._front, self._behind = self._behind, None
        elif message is self._behind:
            self._behind = None

    def _close(self, detail: str) -> None:
        self.state = "closed"
        for message in (self._front, self._behind):
            if message is not None:
                self._news.append(Cut(message.envelope, message.stage, message.whole, detail))
        self._front = self._behind = None
        self._awaited.clear()
        self._out.clear()
        self._news.append(Ended(detail))
