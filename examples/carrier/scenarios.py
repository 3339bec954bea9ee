"""What a callee can do: one SIPp scenario for each behaviour, by name."""

from __future__ import annotations

from typing import NamedTuple

from examples.carrier.blocks import (
    ACK,
    BYE,
    CANCELLED,
    CODES,
    OK,
    PROGRESS,
    RINGING,
    TRYING,
    bye,
    bye_in_passing,
    expect,
    find,
    invite,
    pause,
    play,
    press_by_info,
    refuse,
    reinvite,
    replay,
    reply,
    reply_to_invite,
    request,
    sdp,
)
from examples.carrier.digits import file_name
from examples.carrier.speech import TONE_HZ

CODE_REASON = (
    (403, 21), (404, 1), (480, 18), (480, 19), (480, 20), (486, 17), (500, 41), (502, 27), (503, 34), (603, 21),
)  # fmt: skip
"""Refusals with a Reason header, as gateways to the telephone network give them."""


class Scenario(NamedTuple):
    """What it does, in words, and its SIPp steps."""

    what: str
    steps: str


_INVITE = invite()
_RUNG = _INVITE + TRYING + RINGING
_ANSWER = _RUNG + OK + ACK


PRESSED = ("1", "2", "123", "4711#")
"""What the scenarios press, each a capture."""


def _digits(keys: str) -> str:
    """Press keys by RFC 4733 1.5 s after the answer, about one a second."""
    return pause(1500) + replay(f"@DIR@/{file_name(keys)}") + pause(900 * len(keys))


def _answers() -> dict[str, Scenario]:
    return {
        "answer": Scenario("180, 200, waits for BYE", _ANSWER + BYE),
        "answer_delay": Scenario("180, 200 after 1.5 s", _RUNG + pause(1500) + OK + ACK + BYE),
        "answer_early": Scenario(
            "183 with SDP, 200 after 1.5 s", _INVITE + TRYING + PROGRESS + pause(1500) + OK + ACK + BYE
        ),
        "answer_dtmf": Scenario("answers, presses 1 2 3 (RFC 4733)", _ANSWER + _digits("123") + BYE),
        "press_1": Scenario("answers, presses 1", _ANSWER + _digits("1") + BYE),
        "press_2": Scenario("answers, presses 2", _ANSWER + _digits("2") + BYE),
        "press_4711": Scenario("answers, presses 4 7 1 1 #", _ANSWER + _digits("4711#") + BYE),
        "answer_info": Scenario(
            "answers, presses 1 2 by SIP INFO",
            _ANSWER + pause(500) + press_by_info("1", 1) + pause(300) + press_by_info("2", 2) + BYE,
        ),
        "answer_human": Scenario(
            "answers with one short utterance, then silence", _ANSWER + play("@DIR@/human.ul") + BYE
        ),
        "answer_machine": Scenario("answers with a long greeting", _ANSWER + play("@DIR@/machine.ul") + BYE),
        "speaks": Scenario(
            f"after 1 s says a tone of {TONE_HZ} Hz for 3 s, then sends silence", _ANSWER + play("@DIR@/tone.ul") + BYE
        ),
        "speaks_on": Scenario(f"says a tone of {TONE_HZ} Hz for 12 s", _ANSWER + play("@DIR@/long.ul") + BYE),
        "speaks_and_presses": Scenario(
            f"says a tone of {TONE_HZ} Hz, presses # after 4 s (SIP INFO)",
            _ANSWER + play("@DIR@/long.ul") + pause(4000) + press_by_info("#", 1) + BYE,
        ),
        "speaks_and_leaves": Scenario(
            f"says a tone of {TONE_HZ} Hz, leaves after 4 s", _ANSWER + play("@DIR@/long.ul") + pause(4000) + bye(16)
        ),
        "rtp_stops": Scenario("answers, sends media for 1.5 s, then none", _ANSWER + play("@DIR@/moment.ul") + BYE),
        "far_bye": Scenario("BYE after 1.5 s, no Reason", _ANSWER + pause(1500) + bye()),
        "far_bye_q16": Scenario("BYE after 1.5 s, Reason Q.850 16", _ANSWER + pause(1500) + bye(16)),
        "far_bye_q41": Scenario("BYE after 1.5 s, Reason Q.850 41", _ANSWER + pause(1500) + bye(41)),
        "short_hangup": Scenario("BYE 300 ms after the answer", _ANSWER + pause(300) + bye(16)),
        "mid_flow_hangup": Scenario("BYE 4 s after the answer", _ANSWER + pause(4000) + bye(16)),
    }


def _corners() -> dict[str, Scenario]:
    """The dialogues in which a phone, a network or chance does something out of the ordinary."""
    digest = find(r'username="central"', "Proxy-Authorization", "login").replace("/>", ' check_it="true"/>')
    challenge = 'Proxy-Authenticate: Digest realm="carrier", nonce="abc", algorithm=MD5\n'
    return {
        "auth_407": Scenario(
            "challenges with 407, answers once the digest names the user central",
            _INVITE + reply(407, CODES[407], extra=challenge) + ACK
            + invite(digest, ("login",)).replace('rrs="true"', "") + RINGING + OK + ACK + BYE,
        ),
        "lost_ack": Scenario(
            "treats the first ACK as lost and repeats its 200",
            _RUNG + reply(200, "OK", body=sdp(), retransmit=False) + ACK + pause(500)
            # a repeated ACK right after the first would be taken for a network repetition: something must come between
            + request("OPTIONS", 1) + expect(200) + reply_to_invite(200, "OK", sdp()) + ACK + BYE,
        ),
        "hold": Scenario(
            "holds by re-INVITE after 0.5 s, takes it back after 0.8 s",
            _ANSWER + pause(500) + reinvite("sendonly", 1, 2) + pause(800) + reinvite("sendrecv", 2, 3) + BYE,
        ),
        "bye_both": Scenario(
            "sends its own BYE when ours arrives, before it answers ours",
            _ANSWER + bye_in_passing(),
        ),
        "no_answer": Scenario("180, then nothing; obeys CANCEL", _RUNG + CANCELLED),
        "trying_only": Scenario("100, then nothing; obeys CANCEL", _INVITE + TRYING + CANCELLED),
        "cancel_crossed": Scenario(
            "180; answers 200 to the INVITE when CANCEL comes (crossing)",
            _RUNG + '<recv request="CANCEL"></recv>\n' + reply_to_invite(200, "OK", sdp()) + ACK + BYE,
        ),
        "silent": Scenario("receives the INVITE, never says anything", _INVITE + pause(40_000)),
    }  # fmt: skip


def _refusals() -> dict[str, Scenario]:
    found = {
        f"c{code}": Scenario(f"{code} {text} at once", _INVITE + TRYING + refuse(code)) for code, text in CODES.items()
    }
    for code, q850 in CODE_REASON:
        found[f"c{code}_q{q850}"] = Scenario(f"180, {code} with Reason Q.850 {q850}", _RUNG + refuse(code, q850))
    found["ring_480"] = Scenario("180, 480 after 1.5 s", _RUNG + pause(1500) + refuse(480))
    found["early_486"] = Scenario(
        "183 with SDP, 486 after 1.5 s", _INVITE + TRYING + PROGRESS + pause(1500) + refuse(486, 17)
    )
    return found


CALLEES: dict[str, Scenario] = _answers() | _corners() | _refusals()
"""Every behaviour by name; the order gives the ports of ``Carrier``."""
