"""What an HTTP answer, or none, means for a message: the total table of gateways, as data. Pure.

Step 3 of the path (channel). Statuses: RFC 9110, section 15; 425: RFC 8470; 429: RFC 6585. What they mean for a message is the
project's decision (messaging reference, table 3.3); a gateway's own tables go before it (``AnswerMap.refusals``, ``.statuses``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from central.domain.statuses import SmsStatus

Rest = Literal["", "slow", "refused", "down"]
"""Whether the gateway itself rests, and what is told of it."""


class Row(msgspec.Struct, frozen=True):
    """One status. kind ``taken``: the body decides. status None = nothing of the message is wrong. retry: here later or elsewhere."""

    kind: Literal["taken", "refused", "uncertain"]
    reason: str
    status: SmsStatus | None = None
    retry: bool = False
    alert: bool = False
    rest: Rest = ""


def _bad(reason: str) -> Row:
    """The request itself is wrong: a setting, or the gateway's table by error code."""
    return Row("refused", reason, SmsStatus.FAILED, alert=True)


def _later(reason: str, rest: Rest = "") -> Row:
    return Row("refused", reason, SmsStatus.FAILED, retry=True, rest=rest)


def _log_in(reason: str) -> Row:
    return Row("refused", reason, None, retry=True, alert=True, rest="refused")


STATUSES: Final[Mapping[int, Row]] = {
    400: _bad("bad_request"),
    404: _bad("not_found"),
    405: _bad("method_not_allowed"),
    415: _bad("unsupported_media_type"),
    422: _bad("unprocessable"),
    401: _log_in("log_in_refused"),
    402: _log_in("no_credit"),
    403: _log_in("log_in_refused"),
    408: _later("gateway_timeout"),
    409: _later("conflict"),
    425: _later("too_early"),
    429: _later("throttled", "slow"),
    503: _later("gateway_unavailable", "slow"),
}
"""Statuses with a row of their own."""

CLASSES: Final[Mapping[int, Row]] = {
    2: Row("taken", ""),
    3: Row("refused", "redirect_refused", SmsStatus.FAILED, alert=True),
    4: Row("refused", "refused_by_gateway", SmsStatus.FAILED, alert=True),
    5: Row("uncertain", "gateway_error"),
}
"""All other statuses by their first digit."""

_NO_HTTP: Final = Row("uncertain", "odd_answer", alert=True)

REFUSED_IN_BODY: Final = Row("refused", "refused_by_gateway", SmsStatus.REJECTED)
"""A 2xx whose body refuses with a word that the gateway's table does not know."""

NO_ID: Final = "answer_unreadable"
"""A 2xx without the gateway's name of the message: taken perhaps, and no receipt will find it."""

NOT_SENT: Final[Mapping[str, bool]] = {
    "unreachable": False, "unresolvable": False, "connect_timeout": False, "tls_failed": True, "address_refused": True,
    "window_full": False, "closing": False,
}  # fmt: skip
"""Why nothing of a request left us; True = a person must look."""

UNCERTAIN: Final = frozenset({"timeout", "link_lost", "closing", "bad_answer"})
"""Why a request that left us has no answer."""


def row_of(status: int) -> Row:
    """The row of an HTTP status. Total."""
    return STATUSES.get(status) or CLASSES.get(status // 100, _NO_HTTP)
