"""Message channels in memory: they keep what they were given, and refuse what they are told to refuse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from central.application.ports.messages import Accepted, Answer, Mail, MessageState, Refused, ShortMessage
from central.domain.errors import NeighbourError
from central.domain.ids import AccountId, MessageId
from central.domain.statuses import EmailStatus, SmsStatus


@dataclass
class MemorySms:
    """Ports SmsChannel and MessageStates.

    blocked: numbers that stand on the blacklist. becomes: status and reason of messages to a number, at their second look.
    looks: how many messages each look was for. unreadable: so many looks raise NeighbourError.
    """

    blocked: frozenset[str] = frozenset()
    away: bool = False
    batches: list[list[ShortMessage]] = field(default_factory=list[list[ShortMessage]])
    taken: dict[MessageId, Answer] = field(default_factory=dict[MessageId, Answer])
    becomes: Mapping[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    looks: list[int] = field(default_factory=list[int])
    unreadable: int = 0
    _looked: set[MessageId] = field(default_factory=set[MessageId])

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

    async def states(self, wanted: Sequence[tuple[AccountId, MessageId]]) -> Mapping[MessageId, MessageState]:
        self.looks.append(len(wanted))
        if self.unreadable:
            self.unreadable -= 1
            raise NeighbourError("store_away", "The store does not answer.")
        to = {message.id: message.to for message in self.sent}
        known = {id_: self.becomes.get(to[id_]) if id_ in self._looked else None for _, id_ in wanted if id_ in to}
        self._looked.update(known)
        return {id_: MessageState(*(end or ("SENT_TO_QUEUE", ""))) for id_, end in known.items()}

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
        return [self._answers(mail) for mail in mails]

    def _answers(self, mail: Mail) -> list[Answer]:
        everybody = {address.casefold(): address for address in (*mail.to, *mail.cc, *mail.bcc)}
        nobody = Refused(EmailStatus.EMPTY_EMAIL_LIST, "nobody", "There is nobody to send to.")
        return [self._judge(address) for address in everybody.values()] or [nobody]

    def _judge(self, address: str) -> Answer:
        refused = Refused(EmailStatus.REJECTED, "suppressed", "The address is on the suppression list.")
        return refused if address in self.suppressed else Accepted()
