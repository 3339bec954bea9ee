"""Short messages come in: judged, priced, routed and stored, in batches (path step 4d). Flows and the API use this alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from central.application.messaging.judge_sms import judge_sms
from central.application.messaging.shorten_links import ShortenLinks
from central.application.ports.internal_functions import NewLink
from central.application.ports.library import Library
from central.application.ports.message_store import Acceptance, MessageStore, NewMessage
from central.application.ports.messages import Accepted, Answer, Refused, ShortMessage
from central.application.ports.world import Clock
from central.domain.errors import OperatorError
from central.domain.ids import AccountId
from central.domain.policies import Policy
from central.domain.statuses import SmsStatus


class AcceptShortMessages:
    """The use case (implements the port SmsChannel)."""

    def __init__(self, store: MessageStore, library: Library, shorten: ShortenLinks, clock: Clock) -> None:
        self._store, self._library, self._shorten, self._clock = store, library, shorten, clock

    async def send(self, messages: Sequence[ShortMessage]) -> Sequence[Answer]:
        """Take them over; a repeated id gets the first answer. Raises NeighbourError: then nothing, or everything, was taken."""
        stored = await self.accept(messages)
        return [_answer(message.status, message.reason, message.detail) for message in stored]

    async def accept(self, messages: Sequence[ShortMessage]) -> Sequence[NewMessage]:
        """The rows as they are stored, in the same order."""
        rows = await self.judge(messages)
        stored = await self._store.add(rows)
        return [_as_stored(row, *stored[row.id]) for row in rows]

    async def judge(self, messages: Sequence[ShortMessage]) -> list[NewMessage]:
        """The rows as they would be stored now; nothing is."""
        now = self._clock.now()
        wanted: dict[AccountId, list[str]] = {}
        for message in messages:
            wanted.setdefault(message.account_id, []).append(message.to)
        templates = {(message.account_id, message.template_id) for message in messages if message.template_id}
        facts = await self._store.acceptance(
            "sms", {a: list(dict.fromkeys(to)) for a, to in wanted.items()}, now, templates
        )
        policies = await _policies(self._library, facts, now)
        return [self._judged(m, facts[m.account_id], policies.get(m.account_id), now) for m in messages]

    def _judged(self, message: ShortMessage, facts: Acceptance, policy: Policy | None, now: datetime) -> NewMessage:
        """Judged with the text that goes out: its links are short already."""
        template = facts.templates.get(message.template_id)
        codes, links = self._shorten.codes(message.text), tuple[NewLink, ...]()
        if message.shorten or (template is not None and template.shorten):
            message, links = self._shorten(message, now)
        row = judge_sms(message, facts, policy, now)
        if row.due_at is None or not (codes or links):
            return row
        return msgspec.structs.replace(row, links=links, link_codes=codes)


async def _policies(library: Library, facts: Mapping[AccountId, Acceptance], now: datetime) -> dict[AccountId, Policy]:
    """The policy that each account pins; one that does not exist limits nothing here, the operator is told elsewhere."""
    found: dict[AccountId, Policy] = {}
    for account_id, known in facts.items():
        account = known.account
        try:
            found[account_id] = await library.policy(account.policy_id, account.policy_version or None, now)
        except OperatorError:
            continue
    return found


def _as_stored(row: NewMessage, status: str, reason: str) -> NewMessage:
    if (row.status, row.reason) == (status, reason):
        return row
    return msgspec.structs.replace(row, status=status, reason=reason)


def _answer(status: str, reason: str, detail: str) -> Answer:
    if status in {SmsStatus.FAILED, SmsStatus.INVALID_NUMBER}:
        return Refused(SmsStatus(status), reason, detail)
    return Accepted()
