"""Message channels in memory: they keep what they were given, and refuse what they are told to refuse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from central.application.ports.messages import Accepted, Answer, Mail, Refused, ShortMessage
from central.domain.errors import NeighbourError
from central.domain.ids import MessageId
from central.domain.statuses import EmailStatus, SmsStatus


@dataclass
class MemorySms:
    """Port SmsChannel. ``blocked`` = numbers that stand on the blacklist."""

    blocked: frozenset[str] = frozenset()
    away: bool = False
    batches: list[list[ShortMessage]] = field(default_factory=list[list[ShortMessage]])
    taken: dict[MessageId, Answer] = field(default_factory=dict[MessageId, Answer])

    @property
    def sent(self) -> list[ShortMessage]:
        """What goes out, each once."""
        found = {message.id: message for batch in self.batches for message in batch}
        return [message for message in found.values() if isinstance(self.taken[message.id], Accepted)]

    async def send(self, messages: Sequence[ShortMessage]) -> Sequence[Answer]:
        if self.away:
            raise NeighbourError("sms_away", "The SMS channel does not answer.")
        self.batches.append(list(messages))
        return [self.taken.setdefault(message.id, self._judge(message)) for message in messages]

    def _judge(self, message: ShortMessage) -> Answer:
        if message.to in self.blocked:
            return Refused(SmsStatus.FAILED, "blacklisted", "The number stands on the blacklist.")
        return Accepted()


@dataclass
class MemoryMail:
    """Port MailChannel. ``suppressed`` = addresses that must not be written to."""

    suppressed: frozenset[str] = frozenset()
    away: bool = False
    mails: dict[MessageId, Mail] = field(default_factory=dict[MessageId, Mail])

    async def send(self, mails: Sequence[Mail]) -> Sequence[Sequence[Answer]]:
        if self.away:
            raise NeighbourError("mail_away", "The e-mail channel does not answer.")
        self.mails.update((mail.id, mail) for mail in mails)
        return [[self._judge(address) for address in (*mail.to, *mail.cc, *mail.bcc)] for mail in mails]

    def _judge(self, address: str) -> Answer:
        refused = Refused(EmailStatus.REJECTED, "suppressed", "The address is on the suppression list.")
        return refused if address in self.suppressed else Accepted()
