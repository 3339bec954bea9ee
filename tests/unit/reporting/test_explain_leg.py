from __future__ import annotations

from typing import Any

import pytest

from central.application.ports.reporting import LegTrace
from central.application.reporting.explain_leg import carrier_sentence, view_leg, why
from central.application.reporting.record_values import Reason
from central.domain.dispositions import LOCAL_WORDS, dispose
from central.domain.evidence import Evidence, Phase
from central.domain.statuses import CALL, CallStatus
from tests.unit.reporting.stories import Story, answer_text, at, request_text, sip


def ended(**columns: Any) -> str:
    return why(Story().leg(0, **columns))


@pytest.mark.parametrize("word", sorted(LOCAL_WORDS - {"hangup_by_us", "hangup_by_them"}))
def test_every_condition_of_ours_is_explained_in_words(word: str) -> None:
    status = dispose(Evidence(local=word)).status
    sentence = ended(local=word, status=status, sip_code=None, phase="none")
    told = sentence.removeprefix(f"Our own condition decides, {word}: ").removesuffix(f". That is {status}.")
    assert len(told) > len(word) + 5, "the words of the catalogue are told in a sentence"
    assert "_" not in told


@pytest.mark.parametrize(("code", "status"), [(code, status) for status, row in CALL.items() for code in row.sip])
def test_a_refusal_names_its_code_and_word(code: int, status: CallStatus) -> None:
    sentence = ended(sip_code=code, status=status)
    assert f"The far side answered {code} " in sentence
    assert sentence.endswith(f"which is {status}.")
    assert "ringing" not in sentence, "it makes no difference for this code"


def test_ringing_is_named_where_it_makes_the_difference() -> None:
    assert "480 Temporarily Unavailable after ringing" in ended(sip_code=480, phase="ringing", status="Ring Timeout")
    assert "before any ringing" in ended(sip_code=480, phase="dialing", status="Temporary Failure")


def test_an_answered_call_is_connected_whoever_ended_it() -> None:
    answered = {"status": "Connected", "phase": "answered", "connect_at": at(1), "sip_code": None}
    assert "the customer hung up (Q.850 cause 16 (Normal call clearing))" in ended(**answered, q850=16)
    assert "we hung up" in ended(**answered, hangup_by="SYSTEM", local="hangup_by_us")
    assert "not known" in ended(**answered, engine={"end": "lost"})
    assert "dropped" in ended(**answered, engine={"end": "dropped"}, local="hangup_by_us")


def test_without_evidence_the_word_is_failed() -> None:
    assert ended(sip_code=None, status="Failed").startswith("No evidence")
    assert "Q.850 cause 41" in ended(sip_code=None, q850=41, status="Temporary Failure")
    assert "not ended" in ended(status=None, end_at=None)


def test_the_carriers_word_stands_beside_ours() -> None:
    leg = Story().leg(0)
    assert "agrees: Busy" in carrier_sentence(leg, Reason("Q.850", 17, "User busy"))
    other = carrier_sentence(leg, Reason("Q.850", 21, "Call rejected", "go away"))
    assert "by itself User Rejected; the SIP code goes before it, hence Busy" in other
    assert '"go away"' in other
    assert "no word of its own" in carrier_sentence(leg, Reason("Q.850", 126))
    assert carrier_sentence(leg, None) == ""
    rung = Story().leg(0, local="ring_timeout_after_ringing", status="Ring Timeout")
    assert "our own condition goes before it" in carrier_sentence(rung, Reason("Q.850", 17))


def test_a_leg_shows_its_times_and_messages() -> None:
    leg = Story().leg(0, ring_at=at(0.2), connect_at=at(0.7), end_at=at(3), status="Connected", phase="answered")
    trace = LegTrace(leg.id, "c1", [sip(0, request_text("INVITE"), sent=True), sip(0.7, answer_text("200 OK"))], 0)
    view = view_leg(leg, trace)
    assert view.ring_ms == 500
    assert view.sip is not None
    assert [line.label for line in view.sip.messages] == ["INVITE", "200 OK"]
    assert "INVITE" in view.sip.ladder
    assert view.sip.note == ""


def test_the_reason_for_missing_messages_is_told() -> None:
    def note(trace: LegTrace | None = None, **columns: Any) -> str:
        talk = view_leg(Story().leg(0, **columns), trace).sip
        assert talk is not None
        return talk.note

    assert "Nothing was sent" in note(
        sip_call_id=None, phase=Phase.NONE, local="no_trunk", status="Channel Unavailable"
    )
    assert "No copy" in note()
    assert "after the call has ended" in note(status=None)
    leg = Story().leg(0)
    assert "2 packets" in note(LegTrace(leg.id, "c1", [sip(0, request_text("INVITE"), sent=True)], 2))


def test_pressed_keys_are_hidden_on_demand() -> None:
    leg = Story().leg(0, digits=[{"digit": "4", "at": at(1).isoformat(), "ms": 160}])
    assert [d.digit for d in view_leg(leg, None).digits] == ["4"]
    assert [d.digit for d in view_leg(leg, None, hide_keys=True).digits] == ["x"]
