"""Multi-play: say several things one after the other: recordings, texts, and values as the language says them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from central.flow.events import DigitReceived, FlowEvent, PlaybackEnded
from central.flow.program import Failed, Outcome
from central.flow.run import Reciting
from central.flow.walk import Walk
from central.flow.widgets.play import GRACE_S
from central.flow.widgets.spoken_items import ITEM_HINT, Item, item_media, read_items
from central.flow.widgets.widget import Branch, Field, Fields, Widget

_KEYS: Final = frozenset("0123456789*#")


@dataclass(frozen=True, slots=True)
class MultiPlayNode:
    """A prepared Multi-play step."""

    items: tuple[Item, ...]
    stop_by: frozenset[str]
    variable: str

    def enter(self, walk: Walk) -> Outcome:
        """Begin with the first item."""
        if walk.leg.state != "up":
            return Failed("no_leg", "There is no customer to hear it.")
        return self._play(walk, 0, heard=False)

    def handle(self, walk: Walk, event: FlowEvent) -> Outcome:
        """An item ended or failed, a key came, or the grace after a failure is over."""
        wait = walk.wait
        if not isinstance(wait, Reciting):
            return None
        if isinstance(event, DigitReceived):
            return self._digit(walk, wait, event.digit)
        if not isinstance(event, PlaybackEnded):
            walk.warn("item_unplayable", item=wait.item + 1, detail=wait.detail)
            return self._play(walk, wait.item + 1, heard=wait.heard)
        if event.ok:
            return self._play(walk, wait.item + 1, heard=True)
        walk.wait = Reciting(wait.item, 0, wait.heard, walk.start_timer(GRACE_S), event.detail)
        return None

    def _play(self, walk: Walk, first: int, *, heard: bool) -> Outcome:
        """Play the next item that can be played; those that cannot are passed over."""
        for item in range(first, len(self.items)):
            media = item_media(walk, self.items[item], item + 1)
            if media is not None:
                walk.wait = Reciting(item, walk.play((media,)), heard)
                return None
        walk.wait = None
        return "next" if heard else Failed("nothing_playable", "None of the items could be played.")

    def _digit(self, walk: Walk, wait: Reciting, digit: str) -> Outcome:
        if digit not in self.stop_by:
            walk.type_ahead(digit)
            return None
        if wait.playback:
            walk.stop(wait.playback)
        walk.note("digits", entry=digit)
        if self.variable:
            walk.store(self.variable, digit)
        return "next"


def _prepare(fields: Fields) -> MultiPlayNode:
    items = read_items(fields)
    if not items and not fields.items("items"):
        fields.find("field_missing", "A multi-play needs `items:`.", line=fields.line("items"), hint=ITEM_HINT)
    stop_by = fields.text("stop_by")
    if not set(stop_by) <= _KEYS:
        fields.find(
            "field_unknown_word", "`stop_by` holds keys: 0-9, *, #.", line=fields.line("stop_by"), hint='Such as "1#".'
        )
    variable = fields.text("store")
    if variable:
        fields.stored(variable, fields.line("store"))
        if not stop_by:
            message = "No key stops it, so there is none to keep."
            fields.find(
                "store_without_keys", message, line=fields.line("store"), hint='Add `stop_by: "1"`.', severity="warning"
            )
    return MultiPlayNode(items, frozenset(stop_by), variable)


MULTI_PLAY = Widget(
    name="multi_play",
    title="Multi-play",
    doc="""Plays items one after the other: `say` and `file` as in Play, and values as their language says them: `number`,
`digits` (one by one), `money` with its `currency`, `date` and `time` (read by the flow's formats). Each item may have its own
`language` and `voice`. A key of `stop_by` ends it at once; other digits are kept for the next menu. An item that cannot be
played is passed over with a warning; when that is all of them, the step fails.""",
    example="""balance:
  widget: multi_play
  items:
    - {say: "Your balance is"}
    - {money: "{{ $flow.key.Amount }}", currency: INR, language: en-IN}
    - {say: "It is due on"}
    - {date: "{{ $flow.key.DueDate }}", language: en-IN}
  stop_by: "#"
  next: menu""",
    prepare=_prepare,
    fields=(
        Field("items", "list of mappings", "What is played, in order; at most 50.", required=True),
        Field("stop_by", "keys", "Keys that end it, such as `12#`."),
        Field("store", "variable name", "Where to keep the key that ended it."),
    ),
    branches=(Branch("next", "All was played, or a key ended it."), Branch("error", "Nothing could be played.")),
    media=True,
    waits=True,
    can_fail=True,
    failure="fail",
    onward="next",
)
