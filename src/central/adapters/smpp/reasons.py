"""What a command_status and a receipt's state mean for a message: total tables with their sources. Pure.

Step 3 of the path (channel). Values and names: SMPP v3.4, issue 1.2, section 5.1.3 (table 5-2) and section 5.2.28 (message_state);
SMPP v5.0, section 4.7.6, for 0x100 and above and for the names of TLV errors. What they mean for a message is the project's
decision; a carrier's own settings go before it (``SmppConfig.statuses``, ``SmppConfig.errors``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from central.adapters.smpp.config import ErrorMeaning, Override
from central.adapters.smpp.pdu import RMSGQFUL, RTHROTTLED
from central.application.ports.carriers import NotTaken
from central.domain.statuses import SmsStatus

FAILED, REJECTED, OTHER = SmsStatus.FAILED, SmsStatus.REJECTED, SmsStatus.OTHER
INVALID, UNDELIVERED = SmsStatus.INVALID_NUMBER, SmsStatus.UNDELIVERED


class Row(msgspec.Struct, frozen=True):
    """One command_status. status None = nothing of the message is wrong. retry: it may be sent again, here or elsewhere."""

    name: str
    reason: str
    status: SmsStatus | None
    retry: bool = False
    alert: bool = False


def _defect(name: str, reason: str) -> Row:
    """Our own defect or a wrong setting: the message ends, and a person must look."""
    return Row(name, reason, FAILED, alert=True)


def _link(name: str, reason: str, *, alert: bool = False) -> Row:
    """The link's fault, not the message's."""
    return Row(name, reason, None, retry=True, alert=alert)


SUBMIT: Final[Mapping[int, Row]] = {
    0x01: _defect("RINVMSGLEN", "bad_length"),
    0x02: _defect("RINVCMDLEN", "bad_length"),
    0x03: _defect("RINVCMDID", "unknown_command"),
    0x04: _link("RINVBNDSTS", "wrong_bind_state"),
    0x05: _link("RALYBND", "already_bound"),
    0x06: _defect("RINVPRTFLG", "bad_priority"),
    0x07: _defect("RINVREGDLVFLG", "bad_registered_delivery"),
    0x08: Row("RSYSERR", "carrier_system_error", FAILED, retry=True),
    0x0A: Row("RINVSRCADR", "sender_refused", REJECTED),
    0x0B: Row("RINVDSTADR", "bad_recipient", INVALID),
    0x0C: _defect("RINVMSGID", "unknown_message"),
    0x0D: _link("RBINDFAIL", "bind_failed", alert=True),
    0x0E: _link("RINVPASWD", "log_in_refused", alert=True),
    0x0F: _link("RINVSYSID", "log_in_refused", alert=True),
    0x11: _defect("RCANCELFAIL", "cancel_failed"),
    0x13: _defect("RREPLACEFAIL", "replace_failed"),
    0x14: Row("RMSGQFUL", "queue_full", FAILED, retry=True),
    0x15: _defect("RINVSERTYP", "bad_service_type"),
    0x33: _defect("RINVNUMDESTS", "bad_destinations"),
    0x34: _defect("RINVDLNAME", "bad_destinations"),
    0x40: _defect("RINVDESTFLAG", "bad_destinations"),
    0x42: _defect("RINVSUBREP", "bad_submit"),
    0x43: _defect("RINVESMCLASS", "bad_esm_class"),
    0x44: _defect("RCNTSUBDL", "bad_destinations"),
    0x45: Row("RSUBMITFAIL", "submit_failed", REJECTED),
    0x48: Row("RINVSRCTON", "sender_refused", REJECTED, alert=True),
    0x49: Row("RINVSRCNPI", "sender_refused", REJECTED, alert=True),
    0x50: Row("RINVDSTTON", "bad_recipient", INVALID),
    0x51: Row("RINVDSTNPI", "bad_recipient", INVALID),
    0x53: _link("RINVSYSTYP", "log_in_refused", alert=True),
    0x54: _defect("RINVREPFLAG", "bad_replace_flag"),
    0x55: _defect("RINVNUMMSGS", "bad_number_of_messages"),
    0x58: Row("RTHROTTLED", "throttled", FAILED, retry=True),
    0x61: _defect("RINVSCHED", "bad_schedule"),
    0x62: _defect("RINVEXPIRY", "bad_validity"),
    0x63: _defect("RINVDFTMSGID", "bad_default_message"),
    0x64: Row("RX_T_APPN", "carrier_application_busy", FAILED, retry=True),
    0x65: Row("RX_P_APPN", "refused_by_application", REJECTED),
    0x66: Row("RX_R_APPN", "refused_by_application", REJECTED),
    0x67: _defect("RQUERYFAIL", "query_failed"),
    0xC0: _defect("RINVTLVSTREAM", "bad_tlv"),
    0xC1: _defect("RTLVNOTALLWD", "bad_tlv"),
    0xC2: _defect("RINVTLVLEN", "bad_tlv"),
    0xC3: _defect("RMISSINGTLV", "missing_tlv"),
    0xC4: _defect("RINVTLVVAL", "bad_tlv"),
    0xFE: Row("RDELIVERYFAILURE", "undeliverable", UNDELIVERED),
    0xFF: Row("RUNKNOWNERR", "unknown_error", OTHER),
    0x100: Row("RSERTYPUNAUTH", "service_refused", REJECTED),
    0x101: Row("RPROHIBITED", "service_refused", REJECTED),
    0x102: Row("RSERTYPUNAVAIL", "service_unavailable", FAILED, retry=True),
    0x103: Row("RSERTYPDENIED", "service_refused", REJECTED),
    0x104: _defect("RINVDCS", "bad_data_coding"),
    0x105: _defect("RINVSRCADDRSUBUNIT", "bad_address"),
    0x106: _defect("RINVDSTADDRSUBUNIT", "bad_address"),
} | {
    0x107 + n: Row(name, "broadcast_error", OTHER, alert=True)
    for n, name in enumerate((
        "RINVBCASTFREQINT", "RINVBCASTALIAS_NAME", "RINVBCASTAREAFMT", "RINVNUMBCAST_AREAS", "RINVBCASTCNTTYPE",
        "RINVBCASTMSGCLASS", "RBCASTFAIL", "RBCASTQUERYFAIL", "RBCASTCANCELFAIL", "RINVBCAST_REP", "RINVBCASTSRVGRP",
        "RINVBCASTCHANIND",
    ))
}  # fmt: skip
"""Every command_status of a refused submit_sm, data_sm or of a generic_nack that names one."""

_VENDOR: Final = range(0x400, 0x500)
_VENDOR_ROW: Final = Row("vendor", "refused_by_carrier", REJECTED)
_UNKNOWN_ROW: Final = Row("unknown", "unknown_status", OTHER, alert=True)

NO_ANSWER: Final = "no_answer"
LINK_LOST: Final = "link_lost"
LINK_DOWN: Final = "link_down"
THROTTLED: Final = "throttled"

REFUSES_LOG_IN: Final = frozenset({0x0E, 0x0F})
"""Trying on would lock the account."""
REOPENS: Final = frozenset({0x02, 0x04})
"""The two sides are out of step: the link is made anew."""
SLOWS: Final = frozenset({RTHROTTLED})
FULL: Final = RMSGQFUL


def row_of(status: int) -> Row:
    """The common meaning of a command_status that is not 0. Total."""
    row = SUBMIT.get(status)
    if row is not None:
        return row
    return _VENDOR_ROW if status in _VENDOR else _UNKNOWN_ROW


def judge(status: int, overrides: Mapping[int, Override], *, delay_s: float = 0.0) -> NotTaken:
    """The refusal that a command_status is, with this carrier's own meaning before the common one. Total."""
    row = row_of(status)
    own = overrides.get(status)
    if own is not None:
        row = Row(
            row.name,
            own.reason or row.reason,
            own.status or row.status,
            row.retry if own.retry is None else own.retry,
            row.alert if own.alert is None else own.alert,
        )
    name = row.name if row.name in {"vendor", "unknown"} else f"ESME_{row.name}"
    return NotTaken(
        code=f"0x{status:08X}",
        name=name,
        reason=row.reason,
        status=row.status,
        retry=row.retry,
        delay_s=delay_s,
        alert=row.alert,
    )


def bind_refused(status: int) -> str:
    """Why a connection was closed after a refused bind, for people."""
    return f"bind refused: 0x{status:08X}"


# -- receipts ----------------------------------------------------------------------------------------------------------
class State(msgspec.Struct, frozen=True):
    """One state of a receipt: the standard's word, ours, and the status. known False = a new word: a person must look."""

    word: str
    reason: str
    status: SmsStatus
    known: bool = True


_ON_ITS_WAY: Final = SmsStatus.SENT_TO_QUEUE
STATES: Final[Mapping[int, State]] = {
    0: State("SCHEDULED", "scheduled", _ON_ITS_WAY),
    1: State("ENROUTE", "on_its_way", _ON_ITS_WAY),
    2: State("DELIVRD", "delivered", SmsStatus.DELIVERED),
    3: State("EXPIRED", "expired", SmsStatus.EXPIRED),
    4: State("DELETED", "deleted", UNDELIVERED),
    5: State("UNDELIV", "undeliverable", UNDELIVERED),
    6: State("ACCEPTD", "accepted_on_its_way", _ON_ITS_WAY),
    7: State("UNKNOWN", "unknown", OTHER),
    8: State("REJECTD", "rejected", REJECTED),
    9: State("SKIPPED", "skipped", FAILED),
}
"""TLV message_state (0x0427): SMPP v3.4, section 5.2.28; 0 and 9 from v5.0. ACCEPTD: carriers mean "on its way"."""

WORDS: Final[tuple[tuple[str, int], ...]] = (
    ("ENROUTE", 1), ("SCHEDUL", 0), ("BUFFER", 1), ("SENT", 1), ("SUBMIT", 1), ("DELIV", 2), ("EXPIR", 3), ("DELET", 4),
    ("UNDEL", 5), ("ACCEP", 6), ("UNKNO", 7), ("REJEC", 8), ("SKIPP", 9), ("FAIL", 9),
)  # fmt: skip
"""First letters of ``stat:`` in any case; SMPP v3.4, appendix B, and what carriers send beside it."""


def state_of_word(word: str) -> State:
    """The state that a receipt's text tells. Total."""
    upper = word.upper()
    for begin, number in WORDS:
        if upper.startswith(begin):
            return STATES[number]
    return State(upper[:16], "unknown_state", OTHER, known=False)


def state_of_number(number: int) -> State:
    """The state that TLV message_state tells. Total."""
    return STATES.get(number) or State(str(number), "unknown_state", OTHER, known=False)


def error_meaning(code: str, errors: Mapping[str, ErrorMeaning]) -> ErrorMeaning | None:
    """This carrier's meaning of a receipt's error code, leading zeros aside."""
    return errors.get(code) or errors.get(code.lstrip("0") or "0") if code else None
