"""What a step says: text to speech (``say``) or a recorded prompt (``file``), used by Play and Menu."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from central.domain.prompts import PROMPT_NAME
from central.flow.media import Media, Prompt, Speech
from central.flow.program import Failed, PromptUse
from central.flow.reading import Reading
from central.flow.spoken_values import known_language
from central.flow.tree import Entries, Scalar
from central.flow.variables import Template
from central.flow.walk import Walk
from central.flow.widgets.widget import Field, Fields

LIMIT_SAY_CHARS: Final = 2_000
"""As much as speech engines take at once (a customer hears two minutes of it); more is cut with a warning."""
_VOICE = re.compile(r"(?:[a-z-]{1,20}/)?[A-Za-z0-9][A-Za-z0-9_+-]{0,63}")
_LANGUAGE = re.compile(r"[a-z]{2,8}([-_][a-z0-9]{1,8})*", re.IGNORECASE)
_SILENCE = re.compile(r"silence:[0-9]{1,2}(\.[0-9]{1,3})?")

FIELDS = (
    Field("say", "text with variables", "Spoken by text to speech. Either this or `file`."),
    Field("file", "prompt name", "A recorded prompt of the library, or `silence:1.5` for a pause of so many seconds."),
    Field("voice", "text", "The voice for `say`.", "the account's"),
    Field(
        "language",
        "text",
        "The language of `say`, such as `en` or `hi`; of `file`, where the prompt was recorded in several.",
        "en",
    ),
)


@dataclass(frozen=True, slots=True)
class Spoken:
    """One thing to play: either ``say`` or ``file`` is set."""

    say: Template | None
    file: Template | None
    voice: str
    language: str

    def media(self, walk: Walk, noted_as: str = "play") -> Media | Failed | None:
        """What to play now, with the variables filled in; None when there is nothing to say. ``noted_as``: kind of its note."""
        if self.file is not None:
            name = walk.text(self.file).strip()
            if PROMPT_NAME.fullmatch(name) or _SILENCE.fullmatch(name):
                walk.note(noted_as, file=name)
                return Prompt(name, self.language)
            return Failed("prompt_name_invalid", f"{name[:64]!r} is not the name of a prompt.")
        if self.say is None:
            return None
        rendered = walk.render(self.say)
        text = rendered.text.strip()
        if not text:
            walk.warn("nothing_to_say")
            return None
        if len(text) > LIMIT_SAY_CHARS:
            walk.warn("text_cut", limit=LIMIT_SAY_CHARS)
            text = text[:LIMIT_SAY_CHARS]
        walk.note(noted_as, say=rendered.shown[:LIMIT_SAY_CHARS])
        return Speech(text, self.voice, self.language)


def read_spoken(fields: Fields, where: Reading | None = None, *, required: bool = True) -> Spoken:
    """Read ``say``, ``file``, ``voice``, ``language`` of a step, or of a nested mapping ``where`` of it."""
    reading = where or fields
    say = _template(fields, reading, "say")
    file = _template(fields, reading, "file")
    if say is not None and file is not None:
        message = "A step says a text or plays a file, not both."
        reading.find("media_twice", message, line=reading.line("file"), hint="Remove `say:` or `file:`.")
    if say is None and file is None and required:
        reading.find(
            "media_missing", "There is nothing to play.", hint="Add `say:` with a text or `file:` with a prompt."
        )
    if say is not None and sum(len(part) for part in say.parts if isinstance(part, str)) > LIMIT_SAY_CHARS:
        message = f"At most {LIMIT_SAY_CHARS} characters are said at once."
        reading.find("text_too_long", message, line=reading.line("say"), hint="Split it into several steps.")
    voice, language = read_voice(reading)
    name = None if file is None else file.literal
    if name is not None and PROMPT_NAME.fullmatch(name):
        fields.prompts.append(PromptUse(name, language, reading.line("file")))
    elif name is not None and not _SILENCE.fullmatch(name):
        hint = "Letters, digits, _ - . and /; or silence:1.5."
        message = f"{name[:64]!r} cannot be the name of a prompt."
        reading.find("prompt_name_invalid", message, line=reading.line("file"), hint=hint)
    return Spoken(say, file, voice, language)


def read_voice(reading: Reading) -> tuple[str, str]:
    """``voice`` and ``language`` of a mapping that speaks; what no engine can know is found here, not by the customer."""
    voice = reading.text("voice")
    if voice and not _VOICE.fullmatch(voice):
        hint = "The name of a voice: letters, digits, +, - and _."
        reading.find("voice_invalid", f"{voice[:40]!r} cannot name a voice.", line=reading.line("voice"), hint=hint)
    return voice, read_language(reading)


def read_language(reading: Reading) -> str:
    """``language`` of a mapping that speaks, or is spoken to."""
    language = reading.text("language", "en")
    hint = "A language tag such as en, hi or en-IN."
    if not _LANGUAGE.fullmatch(language):
        message = f"{language[:40]!r} is no language tag."
        reading.find("language_invalid", message, line=reading.line("language"), hint=hint)
    elif not known_language(language):
        message = f"No language {language[:40]!r} is known."
        reading.find("language_unknown", message, line=reading.line("language"), hint=hint, severity="warning")
    return language


def read_spoken_at(fields: Fields, name: str) -> Spoken | None:
    """Read a nested ``{say: ...}`` or ``{file: ...}``, or a plain text to say; None when the field is missing."""
    found = fields.tree(name)
    if found is None:
        return None
    if isinstance(found, Scalar):
        found = Entries({"say": found}, {"say": found.line}, found.line)
    if not isinstance(found, Entries):
        fields.find(
            "field_not_mapping", f"{name!r} must be a text or a mapping.", line=fields.line(name), hint="{say: ...}"
        )
        return None
    nested = Reading(found, fields.findings, fields.step)
    spoken = read_spoken(fields, nested)
    nested.close(f"`{name}`")
    return spoken


def _template(fields: Fields, reading: Reading, name: str) -> Template | None:
    return fields.as_template(reading.text(name), reading.line(name)) if reading.present(name) else None
