"""Answer Call: take an inbound call, after some ringing and, if wanted, an announcement before the answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from central.flow.commands import Answer, Ring
from central.flow.events import FlowEvent, LegAnswered, PlaybackEnded, TimerFired
from central.flow.program import Failed, Outcome
from central.flow.run import Answering
from central.flow.walk import Walk
from central.flow.widgets.spoken import Spoken, read_spoken_at
from central.flow.widgets.widget import Branch, Field, Fields, Widget

LONGEST_RING: Final = timedelta(seconds=10)
_AT_ONCE: Final = timedelta(0)
_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class AnswerCallNode:
    """A prepared Answer Call step; ``ring_s`` 0 = answer at once, ``early`` is heard before the answer (183)."""

    ring_s: float
    early: Spoken | None

    def enter(self, walk: Walk) -> Outcome:
        """Let it ring, then go on."""
        if walk.leg.state == "up":
            if walk.place is None:  # of a call that comes from another flow it is to be expected
                walk.warn("already_answered")
            return "next"
        if walk.leg.state != "offered":
            return Failed("no_call_to_answer", "There is no inbound call.")
        if self.ring_s:
            walk.commands.append(Ring())
            walk.wait = Answering(timer=walk.start_timer(self.ring_s))
            return None
        return self._announce(walk)

    def handle(self, walk: Walk, event: FlowEvent) -> Outcome:
        """It rang long enough, the announcement is over, or the call was answered."""
        match event:
            case LegAnswered():
                return "next"
            case TimerFired():
                return self._announce(walk)
            case PlaybackEnded():
                if not event.ok:  # the customer hears less, but is answered all the same
                    walk.warn("playback_failed", detail=event.detail)
                return self._answer(walk)
            case _:
                return None

    def _announce(self, walk: Walk) -> Outcome:
        media = self.early.media(walk) if self.early is not None else None
        if isinstance(media, Failed):
            walk.warn(media.code, detail=media.detail)
            media = None
        if media is None:
            return self._answer(walk)
        walk.wait = Answering(playback=walk.play((media,)))
        return None

    @staticmethod
    def _answer(walk: Walk) -> Outcome:
        walk.commands.append(Answer())
        walk.wait = Answering()
        return None


def _prepare(fields: Fields) -> AnswerCallNode:
    ring = fields.duration("ring", _AT_ONCE, _AT_ONCE, LONGEST_RING)
    return AnswerCallNode(ring / _SECOND, read_spoken_at(fields, "early"))


ANSWER_CALL = Widget(
    name="answer_call",
    title="Answer Call",
    doc="""Takes an inbound call. The first step after Start of an inbound flow. The caller hears ringing for `ring`, then, if there
is one, the announcement `early`, which is played before the call is answered and costs the caller nothing (SIP 183), then
the call is answered. A caller who leaves before that ends the record with `FAILURE`, reason `not_answered`.""",
    example="""answer:
  widget: answer_call
  ring: 3s
  early: {say: "Calls are recorded."}
  next: menu""",
    prepare=_prepare,
    fields=(
        Field("ring", "duration, 0s to 10s", "How long it rings before it is answered.", "0s"),
        Field("early", "{say: ...} or {file: ...}", "Heard before the answer."),
    ),
    branches=(Branch("next", "The call is answered.", required=True),),
    answers=True,
    waits=True,
)
