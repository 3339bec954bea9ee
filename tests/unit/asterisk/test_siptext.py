"""What SIP messages prove, and that no credential leaves."""

from __future__ import annotations

from central.adapters.asterisk.siptext import facts, is_sent, reason_q850, redact

OURS = "From: <sip:918000000001@127.0.0.1>;tag=ours\r\n"
THEIRS = "From: <sip:919800000001@127.0.0.1>;tag=theirs\r\n"


def message(first: str, method: str = "INVITE", extra: str = "", sender: str = OURS) -> bytes:
    return f"{first}\r\nVia: SIP/2.0/UDP 127.0.0.1\r\n{sender}Call-ID: x\r\nCSeq: 7 {method}\r\n{extra}\r\n".encode()


INVITE = message("INVITE sip:919800000001@127.0.0.1 SIP/2.0")
CANCEL = message("CANCEL sip:919800000001@127.0.0.1 SIP/2.0", "CANCEL")
ACK = message("ACK sip:919800000001@127.0.0.1 SIP/2.0", "ACK")


def response(code: int, method: str = "INVITE", extra: str = "", sender: str = OURS) -> bytes:
    return message(f"SIP/2.0 {code} Text", method, extra, sender)


def test_direction_is_known_by_our_tag_in_both_directions_of_the_dialogue() -> None:
    assert is_sent(INVITE, b"ours")
    assert not is_sent(response(180), b"ours")
    assert not is_sent(message("BYE sip:us SIP/2.0", "BYE", sender=THEIRS), b"ours")
    assert is_sent(response(200, "BYE", sender=THEIRS), b"ours")


def test_a_refusal_with_its_reason() -> None:
    found = facts(
        [INVITE, response(100), response(180), response(480, extra='Reason: Q.850;cause=20;text="x"\r\n'), ACK]
    )
    assert (found.complete, found.received_any, found.ringing, found.final_code, found.q850) == (
        True,
        True,
        True,
        480,
        20,
    )


def test_a_challenge_that_was_answered_is_superseded() -> None:
    assert facts([INVITE, response(407), ACK, INVITE, response(486)]).final_code == 486


def test_silence_is_a_fact_only_when_our_invite_was_seen() -> None:
    assert facts([INVITE, INVITE]) == facts([INVITE])
    assert (facts([INVITE]).complete, facts([INVITE]).received_any) == (True, False)
    assert not facts([response(180)]).complete
    assert facts([]).complete is False


def test_an_answer_after_our_cancel_has_crossed_it() -> None:
    assert facts([INVITE, response(180), CANCEL, response(200, "CANCEL"), response(200)]).crossed_cancel
    assert not facts([INVITE, response(180), CANCEL, response(200, "CANCEL"), response(487)]).crossed_cancel
    assert facts([INVITE, response(180), CANCEL]).cancelled
    assert not facts([INVITE, response(200), ACK]).crossed_cancel


def test_who_hung_up_and_why() -> None:
    theirs = message("BYE sip:us SIP/2.0", "BYE", "Reason: SIP;cause=200, Q.850;cause=31\r\n", THEIRS)
    ours = message("BYE sip:them SIP/2.0", "BYE", "Reason: Q.850;cause=16\r\n")
    assert (facts([INVITE, response(200), ACK, theirs]).bye_from, facts([INVITE, response(200), theirs]).q850) == (
        "them",
        31,
    )
    assert (facts([INVITE, response(200), ACK, ours]).bye_from, facts([INVITE, response(200), ours]).q850) == (
        "us",
        None,
    )


def test_a_refused_re_invite_does_not_change_the_answer() -> None:
    found = facts([INVITE, response(200), ACK, INVITE, response(488)])
    assert (found.answered, found.final_code) == (True, 200)


def test_other_reasons_are_not_q850() -> None:
    assert reason_q850(response(480, extra="Reason: SIP;cause=600\r\n")) is None


def test_credentials_are_redacted_whatever_their_spelling() -> None:
    text = (
        'INVITE sip:x SIP/2.0\r\nauthorization : Digest username="u", response="secret",\r\n nonce="folded"\r\n'
        'Proxy-Authorization: Digest response="secret"\r\nProxy-Authenticate: Digest realm="r"\r\n\r\nbody'
    )
    clean = redact(text)
    assert "secret" not in clean
    assert "folded" not in clean
    assert clean.count("[redacted]") == 2
    assert 'Proxy-Authenticate: Digest realm="r"' in clean
    assert clean.endswith("\r\n\r\nbody")


def test_of_a_call_that_came_in_the_caller_s_messages_are_received() -> None:
    invite = message("INVITE sip:us SIP/2.0", "INVITE", sender=THEIRS)
    bye = message("BYE sip:us SIP/2.0", "BYE", sender=THEIRS)
    assert not is_sent(invite, b"theirs", inbound=True)
    assert is_sent(response(180, sender=THEIRS), b"theirs", inbound=True)
    assert facts([invite, response(200, sender=THEIRS), bye], inbound=True).bye_from == "them"
    ours = message("BYE sip:them SIP/2.0", "BYE")
    assert facts([invite, response(200, sender=THEIRS), ours], inbound=True).bye_from == "us"
