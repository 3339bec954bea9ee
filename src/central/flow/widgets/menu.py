"""Menu: ask, collect digits or hear a phrase, and go on by the entry."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import msgspec

from central.flow.errands import NOT_CONFIGURED
from central.flow.events import DigitReceived, ErrandDone, FlowEvent, PlaybackEnded, TimerFired
from central.flow.media import Media
from central.flow.program import Failed, Outcome
from central.flow.run import Collecting
from central.flow.tree import Entries
from central.flow.variables import MASK
from central.flow.walk import Walk
from central.flow.widgets.menu_speech import LONGEST_S, NOT_CONFIGURED_BRANCH, SpokenAnswers, read_answers
from central.flow.widgets.play import GRACE_S
from central.flow.widgets.spoken import FIELDS, Spoken, read_spoken, read_spoken_at
from central.flow.widgets.spoken_items import Item, item_media, read_items
from central.flow.widgets.widget import Branch, Field, Fields, Widget

LIMIT_LENGTH: Final = 32
_KEY = re.compile(r"[0-9*#]{1,32}")
_SECOND = timedelta(seconds=1)
_HEARD_CHARS: Final = 200  # of what somebody said, for the timeline
# Who was told to end hears out what is being said, and then says so.
_LAST_WORDS_S: Final = LONGEST_S + 5.0
_COLLECTED: Final = "collected"


@dataclass(frozen=True, slots=True)
class MenuNode:
    """A prepared Menu step.

    keys: the entries that have a branch of their own. shortest, longest: how many digits make an entry. finish: the digit
    that ends an entry early, "" = none. open_ended: any entry of a lawful length is taken (branch ``collected``). speech:
    phrases that may be said instead, None = keys only; unheard: the branch for an installation without recogniser is wired.
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
    speech: SpokenAnswers | None = None
    unheard: bool = False
    items: tuple[Item, ...] = ()

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
        """A digit, the end of the prompt, what was said, or a timer."""
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
            case ErrandDone():
                return self._listened(walk, wait, event)
            case _:
                return None

    # -- asking --------------------------------------------------------------------------------------------------------
    def _ask(self, walk: Walk, attempt: int, first: Spoken | None, *, deaf: bool = False) -> Outcome:
        """Play the prompt, after ``first`` (the words for an invalid entry or for silence), and begin to collect."""
        items: list[Media] = []
        for spoken in (first, self.prompt):
            media = spoken.media(walk) if spoken is not None else None
            if isinstance(media, Failed):
                return media
            if media is not None:
                items.append(media)
        listed = [item_media(walk, item, place) for place, item in enumerate(self.items, 1)]
        items += [media for media in listed if media is not None]
        if listed and not any(listed):
            return Failed("nothing_playable", "None of the items could be played.")
        if items:
            playback = walk.play(tuple(items))
            errand = self._listen(walk, deaf=deaf) if self.barge_in else 0
            walk.wait = Collecting(attempt, playback=playback, errand=errand, deaf=deaf)
        else:
            self._await_answer(walk, Collecting(attempt, deaf=deaf))
        return None

    def _await_answer(self, walk: Walk, wait: Collecting) -> None:
        """The prompt is over: from now on the customer has his time to answer."""
        errand = wait.errand or self._listen(walk, deaf=wait.deaf)
        timer = walk.start_timer(self.first_digit_s)
        walk.wait = Collecting(wait.attempt, timer=timer, errand=errand, deaf=wait.deaf)

    def _prompt_ended(self, walk: Walk, wait: Collecting, event: PlaybackEnded) -> Outcome:
        if not event.ok:
            grace = walk.start_timer(GRACE_S)
            walk.wait = msgspec.structs.replace(wait, playback=0, grace=grace, detail=event.detail)
            return None
        typed = walk.take_typed()
        if typed:  # pressed during a prompt that does not stop for digits
            walk.drop_wait()
            return self._feed(walk, Collecting(wait.attempt, deaf=wait.deaf), typed)
        self._await_answer(walk, wait)
        return None

    # -- digits --------------------------------------------------------------------------------------------------------
    def _digit(self, walk: Walk, wait: Collecting, digit: str) -> Outcome:
        if wait.playback and not self.barge_in:
            walk.type_ahead(digit)
            return None
        self._stop_asking(walk, wait)
        return self._feed(walk, Collecting(wait.attempt, entry=wait.entry, deaf=wait.deaf), digit)

    def _stop_asking(self, walk: Walk, wait: Collecting) -> None:
        """There is an answer, or a part of it: nothing more is said, awaited or listened for."""
        if wait.playback:
            walk.stop(wait.playback)
        walk.drop_wait()

    def _feed(self, walk: Walk, wait: Collecting, digits: str) -> Outcome:
        """Add digits one by one until they make an entry; what is left over stays typed ahead."""
        entry = wait.entry
        for used, digit in enumerate(digits, 1):
            finished = digit == self.finish and bool(entry)
            entry = entry if finished else entry + digit
            if finished or self._is_whole(entry):
                walk.typed = digits[used:] + walk.typed
                return self._judge(walk, wait, entry)
        timer = walk.start_timer(self.inter_digit_s)
        walk.wait = Collecting(wait.attempt, timer=timer, entry=entry, deaf=wait.deaf)
        return None

    def _is_whole(self, entry: str) -> bool:
        """Whether no further digit could make a different lawful entry of it."""
        if len(entry) >= self.longest:
            return True
        if self.open_ended:
            return False
        return not any(key.startswith(entry) and key != entry for key in self.keys)

    def _timer(self, walk: Walk, wait: Collecting, event: TimerFired) -> Outcome:
        unheard_prompt = event.timer == wait.grace
        walk.wait = wait = msgspec.structs.replace(wait, timer=0, grace=0)
        if unheard_prompt:
            return Failed("playback_failed", wait.detail)
        if wait.entry:
            return self._judge(walk, wait, wait.entry)
        if wait.errand and not wait.ending:  # who has begun to speak in time is heard out
            walk.end_errand()
            walk.wait = msgspec.structs.replace(wait, timer=walk.start_timer(_LAST_WORDS_S), ending=True)
            return None
        return self._silent(walk, wait)

    def _silent(self, walk: Walk, wait: Collecting) -> Outcome:
        walk.drop_wait()
        walk.note("digits", entry="", attempt=wait.attempt)
        if wait.attempt >= self.tries:
            return "no_input"
        return self._ask(walk, wait.attempt + 1, self.silence, deaf=wait.deaf)

    # -- speech --------------------------------------------------------------------------------------------------------
    def _listen(self, walk: Walk, *, deaf: bool) -> int:
        """Begin to listen for a phrase; the errand's number, 0 = nobody listens."""
        return walk.begin(self.speech.errand()) if self.speech is not None and not deaf else 0

    def _listened(self, walk: Walk, wait: Collecting, event: ErrandDone) -> Outcome:
        """Something was said, or nobody can or did hear anything: then the keys are still there."""
        wait = msgspec.structs.replace(wait, errand=0)
        walk.wait = wait
        if event.outcome == "heard":
            return self._understand(walk, wait, event)
        if event.outcome == NOT_CONFIGURED and self.unheard:
            self._stop_asking(walk, wait)
            return NOT_CONFIGURED_BRANCH
        if event.outcome != "nothing":
            code = NOT_CONFIGURED_BRANCH if event.outcome == NOT_CONFIGURED else "speech_failed"
            walk.warn(code, detail=event.detail)
            wait = msgspec.structs.replace(wait, deaf=True)
        walk.wait = wait
        return self._silent(walk, wait) if wait.ending else None

    def _understand(self, walk: Walk, wait: Collecting, event: ErrandDone) -> Outcome:
        self._stop_asking(walk, wait)
        words = event.values.get("words", "")
        key = None if self.speech is None else self.speech.key_of(words, event.values.get("confidence", ""))
        heard = MASK if self.secret or walk.collects_secret else words[:_HEARD_CHARS]
        if key is None:
            return self._reject(walk, wait, heard=heard)
        return self._accept(walk, wait, key, key, heard=heard)

    # -- judging -------------------------------------------------------------------------------------------------------
    def _judge(self, walk: Walk, wait: Collecting, entry: str) -> Outcome:
        walk.drop_wait()
        branch = entry if entry in self.keys else _COLLECTED
        if branch != _COLLECTED or (self.open_ended and self.shortest <= len(entry) <= self.longest):
            return self._accept(walk, wait, entry, branch)
        return self._reject(walk, wait, typed=MASK if self.secret or walk.collects_secret else entry)

    def _accept(self, walk: Walk, wait: Collecting, entry: str, branch: str, **said: str) -> str:
        shown = MASK if self.secret or walk.collects_secret else entry
        walk.entries = (*walk.entries, shown)
        walk.note("digits", entry=shown, attempt=wait.attempt, **said)
        if self.variable:
            walk.store(self.variable, entry)
        return branch

    def _reject(self, walk: Walk, wait: Collecting, **said: str) -> Outcome:
        walk.entries = (*walk.entries, "!")
        walk.note("digits", entry="!", attempt=wait.attempt, **said)
        walk.typed = ""  # whoever erred should hear the words about it
        if wait.attempt >= self.tries:
            return "invalid_exhausted"
        return self._ask(walk, wait.attempt + 1, self.invalid, deaf=wait.deaf)


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
    items = read_items(fields)
    prompt = read_spoken(fields, required=not fields.items("items"))
    if items and (prompt.say is not None or prompt.file is not None):
        message = "A menu says a text, plays a file, or says its items."
        fields.find("media_twice", message, line=fields.line("items"), hint="Make the text one of the items.")
    return MenuNode(
        prompt=None if items else prompt,
        items=items,
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
        speech=read_answers(fields, keys),
        unheard=NOT_CONFIGURED_BRANCH in fields.targets,
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
`invalid_exhausted` or `no_input` is taken, by the last try. An invalid entry is reported as `!`.

What it asks may hold values as their language says them: `items` instead of `say` or `file`, as in
[Multi-play](multi_play.md). An item that has nothing to play is passed over with a warning.

With `speech` the customer may also say one of the `phrases` instead of pressing its key: `speech: {language: en, phrases: {"1":
[yes, yes please], "2": [no]}}`. Upper case, punctuation and accents written in two ways make no difference; otherwise the whole
answer must be a phrase. Anything else, or what was understood with less than `confidence` (0 to 1, 0.5), is an invalid entry. He
is listened to from the beginning of the prompt (`barge_in`), else from its end; a key that comes first counts, and whoever has
begun to speak in time is heard out. An installation without a recogniser takes the branch `speech_not_configured` where it is
wired; otherwise, and when recognising fails, the menu goes on by keys alone, with a warning.""",
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
        Field(
            "items",
            "list of mappings",
            "Several things said one after the other instead, as in Multi-play; at most 50.",
        ),
        Field("digits", "mapping of keys to steps", "One branch per key: 0 to 9, `*`, `#`, or several of them."),
        Field(
            "speech", "mapping", "`phrases` by key, `language` (`en`), `confidence` (0.5): what may be said instead."
        ),
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
        Branch(NOT_CONFIGURED_BRANCH, "With `speech`: this installation recognises none.", stores=False),
        Branch("error", "The prompt could not be played."),
    ),
    media=True,
    waits=True,
    can_fail=True,
    failure="fail",
)
