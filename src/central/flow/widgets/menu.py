"""Menu: ask, collect digits, and go on by the entry."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import msgspec

from central.flow.events import DigitReceived, FlowEvent, PlaybackEnded, TimerFired
from central.flow.media import Media
from central.flow.program import Failed, Outcome
from central.flow.run import Collecting
from central.flow.tree import Entries
from central.flow.variables import MASK
from central.flow.walk import Walk
from central.flow.widgets.play import GRACE_S
from central.flow.widgets.spoken import FIELDS, Spoken, read_spoken, read_spoken_at
from central.flow.widgets.widget import Branch, Field, Fields, Widget

LIMIT_LENGTH: Final = 32
_KEY = re.compile(r"[0-9*#]{1,32}")
_SECOND = timedelta(seconds=1)
_COLLECTED: Final = "collected"


@dataclass(frozen=True, slots=True)
class MenuNode:
    """A prepared Menu step.

    keys: the entries that have a branch of their own. shortest, longest: how many digits make an entry. finish: the digit
    that ends an entry early, "" = none. open_ended: any entry of a lawful length is taken (branch ``collected``).
    """

    prompt: Spoken | None
    invalid: Spoken | None
    silence: Spoken | None
    keys: frozenset[str]
    shortest: int
    longest: int
    finish: str
    open_ended: bool
    tries: int
    first_digit_s: float
    inter_digit_s: float
    barge_in: bool
    type_ahead: bool
    variable: str
    secret: bool

    # -- the two ways in -----------------------------------------------------------------------------------------------
    def enter(self, walk: Walk) -> Outcome:
        """Take what was typed ahead, else ask."""
        if walk.leg.state != "up":
            return Failed("no_leg", "There is no customer to ask.")
        typed = walk.take_typed()
        if not self.type_ahead or not typed:
            return self._ask(walk, 1, None)
        return self._feed(walk, Collecting(1), typed)

    def handle(self, walk: Walk, event: FlowEvent) -> Outcome:
        """A digit, the end of the prompt, or a timer."""
        wait = walk.wait
        if not isinstance(wait, Collecting):
            return None
        match event:
            case DigitReceived():
                return self._digit(walk, wait, event.digit)
            case PlaybackEnded():
                return self._prompt_ended(walk, wait, event)
            case TimerFired():
                return self._timer(walk, wait, event)
            case _:
                return None

    # -- asking --------------------------------------------------------------------------------------------------------
    def _ask(self, walk: Walk, attempt: int, first: Spoken | None) -> Outcome:
        """Play the prompt, after ``first`` (the words for an invalid entry or for silence), and begin to collect."""
        items: list[Media] = []
        for spoken in (first, self.prompt):
            media = spoken.media(walk) if spoken is not None else None
            if isinstance(media, Failed):
                return media
            if media is not None:
                items.append(media)
        if items:
            walk.wait = Collecting(attempt, playback=walk.play(tuple(items)))
        else:
            walk.wait = Collecting(attempt, timer=walk.start_timer(self.first_digit_s))
        return None

    def _prompt_ended(self, walk: Walk, wait: Collecting, event: PlaybackEnded) -> Outcome:
        if not event.ok:
            grace = walk.start_timer(GRACE_S)
            walk.wait = msgspec.structs.replace(wait, playback=0, grace=grace, detail=event.detail)
            return None
        typed = walk.take_typed()
        if typed:  # pressed during a prompt that does not stop for digits
            return self._feed(walk, Collecting(wait.attempt), typed)
        walk.wait = Collecting(wait.attempt, timer=walk.start_timer(self.first_digit_s))
        return None

    # -- digits --------------------------------------------------------------------------------------------------------
    def _digit(self, walk: Walk, wait: Collecting, digit: str) -> Outcome:
        if wait.playback and not self.barge_in:
            walk.type_ahead(digit)
            return None
        if wait.playback:
            walk.stop(wait.playback)
        for timer in wait.pending:
            walk.cancel_timer(timer)
        return self._feed(walk, Collecting(wait.attempt, entry=wait.entry), digit)

    def _feed(self, walk: Walk, wait: Collecting, digits: str) -> Outcome:
        """Add digits one by one until they make an entry; what is left over stays typed ahead."""
        entry = wait.entry
        for used, digit in enumerate(digits, 1):
            finished = digit == self.finish and bool(entry)
            entry = entry if finished else entry + digit
            if finished or self._is_whole(entry):
                walk.typed = digits[used:] + walk.typed
                return self._judge(walk, wait.attempt, entry)
        walk.wait = Collecting(wait.attempt, timer=walk.start_timer(self.inter_digit_s), entry=entry)
        return None

    def _is_whole(self, entry: str) -> bool:
        """Whether no further digit could make a different lawful entry of it."""
        if len(entry) >= self.longest:
            return True
        if self.open_ended:
            return False
        return not any(key.startswith(entry) and key != entry for key in self.keys)

    def _timer(self, walk: Walk, wait: Collecting, event: TimerFired) -> Outcome:
        walk.wait = None
        if event.timer == wait.grace:
            return Failed("playback_failed", wait.detail)
        if wait.entry:
            return self._judge(walk, wait.attempt, wait.entry)
        walk.note("digits", entry="", attempt=wait.attempt)
        if wait.attempt >= self.tries:
            return "no_input"
        return self._ask(walk, wait.attempt + 1, self.silence)

    # -- judging -------------------------------------------------------------------------------------------------------
    def _judge(self, walk: Walk, attempt: int, entry: str) -> Outcome:
        walk.wait = None
        branch = entry if entry in self.keys else _COLLECTED
        shown = MASK if self.secret else entry
        if branch != _COLLECTED or (self.open_ended and self.shortest <= len(entry) <= self.longest):
            walk.entries = (*walk.entries, shown)
            walk.note("digits", entry=shown, attempt=attempt)
            if self.variable:
                walk.store(self.variable, entry)
            return branch
        walk.entries = (*walk.entries, "!")
        walk.note("digits", entry="!", typed=shown, attempt=attempt)
        walk.typed = ""  # whoever erred should hear the words about it
        if attempt >= self.tries:
            return "invalid_exhausted"
        return self._ask(walk, attempt + 1, self.invalid)


def _prepare(fields: Fields) -> MenuNode:
    keys = _keys(fields)
    longest_key = max(map(len, keys), default=1)
    open_ended = any(fields.present(name) for name in ("length", "min_length"))
    length = fields.whole("length", max(longest_key, 1), 1, LIMIT_LENGTH)
    shortest = fields.whole("min_length", length, 1, length)
    if not keys and not open_ended:
        hint = 'Add `digits: {"1": step}` for keys, or `length: 4` for a number.'
        fields.find("menu_without_entries", "The menu accepts no digit.", line=fields.line("digits"), hint=hint)
    if open_ended and _COLLECTED not in fields.targets:
        hint = "Add `on: {collected: step}`."
        fields.find("branch_without_target", "A menu with `length` needs the branch 'collected'.", hint=hint)
    variable = fields.text("store")
    if variable:
        fields.stored(variable, fields.line("store"))
    finish = fields.text("finish_on")
    if finish and finish not in {"#", "*"}:
        fields.find("field_unknown_word", "`finish_on` is # or *.", line=fields.line("finish_on"), hint='Write "#".')
    return MenuNode(
        prompt=read_spoken(fields),
        invalid=read_spoken_at(fields, "invalid"),
        silence=read_spoken_at(fields, "silence"),
        keys=frozenset(keys),
        shortest=shortest,
        longest=max(length, longest_key),
        finish=finish,
        open_ended=open_ended,
        tries=fields.whole("tries", 3, 1, 10),
        first_digit_s=fields.duration("first_digit_timeout", 5 * _SECOND, _SECOND / 10, 60 * _SECOND) / _SECOND,
        inter_digit_s=fields.duration("inter_digit_timeout", 3 * _SECOND, _SECOND / 10, 60 * _SECOND) / _SECOND,
        barge_in=fields.flag("barge_in", default=True),
        type_ahead=fields.flag("type_ahead", default=True),
        variable=variable,
        secret=fields.secret,
    )


def _keys(fields: Fields) -> Mapping[str, object]:
    written: Entries = fields.mapping("digits")
    for key, tree in written.entries.items():
        line = written.lines.get(key, written.line)
        if not _KEY.fullmatch(key):
            message = f"{key[:40]!r} cannot be pressed."
            fields.find("menu_key_invalid", message, line=line, hint="Digits 0 to 9, * and #, at most 32 of them.")
            continue
        fields.target(key, tree, line)
    return {key: tree for key, tree in written.entries.items() if _KEY.fullmatch(key)}


MENU = Widget(
    name="menu",
    title="Menu",
    doc="""Asks, collects digits, and takes the branch of the entry. `digits` gives keys a branch each; `length` accepts any
number of so many digits (branch `collected`). The first digit stops the prompt (`barge_in`); digits typed ahead count. An
entry is over at its full length, at `finish_on`, or `inter_digit_timeout` after its last digit. After an invalid entry, or
`first_digit_timeout` after the prompt without any digit, the menu asks again, `tries` times in all; then the branch
`invalid_exhausted` or `no_input` is taken, by the last try. An invalid entry is reported as `!`.""",
    example="""menu:
  widget: menu
  say: Press 1 to confirm, 2 to reschedule.
  digits: {"1": confirmed, "2": reschedule}
  tries: 2
  invalid: That is not a choice.
  silence: I did not hear you.
  on: {no_input: bye, invalid_exhausted: bye}""",
    prepare=_prepare,
    fields=(
        *FIELDS,
        Field("digits", "mapping of keys to steps", "One branch per key: 0 to 9, `*`, `#`, or several of them."),
        Field("length", "1 to 32", "Accept any entry of so many digits; branch `collected`."),
        Field("min_length", "1 to `length`", "Accept shorter entries too.", "`length`"),
        Field("finish_on", "# or *", "The digit that ends an entry early; not part of it."),
        Field("store", "variable name", "Where to keep the entry; masked everywhere if declared secret."),
        Field("tries", "1 to 10", "How often it asks in all.", "3"),
        Field("first_digit_timeout", "100ms to 60s", "The wait for the first digit, from the end of the prompt.", "5s"),
        Field("inter_digit_timeout", "100ms to 60s", "The wait for each further digit.", "3s"),
        Field("barge_in", "true or false", "Whether a digit stops the prompt.", "true"),
        Field("type_ahead", "true or false", "Whether digits pressed before the menu count.", "true"),
        Field("invalid", "text, or {say: ...} or {file: ...}", "Said before asking again after an invalid entry."),
        Field("silence", "text, or {say: ...} or {file: ...}", "Said before asking again after silence."),
    ),
    branches=(
        Branch("no_input", "Silence on the last try.", required=True, stores=False),
        Branch("invalid_exhausted", "An invalid entry on the last try.", required=True, stores=False),
        Branch(_COLLECTED, "An entry of lawful length that has no branch of its own."),
        Branch("error", "The prompt could not be played."),
    ),
    media=True,
    waits=True,
    can_fail=True,
    failure="fail",
)
