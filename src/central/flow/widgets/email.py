"""Email: send an e-mail to one or several addresses."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from central.domain.accounts import Switch
from central.domain.value_shapes import is_email
from central.flow.errands import NOT_CONFIGURED, SendEmail
from central.flow.events import FlowEvent
from central.flow.program import Failed, Outcome
from central.flow.tree import Items, Scalar
from central.flow.variables import MASK, Template
from central.flow.walk import Walk
from central.flow.widgets.sms import LIMIT_HAND_OVER_S
from central.flow.widgets.widget import Branch, Field, Fields, Widget

LIMIT_RECIPIENTS: Final = 50
LIMIT_ATTACHMENTS: Final = 10
LIMIT_SUBJECT_CHARS: Final = 255
LIMIT_BODY_CHARS: Final = 65_536
_FILE: Final = re.compile(r"(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9_ ./-]{0,127}")
_BREAKS: Final = re.compile(r"[\x00-\x20\x7f\x85\u2028\u2029]+")
_BETWEEN: Final = re.compile(r"[,;]")

Lists = tuple[tuple[Template, ...], ...]


@dataclass(frozen=True, slots=True)
class EmailNode:
    """A prepared Email step. lists: the templates of to, cc and bcc; each may render to several addresses."""

    lists: Lists
    subject: Template
    text: Template | None
    html: Template | None
    sender: Template | None
    attachments: tuple[Template, ...]
    tracking: bool

    def enter(self, walk: Walk) -> Outcome:
        """Check what there is to send, in the order of domain 13, and hand it over."""
        if Switch.EMAIL in walk.facts.lacks:
            return Failed("email_disabled", "The account may not send e-mail.")
        sender = walk.text(self.sender).strip() if self.sender is not None else ""
        if sender and not is_email(sender):
            return Failed("sender_invalid", "The sender is no e-mail address.")
        mail = self._content(walk)
        if isinstance(mail, Failed):
            return mail
        to, cc, bcc, masked = self._recipients(walk)
        if isinstance(to, Failed):
            return to
        told = MASK if masked else ", ".join((*to, *cc, *bcc))
        walk.note("message", channel="email", to=told, sender=sender, subject=mail[1])
        shown = None if mail[1] == mail[0][0] else mail[1]
        errand = SendEmail(to, *mail[0], cc, bcc, sender, self._files(walk), self.tracking, shown, masked)
        walk.send(errand, LIMIT_HAND_OVER_S)
        return None

    def handle(self, walk: Walk, event: FlowEvent) -> Outcome:
        """It was taken, or not."""
        done = walk.returned(event)
        if done is None:
            return None
        if done.outcome == "accepted":
            return "accepted"
        if done.outcome == NOT_CONFIGURED:
            return Failed("email_not_configured", "This installation cannot send e-mail.")
        return Failed("email_" + done.outcome, done.detail or done.values.get("reason", "It was not taken."))

    def _content(self, walk: Walk) -> tuple[tuple[str, str, str], str] | Failed:
        """Subject, text and HTML; and the subject as it may be shown."""
        subject = walk.render(self.subject)
        line = _BREAKS.sub(" ", subject.text).strip()  # a header is one line: a value must not begin another
        bodies = (
            walk.render(self.text, LIMIT_BODY_CHARS).text if self.text is not None else "",
            walk.render(self.html, LIMIT_BODY_CHARS, html.escape).text if self.html is not None else "",
        )
        if not line or len(line) > LIMIT_SUBJECT_CHARS:
            return Failed("subject_invalid", f"A subject has 1 to {LIMIT_SUBJECT_CHARS} characters.")
        if not any(body.strip() for body in bodies):
            return Failed("text_empty", "There is nothing to send.")
        if max(map(len, bodies)) > LIMIT_BODY_CHARS:
            return Failed("text_too_long", f"A body holds at most {LIMIT_BODY_CHARS} characters.")
        return (line, *bodies), _BREAKS.sub(" ", subject.shown).strip()[:LIMIT_SUBJECT_CHARS]

    def _recipients(self, walk: Walk) -> tuple[tuple[str, ...] | Failed, tuple[str, ...], tuple[str, ...], bool]:
        """To, cc, bcc without doubles; an address that is none is left out with a warning. True = one is secret."""
        seen: set[str] = set()
        found: list[tuple[str, ...]] = []
        wrong, masked = 0, False
        for templates in self.lists:
            kept: list[str] = []
            for template in templates:
                rendered = walk.render(template)
                secret = rendered.shown != rendered.text
                masked = masked or secret
                for address in filter(None, map(str.strip, _BETWEEN.split(rendered.text))):
                    if not is_email(address):
                        wrong += 1
                        walk.warn("address_invalid", detail=MASK if secret else address[:80])
                    elif address.casefold() not in seen:
                        seen.add(address.casefold())
                        kept.append(address)
            found.append(tuple(kept))
        to, cc, bcc = found
        if not seen:
            failed = (
                ("address_invalid", "No address is one.")
                if wrong
                else ("address_missing", "There is nobody to send to.")
            )
            return Failed(*failed), (), (), masked
        if len(seen) > LIMIT_RECIPIENTS:
            return Failed("recipients_too_many", f"An e-mail goes to at most {LIMIT_RECIPIENTS}."), (), (), masked
        return to, cc, bcc, masked

    def _files(self, walk: Walk) -> tuple[str, ...]:
        """The attachments by name; what can be no name is left out with a warning."""
        files: list[str] = []
        for template in self.attachments:
            rendered = walk.render(template)
            if _FILE.fullmatch(rendered.text.strip()):
                files.append(rendered.text.strip())
            else:
                walk.warn("attachment_invalid", detail=rendered.shown.strip()[:80])
        return tuple(files)


def _prepare(fields: Fields) -> EmailNode:
    fields.needs(Switch.EMAIL, "sends e-mail")
    node = EmailNode(
        lists=(_addresses(fields, "to", required=True), _addresses(fields, "cc"), _addresses(fields, "bcc")),
        subject=fields.template("subject", required=True) or Template((), ""),
        text=fields.template("text", limit=LIMIT_BODY_CHARS),
        html=fields.template("html", limit=LIMIT_BODY_CHARS),
        sender=fields.template("from"),
        attachments=_list(fields, "attachments"),
        tracking=fields.flag("tracking", default=False),
    )
    if node.text is None and node.html is None:
        fields.find("field_missing", "There is nothing to send.", hint="Add `text:` or `html:`, or both.")
    if fields.present("subject") and node.subject.literal is not None and not _is_subject(node.subject.literal):
        message = f"A subject has 1 to {LIMIT_SUBJECT_CHARS} characters."
        fields.find("subject_invalid", message, line=fields.line("subject"), hint="Write one short line.")
    if node.sender is not None and node.sender.literal is not None and not is_email(node.sender.literal.strip()):
        message = f"{node.sender.literal[:80]!r} is no e-mail address."
        fields.find(
            "sender_invalid", message, line=fields.line("from"), hint="An address alone, such as info@clinic.example."
        )
    if sum(map(len, node.lists)) > LIMIT_RECIPIENTS:
        message = f"An e-mail goes to at most {LIMIT_RECIPIENTS}."
        fields.find("recipients_too_many", message, line=fields.line("to"), hint="Send several.")
    if len(node.attachments) > LIMIT_ATTACHMENTS:
        message = f"An e-mail has at most {LIMIT_ATTACHMENTS} attachments."
        fields.find("attachments_too_many", message, line=fields.line("attachments"), hint="Remove some.")
    for template in node.attachments:
        if template.literal is not None and not _FILE.fullmatch(template.literal.strip()):
            message = f"{template.literal[:80]!r} cannot be the name of a file."
            fields.find(
                "attachment_invalid", message, line=fields.line("attachments"), hint="Letters, digits, _ - . and /."
            )
    return node


def _is_subject(text: str) -> bool:
    return 0 < len(_BREAKS.sub(" ", text).strip()) <= LIMIT_SUBJECT_CHARS


def _addresses(fields: Fields, name: str, *, required: bool = False) -> tuple[Template, ...]:
    """One text or a list of texts, each with one address or several."""
    found = _list(fields, name)
    if required and not fields.present(name):
        fields.find("field_missing", f"The field {name!r} is missing.", hint=f"Add `{name}:`.")
    for template in found:
        for address in _BETWEEN.split(template.literal or ""):
            if address.strip() and not is_email(address.strip()):
                message = f"{address.strip()[:80]!r} is no e-mail address."
                hint = "Such as asha@example.com; a name before it is not written here."
                fields.find("address_invalid", message, line=fields.line(name), hint=hint)
    return found


def _list(fields: Fields, name: str) -> tuple[Template, ...]:
    tree = fields.tree(name)
    trees: Sequence[object] = tree.items if isinstance(tree, Items) else () if tree is None else (tree,)
    found: list[Template] = []
    for one in trees:
        if isinstance(one, Scalar):
            found.append(fields.as_template(one.text, one.line))
        else:
            fields.find(
                "field_not_text", f"{name!r} must hold texts only.", line=fields.line(name), hint="Write [one, two]."
            )
    return tuple(found)


EMAIL = Widget(
    name="email",
    title="Email",
    doc="""Hands an e-mail over and goes on at once; what becomes of it is told by the e-mail's own status, one for each
recipient. Values of variables are made harmless in `html`. An address that is none, and an attachment that cannot be one, are
left out with a warning; the step fails when nobody is left. It may stand on every path, also where there is no call.""",
    example="""write:
  widget: email
  to: "{{ $flow.key.Email }}"
  subject: "Your appointment on {{ $flow.key.Date }}"
  text: "Hello {{ $flow.key.Name }}, we look forward to seeing you."
  on: {accepted: bye, failed: bye}""",
    prepare=_prepare,
    fields=(
        Field(
            "to",
            "address or list, text with variables",
            "Who gets it; a text may hold several, with commas.",
            required=True,
        ),
        Field("cc", "address or list, text with variables", "Who gets a copy that all see."),
        Field("bcc", "address or list, text with variables", "Who gets a copy that nobody sees."),
        Field("subject", "text with variables", "One line of at most 255 characters.", required=True),
        Field("text", "text with variables", "The plain body. This, `html`, or both."),
        Field("html", "text with variables", "The body as HTML."),
        Field("from", "address, text with variables", "A verified sender of the account.", "the account's"),
        Field("attachments", "list of names, text with variables", "Files of the account's library, at most 10."),
        Field("tracking", "true or false", "Whether opens and clicks are told.", "false"),
    ),
    branches=(
        Branch("accepted", "It was taken over for one recipient at least."),
        Branch(
            "failed",
            "It was not: no channel, nobody to send to, nothing to send, refused, or the account may not send e-mail.",
        ),
    ),
    can_fail=True,
    failure="continue",
    onward="accepted",
    failing="failed",
)
