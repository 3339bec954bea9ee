"""Play: say a text or play a recorded prompt to the customer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from central.flow.events import DigitReceived, FlowEvent, PlaybackEnded
from central.flow.program import Failed, Outcome
from central.flow.run import Playing
from central.flow.walk import Walk
from central.flow.widgets.spoken import FIELDS, Spoken, read_spoken
from central.flow.widgets.widget import Branch, Field, Fields, Widget

# A playback also fails when the customer hangs up in it, and its news may come before that of the leg's end. Loss of the
# leg is never a step failure (domain 5.1), so a failed playback counts only when the leg still stands after this time.
GRACE_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class PlayNode:
    """A prepared Play step."""

    spoken: Spoken
    rounds: int
    barge_in: bool

    def enter(self, walk: Walk) -> Outcome:
        """Begin to play."""
        if walk.leg.state != "up":
            return Failed("no_leg", "There is no customer to hear it.")
        return self._play(walk, self.rounds - 1)

    def handle(self, walk: Walk, event: FlowEvent) -> Outcome:
        """The playback ended, a digit came, or the grace after a failed playback is over."""
        wait = walk.wait
        if not isinstance(wait, Playing):
            return None
        if isinstance(event, DigitReceived):
            return self._digit(walk, wait, event)
        if not isinstance(event, PlaybackEnded):
            walk.wait = None
            return Failed("playback_failed", wait.detail)
        if not event.ok:
            walk.wait = Playing(0, 0, walk.start_timer(GRACE_S), event.detail)
            return None
        return self._play(walk, wait.left - 1) if wait.left else "next"

    def _play(self, walk: Walk, left: int) -> Outcome:
        media = self.spoken.media(walk)
        if media is None:
            return "next"
        if isinstance(media, Failed):
            return media
        walk.wait = Playing(walk.play((media,)), left)
        return None

    def _digit(self, walk: Walk, wait: Playing, event: DigitReceived) -> Outcome:
        walk.type_ahead(event.digit)
        if not self.barge_in or not wait.playback:
            return None
        walk.stop(wait.playback)
        return "next"


def _prepare(fields: Fields) -> PlayNode:
    return PlayNode(
        spoken=read_spoken(fields),
        rounds=fields.whole("repeat", 1, 1, 10),
        barge_in=fields.flag("barge_in", default=False),
    )


PLAY = Widget(
    name="play",
    title="Play",
    doc="""Says a text or plays a recorded prompt, and goes on when it has been heard. Digits pressed meanwhile are kept for
the next menu; with `barge_in` the first one also ends the playback. A missing prompt, or speech that cannot be made, is a
step failure.""",
    example="""greet:
  widget: play
  say: "Hello {{ $flow.key.Name }}, this is your clinic."
  next: menu""",
    prepare=_prepare,
    fields=(
        *FIELDS,
        Field("repeat", "1 to 10", "How often it is played.", "1"),
        Field("barge_in", "true or false", "Whether a digit ends the playback.", "false"),
    ),
    branches=(Branch("next", "It was played."), Branch("error", "It could not be played.")),
    media=True,
    waits=True,
    can_fail=True,
    failure="fail",
    onward="next",
)
