"""The kinds of lines in a message's history, appended and never changed (domain 12 and 13)."""

from __future__ import annotations

from enum import StrEnum


class MessageEvent(StrEnum):
    """Named by noun and participle, as record events are."""

    ACCEPTED = "message_accepted"
    """It was stored, with the status that the checks gave."""
    HANDED_OVER = "message_handed_over"
    """The row said so before anything left us; carrier and try."""
    ANSWERED = "message_answered"
    """The far end took it, or a part of it, or refused it; with its code."""
    PUT_OFF = "message_put_off"
    """Its hour was over before there was room for it: it waits until it may go again."""
    NOT_SENT = "message_not_sent"
    """Nothing of it left us; it is tried again."""
    UNCERTAIN = "message_uncertain"
    """It left us and no answer came: it is not sent again."""
    RECEIPT_CAME = "receipt_came"
    """A delivery receipt, as the carrier told it."""
    REPORT_CAME = "report_came"
    """A delivery status notification, a complaint or a provider's event."""
    TAKE_BACK_ASKED = "take_back_asked"
    """Its account does not want it sent any more: it ends with us, or its carrier is asked."""
    ENDED = "message_ended"
    """It ended in our queue: a check at the hand-over, its deadline, no news."""
    OPENED = "mail_opened"
    """The tracking image was fetched; with the class of who did it."""
    CLICKED = "link_clicked"
    """A tracked link was followed; with the class of who did it."""
    UNSUBSCRIBED = "mail_unsubscribed"
    """The recipient wants no more of them."""
