"""Short Link: make a short address for a long one, to be sent or spoken (the original's ``shortURL``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from central.flow.errands import ShortenLink
from central.flow.events import FlowEvent
from central.flow.program import Failed, Outcome
from central.flow.variables import Template, parse_template
from central.flow.walk import Walk
from central.flow.widgets.widget import Branch, Field, Fields, Widget

LONGEST_DAYS: Final = 365
LIMIT_S: Final = 30.0
"""How long the step waits for the link to be stored."""


@dataclass(frozen=True, slots=True)
class ShortLinkNode:
    """A prepared Short Link step."""

    url: Template
    days: int
    store: str

    def enter(self, walk: Walk) -> Outcome:
        """Ask for the link."""
        url = walk.render(self.url)
        walk.send(ShortenLink(url.text.strip(), url.shown.strip(), self.days), LIMIT_S)
        return None

    def handle(self, walk: Walk, event: FlowEvent) -> Outcome:
        """Keep the link."""
        done = walk.returned(event)
        if done is None:
            return None
        if done.outcome != "shortened":
            return Failed("link_not_made", done.detail or done.outcome)
        walk.store(self.store, done.values.get("link", ""))
        return "next"


def _prepare(fields: Fields) -> ShortLinkNode:
    url = fields.template("url", required=True) or parse_template("")
    if url.literal is not None and fields.present("url") and not url.literal.startswith(("http://", "https://")):
        hint = "Write the whole address, such as https://example.com/form."
        fields.find("url_invalid", "`url` must begin with https:// or http://.", line=fields.line("url"), hint=hint)
    days = fields.whole("days", 30, 1, LONGEST_DAYS)
    store = fields.text("store", required=True)
    if store:
        fields.stored(store, fields.line("store"))
    return ShortLinkNode(url, days, store)


SHORT_LINK = Widget(
    name="short_link",
    title="Short Link",
    doc="""Makes a short address that leads to a long one, for a text message or to be spoken, and stores it. Its last part
cannot be guessed; whoever opens it is led to `url` until it expires, and each click is counted and stands with its time in the
record's timeline. Values of secret variables are masked wherever the address is shown.""",
    example="""link:
  widget: short_link
  url: "https://example.com/pay?order={{ $flow.key.Order }}"
  days: 7
  store: PayLink
  next: send""",
    prepare=_prepare,
    fields=(
        Field("url", "http or https address", "Where it leads; may hold variables.", required=True),
        Field("days", "1 to 365", "How long it works.", "30"),
        Field("store", "variable name", "Where to keep the short address.", required=True),
    ),
    branches=(Branch("next", "The link is stored."), Branch("error", "`url` is no web address, or no link was made.")),
    can_fail=True,
    failure="continue",
    onward="next",
)
