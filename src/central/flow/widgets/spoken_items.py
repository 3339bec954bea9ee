"""A list of things to be said one after the other: texts, recordings, and values as their language says them (Multi-play, Menu)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from central.domain.errors import InvalidInput
from central.flow.media import Media, Speech
from central.flow.program import Failed
from central.flow.reading import Reading
from central.flow.spoken_values import SAYINGS, say_money
from central.flow.tree import Entries
from central.flow.variables import MASK, Template
from central.flow.walk import Walk
from central.flow.widgets.spoken import Spoken, read_spoken, read_voice
from central.flow.widgets.widget import Fields

LIMIT_ITEMS: Final = 50
ITEM_HINT: Final = (
    'Such as {say: "Your balance is"}, {money: "{{ $flow.key.Amount }}", currency: INR} or {file: thanks}.'
)
_VALUES: Final = (*SAYINGS, "money")


@dataclass(frozen=True, slots=True)
class Value:
    """A value to be said: ``kind`` is one of ``SAYINGS`` or money, which has a ``currency``."""

    kind: str
    value: Template
    currency: Template
    voice: str
    language: str

    def media(self, walk: Walk) -> Media | Failed | None:
        """The words for the value as it is now; Failed when it is none of its kind, None when there is none."""
        value = walk.render(self.value)
        if not value.text.strip():
            return None
        secret = value.text != value.shown
        try:
            said = self._say(walk, value.text)
        except InvalidInput as error:
            return Failed(error.code, "A secret value cannot be said so." if secret else error.message)
        walk.note("play", say=MASK if secret else said)
        return Speech(said, self.voice, self.language)

    def _say(self, walk: Walk, text: str) -> str:
        if self.kind == "money":
            return say_money(text, walk.text(self.currency).strip().upper(), self.language)
        return SAYINGS[self.kind](text, self.language, walk.program.formats, walk.program.zone)


Item = Spoken | Value


def item_media(walk: Walk, item: Item, place: int) -> Media | None:
    """What to play for the item at this place (from 1); None, with a warning, when there is nothing that could be played."""
    media = item.media(walk)
    if isinstance(media, Failed):
        walk.warn("item_unplayable", item=place, failure=media.code, detail=media.detail)
        return None
    if media is None:
        walk.warn("nothing_to_say", item=place)
    return media


def read_items(fields: Fields) -> tuple[Item, ...]:
    """Read ``items:`` of a step; empty when there are none."""
    items: list[Item] = []
    trees = fields.items("items")
    for tree in trees[:LIMIT_ITEMS]:
        if not isinstance(tree, Entries):
            fields.find("field_not_mapping", "An item must be a mapping.", line=tree.line, hint=ITEM_HINT)
            continue
        item = Reading(tree, fields.findings, fields.step)
        kinds = [kind for kind in _VALUES if item.present(kind)]
        if len(kinds) > 1 or (kinds and (item.present("say") or item.present("file"))):
            item.find("media_twice", "An item says one thing.", hint="Make two items of it.")
        items.append(_value(fields, item, kinds[0]) if kinds else read_spoken(fields, item))
        item.close("An item")
    if len(trees) > LIMIT_ITEMS:
        message = f"A step plays at most {LIMIT_ITEMS} items."
        fields.find("too_many_items", message, line=fields.line("items"), hint="Use two steps.")
    return tuple(items)


def _value(fields: Fields, item: Reading, kind: str) -> Value:
    as_template: Callable[[str], Template] = lambda name: fields.as_template(item.text(name), item.line(name))  # noqa: E731
    voice, language = read_voice(item)
    if kind == "money" and not item.present("currency"):
        item.find("field_missing", "Money needs a `currency:`.", hint="Such as `currency: INR` (ISO 4217).")
    return Value(kind, as_template(kind), as_template("currency"), voice, language)
