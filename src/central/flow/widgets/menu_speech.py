"""The spoken answers of a Menu: which phrases mean which key, and what was heard matched with them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from central.flow.errands import RecogniseSpeech
from central.flow.reading import Reading
from central.flow.tree import Items, Scalar, Tree
from central.flow.widgets.spoken import read_language
from central.flow.widgets.widget import Fields

LIMIT_PHRASES: Final = 200
LIMIT_PHRASE_CHARS: Final = 100
LONGEST_S: Final = 10.0
"""As long as one answer may be."""
NOT_CONFIGURED_BRANCH: Final = "speech_not_configured"
_APOSTROPHES = re.compile("['\u2019\u02bc]")
_HINT: Final = 'Such as {language: en, phrases: {"1": [yes, yes please], "2": [no]}}.'


@dataclass(frozen=True, slots=True)
class SpokenAnswers:
    """What a customer may say instead of pressing a key. phrases: plain words -> key. least: the confidence that counts."""

    language: str
    phrases: Mapping[str, str]
    hints: tuple[str, ...]
    least: float

    def errand(self) -> RecogniseSpeech:
        """Listen for them."""
        return RecogniseSpeech(self.hints, self.language, LONGEST_S)

    def key_of(self, words: str, confidence: str) -> str | None:
        """The key that was meant, None = none of them, or it was not understood well enough."""
        try:
            sure = float(confidence or "1")
        except ValueError:
            return None
        return self.phrases.get(plain_words(words)) if sure >= self.least else None


def plain_words(text: str) -> str:
    """Words as they are compared: letters and digits only, in lower case, a blank between words."""
    text = _APOSTROPHES.sub("", unicodedata.normalize("NFKC", text).casefold())
    kept = (char if unicodedata.category(char)[0] in "LMN" else " " for char in text)
    return " ".join("".join(kept).split())


def read_answers(fields: Fields, keys: Collection[str]) -> SpokenAnswers | None:
    """Read ``speech:`` of a Menu with these keys; None when it has none."""
    if not fields.present("speech"):
        if NOT_CONFIGURED_BRANCH in fields.targets:
            message = f"The branch {NOT_CONFIGURED_BRANCH!r} is that of a menu with `speech`."
            fields.find("branch_unknown", message, line=fields.line("on"), hint="Remove it, or add `speech:`.")
        return None
    reading = fields.section("speech")
    language = read_language(reading)
    phrases: dict[str, str] = {}
    hints: list[str] = []
    written = reading.mapping("phrases")
    for key, tree in written.entries.items():
        line = written.lines.get(key, written.line)
        if key not in keys:
            message = f"The phrases of {key[:40]!r} lead nowhere: it is no key of `digits`."
            reading.find("phrase_without_key", message, line=line, hint="Phrases lead where their key leads.")
            continue
        for phrase in _phrases(reading, tree, line):
            known = phrases.setdefault(plain_words(phrase), key)
            hints.append(phrase)
            if known != key:
                message = f"{phrase!r} means {known!r} already."
                reading.find("phrase_twice", message, line=line, hint="A phrase means one key.")
    if not written.entries:
        reading.find("field_missing", "The field 'phrases' is missing.", line=fields.line("speech"), hint=_HINT)
    if len(hints) > LIMIT_PHRASES:
        message = f"A menu knows at most {LIMIT_PHRASES} phrases."
        reading.find("too_many_phrases", message, line=fields.line("speech"), hint="Ask for less at once.")
    least = reading.number("confidence", 0.0, 1.0)
    reading.close("`speech`")
    return SpokenAnswers(language, phrases, tuple(hints), 0.5 if least is None else least)


def _phrases(reading: Reading, tree: Tree, line: int) -> list[str]:
    """One phrase or a list of them."""
    trees = tree.items if isinstance(tree, Items) else (tree,)
    found = [" ".join(one.text.split()) for one in trees if isinstance(one, Scalar) and not one.missing]
    lawful = [
        phrase for phrase in found if len(phrase) <= LIMIT_PHRASE_CHARS and "{{" not in phrase and plain_words(phrase)
    ]
    if not lawful or len(lawful) != len(trees):
        message = f"A phrase is a text of words, without variables, of at most {LIMIT_PHRASE_CHARS} characters."
        reading.find("phrase_invalid", message, line=line, hint="Such as [yes, yes please].")
    return lawful
