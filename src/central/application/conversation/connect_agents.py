"""Runner of the errand ConnectAgent: the customer goes to the door of the contact center (path steps 4 and 4b)."""

from __future__ import annotations

from central.application.conversation.live_call import LiveCall
from central.application.conversation.run_errands import Moved, Returned
from central.application.ports.contact_center import AgentWish, ContactCenter, Whisper
from central.flow.errands import ConnectAgent
from central.flow.media import Media, Speech


class ConnectAgents:
    """Runs ConnectAgent, a staged errand."""

    def __init__(self, door: ContactCenter) -> None:
        self._door = door

    async def __call__(self, call: LiveCall, errand: ConnectAgent, moved: Moved, /) -> Returned:
        """Let the customer wait and talk. Raises NeighbourError when the contact center is away."""
        leg = call.leg
        if leg is None or leg.over:
            return Returned("failed", detail="The customer's leg is gone.")
        wish = AgentWish(
            account_id=call.account_id,
            record_id=call.record_id,
            leg=leg.id,
            number=leg.number,
            max_wait_s=errand.max_wait_s,
            queue=errand.queue,
            agent=errand.agent,
            skills=errand.skills,
            priority=errand.priority,
            music=errand.music,
            announce_position=errand.announce_position,
            whisper=_whisper(errand.whisper),
            record=errand.record,
            ring_timeout_s=errand.ring_timeout_s,
            caller_id=errand.caller_id,
        )
        answer = await self._door.connect(wish, moved)
        values = {"waited_s": f"{answer.waited_s:.1f}"} | ({"agent": answer.agent} if answer.agent else {})
        return Returned(answer.outcome, values, answer.detail)


def _whisper(media: Media | None) -> Whisper | None:
    match media:
        case None:
            return None
        case Speech():
            return Whisper(text=media.text, voice=media.voice, language=media.language)
        case _:
            return Whisper(prompt=media.name, language=media.language)
