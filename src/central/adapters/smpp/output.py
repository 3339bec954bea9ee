"""Octets that wait to be written on one connection, and the short answers among them. Pure."""

from __future__ import annotations

from typing import Final

from central.adapters.smpp.pdu import (
    ALERT_NOTIFICATION,
    DATA_SM,
    DELIVER_SM,
    GENERIC_NACK,
    HEAD,
    HEAD_OCTETS,
    OUTBIND,
    RESPONSE,
    SUBMIT_SM,
)

_WITH_MESSAGE_ID: Final = frozenset({DELIVER_SM, DATA_SM, SUBMIT_SM})
_WITHOUT_ANSWER: Final = frozenset({OUTBIND, ALERT_NOTIFICATION})


class Output:
    """Frames in order; ``octets`` = how much waits."""

    def __init__(self) -> None:
        self._frames: list[bytes] = []
        self.octets = 0

    def request(self, command: int, sequence: int, body: bytes) -> None:
        """A request of ours."""
        size = HEAD_OCTETS + len(body)
        self._frames.append(HEAD.pack(size, command, 0, sequence) + body)
        self.octets += size

    def answer(self, command: int, status: int, sequence: int) -> None:
        """The response to a request of the SMSC; nothing where the standard knows none.

        deliver_sm_resp and data_sm_resp carry a message_id that is empty (section 4.6.2).
        """
        if command in _WITH_MESSAGE_ID:
            self._frames.append(HEAD.pack(HEAD_OCTETS + 1, command | RESPONSE, status, sequence) + b"\0")
        elif command not in _WITHOUT_ANSWER:
            self._frames.append(HEAD.pack(HEAD_OCTETS, command | RESPONSE, status, sequence))
        self.octets += HEAD_OCTETS

    def nack(self, status: int, sequence: int) -> None:
        """generic_nack (section 4.3)."""
        self._frames.append(HEAD.pack(HEAD_OCTETS, GENERIC_NACK, status, sequence))
        self.octets += HEAD_OCTETS

    def take(self) -> bytes:
        """Everything that waits, as one piece."""
        octets = b"".join(self._frames)
        self.clear()
        return octets

    def clear(self) -> None:
        """Nothing waits any more."""
        self._frames.clear()
        self.octets = 0
