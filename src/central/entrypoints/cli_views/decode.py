"""From the API's JSON documents back to the values of reporting, for the views (path step 7).

Raises InvalidInput ``document_unreadable`` where the document does not fit: the server speaks another version.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from central.application.reporting.explanation import Explanation
from central.application.reporting.record_values import RecordDetail
from central.application.reporting.request_values import RequestReport, RequestView
from central.domain.errors import InvalidInput

Value = TypeVar("Value")


def request_view(document: object) -> RequestView:
    """``GET /requests/{id}`` and the data of its live events."""
    return _value(document, RequestView)


def request_report(document: object) -> RequestReport:
    """``GET /requests/{id}/report``."""
    return _value(document, RequestReport)


def record_detail(document: object) -> RecordDetail:
    """``GET /records/{id}``."""
    return _value(document, RecordDetail)


def explanation(document: object) -> Explanation:
    """``GET /records/{id}/timeline``."""
    return _value(document, Explanation)


def _value(document: object, kind: type[Value]) -> Value:
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        message = f"The server's answer cannot be read as {kind.__name__}: {error}"
        raise InvalidInput("document_unreadable", message) from error
