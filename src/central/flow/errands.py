"""What a step of a flow may ask others to do while it waits: a web request, a message, a recording, a conversation.

An errand is a value: the step that sends it waits for one ErrandDone with the word that says how it went, and takes its
branch by that word. Who runs which errand stands in one table of the voice node (path step 4); an errand that nobody runs
on this installation comes back as ``not_configured``.
"""

from __future__ import annotations

import msgspec

NOT_CONFIGURED = "not_configured"
"""The outcome of an errand that this installation has no runner for."""

TIMED_OUT = "timed_out"
"""The outcome of an errand that brought nothing back within its step's time limit."""


class StartFlow(msgspec.Struct, frozen=True, tag="start_flow"):
    """Call ``number`` by another outbound flow, ``after_s`` seconds from now. Outcomes: started, failed."""

    flow: str
    number: str
    after_s: float = 0.0
    variables: dict[str, str] = {}
    client_identifier: str = ""


class RecordVoice(msgspec.Struct, frozen=True, tag="record_voice"):
    """Record the customer, at most ``max_s`` seconds, until ``silence_s`` of silence or EndErrand. ``beep``: sound one first.

    Outcomes: recorded, empty (less than a second of sound), failed. Values: ``name`` and ``seconds`` of the recording.
    """

    max_s: float
    silence_s: float
    beep: bool = True


Errand = StartFlow | RecordVoice
