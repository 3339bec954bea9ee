"""Evidence about a leg -> connection status: the case list of the voice reference, and totality over all input."""

from __future__ import annotations

import pytest

from central.domain.dispositions import (
    DEFAULT_RETRY_ON,
    LOCAL_WORDS,
    classify,
    code,
    consumes_attempt,
    dispose,
    is_retryable_default,
    permanently_bad,
)
from central.domain.evidence import Evidence, Phase
from central.domain.statuses import CALL, CallStatus

# (local condition, furthest phase, SIP code of the far side, its Q.850 cause, the word)
CASES: list[tuple[str | None, str, int | None, int | None, str]] = [
    (None, "answered", None, 16, "Connected"),
    (None, "answered", None, None, "Connected"),
    (None, "answered", None, 0, "Connected"),
    (None, "answered", None, 41, "Connected"),
    ("hangup_by_us", "answered", None, None, "Connected"),
    ("hangup_by_them", "answered", None, 16, "Connected"),
    ("cancelled_by_us", "none", None, None, "Cancelled"),
    ("cancelled_by_us", "dialing", 487, None, "Cancelled"),
    ("cancelled_by_us", "ringing", 487, None, "Cancelled"),
    ("cancelled_by_us", "ringing", 486, None, "Cancelled"),
    ("cancelled_by_first_party", "ringing", None, None, "Cancelled"),
    ("cancelled_by_first_party", "dialing", None, 16, "Cancelled"),
    ("ring_timeout_after_ringing", "ringing", None, None, "Ring Timeout"),
    ("ring_timeout_after_ringing", "ringing", 487, None, "Ring Timeout"),
    ("ring_timeout_without_ringing", "dialing", None, None, "No User Responding"),
    ("no_response", "dialing", None, None, "No User Responding"),
    ("no_response", "dialing", 408, None, "No User Responding"),
    ("account_channel_cap", "none", None, None, "Channel Busy"),
    ("trunk_channel_cap", "none", None, None, "Channel Busy"),
    ("cps_cap", "none", None, None, "Channel Busy"),
    ("number_pattern", "none", None, None, "Invalid Number"),
    ("no_trunk", "none", None, None, "Channel Unavailable"),
    ("unresolvable", "dialing", 503, 34, "Channel Unavailable"),
    ("trunk_auth", "dialing", 401, None, "Channel Unavailable"),
    ("media_fault", "dialing", None, None, "Channel Unavailable"),
    ("engine_lost", "dialing", None, None, "Channel Unavailable"),
    ("engine_lost", "ringing", None, None, "Channel Unavailable"),
    (None, "dialing", 301, None, "Failed"),
    (None, "dialing", 302, 17, "Failed"),
    (None, "dialing", 400, None, "Failed"),
    (None, "dialing", 401, None, "Channel Unavailable"),
    (None, "dialing", 407, None, "Channel Unavailable"),
    (None, "dialing", 403, None, "User Rejected"),
    (None, "ringing", 403, 21, "User Rejected"),
    (None, "dialing", 404, None, "Unallocated Number"),
    (None, "ringing", 404, 1, "Unallocated Number"),
    (None, "dialing", 408, None, "No User Responding"),
    (None, "ringing", 408, None, "No User Responding"),
    (None, "dialing", 410, None, "Unallocated Number"),
    (None, "dialing", 415, None, "Channel Unavailable"),
    (None, "dialing", 416, None, "Failed"),
    (None, "dialing", 420, None, "Failed"),
    (None, "dialing", 480, None, "Temporary Failure"),
    (None, "ringing", 480, None, "Ring Timeout"),
    (None, "dialing", 480, 18, "Temporary Failure"),
    (None, "ringing", 480, 20, "Ring Timeout"),
    (None, "dialing", 484, None, "Invalid Number"),
    (None, "dialing", 485, None, "Failed"),
    (None, "dialing", 486, None, "Busy"),
    (None, "ringing", 486, 17, "Busy"),
    (None, "ringing", 486, 127, "Busy"),
    (None, "dialing", 487, None, "Failed"),
    (None, "ringing", 487, None, "Failed"),
    (None, "dialing", 488, None, "Channel Unavailable"),
    (None, "dialing", 606, None, "Channel Unavailable"),
    (None, "dialing", 500, None, "Failed"),
    (None, "dialing", 500, 41, "Failed"),
    (None, "dialing", 501, None, "Failed"),
    (None, "dialing", 502, 27, "Failed"),
    (None, "dialing", 503, None, "Congestion"),
    (None, "ringing", 503, 34, "Congestion"),
    (None, "dialing", 504, None, "Temporary Failure"),
    (None, "dialing", 580, None, "Temporary Failure"),
    (None, "dialing", 600, None, "Busy"),
    (None, "dialing", 603, None, "User Rejected"),
    (None, "ringing", 603, 21, "User Rejected"),
    (None, "dialing", 604, None, "Unallocated Number"),
    (None, "ringing", 607, None, "User Rejected"),
    (None, "dialing", 608, None, "User Rejected"),
    (None, "dialing", 399, None, "Failed"),
    (None, "dialing", 499, None, "Failed"),
    (None, "dialing", 599, None, "Failed"),
    (None, "dialing", 699, None, "Failed"),
    (None, "ringing", 180, None, "Failed"),
    (None, "dialing", None, 1, "Unallocated Number"),
    (None, "dialing", None, 22, "Unallocated Number"),
    (None, "dialing", None, 17, "Busy"),
    (None, "ringing", None, 18, "Ring Timeout"),
    (None, "ringing", None, 19, "Ring Timeout"),
    (None, "dialing", None, 20, "Failed"),
    (None, "dialing", None, 21, "User Rejected"),
    (None, "dialing", None, 28, "Invalid Number"),
    (None, "dialing", None, 34, "Congestion"),
    (None, "dialing", None, 42, "Congestion"),
    (None, "dialing", None, 41, "Temporary Failure"),
    (None, "dialing", None, 102, "Temporary Failure"),
    (None, "dialing", None, 44, "Channel Unavailable"),
    (None, "dialing", None, 58, "Channel Unavailable"),
    (None, "dialing", None, 127, "Failed"),
    (None, "dialing", None, 3, "Failed"),
    (None, "ringing", None, 16, "Failed"),
    (None, "dialing", None, 0, "Failed"),
    (None, "none", None, None, "Failed"),
    ("hangup_by_us", "ringing", None, None, "Failed"),
    ("word_not_known", "dialing", 486, None, "Busy"),
]


def test_the_case_list_is_complete() -> None:
    assert len(CASES) == 95
    assert {case[4] for case in CASES} == set(CallStatus)


@pytest.mark.parametrize(("local", "phase", "sip", "q850", "word"), CASES)
def test_case(local: str | None, phase: str, sip: int | None, q850: int | None, word: str) -> None:
    assert classify(Evidence(local=local, phase=Phase(phase), sip=sip, q850=q850)) == word


def test_total_over_all_evidence_and_connected_exactly_when_answered() -> None:
    reached: set[CallStatus] = set()
    causes = (None, *range(128))
    for local in (None, "word_not_known", *sorted(LOCAL_WORDS)):
        for phase in Phase:
            for sip in (None, *range(100, 700)):
                # Q.850 is looked at only where neither a local word nor a failure code decided: a few causes do there
                for q850 in causes if sip is None or sip == 180 else (None, 16, 17):
                    word = classify(Evidence(local=local, phase=phase, sip=sip, q850=q850))
                    assert (word is CallStatus.CONNECTED) == (phase is Phase.ANSWERED)
                    reached.add(word)
    assert reached == set(CallStatus)


@pytest.mark.parametrize("end", ["dropped", "lost"])
def test_how_a_conversation_ended_does_not_change_whether_it_took_place(end: str) -> None:
    for local in (None, "engine_lost", "cancelled_by_us", "hangup_by_us"):
        assert classify(Evidence(local=local, phase=Phase.ANSWERED, end=end)) is CallStatus.CONNECTED  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def test_codes_are_the_canonical_ones_and_stand_beside_the_word() -> None:
    assert {status: code(status) for status in CallStatus} == {status: row.canonical for status, row in CALL.items()}
    given = dispose(Evidence(phase=Phase.RINGING, sip=486, q850=17))
    assert given == (CallStatus.BUSY, 17, 17, 486, None)


def test_what_is_retried_charged_and_struck_off() -> None:
    assert {s for s in CallStatus if permanently_bad(s)} == {CallStatus.INVALID_NUMBER, CallStatus.UNALLOCATED_NUMBER}
    platform = {CallStatus.CHANNEL_BUSY, CallStatus.CHANNEL_UNAVAILABLE}
    assert {s for s in CallStatus if not consumes_attempt(s)} == platform
    never = {CallStatus.CONNECTED, CallStatus.INVALID_NUMBER, CallStatus.UNALLOCATED_NUMBER}
    assert {s for s in CallStatus if not is_retryable_default(s)} == never
    assert set(CallStatus) - never == DEFAULT_RETRY_ON
