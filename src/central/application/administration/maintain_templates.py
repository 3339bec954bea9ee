"""Texts that a registry knows: kept by the id that it gave, tried before something is sent, compared when it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from central.application.administration.acting import Actor, Auditor
from central.application.ports.sms_templates import SmsTemplate, TemplateStore
from central.domain.errors import InvalidInput, NotFound, Refused
from central.domain.senders import SENDER
from central.domain.short_messages import LIMIT_PARTS, Measured, measure
from central.domain.sms_templates import is_usable, matches_template

LIMIT_TEXT_CHARS: Final = 2000
LIMIT_TEMPLATES: Final = 20_000
_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")


@dataclass(frozen=True, slots=True)
class Tried:
    """What sending a text by a template would find. reason: ``template_mismatch``, ``text_too_long``, "" = it would go."""

    matches: bool
    size: Measured
    reason: str


@dataclass(frozen=True, slots=True)
class MaintainTemplates:
    """The templates of an account."""

    store: TemplateStore
    auditor: Auditor

    async def put(self, actor: Actor, template: SmsTemplate) -> bool:
        """Add or change a template; True when it is new.

        Raises InvalidInput ``invalid_id``, ``invalid_entity_id``, ``sender_invalid``, ``invalid_text``, Refused ``too_many_templates``.
        """
        if not _ID.fullmatch(template.id):
            raise InvalidInput("invalid_id", "An id has 1 to 64 letters, digits, _ - and .", field="id")
        if template.entity_id and not _ID.fullmatch(template.entity_id):
            raise InvalidInput("invalid_entity_id", "An id has 1 to 64 letters, digits, _ - and .", field="entity_id")
        if template.sender and not SENDER.fullmatch(template.sender):
            raise InvalidInput(
                "sender_invalid", "A sender is a number, or at most 11 letters and digits.", field="sender"
            )
        text = template.text.strip()
        if not text or len(text) > LIMIT_TEXT_CHARS or not is_usable(text):
            message = f"A text has 1 to {LIMIT_TEXT_CHARS} characters; {{#var#}} stands for what differs."
            raise InvalidInput("invalid_text", message, field="text")
        audit = self.auditor.entry(actor, "sms_template_stored", f"sms-template:{template.id}")
        fresh = await self.store.put(actor.account_id, template, LIMIT_TEMPLATES, audit)
        if fresh is None:
            raise Refused("too_many_templates", f"An account keeps at most {LIMIT_TEMPLATES} templates.")
        return fresh

    async def page(self, actor: Actor, after: str | None, limit: int) -> Sequence[SmsTemplate]:
        """Templates by id."""
        return await self.store.page(actor.account_id, after, limit)

    async def get(self, actor: Actor, template_id: str) -> SmsTemplate:
        """Raises NotFound ``template_not_found``."""
        found = await self.store.get(actor.account_id, template_id)
        if found is None:
            raise NotFound("template_not_found", "There is no such template in this account.")
        return found

    async def remove(self, actor: Actor, template_id: str) -> None:
        """Raises NotFound ``template_not_found``."""
        audit = self.auditor.entry(actor, "sms_template_removed", f"sms-template:{template_id}")
        if not await self.store.remove(actor.account_id, template_id, audit):
            raise NotFound("template_not_found", "There is no such template in this account.")

    async def attempt(self, actor: Actor, template_id: str, text: str) -> Tried:
        """Compare a text with a template, as sending it does. Raises NotFound ``template_not_found``."""
        matches, size = matches_template((await self.get(actor, template_id)).text, text), measure(text)
        reason = "text_too_long" if size.parts > LIMIT_PARTS else "" if matches else "template_mismatch"
        return Tried(matches, size, reason)
