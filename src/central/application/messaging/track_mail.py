"""Somebody asks for a tracked address of an e-mail: told apart from machines, kept, and led on (path step 5).

Where a link leads comes from the table alone, never from the address. A GET never unsubscribes, because scanners follow links;
the POST of RFC 8058 does at once. The same again within a minute is one hit, so that nobody fills a history by asking.
"""

from __future__ import annotations

import msgspec

from central.application.messaging.decide_mail import decide_hit
from central.application.messaging.decide_news import Lines
from central.application.ports.message_store import MessageStore, Suppression
from central.application.ports.world import Clock, Ids
from central.domain.mail_hits import LIMIT_AGENT_CHARS, Hit, HitsAround, KnownMachines, classify
from central.domain.mail_tokens import MailToken, TokenKeys, TokenKind, read_token
from central.domain.message_events import MessageEvent as Kind


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it came."""

    method: str
    address: str
    agent: str = ""
    cookies: bool = False


class Tracked(msgspec.Struct, frozen=True):
    """What is to be answered: ``kind`` of the token, and for a click where it leads."""

    kind: TokenKind
    target: str = ""


class TrackMail:
    """The use case; ``keys`` prove tokens."""

    def __init__(self, store: MessageStore, keys: TokenKeys, known: KnownMachines, clock: Clock, ids: Ids) -> None:
        self._store, self._keys, self._known, self._clock, self._ids = store, keys, known, clock, ids

    async def __call__(self, token: str, asked: Asked) -> Tracked | None:
        """Count the hit; None = the token is none of ours, or its message is gone. Raises NeighbourError."""
        read = read_token(self._keys, token)
        if read is None:
            return None
        if read.kind is TokenKind.UNSUBSCRIBE:
            return await self._unsubscribe(read, asked)
        now = self._clock.now()
        mail = await self._store.mail_of_token(read.message, read.number)
        if mail is None or (read.kind is TokenKind.CLICK and not mail.target):
            return None
        hit = Hit(
            kind=read.kind, method=asked.method, at=now, accepted_at=mail.accepted_at, address=asked.address,
            agent=asked.agent, cookies=asked.cookies,
        )  # fmt: skip
        lines = Lines(self._ids.uuids(1))
        async with self._store.answered([(mail.account_id, mail.id)]) as batch:
            before = await batch.hits_before(mail, hit, read.number)
            judged = classify(hit, HitsAround(before.links + 1, machine_minute=before.machine_minute), self._known)
            decided = [decide_hit(message, hit, judged, read.number, lines) for message in batch.messages]
            moves = [one.move for one in decided if one.move is not None]
            if moves or judged.hit_class not in before.told:
                await batch.write(moves, [line for one in decided for line in one.events], (), now)
            await batch.unfail([(mail.account_id, mail.recipient) for _ in moves])  # a person has it
        return Tracked(read.kind, mail.target or "")

    async def _unsubscribe(self, read: MailToken, asked: Asked) -> Tracked | None:
        now = self._clock.now()
        mail = await self._store.mail_of_token(read.message, 0)
        if mail is None:
            return None
        if asked.method != "POST":
            return Tracked(read.kind)
        lines = Lines(self._ids.uuids(1))
        async with self._store.answered([(mail.account_id, mail.id)]) as batch:
            if not await batch.unsubscribed(mail):
                data = {"agent": asked.agent[:LIMIT_AGENT_CHARS]}
                said = [lines.line(message, Kind.UNSUBSCRIBED, now, data) for message in batch.messages]
                await batch.write((), said, (), now)
            row = Suppression(
                account_id=mail.account_id, address=mail.recipient, reason="unsubscribed", message_id=mail.id
            )
            await batch.suppress([row], now)
        return Tracked(read.kind, "done")
