"""From the evidence about a call leg to one of the thirteen connection statuses: one total function over tables.

The tables are the catalogue's ``[[call]]`` rows. Order: local condition, connect time, SIP code, Q.850 cause, Failed.
A numeric code alone never derives a word; the numbers are reported beside it. Used by tracking (path step 5).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from central.domain.errors import DefectError
from central.domain.evidence import Evidence, Phase
from central.domain.statuses import CALL, CallStatus

_FIRST_FAILURE: Final = 300  # RFC 3261, section 7.2: below are provisional and success responses, no reason for an end


class Disposition(NamedTuple):
    """What is stored and reported of a leg's end: the word, the code that stands for it, and the far side's codes."""

    status: CallStatus
    code: int
    q850: int | None
    sip_code: int | None
    local: str | None


def _word_of_local() -> dict[str, CallStatus]:
    """Local word -> status; a word that stands for two statuses is a defect of the catalogue."""
    table: dict[str, CallStatus] = {}
    for status, row in CALL.items():
        for word in row.local:
            if table.setdefault(word, status) is not status:
                raise DefectError("ambiguous_disposition", f"The local word {word} stands for two statuses.")
    return table


def _word_of_code(field: str) -> dict[int, CallStatus]:
    """SIP code or Q.850 cause -> status, for one of the code columns of the catalogue."""
    table: dict[int, CallStatus] = {}
    for status, row in CALL.items():
        for code in getattr(row, field):
            if table.setdefault(code, status) is not status:
                raise DefectError("ambiguous_disposition", f"{field} {code} stands for two statuses.")
    return table


_LOCAL: Final = _word_of_local()
_SIP_RINGING: Final = _word_of_code("sip") | _word_of_code("sip_ringing")
_SIP_NO_RINGING: Final = _word_of_code("sip") | _word_of_code("sip_no_ringing")
_Q850: Final = _word_of_code("q850")
_CODE: Final = {status: row.canonical for status, row in CALL.items()}
_CONNECTED: Final = next(status for status, row in CALL.items() if row.connected)
_DEFAULT: Final = next(status for status, row in CALL.items() if row.default)
_RETRYABLE: Final = frozenset(status for status, row in CALL.items() if row.retry == "policy")
_PLATFORM: Final = frozenset(status for status, row in CALL.items() if not row.consumes_attempt)
_PERMANENTLY_BAD: Final = frozenset({CallStatus.INVALID_NUMBER, CallStatus.UNALLOCATED_NUMBER})

LOCAL_WORDS: Final = frozenset(_LOCAL)
DEFAULT_RETRY_ON: Final = _RETRYABLE


def classify(evidence: Evidence) -> CallStatus:
    """Name the connection status of a leg; total, never raises. Connected exactly when the leg was answered."""
    if evidence.phase is Phase.ANSWERED:
        return _CONNECTED
    word = _LOCAL.get(evidence.local) if evidence.local is not None else None
    if word is None and evidence.sip is not None and evidence.sip >= _FIRST_FAILURE:
        table = _SIP_RINGING if evidence.phase is Phase.RINGING else _SIP_NO_RINGING
        word = table.get(evidence.sip, _DEFAULT)
    if word is None and evidence.q850 is not None:
        word = _Q850.get(evidence.q850)
    return _DEFAULT if word is None or word is _CONNECTED else word


def code(status: CallStatus) -> int:
    """The canonical numeric code that is emitted beside the word; 8 and 16 stand for two words each."""
    return _CODE[status]


def dispose(evidence: Evidence) -> Disposition:
    """The word with everything that is stored beside it (domain G2)."""
    status = classify(evidence)
    return Disposition(status, _CODE[status], evidence.q850, evidence.sip, evidence.local)


def is_retryable_default(status: CallStatus) -> bool:
    """Tell whether a leg that ended so may be tried again when the flow names no causes of its own (domain 8.1)."""
    return status in _RETRYABLE


def consumes_attempt(status: CallStatus) -> bool:
    """Tell whether the leg is charged; False = the platform's own fault, free for the first three per record."""
    return status not in _PLATFORM


def permanently_bad(status: CallStatus) -> bool:
    """Tell whether the number itself proved unusable and is struck off for later attempts."""
    return status in _PERMANENTLY_BAD
