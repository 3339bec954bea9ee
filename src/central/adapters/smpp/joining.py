"""Inbound texts of several parts, put together. Pure; time is an argument; bounded in time, number and size.

The parts of a text that is not whole stay unanswered, so that a crash loses none of them: the SMSC sends them again. What does
not become whole in time is given out as it is, with a mark where parts are missing.
"""

from __future__ import annotations

from typing import Final, Generic, TypeVar

import msgspec

from central.adapters.smpp.config import Alphabet
from central.adapters.smpp.text import decode
from central.adapters.smpp.translate import Piece

GAP: Final = "[...]"
_TEXTS: Final = 500
_OCTETS: Final = 1024 * 1024
_NEVER: Final = float("inf")

H = TypeVar("H")
_Key = tuple[str, str, int, int]


class Whole(msgspec.Struct, Generic[H], frozen=True):
    """A text to tell. handles: what its parts were given with, to answer them."""

    sender: str
    to: str
    text: str
    handles: list[H]


class _Pending(msgspec.Struct, Generic[H]):
    begun_at: float
    data_coding: int
    parts: dict[int, bytes]
    handles: list[H]


class Joining(Generic[H]):
    """Keeps parts by sender, recipient, reference and count."""

    def __init__(self, patience_s: float, alphabet: Alphabet) -> None:
        self._patience_s = patience_s
        self._alphabet: Alphabet = alphabet
        self._pending: dict[_Key, _Pending[H]] = {}
        self._octets = 0

    def take(self, piece: Piece, handle: H, now: float) -> list[Whole[H]]:
        """A part came: the texts that can be told now."""
        origin = piece.origin
        if origin is None:
            return [Whole(piece.sender, piece.to, self._text(piece.octets, piece.data_coding), [handle])]
        key = (piece.sender, piece.to, origin.reference, origin.total)
        pending = self._pending.get(key)
        if pending is None:
            pending = self._pending[key] = _Pending(now, piece.data_coding, {}, [])
        self._octets += len(piece.octets) - len(pending.parts.get(origin.number, b""))
        pending.parts[origin.number] = piece.octets
        pending.handles.append(handle)
        found: list[Whole[H]] = []
        if len(pending.parts) == origin.total:
            found.append(self._give(key))
        while len(self._pending) > _TEXTS or self._octets > _OCTETS:
            found.append(self._give(next(iter(self._pending))))
        return found

    def due(self) -> float:
        """When the oldest text is given out as it is."""
        for pending in self._pending.values():
            return pending.begun_at + self._patience_s
        return _NEVER

    def tick(self, now: float) -> list[Whole[H]]:
        """The texts that have waited long enough."""
        late = [key for key, pending in self._pending.items() if now >= pending.begun_at + self._patience_s]
        return [self._give(key) for key in late]

    def _give(self, key: _Key) -> Whole[H]:
        pending = self._pending.pop(key)
        sender, to, _, total = key
        self._octets -= sum(len(octets) for octets in pending.parts.values())
        runs: list[bytes] = [b""]
        shown: list[str] = []
        for number in range(1, total + 1):
            octets = pending.parts.get(number)
            if octets is not None:
                runs[-1] += octets
            elif not shown or runs[-1]:
                shown.append(self._text(runs[-1], pending.data_coding))
                runs.append(b"")
        shown.append(self._text(runs[-1], pending.data_coding))
        return Whole(sender, to, GAP.join(shown), pending.handles)

    def _text(self, octets: bytes, data_coding: int) -> str:
        """NUL becomes U+FFFD: the store takes none, and a text that cannot be stored would come again for ever."""
        return decode(octets, data_coding, self._alphabet).replace("\0", "\ufffd")
