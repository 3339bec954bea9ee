"""Every way in which an answer asks for suppression has a reason of the list."""

from __future__ import annotations

from typing import get_args

from central.application.messaging.store_mail_news import SUPPRESSIONS
from central.application.ports.carriers import Suppress


def test_every_word_has_its_reason() -> None:
    words = {word for word in get_args(Suppress) if word} | {"complaint"}
    assert set(SUPPRESSIONS) == words
