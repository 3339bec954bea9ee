from __future__ import annotations

import pytest

from central.application.reporting.draw_ladder import PLAIN, sip_ladder
from central.application.reporting.read_sip import HIDDEN_BODY, carrier_reason, read_sip
from central.application.reporting.record_values import Reason
from tests.unit.reporting.stories import THEM, US, answer_text, at, request_text, sip


def test_a_message_tells_direction_method_or_code_time_headers_and_body() -> None:
    first, second = read_sip(
        [
            sip(0, request_text("INVITE", "Content-Type: application/sdp", body="v=0\na=sendonly\n"), sent=True),
            sip(0.25, answer_text("183 Session Progress")),
        ]
    )
    assert (first.label, first.method, first.code, first.sent, first.media) == (
        "INVITE",
        "INVITE",
        None,
        True,
        "SDP sendonly",
    )
    assert (first.source, first.target) == (US, THEM)
    assert ("Content-Type", "application/sdp") in first.headers
    assert first.body == "v=0\na=sendonly\n"
    assert (second.label, second.method, second.code, second.delta_ms, second.since_ms) == (
        "183 Session Progress",
        "INVITE",
        183,
        250.0,
        250.0,
    )


def test_folded_and_compact_headers_are_read() -> None:
    (line,) = read_sip(
        [sip(0, "SIP/2.0 486 Busy\nCSeq: 7\n INVITE\nReason: Q.850\n ;cause=17\nc: application/sdp\n\nv=0")]
    )
    assert line.cseq == "7 INVITE"
    assert line.reasons == (Reason("Q.850", 17, "User busy"),)
    assert line.media == "SDP"


def test_a_response_without_a_phrase_gets_that_of_the_standard() -> None:
    (line,) = read_sip([sip(0, "SIP/2.0 503\nCSeq: 1 INVITE\n\n")])
    assert line.label == "503 Service Unavailable"


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ('Reason: Q.850;cause=17;text="User busy"', Reason("Q.850", 17, "User busy", "User busy")),
        ("Reason: q.850 ; cause = 21 ; text=no", Reason("Q.850", 21, "Call rejected", "no")),
        ("Reason: SIP;cause=200", Reason("SIP", 200, "OK")),
        ("Reason: Q.850;cause=126", Reason("Q.850", 126)),
        ("Reason: nonsense", Reason("nonsense", 0)),
    ],
)
def test_a_reason_header_is_read(header: str, reason: Reason) -> None:
    (line,) = read_sip([sip(0, answer_text("480 Gone", header))])
    assert line.reasons == (reason,)


@pytest.mark.parametrize("text", ["", "\n\n", "not sip at all", "SIP/2.0 banana\n\n", "INVITE\nno colon here\n\n\x00"])
def test_what_cannot_be_read_is_shown_as_it_stands(text: str) -> None:
    (line,) = read_sip([sip(0, text)])
    assert line.start_line == text.split("\n", maxsplit=1)[0]
    assert sip_ladder([line])


def test_the_same_message_again_is_marked_and_a_new_transaction_is_not() -> None:
    invite = request_text("INVITE")
    lines = read_sip(
        [
            sip(0, invite, sent=True),
            sip(0.5, invite, sent=True),
            sip(1, invite.replace("z9hG4bK-", "z9hG4bK-new"), sent=True),
        ]
    )
    assert [line.repeated for line in lines] == [False, True, False]


def test_keys_in_info_are_hidden_where_the_flow_collects_a_secret() -> None:
    info = request_text("INFO", "Content-Type: application/dtmf-relay", body="Signal=4\nDuration=160\n")
    assert read_sip([sip(0, info)])[0].body == "Signal=4\nDuration=160\n"
    assert read_sip([sip(0, info)], hide_keys=True)[0].body == HIDDEN_BODY


def test_the_carriers_reason_is_that_of_its_last_refusal_or_bye_not_ours() -> None:
    ours = sip(3, request_text("BYE", "Reason: Q.850;cause=16"), sent=True)
    refusal = sip(1, answer_text("480 Gone", "Reason: SIP;cause=480", "Reason: Q.850;cause=20"))
    assert carrier_reason(read_sip([ours])) is None
    assert carrier_reason(read_sip([refusal, ours])) == Reason("Q.850", 20, "Subscriber absent")
    bye = sip(2, request_text("BYE", "Reason: Q.850;cause=31"))
    assert carrier_reason(read_sip([refusal, bye])) == Reason("Q.850", 31, "Normal, unspecified")
    provisional = sip(1, answer_text("183 Session Progress", "Reason: Q.850;cause=34"))
    assert carrier_reason(read_sip([provisional])) is None


def test_the_ladder_draws_an_arrow_a_message_with_the_time_between() -> None:
    lines = read_sip(
        [
            sip(0, request_text("INVITE"), sent=True),
            sip(0.404, answer_text("486 Busy Here", "Reason: Q.850;cause=17")),
            sip(0.405, request_text("ACK"), sent=True),
        ]
    )
    drawn = sip_ladder(lines, width=80, signs=PLAIN).splitlines()
    assert len(drawn) == 4
    assert drawn[0].split() == ["Central", US, THEM]
    assert drawn[1].startswith("12:00:00.000")
    assert " INVITE " in drawn[1]
    assert drawn[1].endswith(">|")
    assert "+404.0 ms |<" in drawn[2]
    assert "486 Busy Here · Q.850 17" in drawn[2]
    assert {len(line) for line in drawn} == {80}


def test_a_ladder_keeps_its_width_and_cuts_what_is_too_long() -> None:
    phrase = "480 " + "endless " * 40
    drawn = sip_ladder(read_sip([sip(0, answer_text(phrase))]), width=70).splitlines()
    assert max(map(len, drawn)) == 70
    assert "…" in drawn[1]


def test_missing_copies_are_a_gap_in_the_ladder() -> None:
    lines = read_sip([sip(0, request_text("INVITE"), sent=True)])
    assert "lost" not in sip_ladder(lines)
    assert "1 copy was lost" in sip_ladder(lines, 1)
    assert "3 copies were lost" in sip_ladder(lines, 3)


def test_a_third_host_gets_a_lane_of_its_own() -> None:
    other = sip(0.2, request_text("BYE"))
    moved = type(other)(other.at, other.sent, "10.0.0.9:5060", other.target, other.text)
    drawn = sip_ladder(read_sip([sip(0, request_text("INVITE"), sent=True), moved]), width=120)
    head, invite, bye = drawn.splitlines()
    assert [head.index(host) for host in (US, THEM, "10.0.0.9")] == sorted(
        head.index(h) for h in (US, THEM, "10.0.0.9")
    )
    assert invite.count("│") == 3
    assert bye.endswith("│")
    assert len(bye) <= 120


def test_no_messages_make_no_ladder() -> None:
    assert sip_ladder(()) == ""


def test_midnight_is_said() -> None:
    lines = read_sip([sip(43_199, request_text("INVITE"), sent=True), sip(43_201, answer_text("200 OK"))])
    assert f"{at(43_201):%Y-%m-%d}" in sip_ladder(lines).splitlines()
