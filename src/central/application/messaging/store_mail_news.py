"""What relays, bounce receivers and mailboxes tell about e-mail is stored, and acted upon: statuses, suppression (path step 5)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

from central.application.messaging.decide_mail import decide_heard, decide_hit, decide_mail_answer
from central.application.messaging.decide_news import Decided, Lines
from central.application.ports.carriers import Envelope, MailAnswered, MailHeard, NotTaken, Taken
from central.application.ports.message_store import (
    MessageBatch,
    MessageStore,
    OpenCarrier,
    StoredMessage,
    Suppression,
    SuppressionReason,
)
from central.application.ports.telemetry import Telemetry
from central.application.ports.world import Clock, Ids
from central.domain.ids import AccountId, MessageId
from central.domain.mail_hits import Hit, HitsAround, classify, known_machines
from central.domain.mail_tokens import TokenKind
from central.domain.message_routes import CarrierRoute
from central.domain.statuses import EmailStatus


class StoreMailNews:
    """The use case; one instance a relay. What its mailbox tells is about messages of its account only."""

    def __init__(
        self, store: MessageStore, carrier: OpenCarrier, routes: Sequence[CarrierRoute], clock: Clock, ids: Ids,
        telemetry: Telemetry,
    ) -> None:  # fmt: skip
        self._store, self._carrier, self._clock, self._ids = store, carrier, clock, ids
        self._heard = StoreHeard(store, clock, ids, telemetry, carrier.account_id)
        self.routes = routes
        self._awaited: set[MessageId] = set()

    def await_answers(self, batch: Sequence[Envelope]) -> None:
        """These are given to the relay now."""
        self._awaited.update(envelope.id for envelope in batch)

    def awaited(self) -> Collection[MessageId]:
        """What was given to the relay and has no stored answer."""
        return self._awaited

    def held(self) -> int:
        """A mail has one answer, which is stored when it comes."""
        return 0

    async def answers(self, news: Sequence[MailAnswered]) -> None:
        """Store what became of hand-overs. Raises NeighbourError: tell them again."""
        now = self._clock.now()
        told = {answered.id: answered for answered in news}
        lines = Lines(self._ids.uuids(len(told)))
        async with self._store.answered([(self._carrier.account_id, message) for message in told]) as batch:
            decided = [
                decide_mail_answer(message, told[message.id], self.routes, now, lines) for message in batch.messages
            ]
            await batch.write(
                [one.move for one in decided if one.move is not None],
                [line for one in decided for line in one.events],
                (),
                now,
            )
            reached = {id_ for id_, one in told.items() if isinstance(one.answer, Taken) and one.answer.delivered}
            await batch.unfail(_addresses(batch, reached))
            await batch.suppress(
                [
                    _suppression(message, answer.suppress, answer.detail)
                    for message in batch.messages
                    if isinstance(answer := told[message.id].answer, NotTaken) and answer.suppress and not answer.retry
                ],
                now,
            )

        self._awaited.difference_update(told)

    async def others(self, news: Sequence[object]) -> None:
        """What the relay's mailbox told. Raises NeighbourError: it stays there."""
        heard = [one for one in news if isinstance(one, MailHeard)]
        if heard:
            await self._heard(heard)

    async def silent(self) -> Sequence[str]:
        """A relay cannot be asked."""
        return ()

    async def catch_up(self) -> int:
        """Nothing waits to be matched."""
        return 0


class StoreHeard:
    """What is told about e-mails later, by whichever way. account_id: whoever tells it speaks of this account's messages only."""

    def __init__(
        self, store: MessageStore, clock: Clock, ids: Ids, telemetry: Telemetry, account_id: AccountId | None = None
    ) -> None:
        self._store, self._clock, self._ids, self._telemetry = store, clock, ids, telemetry
        self._account_id = account_id
        self._known = known_machines()

    async def __call__(self, news: Sequence[MailHeard]) -> None:
        """Store them, each report once. Raises NeighbourError: they are told again."""
        now = self._clock.now()
        async with self._store.heard(news, self._account_id) as (batch, found):
            placed: dict[MessageId, list[MailHeard]] = defaultdict(list)
            for one in {one.report_id: one for one in news}.values():
                if one.report_id in found:
                    placed[found[one.report_id]].append(one)
                if one.alert:
                    self._telemetry.warning("mail_report_alert", word=one.word, code=one.code, detail=one.detail[:200])
            rounds = max((len(told) for told in placed.values()), default=0)
            for turn in range(rounds):  # several about one message, in the order they came
                await self._store_turn(
                    batch, {id_: told[turn] for id_, told in placed.items() if turn < len(told)}, turn, now
                )
                if turn + 1 < rounds:
                    await batch.reload()
        self._telemetry.count("mail_reports", len(news))
        if unknown := sum(one.report_id not in found for one in news):
            self._telemetry.count("mail_reports_unmatched", unknown)

    async def _store_turn(
        self, batch: MessageBatch, told: dict[MessageId, MailHeard], turn: int, now: datetime
    ) -> None:
        lines = Lines(self._ids.uuids(len(told)))
        decided: list[Decided] = []
        suppressed: list[Suppression] = []
        for message in batch.messages:
            heard = told.get(message.id)
            if heard is None:
                continue
            one = self._decided(message, heard, lines)
            if (
                one.move is None
                and heard.status not in _HITS
                and batch.reports.get(message.id, 0) + turn >= MOST_REPORTS
            ):
                self._telemetry.count("mail_reports_beyond_bound", 1)
            else:
                decided.append(one)
            if heard.suppress:
                suppressed.append(_suppression(message, heard.suppress, heard.detail))
        await batch.write(
            [one.move for one in decided if one.move is not None],
            [line for one in decided for line in one.events],
            (),
            now,
        )
        await batch.unfail(_addresses(batch, {id_ for id_, one in told.items() if one.status is EmailStatus.DELIVERED}))
        await batch.suppress(suppressed, now)

    def _decided(self, message: StoredMessage, heard: MailHeard, lines: Lines) -> Decided:
        if heard.status not in _HITS:
            return decide_heard(message, heard, lines)
        hit = Hit(  # a provider counts opens and clicks of machines like those of people
            kind=_HITS[heard.status], method="GET", at=heard.told_at or heard.at, accepted_at=message.handed_at,
            address=heard.facts.get("address", ""), agent=heard.facts.get("agent", ""),
        )  # fmt: skip
        return decide_hit(
            message, hit, classify(hit, HitsAround(), self._known), 0, lines, report_id=heard.report_id,
            target=heard.facts.get("link", ""),
        )  # fmt: skip


MOST_REPORTS: Final = 50
"""Of one e-mail: whoever has its bounce address can write to it for ever. What changes its status is kept all the same."""
_HITS: Final[Mapping[EmailStatus | None, TokenKind]] = {
    EmailStatus.OPENED: TokenKind.OPEN, EmailStatus.CLICKED: TokenKind.CLICK,
}  # fmt: skip
SUPPRESSIONS: Final[Mapping[str, SuppressionReason]] = {
    "hard": "hard_bounce", "soft": "soft_bounces", "second": "bounced_twice", "complaint": "complaint",
}  # fmt: skip


def _addresses(batch: MessageBatch, messages: Collection[MessageId]) -> list[tuple[AccountId, str]]:
    return [(message.account_id, message.recipient) for message in batch.messages if message.id in messages]


def _suppression(message: StoredMessage, why: str, detail: str) -> Suppression:
    return Suppression(
        account_id=message.account_id,
        address=message.recipient,
        reason=SUPPRESSIONS[why],
        message_id=message.id,
        detail=detail[:300],
    )
