"""Delay: let time pass, in silence or with music."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from central.flow.durations import parse_duration
from central.flow.events import FlowEvent, PlaybackEnded
from central.flow.media import Prompt
from central.flow.program import Failed, Outcome
from central.flow.run import Delaying
from central.flow.variables import Template
from central.flow.walk import Walk
from central.flow.widgets.spoken import FIELDS, Spoken, read_spoken
from central.flow.widgets.widget import Branch, Field, Fields, Widget

SHORTEST: Final = timedelta(seconds=1)
LONGEST: Final = timedelta(hours=1)
_SILENCE: Final = Prompt("silence:60")
_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class DelayNode:
    """A prepared Delay step. ``music`` None = silence, which keeps the media stream of the call alive."""

    length: Template
    music: Spoken | None

    def enter(self, walk: Walk) -> Outcome:
        """Start the clock and, for a customer who listens, the music."""
        text = walk.text(self.length).strip()
        length = parse_duration(f"{text}s" if text.isdigit() else text)
        if length is None or not SHORTEST <= length <= LONGEST:
            return Failed("delay_invalid", f"{text[:40]!r} is no duration from 1s to 1h.")
        timer = walk.start_timer(length / _SECOND)
        walk.wait = Delaying(timer)
        return self._play(walk, timer)

    def handle(self, walk: Walk, event: FlowEvent) -> Outcome:
        """The time is up, or the music is to begin again."""
        wait = walk.wait
        if not isinstance(wait, Delaying):
            return None
        if isinstance(event, PlaybackEnded):
            if event.ok:
                too_short = wait.since is not None and walk.at - wait.since < _SECOND
                return self._play(walk, wait.timer, silent=too_short)  # it would begin again without end
            walk.wait = Delaying(wait.timer)  # the delay matters, not what is heard in it
            walk.warn("playback_failed", detail=event.detail)
            return None
        if wait.playback:
            walk.stop(wait.playback)
        return "next"

    def _play(self, walk: Walk, timer: int, *, silent: bool = False) -> Outcome:
        if not walk.listening:
            return None
        media = self.music.media(walk) if self.music is not None and not silent else None
        if isinstance(media, Failed):
            walk.warn(media.code, detail=media.detail)
            media = None
        walk.wait = Delaying(timer, walk.play((media or _SILENCE,)), walk.at)
        return None


def _prepare(fields: Fields) -> DelayNode:
    length = fields.template("for", required=True) or Template((), "1s")
    if length.literal is not None and fields.present("for"):
        text = length.literal.strip()
        value = parse_duration(f"{text}s" if text.isdigit() else text)
        if value is None or not SHORTEST <= value <= LONGEST:
            hint = "Write a number with its unit, such as 30s or 5m."
            fields.find("delay_invalid", "`for` must be between 1s and 1h.", line=fields.line("for"), hint=hint)
    spoken = read_spoken(fields, required=False)
    return DelayNode(length, spoken if spoken.say is not None or spoken.file is not None else None)


DELAY = Widget(
    name="delay",
    title="Delay",
    doc="""Waits for 1 second to 1 hour. A connected customer hears silence, or what `file` or `say` gives, over and over until
the time is up; digits pressed meanwhile are kept for the next menu. With nobody on the line, a wait of 5 seconds or more is kept
in the database: no node holds it, none can lose it, and it ends when the calling hours allow calls. A duration that a variable does not give is passed over
with a warning.""",
    example="""a_moment:
  widget: delay
  for: 5s
  file: hold-music
  next: menu""",
    prepare=_prepare,
    fields=(Field("for", "duration, or seconds", "How long; may hold a variable.", required=True), *FIELDS),
    branches=(Branch("next", "The time is up."), Branch("error", "The duration cannot be read.")),
    waits=True,
    can_fail=True,
    failure="continue",
    onward="next",
)
