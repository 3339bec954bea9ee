"""Which engine speaks what, and that no text becomes an option of a program."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.adapters.speech.config import SpeechConfig
from central.adapters.speech.engines import Utterance, choose, command, espeak_languages, espeak_voice, speakable
from central.application.ports.speech import NoAudio, SpeechRequest

CONFIG = SpeechConfig(Path("cache"), Path("prompts"))
PIPER = SpeechConfig(Path("cache"), Path("prompts"), piper="piper", piper_model="en.onnx")
TEXT, WAV = Path("scratch/text.txt"), Path("scratch/spoken.wav")


def chosen(text: str = "hello", *, voice: str = "", language: str = "en", config: SpeechConfig = CONFIG) -> Utterance:
    found = choose(SpeechRequest(text, voice, language), config)
    assert isinstance(found, Utterance)
    return found


def refusal(text: str = "hello", *, voice: str = "", language: str = "en", config: SpeechConfig = CONFIG) -> str:
    found = choose(SpeechRequest(text, voice, language), config)
    assert isinstance(found, NoAudio)
    return found.reason


@pytest.mark.parametrize(
    ("language", "voice", "engine", "engine_voice"),
    [
        ("en", "", "flite", "kal"),
        ("en-IN", "", "flite", "kal"),
        ("en_US", "slt", "flite", "slt"),
        ("", "flite/awb", "flite", "awb"),
        ("en", "espeak-ng/en-gb", "espeak-ng", "en-gb"),
        ("hi", "", "espeak-ng", ""),
        ("pt-BR", "", "espeak-ng", ""),
    ],
)
def test_english_is_flite_and_the_rest_espeak(language: str, voice: str, engine: str, engine_voice: str) -> None:
    found = chosen(language=language, voice=voice)
    assert (found.engine, found.voice) == (engine, engine_voice)


def test_piper_speaks_english_where_it_is_configured() -> None:
    assert chosen(config=PIPER).engine == "piper"
    assert chosen(config=PIPER, voice="flite/kal").engine == "flite"
    assert chosen(config=PIPER, language="hi").engine == "espeak-ng"
    assert refusal(voice="piper/") == "unknown_voice"


@pytest.mark.parametrize(
    "voice", ["nobody", "flite/nobody", "festival/kal", "../../etc/passwd", "flite/../x", "-o", "kal;id", "kal\n"]
)
def test_unknown_voices_are_refused(voice: str) -> None:
    assert refusal(voice=voice) == "unknown_voice"


@pytest.mark.parametrize("language", ["e", "en en", "../x", "-v", "en-", "a" * 20])
def test_what_is_no_language_tag_is_refused(language: str) -> None:
    assert refusal(language=language) == "unknown_language"


@pytest.mark.parametrize("text", ["", "   ", "\x00\n\t", "...!?", "नमस्ते"])
def test_nothing_to_say_is_refused(text: str) -> None:
    assert refusal(text) == "text_empty"


def test_hindi_is_spoken_as_hindi() -> None:
    assert chosen("नमस्ते", language="hi").text == "नमस्ते"


def test_a_text_has_a_bound() -> None:
    assert len(chosen("a" * 2000).text) == 2000
    assert refusal("a" * 2001) == "text_too_long"


def test_text_is_cleaned_for_the_engine() -> None:
    assert chosen("Dear Zoë,\x00\r\n it\u2019s   5\u202f pm").text == "Dear Zoe, it's 5 pm"
    assert speakable("a\x07b\ud800c") == "a b c"


@given(st.text(), st.sampled_from(["flite", "espeak-ng", "piper"]))
def test_no_text_reaches_a_command_line(text: str, engine: str) -> None:
    utterance = Utterance(engine, "kal", "en", "-o/tmp/x " + text)  # type: ignore[arg-type]
    assert not any("-o/tmp/x" in argument for argument in command(utterance, PIPER, "en", TEXT, WAV))


def test_espeak_takes_the_closest_language() -> None:
    table = "Pty Language       Age/Gender VoiceName\n 5  hi              --/M      Hindi\n 5  pt-BR  --/M x\n 2  en-gb --/M y gmw/en (en 2)\n 5  fr-be --/M z roa/fr-BE (fr 8)(en 9)\n 5  fr-fr --/M z roa/fr (fr 5)\n"
    languages = espeak_languages(table)
    assert languages == {
        "hi": "hi",
        "pt-br": "pt-BR",
        "en-gb": "en-gb",
        "en": "en-gb",
        "fr": "fr-fr",
        "fr-be": "fr-be",
        "fr-fr": "fr-fr",
    }
    assert espeak_voice(Utterance("espeak-ng", "", "hi-in", "x"), languages) == "hi"
    assert espeak_voice(Utterance("espeak-ng", "", "pt-br", "x"), languages) == "pt-BR"
    assert espeak_voice(Utterance("espeak-ng", "", "xx", "x"), languages) is None
    assert espeak_voice(Utterance("espeak-ng", "en-gb+f3", "en", "x"), languages) == "en-gb+f3"
    assert espeak_voice(Utterance("espeak-ng", "zz", "en", "x"), languages) is None
