"""Errand of a menu with spoken answers: what the customer says, as words (path step 4)."""

from __future__ import annotations

from typing import assert_never

from central.application.conversation.live_call import LiveCall
from central.application.conversation.run_errands import Returned
from central.application.ports.speech_input import Listening, NothingSaid, NotRecognised, SpeechInput, Utterance
from central.application.ports.telemetry import Telemetry
from central.flow.errands import RecogniseSpeech


class RecogniseAnswers:
    """The runner of the errand RecogniseSpeech."""

    def __init__(self, speech: SpeechInput, telemetry: Telemetry) -> None:
        self._speech, self._telemetry = speech, telemetry

    async def __call__(self, call: LiveCall, errand: RecogniseSpeech) -> Returned:
        """Listen. Raises NeighbourError when the recogniser is away."""
        leg = call.leg
        if leg is None or leg.over:
            return Returned("failed", detail="The customer's leg is gone.")
        listening = Listening(errand.phrases, errand.language, errand.longest_s)
        heard = await self._speech.recognise(leg.id, listening, call.enough_in_hand())
        match heard:
            case Utterance() if heard.words.strip():
                returned = Returned("heard", {"words": heard.words, "confidence": f"{heard.confidence:.3f}"})
            case Utterance() | NothingSaid():
                returned = Returned("nothing")
            case NotRecognised():
                returned = Returned("failed", detail=heard.detail)
            case _:
                assert_never(heard)
        self._telemetry.count("flow_speech_input", outcome=returned.outcome)
        return returned
