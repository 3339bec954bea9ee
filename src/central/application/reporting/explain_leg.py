"""Why a call has its connection status: the evidence that decided, in a sentence, and the carrier's own word (step 7). Pure.

The order is that of ``domain/dispositions.classify``: the answer, our own condition, the SIP code, the Q.850 cause, Failed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from central.application.ports.reporting import LegRow, LegTrace
from central.application.reporting.cause_names import Q850, SIP
from central.application.reporting.draw_ladder import sip_ladder
from central.application.reporting.read_sip import carrier_reason, read_sip
from central.application.reporting.record_values import DigitLine, LegView, Reason, SipTalk
from central.domain.dispositions import LOCAL_WORDS
from central.domain.evidence import Phase
from central.domain.statuses import CALL, CallStatus

HIDDEN_DIGIT: Final = "x"
_FIRST_FAILURE: Final = 300
_WORD_OF_Q850: Final = {cause: status for status, row in CALL.items() for cause in row.q850}
_RINGING_MATTERS: Final = {code for row in CALL.values() for code in (*row.sip_ringing, *row.sip_no_ringing)}
_LOCAL: Final[Mapping[str, str]] = {
    "cancelled_by_first_party": "the first party gave up before the call was answered",
    "cancelled_by_us": "we withdrew the call before it was answered",
    "ring_timeout_after_ringing": "it rang, and nobody answered before our ring timer ran out",
    "ring_timeout_without_ringing": "nothing but 100 Trying, or nothing at all, came before our ring timer ran out",
    "account_channel_cap": "the account's channel cap left no channel in time",
    "trunk_channel_cap": "the trunk's channel cap left no channel within the waiting time",
    "cps_cap": "the trunk's cap on calls per second left no turn within the waiting time",
    "no_response": "the far side never answered our INVITE (SIP timer B, 32 s)",
    "number_pattern": "the number does not fit the phone pattern",
    "no_trunk": "no enabled trunk routes this number",
    "trunk_auth": "the trunk's credentials were refused",
    "unresolvable": "the trunk's host name did not resolve",
    "engine_lost": "the voice engine, or the node that owned the call, was lost",
    "media_fault": "the voice engine could not set up the media",
}


def view_leg(leg: LegRow, trace: LegTrace | None, *, with_sip: bool = True, hide_keys: bool = False) -> LegView:
    """The leg as it is shown; ``hide_keys`` masks pressed keys (flows that collect a secret)."""
    lines = read_sip(trace.messages, hide_keys=hide_keys) if trace is not None else ()
    reason = carrier_reason(lines)
    engine = {key: value for key, value in (leg.engine or {}).items() if value not in {None, ""}}
    rang_until = leg.connect_at or leg.end_at
    talk = None
    if with_sip:
        missing = trace.dropped if trace is not None else 0
        call_id = trace.sip_call_id if trace is not None else leg.sip_call_id or ""
        talk = SipTalk(call_id, lines, missing, _note(leg, trace), sip_ladder(lines, missing))
    return LegView(
        leg_id=leg.id, attempt=leg.attempt_number, position=leg.position, role=leg.role, direction=leg.direction,
        number_from=leg.number_from, number_to=leg.number_to, trunk=leg.trunk, node=leg.node, handed_at=leg.handed_at,
        ring_at=leg.ring_at, connect_at=leg.connect_at, end_at=leg.end_at, ring_ms=_ms(leg.ring_at, rang_until),
        answered_ms=leg.answered_ms, status=leg.status, code=leg.code, q850=leg.q850, sip_code=leg.sip_code, local=leg.local,
        phase=leg.phase, hangup_by=leg.hangup_by, why=why(leg), carrier=carrier_sentence(leg, reason), carrier_reason=reason,
        cost=leg.cost, sip_call_id=leg.sip_call_id, digits=_digits(leg, hide_keys=hide_keys), engine=engine, sip=talk,
    )  # fmt: skip


def why(leg: LegRow) -> str:
    """The evidence behind the status, in one sentence."""
    if leg.status is None:
        return "The call has not ended yet, as far as is stored."
    if leg.phase == Phase.ANSWERED or (leg.connect_at is not None and leg.status == CallStatus.CONNECTED):
        return f"It was answered, so it is {leg.status} whatever ended it; {_ended_by(leg)}."
    if leg.local is not None and leg.local in LOCAL_WORDS:
        told = _LOCAL.get(leg.local, leg.local.replace("_", " "))
        crossed = "" if leg.sip_code is None else f" (the far side's {_sip(leg.sip_code)} crossed our command)"
        return f"Our own condition decides, {leg.local}: {told}{crossed}. That is {leg.status}."
    if leg.sip_code is not None and leg.sip_code >= _FIRST_FAILURE:
        when = "after ringing" if leg.phase == Phase.RINGING else "before any ringing"
        said = f"{_sip(leg.sip_code)} {when}" if leg.sip_code in _RINGING_MATTERS else _sip(leg.sip_code)
        return f"The far side answered {said}, which is {leg.status}."
    if leg.q850 is not None:
        return f"The far side gave {_q850(leg.q850)} and no SIP code, which is {leg.status}."
    return f"No evidence names the cause, so it is {leg.status}."


def carrier_sentence(leg: LegRow, reason: Reason | None) -> str:
    """What the carrier's own Reason header says beside our word; empty where it sent none."""
    if reason is None:
        return ""
    text = f', "{reason.text}"' if reason.text and reason.text.lower() not in reason.name.lower() else ""
    said = f"The carrier's own Reason header says {_q850(reason.cause)}{text}"
    if leg.status == CallStatus.CONNECTED or leg.status is None:
        return f"{said}."
    word = _WORD_OF_Q850.get(reason.cause)
    if word is None:
        return f"{said}; the catalogue maps this cause to no word of its own."
    if word == leg.status:
        return f"{said}, which agrees: {word}."
    first = "our own condition" if leg.local in LOCAL_WORDS else "the SIP code"
    return f"{said}, by itself {word}; {first} goes before it, hence {leg.status}."


def _ended_by(leg: LegRow) -> str:
    end = (leg.engine or {}).get("end")
    if end == "lost":
        return "how it ended is not known, because the voice engine or its node was lost"
    if end == "dropped" and leg.local == "hangup_by_us":
        return "the voice engine dropped it: no media came any more, or our cancel crossed the answer"
    by = {"CUSTOMER": "the customer hung up", "AGENT": "the agent hung up", "SYSTEM": "we hung up"}.get(
        leg.hangup_by or ""
    )
    cause = f" ({_q850(leg.q850)})" if leg.q850 is not None else ""
    return f"{by or 'it ended'}{cause}"


def _note(leg: LegRow, trace: LegTrace | None) -> str:
    """What must be known about the copy of the messages, or why there is none."""
    if trace is not None and trace.messages:
        if trace.dropped:
            return f"{trace.dropped} packets of the copy were lost before they reached us: the ladder has a gap."
        return ""
    if leg.status is None:
        return "The messages are stored after the call has ended."
    if leg.sip_call_id is None and leg.phase in {None, Phase.NONE}:
        return "Nothing was sent: the call ended before its INVITE."
    return "No copy of the SIP messages is stored: the tap was off or deaf, or their retention is over."


def _digits(leg: LegRow, *, hide_keys: bool) -> tuple[DigitLine, ...]:
    found: list[DigitLine] = []
    for item in leg.digits or ():
        at, ms = item.get("at"), item.get("ms")
        if isinstance(at, str):
            shown = HIDDEN_DIGIT if hide_keys else str(item.get("digit", ""))
            found.append(DigitLine(datetime.fromisoformat(at), shown, ms if isinstance(ms, int) else 0))
    return tuple(found)


def _ms(start: datetime | None, end: datetime | None) -> int | None:
    return None if start is None or end is None else max(0, round((end - start).total_seconds() * 1000))


def _sip(code: int) -> str:
    return f"{code} {SIP.get(code, '')}".strip()


def _q850(cause: int) -> str:
    name = Q850.get(cause)
    return f"Q.850 cause {cause} ({name})" if name else f"Q.850 cause {cause}"


def legs_of(
    legs: Sequence[LegRow], traces: Sequence[LegTrace], *, with_sip: bool, hide_keys: bool
) -> tuple[LegView, ...]:
    """All legs of a record in the order they were handed over."""
    by_leg = {trace.leg_id: trace for trace in traces}
    return tuple(view_leg(leg, by_leg.get(leg.id), with_sip=with_sip, hide_keys=hide_keys) for leg in legs)
