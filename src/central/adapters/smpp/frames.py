"""Octets as they come from the wire, cut into frames by command_length. Pure.

Source: SMPP v3.4, section 3.2. A length that no PDU can have means that the two sides have lost step: the link must close.
"""

from __future__ import annotations

from typing import Final

from central.adapters.smpp.pdu import HEAD, HEAD_OCTETS, RINVCMDLEN, ProtocolError

LONGEST: Final = 64 * 1024 + 256
"""The longest TLV (message_payload) and everything around it."""

Frame = tuple[int, int, int, bytes]
"""command, status, sequence, body"""


class Frames:
    """Keeps what is not yet a whole frame; never looks twice at octets of a frame that is not complete."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._wanted = HEAD_OCTETS

    def feed(self, data: bytes) -> tuple[list[Frame], ProtocolError | None]:
        """The frames that are complete now, in order, and why no more can follow, if that is so."""
        if self._held:
            self._held += data
            if len(self._held) < self._wanted:
                return [], None
            data = bytes(self._held)
            self._held.clear()
        frames: list[Frame] = []
        at, size = 0, len(data)
        unpack = HEAD.unpack_from
        self._wanted = HEAD_OCTETS
        while size - at >= HEAD_OCTETS:
            length, command, status, sequence = unpack(data, at)
            if not HEAD_OCTETS <= length <= LONGEST:
                return frames, ProtocolError(RINVCMDLEN, f"command_length {length}")
            end = at + length
            if end > size:
                self._wanted = length
                break
            frames.append((command, status, sequence, data[at + HEAD_OCTETS : end]))
            at = end
        if at < size:
            self._held += data[at:]
        return frames, None
