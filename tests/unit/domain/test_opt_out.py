"""Who says STOP, in whatever writing, is heard; who writes a letter is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.domain.opt_out import STOP_WORDS, wish_of

STOPS = [
    "STOP", "stop", " Stop. ", "*STOP*", "“Stop!”", "STOP 🛑", "\ufeffSTOP\u200b", "\uff33\uff34\uff2f\uff30", "stop\r\n", "opt-out", "ARRÊT", "arret",
    "Unsubscribe", "СТОП", "стоп!", "«Стоп»", "ΣΤΟΠ", "توقف", "إيقاف", "ايقاف", "रोकें", "बंद।", "நிறுத்து", "ನಿಲ್ಲಿಸಿ", "หยุด", "退订", "退訂。",
    "停止", "수신거부", "Alto", "STOPP", "td", "\uff34\uff24",
]  # fmt: skip
OTHERS = [
    "", " ", "?", "stop it", "please stop", "nonstop", "stop1", "Do not stop", "don't stop", "st op", "स्टॉक", "退", "Hello, STOP is near",
    "endend", "x" * 1000, "stop " * 1000, "\ud800", "\x00",
]  # fmt: skip


@pytest.mark.parametrize("text", STOPS)
def test_who_says_stop_is_heard(text: str) -> None:
    assert wish_of(text) == "stop"


@pytest.mark.parametrize("text", OTHERS)
def test_other_texts_are_no_wish(text: str) -> None:
    assert wish_of(text) == ""


@pytest.mark.parametrize("word", sorted(STOP_WORDS))
def test_every_word_is_heard(word: str) -> None:
    assert wish_of(word) == wish_of(f"  {word.upper()} !") == "stop"


@pytest.mark.parametrize(("text", "wish"), [("START", "start"), ("yes.", "start"), ("Help?", "help"), ("INFO", "help")])
def test_start_takes_it_back_and_help_is_asked_for(text: str, wish: str) -> None:
    assert wish_of(text) == wish


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_text_is_some_wish_or_none(before: str, behind: str) -> None:
    assert wish_of(before) in {"stop", "start", "help", ""}
    words = any(char.isalnum() for char in before) and any(char.isalnum() for char in behind)
    if words:
        assert wish_of(f"{before} stop {behind}") in {"", "stop"}
