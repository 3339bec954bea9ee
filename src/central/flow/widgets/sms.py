"""SMS: send a short message to the customer, or to another number."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from central.domain.accounts import Switch
from central.domain.senders import SENDER
from central.domain.short_messages import LIMIT_PARTS, measure
from central.flow.errands import NOT_CONFIGURED, SendSms
from central.flow.events import FlowEvent
from central.flow.program import Failed, Outcome
from central.flow.tree import Scalar
from central.flow.variables import Template
from central.flow.walk import Walk
from central.flow.widgets.inputs import DurationInput, number_of, read_duration, read_number
from central.flow.widgets.widget import Branch, Field, Fields, Widget

LIMIT_HAND_OVER_S: Final = 30.0
"""How long the hand-over of a message may take; it is put into a queue, not sent, so this is already far too long."""
LONGEST_WAIT: Final = timedelta(minutes=10)
_USUAL_WAIT: Final = timedelta(seconds=30)
_SHORTEST_WAIT: Final = timedelta(seconds=1)
_ENDS: Final = ("delivered", "not_delivered")
_REGISTRATION: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
Told = Literal["status", "reason"]
_TOLD: Final[Mapping[str, Told]] = {"status": "status", "reason": "reason"}
_TEXT: Final = Template((), "")


@dataclass(frozen=True, slots=True)
class SmsNode:
    """A prepared SMS step; ``to`` None = the customer's own number.

    wait: for how long it hears what becomes of the message, None = not at all. ends: the branches that tell it, as far as they
    are wired. result: variables and what they keep.
    """

    text: Template
    to: Template | None
    sender: Template | None
    template_id: Template | None
    entity_id: Template | None
    wait: DurationInput | None = None
    ends: frozenset[str] = frozenset()
    result: tuple[tuple[str, Told], ...] = ()
    shorten: bool = False
    priority: int | None = None

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
        wait_s = self.wait.seconds(walk) if self.wait is not None else 0.0
        shown = None if rendered.shown == rendered.text else rendered.shown
        hidden = to[0] != to[1]
        errand = SendSms(
            to[0], rendered.text, size.encoding, size.parts, sender, *ids, wait_s, shorten=self.shorten, shown=shown, hidden=hidden,
            priority=self.priority,
        )  # fmt: skip
        walk.send(errand, LIMIT_HAND_OVER_S + wait_s)
        return None

    def handle(self, walk: Walk, event: FlowEvent) -> Outcome:
        """It was taken, or not; or it is known what became of it."""
        done = walk.returned(event)
        if done is None:
            return None
        if done.outcome == "accepted" or (self.wait is not None and done.outcome in _ENDS):
            for name, what in self.result:
                walk.store(name, done.values.get(what, ""))
            return done.outcome if done.outcome in self.ends else "accepted"
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
        wait=_wait(fields),
        ends=frozenset(_ENDS) & fields.targets.keys(),
        result=_result(fields),
        shorten=fields.flag("shorten", default=False),
        priority=fields.whole("priority", 0, 0, 3) if fields.present("priority") else None,
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


def _wait(fields: Fields) -> DurationInput | None:
    """How long it waits; without a wait nothing is known but that it was taken."""
    if not fields.present("wait"):
        fields.needless.update(_ENDS)
        return None
    if not fields.targets.keys() & set(_ENDS) and not fields.present("result"):
        hint = "Wire `delivered` or `not_delivered`, keep a `result`, or remove `wait`."
        message = "'wait' has no effect where nothing depends on it."
        fields.find("field_without_effect", message, line=fields.line("wait"), hint=hint, severity="warning")
    return read_duration(fields, "wait", _USUAL_WAIT, _SHORTEST_WAIT, LONGEST_WAIT)


def _result(fields: Fields) -> tuple[tuple[str, Told], ...]:
    written = fields.mapping("result")
    found: list[tuple[str, Told]] = []
    for name, tree in written.entries.items():
        line = written.lines.get(name, written.line)
        told = _TOLD.get(tree.text) if isinstance(tree, Scalar) else None
        if told is None:
            message = f"{name[:64]!r} is filled neither from the status nor from the reason."
            fields.find("sms_result_invalid", message, line=line, hint="Such as `result: {Sent: status, Why: reason}`.")
        else:
            found.append((fields.stored(name, line), told))
    return tuple(found)


def _check(fields: Fields, name: str, given: Template | None, shape: re.Pattern[str], hint: str, code: str) -> None:
    if given is not None and given.literal is not None and not shape.fullmatch(given.literal.strip()):
        message = f"{name!r} cannot be {given.literal[:40]!r}."
        fields.find(code, message, line=fields.line(name), hint=hint)


SMS = Widget(
    name="sms",
    title="SMS",
    doc="""Hands a short message over and goes on at once; what becomes of it is told by the message's own status, in the
record. With `wait` the step goes on only when the operator has told what became of the message, by `delivered` or
`not_delivered`, or when the time is over, by `accepted`; a branch of these two that is not wired leads on by `accepted` too. A
status that says nothing (`OTHER`) is no end: it may still change. With `shorten` web addresses in the text become short links whose clicks
stand in the message's history; the text is then counted and compared with its template as it goes out. Who is on the line hears nothing meanwhile. `result` keeps the
message's status and reason, as they are when the step is left by any branch but `failed`. Texts of the GSM alphabet hold 160 characters, or 153 in each of several parts; with any other character in them it is 70 and 67. The
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
        Field(
            "wait",
            "duration from 1s to 10m",
            "How long to wait for what becomes of it; may hold a variable.",
            "no wait",
        ),
        Field("shorten", "true or false", "Whether web addresses in the text become short links.", "false"),
        Field("priority", "0 to 3", "How urgent it is, as carriers understand it.", "the carrier's"),
        Field("result", "mapping of variable names to `status` or `reason`", "What to keep of its end."),
    ),
    branches=(
        Branch("accepted", "It was taken over; with `wait`: and nothing more is known of it."),
        Branch("delivered", "With `wait`: the handset has it."),
        Branch("not_delivered", "With `wait`: it was refused later, could not be delivered, or ran out of time."),
        Branch(
            "failed",
            "It was not: no channel, no lawful number or text, refused, or the account may not send SMS.",
            stores=False,
        ),
    ),
    can_fail=True,
    failure="continue",
    onward="accepted",
    failing="failed",
)
