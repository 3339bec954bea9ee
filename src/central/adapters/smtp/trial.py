"""Mails are composed for trial while who sends them waits: what can never become a message is told at once (port TrialComposer).

A mail that says the same as one before it in its batch is not tried again, and a plain text needs no trial at all. Trials have
a thread of their own, one at a time, and a budget of time for each batch: templates that take long hold up nobody else. What
the budget does not reach is found when the mail is composed for its relay: it ends as Failure then, with the same reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import msgspec

from central.adapters.smtp.compose import MailComposer
from central.adapters.smtp.headers import LIMIT_SUBJECT_CHARS
from central.adapters.smtp.templates import LIMIT_TEMPLATE_CHARS
from central.application.ports.composition import Loaded, MailDraft, Missing, Trial, Unfit
from central.application.ports.world import Clock
from central.domain.mail_tokens import TokenKeys
from central.domain.statuses import EmailStatus

BUDGET_S: Final = 2.0
"""For one batch, waiting for the thread included; the mail in hand when it ends takes at most some seconds more."""


class MailTrials:
    """Composes without keys of a domain and without contents of files; link_address: as in the settings of the messenger."""

    def __init__(self, keys: TokenKeys, clock: Clock, link_address: str) -> None:
        self._composer = MailComposer(keys, clock, _NoFiles())
        self._clock, self._link_address = clock, link_address
        self._thread = ThreadPoolExecutor(1, "mail-trials")
        self.tried = 0
        """How many were composed."""

    async def faults(self, trials: Sequence[Trial]) -> Sequence[Unfit | None]:
        """For each the reason why it can never be composed, None = it can, or there was no time to try."""
        wanted = {place: self._made_ready(one) for place, one in enumerate(trials) if not _surely_fits(one.draft)}
        if not wanted:
            return [None] * len(trials)
        end = self._clock.monotonic() + BUDGET_S
        tried = asyncio.get_running_loop().run_in_executor(self._thread, self._try, list(wanted.values()), end)
        found = dict(zip(wanted, await tried, strict=True))
        return [found.get(place) for place in range(len(trials))]

    def _made_ready(self, trial: Trial) -> Trial:
        """Of its files only what their headers say: they were measured before."""
        draft = trial.draft
        files = tuple(msgspec.structs.replace(one, content=b"") for one in draft.attachments if not one.reference)
        identity = msgspec.structs.replace(draft.identity, link_address=self._link_address)
        return Trial(msgspec.structs.replace(draft, attachments=files, identity=identity), trial.file_bytes)

    def _try(self, trials: Sequence[Trial], end: float) -> list[Unfit | None]:
        """In the thread. Equal contents are tried once."""
        known: dict[object, Unfit | None] = {}
        found: list[Unfit | None] = []
        for one in trials:
            draft = one.draft
            key = _key(one)
            if key in known:
                before = known[key]
                found.append(None if before is None else msgspec.structs.replace(before, id=draft.id))
            elif self._clock.monotonic() >= end:
                found.append(None)
            else:
                self.tried += 1
                fault = self._composer.fault(draft, one.file_bytes)
                known[key] = fault if fault is None or fault.status is not EmailStatus.FAILURE else None
                found.append(known[key])
        return found


def _surely_fits(draft: MailDraft) -> bool:
    """A plain text of a usual size, with no statement in it: nothing about it can fail but what is looked at here."""
    template = draft.template
    if template.html or template.mjml or draft.attachments or draft.marketing or draft.tracked:
        return False
    if len(template.text) > LIMIT_TEMPLATE_CHARS or len(template.subject) > LIMIT_SUBJECT_CHARS:
        return False
    if not template.subject.isprintable():
        return False
    both = template.subject + template.text
    if "\0" in both or (template.liquid and ("{{" in both or "{%" in both)):
        return False
    return both.isascii() or not any("\ud800" <= char <= "\udfff" for char in both)


def _key(trial: Trial) -> object:
    """What decides whether it can be composed."""
    draft = trial.draft
    values = msgspec.json.encode(draft.values, order="deterministic") if draft.template.liquid else b""
    named = tuple((one.name, one.media_type, one.content_id) for one in draft.attachments)
    return draft.template, values, named, trial.file_bytes, draft.tracked, draft.marketing, draft.sender.address


class _NoFiles:
    """There is nothing to load."""

    async def load(self, references: Sequence[str], limit_bytes: int) -> Sequence[Loaded | Missing]:
        del limit_bytes
        return [Missing("not_found") for _ in references]
