"""The book of live legs and the queue of news: applies what ``translate.py`` says, hands each event out exactly once.

Step 3 of the path (channel). It does no I/O: what has to be done (start machine detection, repeat a hang-up) is handed to the
``Deeds`` given at construction.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol
from uuid import UUID

from central.adapters.asterisk.evidence import awaits_last_word
from central.adapters.asterisk.legs import LegState, note_local
from central.adapters.asterisk.siptext import WireFacts
from central.adapters.asterisk.translate import (
    Now,
    Outcome,
    give_up_detection,
    give_up_recording,
    lost_engine,
    resume,
    translate,
    unaccounted,
    vanished,
)
from central.adapters.asterisk.wire import Channel, Event
from central.application.ports.telephony import (
    CallOffered,
    NodeDown,
    NodeUp,
    PlaybackEnded,
    RecordingEnded,
    TelephonyEvent,
)
from central.domain.errors import CentralError
from central.domain.evidence import Phase
from central.domain.ids import LegId, TrunkId

_DIGITS = re.compile(r"[0-9]{1,20}")
_REMEMBERED = 20_000  # Call-IDs of ended legs whose trace may still be asked for


class Deeds(Protocol):
    """What the book may ask for; all return at once and act later."""

    def detect(self, leg: LegId) -> None:
        """Start machine detection on an answered leg."""
        ...

    def tape(self, leg: LegId) -> None:
        """Start recording an answered leg, both sides, to its end."""
        ...

    def repeat_hang_up(self, leg: LegId) -> None:
        """A hang-up that may not have reached the engine."""
        ...

    def leg_over(self, leg: LegId) -> None:
        """A leg is gone: what the engine has for it besides goes too."""
        ...

    def settle(self, event: Event) -> None:
        """A cancelled leg is gone in the engine, but the far side's last word is still on its way: wait a moment."""
        ...


def leg_of(channel_id: str) -> LegId | None:
    """Our channels are named by the leg's UUID in 32 hex digits; None for any other."""
    if len(channel_id) != 32:  # noqa: PLR2004 - UUID.hex
        return None
    try:
        return LegId(UUID(hex=channel_id))
    except ValueError:
        return None


class LegBook:
    """All legs of one engine, and the events nobody has fetched yet."""

    def __init__(self, now: Callable[[], Now], wire: Callable[[str | None], WireFacts | None], deeds: Deeds) -> None:
        self._now = now
        self._wire = wire
        self._deeds = deeds
        self._legs: dict[LegId, LegState] = {}
        self._offered: dict[str, LegId] = {}  # channels that the engine named
        self._channels: dict[LegId, str] = {}
        self._asked_for: frozenset[LegId] = frozenset()
        self._call_ids: OrderedDict[LegId, str] = OrderedDict()
        self._playing: set[str] = set()
        self._news: list[TelephonyEvent] = []
        self._some = asyncio.Event()
        self._failure: CentralError | None = None
        self.connected = False

    # -- for commands --------------------------------------------------------------------------------------------------
    def get(self, leg: LegId) -> LegState | None:
        """What is known of a leg that has not ended."""
        return self._legs.get(leg)

    def open(self, leg: LegId, *, detect: bool, whole: str = "") -> bool:
        """Enter a leg before its originate is sent; False when it is known already."""
        if leg in self._legs:
            return False
        self._legs[leg] = LegState(leg, self._now().mono, detect=detect, whole=whole)
        return True

    def offered(self, leg: LegId, event: Event, trunks: frozenset[TrunkId], phone: UUID | None = None) -> None:
        """Somebody calls: the channel is known under this leg from now on."""
        channel = event.channel
        if channel is None:
            return
        now = self._now()
        self._offered[channel.id], self._channels[leg] = leg, channel.id
        state = LegState(leg, now.mono, phase=Phase.RINGING, placed=True, inbound=True)
        self._legs[leg] = state
        self._keep(state, replace(state, sip_call_id=channel.protocol_id or None))
        caller = channel.caller.number.removeprefix("+")
        self._tell(
            (
                CallOffered(
                    leg,
                    now.at,
                    channel.dialplan.exten.removeprefix("+"),
                    caller if _DIGITS.fullmatch(caller) else "",
                    trunks,
                    channel.protocol_id or None,
                    phone,
                ),
            )
        )

    def channel(self, leg: LegId) -> str:
        """The engine's name of a leg's channel."""
        return self._channels.get(leg) or leg.hex

    def leg_of(self, channel_id: str) -> LegId | None:
        """The leg of a channel; None for one that is not ours."""
        return self._offered.get(channel_id) or leg_of(channel_id)

    def placed(self, leg: LegId, sip_call_id: str | None, *, uncertain: bool = False) -> None:
        """The originate was answered (or its answer is lost)."""
        state = self._legs.get(leg)
        if state is not None:
            known = state.sip_call_id or sip_call_id
            self._keep(state, replace(state, placed=True, uncertain=uncertain, sip_call_id=known))

    def forget(self, leg: LegId) -> None:
        """The engine did not take the originate."""
        self._legs.pop(leg, None)

    def note_local(self, leg: LegId, local: str) -> None:
        """Our own condition, before the hang-up command."""
        state = self._legs.get(leg)
        if state is not None:
            self._legs[leg] = note_local(state, local)

    def hung_up(self, leg: LegId) -> str | None:
        """The condition under which we hung the leg up, None when we did not."""
        state = self._legs.get(leg)
        return None if state is None else state.local

    def not_there(self, leg: LegId) -> None:
        """The engine does not know a leg whose originate was uncertain: it is over."""
        state = self._legs.get(leg)
        if state is not None and state.uncertain:
            self._apply(state, unaccounted(state, self._now()))

    def gone(self, leg: LegId) -> None:
        """An offered leg that the engine does not know any more: its end was not heard."""
        state = self._legs.get(leg)
        if state is not None:
            self._apply(state, vanished(state, self._now(), self._wire(state.sip_call_id)))

    def add_playback(self, leg: LegId, playback: str) -> None:
        """A playback was asked for; its end is owed."""
        state = self._legs.get(leg)
        if state is not None:
            self._legs[leg] = replace(state, playbacks=(*state.playbacks, playback))
            self._playing.add(playback)

    def drop_playback(self, leg: LegId, playback: str) -> bool:
        """The engine did not take it; False when its end was told already."""
        state = self._legs.get(leg)
        if state is None or playback not in state.playbacks:
            return False
        self._legs[leg] = replace(state, playbacks=tuple(one for one in state.playbacks if one != playback))
        self._playing.discard(playback)
        return True

    def played_nothing(self, leg: LegId, playback: str, missing: Sequence[str]) -> None:
        """A playback without files ends at once, well; one whose files are missing ends at once, badly."""
        detail = f"missing: {', '.join(missing)}" if missing else "nothing to play"
        self._tell((PlaybackEnded(leg, self._now().at, playback, not missing, detail),))

    def owed_playbacks(self) -> list[tuple[LegId, str]]:
        """Playbacks whose end was not told yet."""
        return [(leg, playback) for leg, state in self._legs.items() for playback in state.playbacks]

    def played_unheard(self, leg: LegId, playback: str) -> None:
        """The engine has it no more, and its end was told while nobody listened."""
        if self.drop_playback(leg, playback):
            self._tell(
                (PlaybackEnded(leg, self._now().at, playback, ok=True, detail="ended while the connection was lost"),)
            )

    def is_playing(self, playback: str) -> bool:
        """Whether a playback's end is still owed."""
        return playback in self._playing

    def no_detection(self, leg: LegId) -> None:
        """Machine detection could not be started."""
        state = self._legs.get(leg)
        if state is not None:
            self._apply(state, give_up_detection(state, self._now()))

    def record_whole(self, leg: LegId, recording: str) -> None:
        """The whole call is to be recorded from its answer on, "" = it is not."""
        state = self._legs.get(leg)
        if state is not None and not state.announced:
            self._legs[leg] = replace(state, whole=recording)

    def no_recording(self, leg: LegId) -> None:
        """The recording of the whole call could not be started."""
        state = self._legs.get(leg)
        if state is not None:
            self._apply(state, give_up_recording(state, self._now()))

    def add_recording(self, leg: LegId, recording: str) -> None:
        """A recording of a part was asked for; its end is owed."""
        state = self._legs.get(leg)
        if state is not None:
            self._legs[leg] = replace(state, recordings=(*state.recordings, recording))

    def drop_recording(self, leg: LegId, recording: str) -> bool:
        """The engine did not take it; False when its end was told already."""
        state = self._legs.get(leg)
        if state is None or recording not in state.recordings:
            return False
        self._legs[leg] = replace(state, recordings=tuple(one for one in state.recordings if one != recording))
        return True

    def owed_recordings(self) -> list[tuple[LegId, str]]:
        """Recordings whose end was not told yet."""
        return [(leg, recording) for leg, state in self._legs.items() for recording in state.recordings]

    def recorded_unheard(self, leg: LegId, recording: str) -> None:
        """The engine records it no more, and its end was told while nobody listened."""
        if self.drop_recording(leg, recording):
            detail = "ended while the connection was lost"
            self._tell((RecordingEnded(leg, self._now().at, recording, ok=True, detail=detail),))

    def take_call_id(self, leg: LegId) -> str | None:
        """The SIP Call-ID of a leg, live or ended, once."""
        return self._call_ids.pop(leg, None)

    # -- for the transport ---------------------------------------------------------------------------------------------
    def asking(self) -> None:
        """The list of channels is asked for now: only legs placed before can be missing from it."""
        self._asked_for = frozenset(leg for leg, state in self._legs.items() if state.placed)

    def heard(self, event: Event) -> None:
        """An event of the engine."""
        leg = self.leg_of(event.channel_id)
        state = self._legs.get(leg) if leg is not None else None
        if state is None:
            return
        if event.type == "ChannelDestroyed" and awaits_last_word(state, self._wire(state.sip_call_id)):
            self._deeds.settle(event)
        else:
            self._translate(state, event)

    def settled(self, event: Event, *, at_once: bool) -> bool:
        """Take up a cancelled leg's end again; False when its last word still has not come and ``at_once`` is not set."""
        leg = self.leg_of(event.channel_id)
        state = self._legs.get(leg) if leg is not None else None
        if state is None:
            return True
        if not at_once and awaits_last_word(state, self._wire(state.sip_call_id)):
            return False
        self._translate(state, event)
        return True

    def up(self, channels: Sequence[Channel]) -> None:
        """Connected (again): legs that vanished are ended first, then NodeUp, then what was missed is told."""
        now = self._now()
        here = {leg: channel for channel in channels if (leg := self.leg_of(channel.id)) is not None}
        for state in [self._legs[leg] for leg in self._asked_for if leg not in here and leg in self._legs]:
            self._apply(state, vanished(state, now, self._wire(state.sip_call_id)))
        self.connected = True
        self._tell((NodeUp(now.at, frozenset(here)),))
        for leg, channel in here.items():
            state = self._legs.setdefault(leg, LegState(leg, now.mono, placed=True))  # of an earlier life of this node
            self._apply(state, resume(state, channel, now))
            if state.local is not None:
                self._deeds.repeat_hang_up(leg)

    def down(self, detail: str) -> None:
        """The websocket is lost; calls go on unheard."""
        if self.connected:
            self.connected = False
            self._tell((NodeDown(self._now().at, engine_lost=False, detail=detail),))

    def lost(self, detail: str) -> None:
        """The engine process ended: every leg is over. An originate on its way is answered by its own request."""
        now = self._now()
        self.connected = False
        self._tell((NodeDown(now.at, engine_lost=True, detail=detail),))
        for state in list(self._legs.values()):
            if state.placed:
                self._apply(state, lost_engine(state, now))

    def failed(self, error: CentralError) -> None:
        """The adapter gave up for good; whoever fetches news is told."""
        self.connected = False
        self._failure = error
        self._some.set()

    async def fetch(self) -> Sequence[TelephonyEvent]:
        """Wait for news and return all there is. Raises the CentralError with which the adapter gave up."""
        while not self._news:
            if self._failure is not None:
                raise self._failure
            self._some.clear()
            await self._some.wait()
        news, self._news = self._news, []
        return news

    # -- inside --------------------------------------------------------------------------------------------------------
    def _translate(self, state: LegState, event: Event) -> None:
        self._apply(state, translate(state, event, self._now(), lambda: self._wire(state.sip_call_id)))

    def _apply(self, before: LegState, outcome: Outcome) -> None:
        if outcome.state is None:
            self._legs.pop(before.leg, None)
            if (channel := self._channels.pop(before.leg, None)) is not None:
                del self._offered[channel]
            self._deeds.leg_over(before.leg)
        else:
            self._keep(before, outcome.state)
        for event in outcome.events:
            if isinstance(event, PlaybackEnded):
                self._playing.discard(event.playback)
        self._tell(outcome.events)
        if outcome.start_detection:
            self._deeds.detect(before.leg)
        if outcome.start_recording:
            self._deeds.tape(before.leg)

    def _keep(self, before: LegState, after: LegState) -> None:
        self._legs[before.leg] = after
        if before.sip_call_id is None and after.sip_call_id is not None:
            self._call_ids[before.leg] = after.sip_call_id
            if len(self._call_ids) > _REMEMBERED:
                self._call_ids.popitem(last=False)

    def _tell(self, events: Sequence[TelephonyEvent]) -> None:
        if events:
            self._news.extend(events)
            self._some.set()
