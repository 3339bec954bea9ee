"""Record: keep what the customer says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from central.domain.accounts import Switch
from central.flow.errands import RecordVoice
from central.flow.events import DigitReceived, FlowEvent, PlaybackEnded
from central.flow.program import Failed, Outcome
from central.flow.run import Playing
from central.flow.walk import Walk
from central.flow.widgets.play import GRACE_S
from central.flow.widgets.spoken import FIELDS, Spoken, read_spoken
from central.flow.widgets.widget import Branch, Field, Fields, Widget

LONGEST: Final = timedelta(minutes=60)
NONE: Final = "none"
# An engine that was asked to stop says so within moments; after this its silence is a failure.
_REPORT_S: Final = 15.0
_SECOND: Final = timedelta(seconds=1)
_STOP_KEYS: Final = frozenset("0123456789*#")


@dataclass(frozen=True, slots=True)
class RecordNode:
    """A prepared Record step. ``stop_keys``: each of these digits ends the recording; "" = none does."""

    prompt: Spoken | None
    max_s: float
    silence_s: float
    stop_keys: str
    beep: bool
    variable: str

    def enter(self, walk: Walk) -> Outcome:
        """Say what is to be said, then record."""
        if Switch.RECORDING in walk.facts.lacks:
            return Failed("recording_disabled", "The account may not record.")
        if walk.leg.state != "up":
            return Failed("no_leg", "There is no customer to record.")
        media = self.prompt.media(walk) if self.prompt is not None else None
        if isinstance(media, Failed):
            return media
        if media is None:
            return self._record(walk)
        walk.wait = Playing(walk.play((media,)))
        return None

    def handle(self, walk: Walk, event: FlowEvent) -> Outcome:
        """The prompt or the recording is over, or a digit came."""
        if isinstance(walk.wait, Playing):
            return self._prompted(walk, walk.wait, event)
        if isinstance(event, DigitReceived):
            if event.digit in self.stop_keys:
                walk.end_errand()
            return None
        returned = walk.returned(event)
        if returned is None:
            return None
        if returned.outcome == "recorded":
            if self.variable:
                walk.store(self.variable, returned.values.get("name", ""))
            return "recorded"
        if returned.outcome == "empty":
            return "empty"
        return Failed("recording_failed", returned.detail or returned.outcome)

    def _prompted(self, walk: Walk, wait: Playing, event: FlowEvent) -> Outcome:
        """A stop key passes over the prompt; a prompt that cannot be heard is a failure, unless the customer is leaving."""
        if isinstance(event, DigitReceived):
            if event.digit not in self.stop_keys or not wait.playback:
                return None
            walk.stop(wait.playback)
            return self._record(walk)
        if not isinstance(event, PlaybackEnded):
            walk.wait = None
            return Failed("playback_failed", wait.detail)
        if not event.ok:
            walk.wait = Playing(0, 0, walk.start_timer(GRACE_S), event.detail)
            return None
        return self._record(walk)

    def _record(self, walk: Walk) -> Outcome:
        walk.typed = ""  # typed before it was recorded: cannot be meant for what comes after
        walk.send(RecordVoice(self.max_s, self.silence_s, self.beep), self.max_s + _REPORT_S, hears=True)
        return None


def _prepare(fields: Fields) -> RecordNode:
    fields.needs(Switch.RECORDING, "records the customer")
    variable = fields.text("store")
    if variable:
        fields.stored(variable, fields.line("store"))
    written = fields.text("stop_on", "#")
    stop_keys = "" if written == NONE else written
    if not set(stop_keys) <= _STOP_KEYS:
        message = f"`stop_on` holds keys of a telephone, or {NONE}."
        fields.find("stop_key_invalid", message, line=fields.line("stop_on"), hint='Such as "#" or "*#".')
    spoken = read_spoken(fields, required=False)
    return RecordNode(
        prompt=spoken if spoken.say is not None or spoken.file is not None else None,
        max_s=fields.duration("max", 60 * _SECOND, _SECOND, LONGEST) / _SECOND,
        silence_s=fields.duration("silence", 4 * _SECOND, _SECOND, 60 * _SECOND) / _SECOND,
        stop_keys=stop_keys,
        beep=fields.flag("beep", default=True),
        variable=variable,
    )


RECORD = Widget(
    name="record",
    title="Record",
    doc="""Says a prompt, sounds a beep and records the customer, until a key of `stop_on` is pressed, `silence` has lasted, `max`
is reached, or the customer hangs up. What was said is kept in each of these cases. Less than a second of sound is `empty`, and
not kept. A stop key during the prompt passes over it. Keys pressed before or while it records do not reach the next menu.
When the customer hangs up in it, the recording is listed with the record, and the variable is not set.""",
    example="""message:
  widget: record
  say: Please leave your message after the tone, and press hash when you are done.
  max: 2m
  store: Message
  on: {recorded: thanks, empty: bye}""",
    prepare=_prepare,
    fields=(
        *FIELDS,
        Field("max", "1s to 60m", "How long it records at most.", "60s"),
        Field("silence", "1s to 60s", "The recording is over after so much silence.", "4s"),
        Field("stop_on", "keys, or none", "Each of these keys ends the recording.", "#"),
        Field("beep", "true or false", "Whether a beep is heard before it records.", "true"),
        Field("store", "variable name", "Where to keep the recording's name."),
    ),
    branches=(
        Branch("recorded", "Something was recorded.", required=True),
        Branch("empty", "There was less than a second of sound."),
        Branch("error", "The prompt could not be played, nothing could be recorded, or the account may not record."),
    ),
    media=True,
    waits=True,
    can_fail=True,
    failure="fail",
    onward="recorded",
)
