"""Agents' SIP phones of a case file: real softphones that register at the voice node of the installation."""

from __future__ import annotations

import time
from typing import Final

from examples.carrier.phones import BEHAVIOURS, SipPhone

TONE_HZ: Final = 700
_KNOWN_S: Final = 30.0  # the node asks for new phones every second, and a busy machine takes its time


class RegisteredPhone:
    """One phone by the name of what it does (``examples/carrier/phones.py``); it says a tone of ``TONE_HZ``."""

    def __init__(self, user: str, password: str, server: tuple[str, int], behaviour: str) -> None:
        self._made = (user, password, server, BEHAVIOURS[behaviour])
        self._phone: SipPhone | None = None
        self.heard: bytes = b""

    def start(self) -> RegisteredPhone:
        """Register: it is refused until the node knows it. Raises AssertionError when it never does."""
        end = time.monotonic() + _KNOWN_S
        while True:
            phone = SipPhone(*self._made, tone_hz=TONE_HZ)
            try:
                if phone.start().wait_registered():
                    self._phone = phone
                    return self
            finally:
                if self._phone is not phone:
                    phone.stop()
            assert time.monotonic() < end, "the phone was never taken"

    def stop(self) -> None:
        """Keep what it heard last, and end it; safe to repeat."""
        phone, self._phone = self._phone, None
        if phone is None:
            return
        try:
            if phone.count("CALL_ESTABLISHED"):
                phone.wait("CALL_CLOSED")
                self.heard = phone.heard()
        finally:
            phone.stop()
