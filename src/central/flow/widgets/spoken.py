"""What a step says: text to speech (``say``) or a recorded prompt (``file``), used by Play and Menu."""

from __future__ import annotations

import re
from dataclasses import dataclass

from central.domain.prompts import PROMPT_NAME
from central.flow.commands import Media, Prompt, Speech
from central.flow.program import Failed, PromptUse
from central.flow.reading import Reading
from central.flow.tree import Entries, Scalar
from central.flow.variables import LIMIT_VALUE_CHARS, Template
from central.flow.walk import Walk
from central.flow.widgets.widget import Field, Fields

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

    def media(self, walk: Walk) -> Media | Failed | None:
        """What to play now, with the variables filled in; None when there is nothing to say."""
        if self.file is not None:
            name = walk.text(self.file).strip()
            if PROMPT_NAME.fullmatch(name) or _SILENCE.fullmatch(name):
                walk.note("play", file=name)
                return Prompt(name, self.language)
            return Failed("prompt_name_invalid", f"{name[:64]!r} is not the name of a prompt.")
        if self.say is None:
            return None
        rendered = walk.render(self.say)
        text = rendered.text.strip()
        if not text:
            walk.warn("nothing_to_say")
            return None
        if len(text) > LIMIT_VALUE_CHARS:
            walk.warn("text_cut", limit=LIMIT_VALUE_CHARS)
            text = text[:LIMIT_VALUE_CHARS]
        walk.note("play", say=rendered.shown[:LIMIT_VALUE_CHARS])
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
    language = reading.text("language", "en")
    name = None if file is None else file.literal
    if name is not None and PROMPT_NAME.fullmatch(name):
        fields.prompts.append(PromptUse(name, language, reading.line("file")))
    elif name is not None and not _SILENCE.fullmatch(name):
        hint = "Letters, digits, _ - . and /; or silence:1.5."
        message = f"{name[:64]!r} cannot be the name of a prompt."
        reading.find("prompt_name_invalid", message, line=reading.line("file"), hint=hint)
    return Spoken(say, file, reading.text("voice"), language)


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
