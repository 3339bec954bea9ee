"""Play: say a text, play a recorded prompt, or one that is fetched from the web, to the customer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from central.flow.errands import SOUND_ERRORS, FetchSound
from central.flow.events import DigitReceived, FlowEvent, PlaybackEnded
from central.flow.media import Sound
from central.flow.program import Failed, Outcome
from central.flow.run import OnErrand, Playing
from central.flow.variables import LIMIT_VALUE_CHARS, Template
from central.flow.walk import Walk
from central.flow.web_requests import Filling, Refused, fill_url
from central.flow.widgets.spoken import FIELDS, Spoken, read_spoken
from central.flow.widgets.web_address import check_address, warn_of_secrets
from central.flow.widgets.widget import Branch, Field, Fields, Widget

# A playback also fails when the customer hangs up in it, and its news may come before that of the leg's end. Loss of the
# leg is never a step failure (domain 5.1), so a failed playback counts only when the leg still stands after this time.
GRACE_S: Final = 1.0
# What the errand may take beside the fetch itself, most of all until its line of history is stored.
_SPARE_S: Final = 5.0
_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class PlayNode:
    """A prepared Play step. ``url`` set = what it plays is fetched from there, within ``fetch_s``, while silence is heard."""

    spoken: Spoken
    url: Template | None
    fetch_s: float
    rounds: int
    barge_in: bool

    def enter(self, walk: Walk) -> Outcome:
        """Begin to play, or to fetch."""
        if walk.leg.state != "up":
            return Failed("no_leg", "There is no customer to hear it.")
        return self._play(walk, self.rounds - 1) if self.url is None else self._fetch(walk, self.url)

    def handle(self, walk: Walk, event: FlowEvent) -> Outcome:
        """The fetch or the playback ended, a digit came, or the grace after a failed playback is over."""
        wait = walk.wait
        if isinstance(wait, OnErrand) and self.url is not None:
            return self._fetched(walk, event, self.url)
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
        return self._play(walk, wait.left - 1, wait.sound) if wait.left else "next"

    # -- from the web ----------------------------------------------------------------------------------------------------
    def _fetch(self, walk: Walk, url: Template) -> Outcome:
        filling = Filling(walk)
        try:
            errand = FetchSound(fill_url(filling, url), self.fetch_s)
        except Refused as refused:
            return Failed("url_invalid", refused.detail)
        if filling.unresolved:
            walk.warn("variable_unresolved", variables=filling.unresolved)
        walk.note("errand", asks=f"for {_shown(walk, url)}")
        walk.send(errand, self.fetch_s + _SPARE_S, hears=True)
        return None

    def _fetched(self, walk: Walk, event: FlowEvent, url: Template) -> Outcome:
        if isinstance(event, DigitReceived):
            walk.type_ahead(event.digit)
            return "next" if self.barge_in else None
        done = walk.returned(event)
        if done is None:
            return None
        if done.outcome != "fetched":
            code = done.values.get("error", "")
            return Failed(code if code in SOUND_ERRORS else "url_failed", done.detail or done.outcome)
        return self._play(walk, self.rounds - 1, Sound(done.values.get("file", ""), _shown(walk, url)))

    # -- to the customer -------------------------------------------------------------------------------------------------
    def _play(self, walk: Walk, left: int, sound: Sound | None = None) -> Outcome:
        if sound is not None:
            walk.note("play", url=sound.shown)
            walk.wait = Playing(walk.play((sound,)), left, sound=sound)
            return None
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


def _shown(walk: Walk, url: Template) -> str:
    """The address for timelines, secrets masked."""
    return Filling(walk).shown(url.parts)[:LIMIT_VALUE_CHARS]


def _prepare(fields: Fields) -> PlayNode:
    url = fields.template("url")
    spoken = read_spoken(fields, required=url is None)
    if url is not None:
        if spoken.say is not None or spoken.file is not None:
            message = "A step plays one thing: a text, a file, or what an address leads to."
            fields.find("media_twice", message, line=fields.line("url"), hint="Keep one of `say:`, `file:` and `url:`.")
        check_address(fields, url, "url_invalid", "url_plain_http")
        warn_of_secrets(fields, url.parts, "url")
    return PlayNode(
        spoken=spoken,
        url=url,
        fetch_s=fields.duration("fetch_timeout", 10 * _SECOND, _SECOND, 30 * _SECOND) / _SECOND,
        rounds=fields.whole("repeat", 1, 1, 10),
        barge_in=fields.flag("barge_in", default=False),
    )


PLAY = Widget(
    name="play",
    title="Play",
    doc="""Says a text, plays a recorded prompt, or plays what it fetches from a web address, and goes on when it has been heard.
Digits pressed meanwhile are kept for the next menu; with `barge_in` the first one also ends the playback. A missing prompt, or
speech that cannot be made, is a step failure.

Behind `url` must be a recording as the prompt library takes it: WAV, MP3, OGG (Vorbis) or FLAC, at most 20 MiB and 60 minutes,
on a public server, by https (by http where the account has the switch `plain_http_webhooks`). While it is fetched the customer
hears silence, for `fetch_timeout` at most. What was fetched is kept for a while: within a minute the server is not asked again,
after that it is asked whether there is something newer (`ETag`, `Last-Modified`). The step fails with `url_invalid` (the
variables make no address), `url_refused` (an address that may not be asked, or a redirect to one), `url_failed` (no answer in
time, or another than 200), `url_no_audio`, `url_too_large` or `url_too_long`.""",
    example="""greet:
  widget: play
  say: "Hello {{ $flow.key.Name }}, this is your clinic."
  next: menu""",
    prepare=_prepare,
    fields=(
        *FIELDS,
        Field(
            "url", "http or https address", "A recording on the web, instead of `say` or `file`; may hold variables."
        ),
        Field("fetch_timeout", "1s to 30s", "How long `url` may take until it can be played.", "10s"),
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
