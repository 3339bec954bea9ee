"""YAML 1.2 to a tree, from parser events only: no tags, no objects, no merge keys; aliases are bounded (see tree.py)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, cast

from ruamel import yaml
from ruamel.yaml import error as faults
from ruamel.yaml import events as news
from ruamel.yaml import reader

from central.domain.errors import InvalidInput
from central.flow.tree import Tree, TreeBuilder

_yaml: Any = yaml  # ships no complete types
_TEXT_TAG = "tag:yaml.org,2002:str"
# YAML 1.2 ends lines with LF and CR alone (section 5.4); the library, as YAML 1.1, also with these three. Under the guise of
# characters that nobody may use in texts they stay what they are, and lines are those that an editor counts.
_OTHER_BREAKS = "\x85\u2028\u2029"
_GUISES = "\ufdd0\ufdd1\ufdd2"
_DISGUISE, _UNVEIL = str.maketrans(_OTHER_BREAKS, _GUISES), str.maketrans(_GUISES, _OTHER_BREAKS)


class _Mark(Protocol):
    """A place in the text; ``line`` counts from 0."""

    line: int


class _Unfit(Protocol):
    """A character that no YAML document may hold, and its place in the text."""

    position: int
    character: int


class _Event(Protocol):
    """What this reader uses of a parser event; which attributes are there depends on the event's class."""

    start_mark: _Mark
    value: str
    anchor: str | None
    ctag: object
    implicit: tuple[bool, bool]


def read_yaml(text: str) -> Tree | None:
    """The tree of one YAML document, None when it is empty.

    Raises InvalidInput (``line`` from 1 in its details): document_syntax, document_several, document_tag,
    document_alias, and those of TreeBuilder.
    """
    disguised = not text.isascii() and any(char in text for char in _OTHER_BREAKS)
    reading = _Reading(_UNVEIL if disguised else None)
    text = text.translate(_DISGUISE) if disguised else text
    parser = _yaml.YAML(typ="safe", pure=True)
    try:
        for event in cast("Iterable[_Event]", parser.parse(text)):
            reading.take(event)
    except faults.MarkedYAMLError as error:
        raise _not_yaml(error) from error
    except reader.ReaderError as error:  # a control character
        unfit = cast("_Unfit", error)
        line = text.count("\n", 0, unfit.position) + 1
        message = f"The character U+{unfit.character:04X} is not allowed."
        raise InvalidInput("document_bad_character", message, line=line) from error
    except (faults.YAMLError, ValueError, OverflowError) as error:  # ValueError: escapes beyond Unicode reach chr()
        said = str(error).splitlines()
        message = f"This is not YAML: {said[0] if said else 'unreadable'}."
        raise InvalidInput("document_syntax", message, line=0) from error
    return reading.builder.result


def _not_yaml(error: Any) -> InvalidInput:  # noqa: ANN401 - the library's error is untyped
    mark: _Mark | None = error.problem_mark or error.context_mark
    message = f"This is not YAML: {error.problem or error.context}."
    return InvalidInput("document_syntax", message, line=mark.line + 1 if mark else 0)


class _Reading:
    """Feeds parser events to the builder and keeps the anchors."""

    def __init__(self, unveil: dict[int, int] | None) -> None:
        self.builder = TreeBuilder()
        self._unveil = unveil
        self._documents = 0
        self._anchors: dict[str, Tree] = {}
        self._open_anchors: list[str | None] = []

    def take(self, event: _Event) -> None:
        kind: type[object] = type(cast("object", event))
        line = event.start_mark.line + 1
        if kind is news.ScalarEvent:
            self._refuse_tag(event.ctag, line)
            value = event.value if self._unveil is None else event.value.translate(self._unveil)
            self._keep(event.anchor, self.builder.scalar(value, line, bare=event.implicit[0]))
        elif kind in {news.MappingStartEvent, news.SequenceStartEvent}:
            self._refuse_tag(event.ctag, line)
            self._open_anchors.append(event.anchor)
            if kind is news.MappingStartEvent:
                self.builder.open_map(line)
            else:
                self.builder.open_list(line)
        elif kind in {news.MappingEndEvent, news.SequenceEndEvent}:
            self._keep(self._open_anchors.pop(), self.builder.close())
        elif kind is news.AliasEvent:
            self._alias(event.anchor or "", line)
        elif kind is news.DocumentStartEvent:
            self._documents += 1
            if self._documents > 1:
                raise InvalidInput("document_several", "One file holds one flow document.", line=line)

    def _keep(self, anchor: str | None, tree: Tree) -> None:
        if anchor:
            self._anchors[anchor] = tree

    def _alias(self, anchor: str, line: int) -> None:
        if anchor not in self._anchors:
            message = f"The alias *{anchor} names no finished anchor before it."
            raise InvalidInput("document_alias", message, line=line)
        self.builder.reuse(self._anchors[anchor], line)

    @staticmethod
    def _refuse_tag(tag: object, line: int) -> None:
        if tag is not None and str(tag) not in {_TEXT_TAG, "None"}:
            raise InvalidInput("document_tag", f"Tags are not part of the flow language: {tag}.", line=line)
