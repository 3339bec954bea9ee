"""The shapes of ARI's JSON that we read, and nothing more: unknown members are skipped while decoding.

Step 3 of the path (channel). Source: Asterisk 22, ``rest-api/events.json`` and ``channels.json``.
"""

from __future__ import annotations

import msgspec


class Party(msgspec.Struct, frozen=True):
    """The calling side; ``number`` is empty, or ``anonymous``, when it is not told."""

    number: str = ""


class Dialplan(msgspec.Struct, frozen=True):
    """Where the channel is in the dialplan: ``exten`` is the number that was called."""

    exten: str = ""
    app_name: str = ""
    app_data: str = ""


class Channel(msgspec.Struct, frozen=True):
    """A channel. ``protocol_id`` is the SIP Call-ID; ``state``: Down, Ring, Ringing, Up, ...; ``name``: PJSIP/endpoint-number."""

    id: str
    state: str = ""
    protocol_id: str = ""
    name: str = ""
    caller: Party = Party()
    dialplan: Dialplan = Dialplan()

    @property
    def endpoint(self) -> str:
        """The endpoint that the engine knows the peer by."""
        return self.name.removeprefix("PJSIP/").rpartition("-")[0]


class Playback(msgspec.Struct, frozen=True):
    """A playback; ``target_uri`` is ``channel:ID``; ``state``: queued, playing, continuing, done, failed."""

    id: str
    target_uri: str = ""
    state: str = ""


class Recording(msgspec.Struct, frozen=True):
    """A recording; ``target_uri`` is ``channel:ID``; ``cause`` says why it failed."""

    name: str
    target_uri: str = ""
    cause: str = ""


class Endpoint(msgspec.Struct, frozen=True):
    """A peer as PJSIP sees it; ``state``: online (a phone is registered and answers), offline, unknown."""

    resource: str
    state: str = ""


class Contact(msgspec.Struct, frozen=True):
    """Where a phone registered from. ``contact_status``: NonQualified (not asked yet), Reachable, Unreachable, Removed and others."""

    uri: str
    contact_status: str
    aor: str


class _Field(msgspec.Struct, frozen=True):
    attribute: str
    value: str


class Event(msgspec.Struct, frozen=True):
    """Any event; members that its type does not have keep their defaults.

    ``cause`` and ``tech_cause`` of ChannelDestroyed and ChannelHangupRequest: Q.850 cause and SIP code as Asterisk sees
    them; the event knows whether the other side said so only together with its neighbours (``translate.py``).
    """

    type: str
    channel: Channel | None = None
    peer: Channel | None = None
    playback: Playback | None = None
    recording: Recording | None = None
    contact_info: Contact | None = None
    dialstatus: str = ""
    cause: int | None = None
    cause_txt: str = ""
    tech_cause: int | None = None
    args: tuple[str, ...] = ()
    digit: str = ""
    duration_ms: int = 0
    application: str = ""

    @property
    def channel_id(self) -> str:
        """The channel the event is about: Dial events carry it in ``peer``, playback and recording events in ``target_uri``."""
        if self.channel is not None:
            return self.channel.id
        if self.peer is not None:
            return self.peer.id
        if self.playback is not None:
            return self.playback.target_uri.removeprefix("channel:")
        if self.recording is not None:
            return self.recording.target_uri.removeprefix("channel:")
        return ""

    @property
    def sip_call_id(self) -> str | None:
        """The SIP Call-ID of the channel the event is about, where it is told."""
        about = self.channel or self.peer
        return about.protocol_id or None if about is not None else None


WANTED_EVENTS = (
    "StasisStart", "ChannelStateChange", "Dial", "ChannelHangupRequest", "ChannelDestroyed",
    "ChannelDtmfReceived", "ChannelHold", "ChannelUnhold", "PlaybackFinished", "RecordingFinished",
    "RecordingFailed", "ApplicationReplaced",
)  # fmt: skip
"""The event types the adapter asks for; the engine filters all others before they cost anything."""

WANTED_OF_PHONES = ("ContactStatusChange", "ApplicationReplaced")
"""The event types that the application of phones asks for."""

_event_decoder = msgspec.json.Decoder(Event)
_channel_decoder = msgspec.json.Decoder(Channel)
_channels_decoder = msgspec.json.Decoder(tuple[Channel, ...])
_endpoints_decoder = msgspec.json.Decoder(tuple[Endpoint, ...])
_endpoint_decoder = msgspec.json.Decoder(Endpoint)
_fields_decoder = msgspec.json.Decoder(tuple[_Field, ...])


def decode_event(text: str | bytes) -> Event:
    """One websocket message. Raises msgspec.ValidationError or msgspec.DecodeError."""
    return _event_decoder.decode(text)


def decode_channel(text: bytes) -> Channel:
    """The answer to POST /channels. Raises as ``decode_event``."""
    return _channel_decoder.decode(text)


def decode_channels(text: bytes) -> tuple[Channel, ...]:
    """The answer to GET /channels. Raises as ``decode_event``."""
    return _channels_decoder.decode(text)


def decode_endpoint(text: bytes) -> Endpoint:
    """The answer to GET /endpoints/PJSIP/NAME. Raises as ``decode_event``."""
    return _endpoint_decoder.decode(text)


def decode_endpoints(text: bytes) -> tuple[Endpoint, ...]:
    """The answer to GET /endpoints/PJSIP. Raises as ``decode_event``."""
    return _endpoints_decoder.decode(text)


def decode_fields(text: bytes) -> dict[str, str]:
    """The answer to GET of a configuration object. Raises as ``decode_event``."""
    return {field.attribute: field.value for field in _fields_decoder.decode(text)}
