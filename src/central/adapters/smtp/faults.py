"""Why a draft cannot become a message: one exception inside this room, which composing turns into ``Unfit``."""

from __future__ import annotations

from central.domain.statuses import EmailStatus


class Unfitting(Exception):
    """The draft is unfit. reason: a stable word. detail: a sentence."""

    def __init__(self, reason: str, detail: str, status: EmailStatus = EmailStatus.INVALID_DATA) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail
        self.status = status
