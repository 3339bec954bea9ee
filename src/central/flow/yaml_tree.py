"""YAML 1.2 to a tree, from parser events only: no tags, no objects, no merge keys; aliases are bounded (see tree.py)."""

from __future__ import annotations

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from central.domain.errors import InvalidInput
from central.flow.tree import Tree, TreeBuilder

_TEXT_TAG = "tag:yaml.org,2002:str"


def read_yaml(text: str) -> Tree | None:
    """The tree of one YAML document, None when it is empty.

    Raises InvalidInput (``line`` from 1 in its details): document_syntax, document_several, document_tag,
    document_alias, and those of TreeBuilder.
    """
    reading = _Reading()
    parser = YAML(typ="safe", pure=True)
    try:
        for event in parser.parse(text):
            reading.take(event)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        raise InvalidInput("document_syntax", f"This is not YAML: {error.problem or error.context}.", line=line) from error
    except (YAMLError, ValueError, OverflowError) as error:  # ValueError: escapes beyond Unicode reach chr()
        message = f"This is not YAML: {str(error).splitlines()[0] if str(error) else 'unreadable'}"
        raise InvalidInput("document_syntax", message, line=0) from error
    return reading.builder.result


class _Reading:
    """Feeds parser events to the builder and keeps the anchors."""

    def __init__(self) -> None:
        self.builder = TreeBuilder()
        self._documents = 0
        self._anchors: dict[str, Tree] = {}
        self._open_anchors: list[str | None] = []

    def take(self, event: Event) -> None:
        line = event.start_mark.line + 1
        match event:
            case ScalarEvent():
                self._refuse_tag(event.ctag, line)
                tree = self.builder.scalar(event.value, line, bare=bool(event.implicit[0]))
                if event.anchor:
                    self._anchors[event.anchor] = tree
            case MappingStartEvent() | SequenceStartEvent():
                self._refuse_tag(event.ctag, line)
                self._open_anchors.append(event.anchor)
                if isinstance(event, MappingStartEvent):
                    self.builder.open_map(line)
                else:
                    self.builder.open_list(line)
            case MappingEndEvent() | SequenceEndEvent():
                tree = self.builder.close()
                anchor = self._open_anchors.pop()
                if anchor:
                    self._anchors[anchor] = tree
            case AliasEvent():
                if event.anchor not in self._anchors:
                    message = f"The alias *{event.anchor} names no finished anchor before it."
                    raise InvalidInput("document_alias", message, line=line)
                self.builder.reuse(self._anchors[event.anchor], line)
            case DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise InvalidInput("document_several", "One file holds one flow document.", line=line)
            case _:
                pass

    @staticmethod
    def _refuse_tag(tag: object, line: int) -> None:
        if tag is not None and str(tag) not in {_TEXT_TAG, "None"}:
            raise InvalidInput("document_tag", f"Tags are not part of the flow language: {tag}.", line=line)
