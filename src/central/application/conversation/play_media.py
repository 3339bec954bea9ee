"""Prompts and speech on the customer's leg: rendered to files first, then played, then reported once (path step 4)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from central.application.conversation.live_call import LiveCall
from central.application.conversation.voice_desk import VoiceDesk
from central.application.ports.speech import Audio, AudioFile, NoAudio, SpeechRequest
from central.application.ports.telephony import PlaybackEnded as EnginePlayback
from central.application.ports.telephony import Rejected
from central.domain.errors import NeighbourError
from central.flow.commands import PlayMedia
from central.flow.events import FlowEvent, PlaybackEnded
from central.flow.media import Playable, Prompt, Sound, Speech

_LEAVING_S = 5.0
_STORE_PAUSE_S = 2.0


class PlayPrompts:
    """The use case. Playback numbers are the flow's; the engine knows them by ids of ours."""

    def __init__(self, desk: VoiceDesk, feed: Callable[[LiveCall, FlowEvent], None]) -> None:
        self._desk, self._feed = desk, feed

    async def play(self, call: LiveCall, command: PlayMedia) -> None:
        """Render what must be rendered and play it; a failure is reported like an end, with its detail."""
        call.playbacks[command.playback] = ""
        files, fault = await media_files(self._desk, call, command.items)
        leg = call.leg
        if command.playback not in call.playbacks or call.gone:
            return
        if fault is None and (leg is None or leg.over):
            fault = "the customer's leg is gone"
        if fault is None and leg is not None:
            playback = self._desk.ids.uuid().hex
            call.playbacks[command.playback] = playback
            answer = await self._desk.telephony.play(leg.id, playback, files)
            if isinstance(answer, Rejected):
                # nearly always the caller is leaving and the news of it is on its way: only if it does not come is this a fault
                detail = answer.detail
                self._desk.timers.after(
                    _LEAVING_S, lambda: self._report(call, command.playback, ok=False, detail=detail)
                )
        if fault is not None:
            self._report(call, command.playback, ok=False, detail=fault)

    async def stop(self, call: LiveCall, number: int) -> None:
        """Barge-in: stop it, whether it already plays or is still being rendered."""
        playback = call.playbacks.get(number)
        if playback:
            await self._desk.telephony.stop_playback(playback)
        elif playback is not None:
            self._report(call, number, ok=True, detail="stopped before it began")

    def ended(self, call: LiveCall, event: EnginePlayback) -> None:
        """The engine says that a playback is over."""
        number = next((n for n, playback in call.playbacks.items() if playback == event.playback), None)
        if number is not None:
            self._report(call, number, ok=event.ok, detail=event.detail)

    def _report(self, call: LiveCall, number: int, *, ok: bool, detail: str) -> None:
        if call.playbacks.pop(number, None) is not None and not call.gone:
            self._feed(call, PlaybackEnded(number, ok, self._desk.clock.now(), detail))


async def media_files(desk: VoiceDesk, call: LiveCall, items: Sequence[Playable]) -> tuple[list[str], str | None]:
    """Paths in the order of the items, and what is wrong with the first that has no file."""
    speech = [item for item in items if isinstance(item, Speech)]
    prompts = [item for item in items if isinstance(item, Prompt)]
    rendered = iter(
        await desk.speech.render([SpeechRequest(s.text, s.voice, s.language) for s in speech]) if speech else ()
    )
    try:
        found = await _recorded(desk, call, prompts)
    except NeighbourError as error:  # it restarts, or a connection was stale: the customer waits a moment, not for ever
        await asyncio.sleep(_STORE_PAUSE_S)
        try:
            found = await _recorded(desk, call, prompts)
        except NeighbourError:
            desk.telemetry.warning("prompt_lookup_failed", code=error.code, detail=error.message)
            return [], error.code
    audio: list[Audio] = []
    for item in items:
        match item:
            case Speech():
                audio.append(next(rendered))
            case Prompt():
                audio.append(found[item])
            case Sound():  # fetched by an errand of the same call
                audio.append(AudioFile(item.file, 0.0))
    faults = [item for item in audio if isinstance(item, NoAudio)]
    if faults:
        return [], f"{faults[0].reason}: {faults[0].detail}"
    return [item.path for item in audio if not isinstance(item, NoAudio)], None


async def _recorded(desk: VoiceDesk, call: LiveCall, prompts: Sequence[Prompt]) -> Mapping[Prompt, Audio]:
    """What the version holds, and the others from the library, asked for once a language; as a rule a playback has one."""
    held = call.flow.prompts
    contents = {one: held[key] for one in prompts if (key := (one.name, one.language.lower())) in held}
    found: dict[Prompt, Audio] = {}
    if contents:
        found.update(zip(contents, await desk.prompts.contents(list(contents.values())), strict=True))
    for language in sorted({prompt.language for prompt in prompts if prompt not in contents}):
        wanted = [prompt for prompt in prompts if prompt.language == language and prompt not in contents]
        names = [prompt.name for prompt in wanted]
        found.update(zip(wanted, await desk.prompts.find(call.account_id, names, language), strict=True))
    return found
