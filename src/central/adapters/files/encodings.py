"""Which encoding a text file has: its mark, UTF-8 by proof, else a detection that prefers a file error to a wrong guess.

Order: a byte order mark decides; bytes that are valid UTF-8 throughout are UTF-8; a file in which UTF-8 sequences and
others mix is refused; Windows-1252 is taken where it reads as Western text; anything else needs a clear winner of
charset-normalizer. What was found is shown to the person who uploads and can be overridden.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from itertools import pairwise

from charset_normalizer import from_bytes

from central.domain.errors import InvalidInput

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_UTF32_LE = codecs.BOM_UTF32_LE
WESTERN = "cp1252"
_CANDIDATES = [
    "cp1250",
    "cp1251",
    "cp1252",
    "cp1253",
    "cp1254",
    "cp1255",
    "cp1256",
    "cp1257",
    "cp932",
    "gb18030",
    "cp949",
]
_CLEAR_LEAD = 0.1
_LEAST_COHERENCE = 0.2
_MIXED_SHARE = 4
"""At least one valid UTF-8 sequence for so many stray bytes means that two encodings were mixed."""

_WORD = re.compile(r"[^\W\d_]*[^\x00-\x7f]+(?:[^\x00-\x7f]|[^\W\d_])*")
_APOSTROPHES = "\u2018\u2019\u00b4"
_TRIMMED = (
    _APOSTROPHES + "\u201c\u201d\u201e\u00ab\u00bb\u00aa\u00ba\u2122\u00ae\u00a9\u00a0\u00b0\u00a7\u2026\u2013\u2014"
)
_RIVALRY = frozenset("\u00f0\u00fe\u00d0\u00de")
"""Eth and thorn: as likely the Turkish letters that Windows-1254 has in their places."""

_MAX_FOREIGN_SHARE = 0.5


def encoding_by_mark(start: bytes) -> str | None:
    """The encoding that a byte order mark at the start names, None without one; InvalidInput for UTF-32."""
    if start.startswith(_UTF32_LE):
        raise ambiguous("The file is UTF-32, which is not accepted; save it as UTF-8.")
    return next((name for mark, name in _MARKS if start.startswith(mark)), None)


def detect(sample: bytes) -> str:
    """Name the encoding of lines that hold bytes outside ASCII and are not all UTF-8; InvalidInput if it is not clear."""
    _refuse_mixed(sample)
    results = from_bytes(sample, cp_isolation=_CANDIDATES, threshold=0.3, enable_fallback=False)
    scores = {match.encoding: match.coherence for match in results}
    western = scores.get(WESTERN, 0.0)
    best = max(scores, key=lambda name: scores[name], default=WESTERN)
    if _reads_western(sample) and scores.get(best, 0.0) - western < _CLEAR_LEAD:
        return WESTERN
    if best == WESTERN or scores[best] < _LEAST_COHERENCE:
        raise ambiguous("The file is not UTF-8, and its encoding cannot be told for certain.")
    rivals = [name for name in scores if name != best and scores[best] - scores[name] < _CLEAR_LEAD]
    if any(sample.decode(name, "replace") != sample.decode(best, "replace") for name in rivals):
        raise ambiguous(f"The file is not UTF-8; it may be {best} or {rivals[0]}.")
    return best


def ambiguous(sentence: str) -> InvalidInput:
    """The file error for text whose encoding is not clear."""
    return InvalidInput("encoding_ambiguous", f"{sentence} Name the encoding, or save the file as UTF-8.")


def _refuse_mixed(sample: bytes) -> None:
    text = sample.decode("utf-8", "surrogateescape")
    stray = sum("\udc80" <= char <= "\udcff" for char in text)
    proper = sum(char > "\x7f" for char in text) - stray
    if proper * _MIXED_SHARE >= stray:
        raise ambiguous("The file mixes UTF-8 with another encoding.")


def _reads_western(sample: bytes) -> bool:
    """Whether the bytes, read as Windows-1252, give words as Western languages write them.

    Against it speak: a byte that the code page leaves out, a sign glued to letters (as in "£ukasz"), a capital after a
    small letter, and words made mostly of accented letters.
    """
    try:
        text = sample.decode(WESTERN)
    except UnicodeDecodeError:
        return False
    letters = accented = 0
    for match in _WORD.finditer(text):
        word = match[0].strip(_TRIMMED)
        if not _RIVALRY.isdisjoint(word) or not _plain_case(word):
            return False
        found = [char for char in word if char.isalpha()]
        letters += len(found)
        accented += sum(char > "\x7f" for char in found)
    return accented <= max(letters * _MAX_FOREIGN_SHARE, 1)


def _plain_case(word: str) -> bool:
    parts = re.split(f"[{_APOSTROPHES}\u00a0\u2013\u2014\u2026]", word)
    for part in parts:
        if len(part) > 1 and any(not char.isalpha() for char in part):
            return False
        inner = [char for char in part if char > "\x7f" and unicodedata.category(char) == "Lu"]
        if inner and not part.isupper() and not part[0].isupper():
            return False
        if any(low.islower() and high.isupper() and high > "\x7f" for low, high in pairwise(part)):
            return False
    return True
