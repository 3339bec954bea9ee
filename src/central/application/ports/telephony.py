"""The voice port: commands to a voice engine and the events that come back. No word of any engine's API leaves its adapter.

A voice node owns one engine. Leg and playback ids are chosen by us; every command is safe to repeat. The adapter writes
nothing to the store. Implementations: adapters/asterisk (real), adapters/simulator (virtual clock).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, Protocol
from uuid import UUID

import msgspec

from central.domain.evidence import Evidence, Phase
from central.domain.ids import LegId, TrunkId

NORMAL_CLEARING = 16  # ITU-T Q.850
TRACE_AFTER_S: Final = 1.0  # by then the copies of a leg's last messages are here: they come after its end
InboundPeer = Literal["none", "address", "digest"]


@dataclass(frozen=True, slots=True)
class Trunk:
    """A SIP trunk as the engine must know it. ``transport``: udp, tcp or tls. ``host`` is a name or an address.

    ``inbound`` tells by what calls of this peer are known: ``address`` = they come from ``host``; ``digest`` = by the user name
    ``digest_user`` and the password, from anywhere (RFC 3261, 22); ``none`` = it sends none.
    ``tag_calls`` adds the header ``X-Central-Attempt`` to each INVITE (test trunks: the far end counts by it).
    ``username`` empty = no digest authentication. ``codecs`` in order of preference.
    """

    id: TrunkId
    name: str
    host: str
    port: int = 5060
    transport: str = "udp"
    username: str = ""
    password: str = field(default="", repr=False)
    codecs: tuple[str, ...] = ("ulaw", "alaw")
    tag_calls: bool = False
    inbound: InboundPeer = "address"


def digest_user(trunk: TrunkId) -> str:
    """The user name with which a peer of ``digest`` authenticates its calls to us; the same at every node."""
    return f"d{trunk.hex}"


@dataclass(frozen=True, slots=True)
class Phone:
    """An agent's SIP phone, which registers at the engine (RFC 3261, section 10). ``id``: the agent's; ``password``: of its digest log-in."""

    id: UUID
    password: str = field(repr=False)


def phone_user(agent: UUID) -> str:
    """The user name with which an agent's phone registers, the same at every node."""
    return f"a{agent.hex}"


class Originate(msgspec.Struct, frozen=True):
    """Call ``to`` (E.164 digits) over a trunk, or the phone of an agent; ``caller_id`` None = anonymous.

    ``phone``: the agent's id; then ``trunk`` is None, ``to`` is "", and the call goes to where his phone registered from.
    ``engine_timeout_s`` is only a backstop: the platform keeps its own ring timer and hangs up by itself. ``record``: the
    name under which both sides are recorded from the answer to the end, "" = they are not.
    """

    leg: LegId
    trunk: TrunkId | None
    to: str
    caller_id: str | None
    engine_timeout_s: float
    headers: Mapping[str, str] = {}
    detect_machine: bool = False
    record: str = ""
    phone: UUID | None = None


BEEP_S: Final = 0.25


class RecordLimits(msgspec.Struct, frozen=True):
    """When a recording ends by itself, in seconds; ``beep``: sound one of ``BEEP_S`` before it begins.

    ``max_s`` is only a backstop, which engines keep to a second or two: the platform stops it by itself.
    """

    max_s: float
    silence_s: float
    beep: bool = True


class Accepted(msgspec.Struct, frozen=True):
    """The engine took the command; for an originate its SIP Call-ID where already known."""

    sip_call_id: str | None = None


class Rejected(msgspec.Struct, frozen=True):
    """The engine did not take the command, and nothing was sent to the far side.

    local: a word of statuses.toml ``local``: no_trunk (also a phone that is not known), unresolvable (also a phone that is
    not registered), media_fault, engine_lost. ``uncertain`` = the command may have been taken although its answer was lost.
    """

    local: str
    detail: str
    uncertain: bool = False


Answer = Accepted | Rejected


# -- events ------------------------------------------------------------------------------------------------------------
class NodeUp(msgspec.Struct, frozen=True):
    """The engine is reachable (again). ``legs`` are all legs it has now: what is missing ended while we were deaf."""

    at: datetime
    legs: frozenset[LegId]


class NodeDown(msgspec.Struct, frozen=True):
    """The engine or the connection to it is gone; calls may go on. ``engine_lost`` = the engine process itself ended."""

    at: datetime
    engine_lost: bool
    detail: str = ""


class CallOffered(msgspec.Struct, frozen=True):
    """Somebody calls us and waits to be answered; the leg is ours until it ends. It must be answered or hung up.

    called: digits as the peer sent them, without a leading ``+``. caller: the same, empty = anonymous (RFC 3323). trunks: the
    peers that the call may come from, as far as the engine can tell them apart (several trunks can share an address). phone: the
    agent whose phone dials, by its password; then there are no trunks.
    """

    leg: LegId
    at: datetime
    called: str
    caller: str
    trunks: frozenset[TrunkId]
    sip_call_id: str | None = None
    phone: UUID | None = None


class LegProgress(msgspec.Struct, frozen=True):
    """Dialing has begun or the far side rings (180, 183). Sent when the phase rises, or the Call-ID becomes known."""

    leg: LegId
    at: datetime
    phase: Phase
    sip_call_id: str | None = None


class LegAnswered(msgspec.Struct, frozen=True):
    """The far side answered and the leg obeys media commands. ``machine`` only after detection was asked for."""

    leg: LegId
    at: datetime
    machine: bool | None = None


class LegEnded(msgspec.Struct, frozen=True):
    """The leg is gone for good; exactly one per leg and engine life."""

    leg: LegId
    at: datetime
    evidence: Evidence


class Digit(msgspec.Struct, frozen=True):
    """One DTMF digit of the far side (RFC 4733 or SIP INFO)."""

    leg: LegId
    at: datetime
    digit: str
    duration_ms: int


class PlaybackEnded(msgspec.Struct, frozen=True):
    """A playback is over; ``ok`` False with ``detail`` when it failed."""

    leg: LegId
    at: datetime
    playback: str
    ok: bool
    detail: str = ""


class RecordingEnded(msgspec.Struct, frozen=True):
    """A recording that ``record`` began is over; what there is of it can be taken. ``ok`` False: it failed, see ``detail``."""

    leg: LegId
    at: datetime
    recording: str
    ok: bool
    detail: str = ""


class HoldChanged(msgspec.Struct, frozen=True):
    """The far side put the call on hold (re-INVITE with sendonly or inactive) or took it back."""

    leg: LegId
    at: datetime
    held: bool


LegNews = NodeUp | NodeDown | LegProgress | LegAnswered | LegEnded | Digit | PlaybackEnded | HoldChanged
TelephonyEvent = LegNews | CallOffered | RecordingEnded


class SipMessage(msgspec.Struct, frozen=True):
    """One SIP message of a leg as it crossed the wire, from the engine's copy (HEP). ``sent`` = by us.

    ``text`` has authorization headers redacted.
    """

    at: datetime
    sent: bool
    source: str
    target: str
    text: str


class SipTrace(msgspec.Struct, frozen=True):
    """All messages of one leg in wire order; ``dropped`` counts known gaps (packets lost before the collector)."""

    sip_call_id: str
    messages: tuple[SipMessage, ...]
    dropped: int = 0


class Telephony(Protocol):
    """One voice engine."""

    async def start(self, trunks: Sequence[Trunk]) -> None:
        """Connect (and start the engine where it is ours). Raises NeighbourError when it cannot be reached in time."""
        ...

    async def stop(self) -> None:
        """Disconnect; an engine of ours is ended."""
        ...

    async def set_trunks(self, trunks: Sequence[Trunk]) -> None:
        """Make exactly these trunks known; calls in progress are not touched. Safe to repeat.

        One that the engine refuses does not stop the others: see ``refused_trunks``.
        """
        ...

    def refused_trunks(self) -> Mapping[TrunkId, str]:
        """Trunks that the engine would not take, and why; a call over one is Rejected(``no_trunk``)."""
        ...

    async def set_phones(self, phones: Sequence[Phone]) -> None:
        """Make exactly these phones known; calls in progress are not touched. Safe to repeat.

        A phone whose password changes, or that is withdrawn, is registered no more. One that the engine refuses does not stop
        the others: see ``refused_phones``.
        """
        ...

    def refused_phones(self) -> Mapping[UUID, str]:
        """Phones that the engine would not take, by agent, and why; a call to one is Rejected(``no_trunk``)."""
        ...

    def registered_phones(self) -> frozenset[UUID]:
        """Agents whose phone is registered and was there when the engine looked last; none while the engine is away.

        A call to any other phone is Rejected(``unresolvable``).
        """
        ...

    async def next_events(self) -> Sequence[TelephonyEvent]:
        """Wait for news and return all that is there, in order. Never loses or repeats an event."""
        ...

    async def originate(self, calls: Sequence[Originate]) -> Sequence[Answer]:
        """Start calls, one answer each in the same order. Nothing raises for a single call."""
        ...

    async def ring(self, leg: LegId) -> None:
        """Tell the caller of an offered leg that it rings (SIP 180); one that was answered hears the tone."""
        ...

    async def stop_ringing(self, leg: LegId) -> None:
        """The ringing that an answered leg hears ends."""
        ...

    async def bridge(self, bridge: str, legs: Sequence[LegId]) -> Answer:
        """Let answered legs hear each other; their media is theirs until one leaves, or the bridge goes. Safe to repeat."""
        ...

    async def unbridge(self, bridge: str) -> None:
        """End a bridge; legs that are still in it obey again."""
        ...

    async def leave(self, bridge: str, leg: LegId) -> None:
        """One leg leaves a bridge and obeys again, the others stay. Safe to repeat."""
        ...

    async def hold(self, leg: LegId) -> Answer:
        """It hears music until ``unhold``; for an answered leg that is in no bridge. Safe to repeat."""
        ...

    async def unhold(self, leg: LegId) -> None:
        """The music ends."""
        ...

    async def mute(self, leg: LegId) -> Answer:
        """Nobody hears what it says, in whatever bridge, until ``unmute``; it hears all. Safe to repeat."""
        ...

    async def unmute(self, leg: LegId) -> None:
        """It is heard again."""
        ...

    async def send_digits(self, leg: LegId, digits: str) -> Answer:
        """Press keys (0 to 9, A to D, * and #) towards the far side of an answered leg."""
        ...

    async def listen(self, ear: LegId, target: LegId, *, speaks: bool = False) -> Answer:
        """``ear``, an answered leg in no bridge, hears what ``target`` says and hears; nobody notices.

        With ``speaks`` target hears ear too, and nobody else does. Said again it changes to that. It ends with either leg.
        """
        ...

    async def stop_listening(self, ear: LegId) -> None:
        """It hears nobody any more, its leg stays; nothing of it is left at the engine. Safe to repeat."""
        ...

    async def answer(self, leg: LegId, record: str = "") -> None:
        """Take an offered leg; LegAnswered follows, or its LegEnded. ``record`` as in ``Originate``."""
        ...

    async def play(self, leg: LegId, playback: str, files: Sequence[str]) -> Answer:
        """Play WAV files (absolute paths, 8 kHz 16-bit mono) one after the other; PlaybackEnded(playback) follows once."""
        ...

    async def stop_playback(self, playback: str) -> None:
        """Stop it if it still plays."""
        ...

    async def record(self, leg: LegId, recording: str, limits: RecordLimits) -> Answer:
        """Record what the far side says, under a name of ours; RecordingEnded follows once when the answer is Accepted."""
        ...

    async def stop_recording(self, recording: str) -> None:
        """End it if it still records; its RecordingEnded still follows."""
        ...

    async def take_recording(self, recording: str, into: Path) -> bool:
        """Move a recording that is over to the file ``into``: WAV, 8 kHz, 16 bit; False when there is nothing of it.

        One channel; of a whole call (``Originate.record``) two: the far side left, ours right. Also after a restart.
        Raises NeighbourError when the engine that has it is away.
        """
        ...

    async def hang_up(self, leg: LegId, local: str, q850: int = NORMAL_CLEARING) -> None:
        """End the leg. ``local`` is the evidence (statuses.toml word) noted before the command; LegEnded follows.

        ``q850`` (ITU-T Q.850) becomes the refusal of an offered leg that was not answered: 17 = 486, 21 = 403, 34 = 503, 1 = 404.
        """
        ...

    async def take_trace(self, leg: LegId) -> SipTrace | None:
        """The leg's SIP messages, handed over and forgotten; None when nothing was copied.

        Ask at the earliest ``TRACE_AFTER_S`` after LegEnded: what comes later than this call is dropped.
        """
        ...
