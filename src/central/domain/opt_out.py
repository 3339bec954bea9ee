"""Whether a person who writes wants no more messages, wants them again, or asks for help. Pure.

Sources of the words: the carriers' common list (messaging reference, section 4), and what carriers take in other languages
(in China ``T`` and ``TD`` beside the word for unsubscribing). Only a text that is such a word and nothing else counts, whatever
its letter case, its width, accents, and the punctuation around it; START takes the wish back.
"""

from __future__ import annotations

import unicodedata
from typing import Final, Literal

Wish = Literal["stop", "start", "help", ""]

_WORDS: Final = (
    "arret cancel end opt-out optout quit remove stop stopall td unsubscribe "  # English, French, Chinese (td)
    "stopp abmelden alto baja parar sair cancelar cancella annulla afmelden dur iptal berhenti "  # other Latin scripts
    "стоп отписаться отмена στοπ διακοπή "  # Cyrillic, Greek
    "توقف إيقاف الغاء إلغاء עצור הסר "  # Arabic, Hebrew
    "रोकें रोको बंद বন্ধ நிறுத்து ఆపు ನಿಲ್ಲಿಸಿ നിർത്തുക બંધ ਬੰਦ "  # Indic scripts
    "หยุด ยกเลิก 退订 退訂 取消 停止 解除 수신거부 중지"  # Thai, Chinese, Japanese, Korean
)
_LIMIT_CHARS: Final = 64
"""No word is that long, and nobody's letter is looked at letter by letter."""


def _plain(text: str) -> str:
    """The text as it is compared: full-width letters narrow, accents of Latin, Greek and Arabic letters gone, small letters."""
    chars = [char for char in unicodedata.normalize("NFKD", text) if not _unseen(char)]
    while chars and not _written(chars[-1]):
        chars.pop()
    while chars and not _written(chars[0]):
        chars.pop(0)
    return unicodedata.normalize("NFKC", "".join(chars).casefold())


def _unseen(char: str) -> bool:
    """Accents, and what only tells how others are shown."""
    if "\u0300" <= char <= "\u036f" or "\u064b" <= char <= "\u0655" or "\ufe00" <= char <= "\ufe0f":
        return True
    return unicodedata.category(char) == "Cf"


def _written(char: str) -> bool:
    """A letter, a digit, or a mark on one (vowels of Indic scripts)."""
    return unicodedata.category(char)[0] in "LNM"


STOP_WORDS: Final = frozenset(map(_plain, _WORDS.split()))
START_WORDS: Final = frozenset(("start", "unstop", "yes"))
HELP_WORDS: Final = frozenset(("help", "info"))


def wish_of(text: str) -> Wish:
    """What the text asks for; "" = it is an ordinary text."""
    if len(text) > _LIMIT_CHARS:
        return ""
    word = _plain(text)
    if word in STOP_WORDS:
        return "stop"
    if word in START_WORDS:
        return "start"
    return "help" if word in HELP_WORDS else ""
