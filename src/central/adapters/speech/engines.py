"""Which engine speaks a request, and with which command line. Pure: programs are run by ``programs.py``.

flite speaks English (its voice ``kal`` is made at 8 kHz), espeak-ng everything else, piper is there when it is configured. Text
never stands on a command line: engines read it from a file or from standard input, so ``-o /etc/passwd`` is only spoken.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from central.adapters.speech.config import SpeechConfig
from central.application.ports.speech import NoAudio, SpeechRequest

EngineName = Literal["flite", "espeak-ng", "piper"]
FLITE_VOICES = ("kal", "kal16", "awb", "rms", "slt")
_DEFAULT_FLITE_VOICE = "kal"
_TAG = re.compile(r"[a-z]{2,8}(-[a-z0-9]{1,8})*")
_CONVERTER_BYTES = 512 * 1024 * 1024  # of address space
_OTHER_LANGUAGE = re.compile(r"\(([A-Za-z0-9-]+) +(\d+)\)")
_VOICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+-]{0,63}")


@dataclass(frozen=True, slots=True)
class Utterance:
    """A request that an engine can speak: everything that determines the sound, besides the engine's version."""

    engine: EngineName
    voice: str
    language: str
    text: str


def choose(request: SpeechRequest, config: SpeechConfig) -> Utterance | NoAudio:
    """Pick engine and voice for a request and clean its text; NoAudio when it cannot be spoken."""
    language = request.language.lower().replace("_", "-") or "en"
    if not _TAG.fullmatch(language):
        return NoAudio("unknown_language", "The language is not a language tag.")
    text = speakable(request.text)
    if len(text) > config.max_chars:
        return NoAudio("text_too_long", f"The text has more than {config.max_chars} characters.")
    wanted, _, voice = request.voice.rpartition("/")
    if voice and not _VOICE.fullmatch(voice):
        return NoAudio("unknown_voice", "A voice name has letters, digits, +, - and _ only.")
    engine = _engine_for(wanted, voice, language, config)
    if isinstance(engine, NoAudio):
        return engine
    if engine == "flite":
        text, voice = ascii_text(text), voice or _DEFAULT_FLITE_VOICE
    if not any(char.isalnum() for char in text):
        return NoAudio("text_empty", "The text has nothing that this voice can speak.")
    return Utterance(engine, voice, language, text)


def _engine_for(wanted: str, voice: str, language: str, config: SpeechConfig) -> EngineName | NoAudio:
    english = language.partition("-")[0] == "en"
    piper = bool(config.piper and config.piper_model)
    match wanted:
        case "flite" if english and voice in (*FLITE_VOICES, ""):
            return "flite"
        case "espeak-ng":
            return "espeak-ng"
        case "piper" if english and piper and not voice:
            return "piper"
        case "" if not voice:
            return ("piper" if piper else "flite") if english else "espeak-ng"
        case "" if english and voice in FLITE_VOICES:
            return "flite"
        case _:
            return NoAudio("unknown_voice", "No engine here has this voice for this language.")


def speakable(text: str) -> str:
    """The text in composed form (NFC) on one line: control and format characters and runs of blanks become one blank."""
    composed = unicodedata.normalize("NFC", text)
    plain = "".join(" " if unicodedata.category(char) in ("Cc", "Cs", "Co", "Cn") else char for char in composed)
    return " ".join(plain.split())


def ascii_text(text: str) -> str:
    """What flite can read: letters without their accents, other characters outside ASCII left out."""
    split = unicodedata.normalize("NFKD", text.translate(_PUNCTUATION))
    return " ".join(split.encode("ascii", "ignore").decode("ascii").split())


_PUNCTUATION = {0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"', 0x2013: "-", 0x2014: " - ", 0x2026: "..."}


def command(utterance: Utterance, config: SpeechConfig, voice_tag: str, text_file: Path, wav_file: Path) -> list[str]:
    """The command line that turns ``text_file`` (also its standard input) into ``wav_file``.

    ``voice_tag`` is the espeak-ng voice, see ``espeak_voice``.
    """
    match utterance.engine:
        case "flite":
            return [config.flite, "-voice", utterance.voice, "-f", str(text_file), "-o", str(wav_file)]
        case "espeak-ng":
            return [config.espeak, "-v", voice_tag, "-b", "1", "-w", str(wav_file), "-f", str(text_file)]
        case "piper":
            return [config.piper, "-m", config.piper_model, "-f", str(wav_file)]


def version_command(engine: EngineName, config: SpeechConfig) -> list[str]:
    """The command line that prints the engine's version; for piper its help, as it prints no version."""
    match engine:
        case "flite":
            return [config.flite, "--version"]
        case "espeak-ng":
            return [config.espeak, "--version"]
        case "piper":
            return [config.piper, "--help"]


def convert_command(config: SpeechConfig, source: Path, target: Path, *, source_type: str = "wav") -> list[str]:
    """The sox command line to 8 kHz, 16-bit, mono; without dither, so that the same input gives the same bytes."""
    shape = ["-r", "8000", "-c", "1", "-b", "16", "-e", "signed-integer"]
    return [config.sox, "-q", "-D", "-t", source_type, str(source), "-t", "wav", *shape, str(target)]


def prompt_command(config: SpeechConfig, source: Path, target: Path, source_type: str) -> list[str]:
    """The same for a file from outside, whatever it claims: bounded in time, memory and in what is written.

    A header may promise one sample a second, and few compressed bytes hours of silence: ``trim`` ends it.
    """
    longest_s = config.max_prompt_s + 1
    limits = {
        "as": _CONVERTER_BYTES,
        "cpu": round(config.timeout_s) + 1,
        "fsize": longest_s * 16_000 + 4_096,
        "core": 0,
    }
    bounded = [config.prlimit, *(f"--{name}={most}" for name, most in limits.items()), "--"]
    return [*bounded, *convert_command(config, source, target, source_type=source_type), "trim", "0", str(longest_s)]


def espeak_languages(voices: str) -> Mapping[str, str]:
    """Read the table that ``espeak-ng --voices`` prints: language tag (lower case) -> the tag to ask for.

    The last column names further languages that a voice speaks, ``(fr 5)``, the lower
    the number the better; a voice of that very tag goes before.
    """
    rows = [(line.split(), _OTHER_LANGUAGE.findall(line)) for line in voices.splitlines()[1:]]
    offers = [(int(rank), tag.lower(), row[1]) for row, others in rows if len(row) > 1 for tag, rank in others]
    other = {tag: voice for _, tag, voice in sorted(offers, reverse=True)}  # the lowest number is written last
    return other | {row[1].lower(): row[1] for row, _ in rows if len(row) > 1}


def espeak_voice(utterance: Utterance, languages: Mapping[str, str]) -> str | None:
    """The espeak-ng voice of a language: its own, else that of its main language; None when there is none.

    A voice name in the request is a variant (``+f3``) or a language tag of its own.
    """
    if utterance.voice and not utterance.voice.startswith("+"):
        return languages.get(utterance.voice.partition("+")[0].lower()) and utterance.voice
    tag = languages.get(utterance.language) or languages.get(utterance.language.partition("-")[0])
    return tag and tag + utterance.voice
