"""What a carrier of short messages tells is stored, in batches, before the carrier's far end hears that we have it (path step 5).

A message's hand-over is judged once all of its parts are answered; until then the answers wait here, and the row's lease says so.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Final, Protocol

from central.application.messaging.ask_after_silence import AskAfterSilence
from central.application.messaging.decide_news import Decided, Lines, decide_receipts, decide_sms_answers
from central.application.messaging.foresee_receipts import foresee
from central.application.messaging.receipt_numbers import numbers_of
from central.application.ports.carriers import PartAnswered, ReceiptCame, Submission, Taken, TextCame
from central.application.ports.message_store import MessageBatch, MessageStore, OpenCarrier, StoredMessage
from central.application.ports.telemetry import Telemetry
from central.application.ports.world import Clock, Ids
from central.domain.ids import MessageId
from central.domain.message_routes import CarrierRoute

_FEW: Final = 500
_MOST: Final = 1_500


class HearTexts(Protocol):
    """What is done with short messages that people write."""

    async def __call__(self, carrier: OpenCarrier, texts: Sequence[TextCame], /) -> None:
        """Store them. Raises NeighbourError."""
        ...


class StoreSmsNews:
    """The use case; one instance a carrier."""

    def __init__(
        self, store: MessageStore, carrier: OpenCarrier, routes: Sequence[CarrierRoute], clock: Clock, ids: Ids,
        texts: HearTexts, telemetry: Telemetry,
    ) -> None:  # fmt: skip
        self._store, self._carrier, self._clock, self._ids, self._telemetry = store, carrier, clock, ids, telemetry
        self.routes = routes
        self.silence = AskAfterSilence(store, carrier, clock)
        self._texts = texts
        self._awaited: dict[tuple[MessageId, int], int] = {}
        self._answers: dict[tuple[MessageId, int], list[PartAnswered]] = defaultdict(list)

    def await_answers(self, batch: Sequence[Submission]) -> None:
        """These are given to the carrier now."""
        for submission in batch:
            self._awaited[submission.id, submission.tries] = submission.parts

    def awaited(self) -> Collection[MessageId]:
        """What was given to the carrier and has no stored answer."""
        return [message for message, _ in self._awaited]

    def held(self) -> int:
        """Answers to parts of messages that are not answered whole: until they are stored they keep their places."""
        return sum(map(len, self._answers.values()))

    async def answers(self, news: Sequence[PartAnswered]) -> None:
        """Store hand-overs of which all parts are answered. Raises NeighbourError: tell them again."""
        for answered in news:
            known = self._answers[answered.id, answered.tries]
            if all(answered.part != other.part for other in known):
                known.append(answered)
        done = {
            key: answers
            for key, answers in self._answers.items()
            if len(answers) >= self._awaited.get(key, len(answers))
        }
        if done:
            await self._store_answers({message: answers for (message, _), answers in done.items()})
        for key in done:
            self._answers.pop(key, None)
            self._awaited.pop(key, None)

    async def _store_answers(self, done: Mapping[MessageId, Sequence[PartAnswered]]) -> None:
        now = self._clock.now()
        account = self._carrier.account_id
        lines = Lines(self._ids.uuids(sum(len(answers) for answers in done.values())))
        async with self._store.answered([(account, message) for message in done]) as batch:
            decided = [
                decide_sms_answers(message, sorted(done[message.id], key=lambda a: a.part), self.routes, now, lines)
                for message in batch.messages
            ]
            await _write(batch, decided, self._clock)
            named = [
                answered.answer.remote_id
                for answers in done.values()
                for answered in answers
                if isinstance(answered.answer, Taken) and answered.answer.remote_id
            ]
            if named:
                await self._catch_up(batch, await batch.take_strays(account, self._carrier.id, named))

    async def _catch_up(self, batch: MessageBatch, early: Sequence[ReceiptCame]) -> None:
        """Receipts that came before the answer to their message; in the transaction that takes them from the strays."""
        if not early:
            return
        await batch.reload()
        await self._place(batch, early)

    async def receipts(self, news: Sequence[ReceiptCame]) -> None:
        """Store receipts; those that fit no message are kept for the answer that names it. Raises NeighbourError.

        Many are stored by two transactions side by side, so that the database works while we decide. Those of one id stay in
        order; when one of the two fails, what the other stored is told again and changes nothing.
        """
        if len(news) <= _FEW:
            await self._receipts(news)
            return
        halves: tuple[list[ReceiptCame], ...] = ([], [])
        for receipt in news:
            halves[hash(receipt.remote_id) % len(halves)].append(receipt)
        ended = await asyncio.gather(*map(self._in_turns, halves), return_exceptions=True)
        for error in ended:
            if error is not None:
                raise error

    async def _in_turns(self, news: Sequence[ReceiptCame]) -> None:
        for start in range(0, len(news), _MOST):
            await self._receipts(news[start : start + _MOST])

    async def _receipts(self, news: Sequence[ReceiptCame]) -> None:
        """First those that are foreseen; what is told of one id stays in order, for only ids that came once are."""
        foreseen, told, others = foresee(news, self._ids)
        account, carrier = self._carrier.account_id, self._carrier.id
        settled = await self._store.settle_foreseen(account, carrier, foreseen, self._clock.now()) if foreseen else ()
        left = [receipt for line, receipt in told.items() if line not in settled] + others
        if left:
            await self._look_up(left)

    async def _look_up(self, news: Sequence[ReceiptCame]) -> None:
        """With their messages under lock."""
        forms = {form for receipt in news for form in (receipt.remote_id, *receipt.same_ids)}
        async with self._store.receipts(self._carrier.account_id, self._carrier.id, list(forms)) as batch:
            await self._place(batch, news)

    async def _place(self, batch: MessageBatch, news: Sequence[ReceiptCame]) -> int:
        """Store receipts of known messages, keep the others; how many were of known ones."""
        placed, strays = _place(batch.messages, news, self._carrier)
        lines = Lines(self._ids.uuids(sum(map(len, placed.values()))))
        decided = [decide_receipts(batch.messages[place], placed[place], lines) for place in sorted(placed)]
        await _write(batch, decided, self._clock)
        if strays:
            kept = list(zip(self._ids.uuids(len(strays)), strays, strict=True))
            await batch.keep_strays(self._carrier.account_id, self._carrier.id, kept)
            self._telemetry.count("sms_receipts_strayed", len(strays))
        return len(news) - len(strays)

    async def others(self, news: Sequence[object]) -> None:
        """Store receipts and what people wrote. Raises NeighbourError."""
        if receipts := [one for one in news if isinstance(one, ReceiptCame)]:
            await self.receipts(receipts)
        if texts := [one for one in news if isinstance(one, TextCame)]:
            await self._texts(self._carrier, texts)

    async def silent(self) -> Sequence[str]:
        """What is asked about now: messages whose end was never told."""
        return await self.silence.due()

    async def catch_up(self, limit: int = 1000) -> int:
        """Match receipts that were kept while the answer was being stored by another transaction."""
        account, carrier = self._carrier.account_id, self._carrier.id
        named = await self._store.matchable_strays(account, carrier, limit, self._clock.now())
        if not named:
            return 0
        async with self._store.receipts(account, carrier, named) as batch:
            return await self._place(batch, await batch.take_strays(account, carrier, named))


def _place(
    messages: Sequence[StoredMessage], news: Sequence[ReceiptCame], carrier: OpenCarrier
) -> tuple[dict[int, list[tuple[int, ReceiptCame]]], list[ReceiptCame]]:
    """Which part of which of the messages each receipt is about: where its id fits several, the recipient's number decides."""
    by_remote: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for place in sorted(range(len(messages)), key=lambda place: messages[place].created_at, reverse=True):
        for part in messages[place].known_parts:
            if part.remote_id and part.carrier_id == carrier.id:
                by_remote[part.remote_id].append((place, part.part))
    placed: dict[int, list[tuple[int, ReceiptCame]]] = defaultdict(list)
    strays: list[ReceiptCame] = []
    for receipt in news:
        forms = dict.fromkeys((receipt.remote_id, *receipt.same_ids))
        fitting = [one for form in forms for one in by_remote.get(form, ())]
        found = next((one for one in fitting if _is_about(receipt, messages[one[0]])), None)
        if found is None:  # its numbers are hidden, or written in another way: the id exactly as it was given counts
            exact = by_remote.get(receipt.remote_id, ())
            found = next(iter(exact or (fitting if len(fitting) == 1 and not numbers_of(receipt) else ())), None)
        if found is None:
            strays.append(receipt)
        else:
            place, number = found
            parts = messages[place].known_parts
            remote_id = next(known.remote_id for known in parts if known.part == number)
            same = [known.part for known in parts if known.remote_id == remote_id]
            placed[place] += [(one, receipt) for one in same]  # parts that went as one: it is about all of them
    return placed, strays


def _is_about(receipt: ReceiptCame, message: StoredMessage) -> bool:
    """Whether the recipient's number stands in it: carriers write it with or without country code, ``+`` and zeros."""
    return message.recipient in receipt.about or any(
        message.recipient.endswith(digits) or digits.endswith(message.recipient) for digits in numbers_of(receipt)
    )


async def _write(batch: MessageBatch, decided: Sequence[Decided], clock: Clock) -> None:
    await batch.write(
        [one.move for one in decided if one.move is not None],
        [line for one in decided for line in one.events],
        [part for one in decided for part in one.parts],
        clock.now(),
    )
