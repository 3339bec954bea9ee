"""SMS: send a short message to the customer, or to another number."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from central.domain.accounts import Switch
from central.domain.senders import SENDER
from central.domain.short_messages import LIMIT_PARTS, measure
from central.flow.errands import NOT_CONFIGURED, SendSms
from central.flow.events import FlowEvent
from central.flow.program import Failed, Outcome
from central.flow.variables import Template
from central.flow.walk import Walk
from central.flow.widgets.inputs import number_of, read_number
from central.flow.widgets.widget import Branch, Field, Fields, Widget

LIMIT_HAND_OVER_S: Final = 30.0
"""How long the hand-over of a message may take; it is put into a queue, not sent, so this is already far too long."""
_REGISTRATION: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_TEXT: Final = Template((), "")


@dataclass(frozen=True, slots=True)
class SmsNode:
    """A prepared SMS step; ``to`` None = the customer's own number."""

    text: Template
    to: Template | None
    sender: Template | None
    template_id: Template | None
    entity_id: Template | None

    def enter(self, walk: Walk) -> Outcome:
        """Check what there is to send, and hand it over."""
        if Switch.SMS in walk.facts.lacks:
            return Failed("sms_disabled", "The account may not send SMS.")
        to = _own_number(walk) if self.to is None else number_of(walk, self.to)
        if isinstance(to, Failed):
            return to
        rendered = walk.render(self.text)
        if not rendered.text.strip():
            return Failed("text_empty", "There is nothing to send.")
        size = measure(rendered.text)
        if size.parts > LIMIT_PARTS:
            return Failed("text_too_long", f"It would take {size.parts} messages, more than {LIMIT_PARTS}.")
        sender = _said(walk, self.sender)
        if sender and not SENDER.fullmatch(sender):
            return Failed(
                "sender_invalid", "The sender is neither a number nor a name of at most 11 letters and digits."
            )
        ids = _said(walk, self.template_id), _said(walk, self.entity_id)
        if not all(not one or _REGISTRATION.fullmatch(one) for one in ids):
            return Failed(
                "registration_invalid", "The ids of template and entity hold letters, digits, _ - and . only."
            )
        walk.note(
            "message", channel="sms", to=to[1], sender=sender, encoding=size.encoding, parts=size.parts, text=rendered.shown
        )  # fmt: skip
        walk.send(SendSms(to[0], rendered.text, size.encoding, size.parts, sender, *ids), LIMIT_HAND_OVER_S)
        return None

    def handle(self, walk: Walk, event: FlowEvent) -> Outcome:
        """It was taken, or not."""
        done = walk.returned(event)
        if done is None:
            return None
        if done.outcome == "accepted":
            return "accepted"
        if done.outcome == NOT_CONFIGURED:
            return Failed("sms_not_configured", "This installation cannot send SMS.")
        return Failed("sms_" + done.outcome, done.detail or done.values.get("reason", "It was not taken."))


def _own_number(walk: Walk) -> tuple[str, str] | Failed:
    numbers = walk.facts.numbers
    if not numbers:
        return Failed("number_missing", "The record has no number.")
    number = numbers[max(0, walk.leg.position)]
    return number, number


def _said(walk: Walk, given: Template | None) -> str:
    return "" if given is None else walk.text(given).strip()


def _prepare(fields: Fields) -> SmsNode:
    fields.needs(Switch.SMS, "sends SMS")
    node = SmsNode(
        text=fields.template("text", required=True) or _TEXT,
        to=read_number(fields, "to"),
        sender=fields.template("sender"),
        template_id=fields.template("template_id"),
        entity_id=fields.template("entity_id"),
    )
    parts = measure("".join(part for part in node.text.parts if isinstance(part, str))).parts
    if parts > LIMIT_PARTS:
        message = f"The text takes {parts} messages even without its variables, more than {LIMIT_PARTS}."
        hint = "160 Latin or 70 other characters fit into one message, 1,530 or 670 into ten."
        fields.find("text_too_long", message, line=fields.line("text"), hint=hint)
    if fields.present("text") and node.text.literal is not None and not node.text.literal.strip():
        fields.find("text_empty", "There is nothing to send.", line=fields.line("text"), hint="Write a text.")
    _check(fields, "sender", node.sender, SENDER, "At most 11 letters and digits, or a number.", "sender_invalid")
    for name, given in (("template_id", node.template_id), ("entity_id", node.entity_id)):
        _check(fields, name, given, _REGISTRATION, "The id as the registry gave it.", "registration_invalid")
    return node


def _check(fields: Fields, name: str, given: Template | None, shape: re.Pattern[str], hint: str, code: str) -> None:
    if given is not None and given.literal is not None and not shape.fullmatch(given.literal.strip()):
        message = f"{name!r} cannot be {given.literal[:40]!r}."
        fields.find(code, message, line=fields.line(name), hint=hint)


SMS = Widget(
    name="sms",
    title="SMS",
    doc="""Hands a short message over and goes on at once; what becomes of it is told by the message's own status. Texts of
the GSM alphabet hold 160 characters, or 153 in each of several parts; with any other character in them it is 70 and 67. The
record's history says how many parts a text took; more than ten are refused. It may stand on every path, also where there is
no call.""",
    example="""confirm:
  widget: sms
  text: "Your appointment is on {{ $flow.key.Date }}."
  on: {accepted: bye, failed: bye}""",
    prepare=_prepare,
    fields=(
        Field("text", "text with variables", "What is sent.", required=True),
        Field("to", "number, text with variables", "Who gets it, country code first.", "the customer's number"),
        Field("sender", "text with variables", "The sender id or number that is shown.", "the account's"),
        Field("template_id", "text with variables", "The template's id, where texts must be registered."),
        Field("entity_id", "text with variables", "The sender's registration id, where there is one."),
    ),
    branches=(
        Branch("accepted", "It was taken over."),
        Branch("failed", "It was not: no channel, no lawful number or text, refused, or the account may not send SMS."),
    ),
    can_fail=True,
    failure="continue",
    onward="accepted",
    failing="failed",
)
