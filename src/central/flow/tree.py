"""A document as a tree of texts with their lines, before anything is understood: what YAML and JSON readers give back.

Scalars keep their text as written, so that ``1``, ``"1"`` and ``0123`` stay what a person typed; ``plain`` turns them into
values by the core schema of YAML 1.2 where a value is wanted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from central.domain.errors import InvalidInput

LIMIT_BYTES = 1_048_576
LIMIT_DEPTH = 40
LIMIT_NODES = 50_000  # counted with every alias written out, so an alias bomb counts as what it would become ...
NODE_CHARS = 64  # ... and a long text as one more value for each so many characters

_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]{1,18}|[0-9]{1,18}(\.[0-9]{0,18})?)([eE][-+]?[0-9]{1,3})?")
_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})
_FLAGS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value as written. ``bare`` = plain style in YAML, or a number, ``true``, ``false``, ``null`` in JSON."""

    text: str
    line: int
    bare: bool = True
    size: int = 1

    @property
    def missing(self) -> bool:
        """Whether nothing was written (``key:``, ``null``)."""
        return self.bare and self.text in _NOTHING


@dataclass(frozen=True, slots=True)
class Items:
    """A list; ``size`` counts all nodes in it, itself included."""

    items: tuple[Tree, ...]
    line: int
    size: int


@dataclass(frozen=True, slots=True)
class Entries:
    """A mapping in the order written; ``lines`` holds the line of each key."""

    entries: Mapping[str, Tree] = field(default_factory=dict[str, "Tree"])
    lines: Mapping[str, int] = field(default_factory=dict[str, int])
    line: int = 0
    size: int = 1


Tree = Scalar | Items | Entries
Plain = str | int | float | bool | None | list["Plain"] | dict[str, "Plain"]


def plain(tree: Tree) -> Plain:
    """The tree as plain values, bare scalars by the core schema of YAML 1.2 (section 10.3.2, without octal, hex and NaN)."""
    if isinstance(tree, Items):
        return [plain(item) for item in tree.items]
    if isinstance(tree, Entries):
        return {key: plain(value) for key, value in tree.entries.items()}
    if not tree.bare:
        return tree.text
    if tree.text in _NOTHING:
        return None
    if tree.text in _FLAGS:
        return _FLAGS[tree.text]
    if _INTEGER.fullmatch(tree.text):
        return int(tree.text)
    return float(tree.text) if _FLOAT.fullmatch(tree.text) else tree.text


def flag(tree: Tree) -> bool | None:
    """The truth value of a bare scalar, None when it is none."""
    return _FLAGS.get(tree.text) if isinstance(tree, Scalar) and tree.bare else None


class TreeBuilder:
    """Puts a tree together from the events of a reader, whatever the syntax, and keeps the limits.

    Calls: ``open_map``/``open_list``, ``scalar``, ``reuse`` (an anchor's tree), ``close``. ``result`` is the tree at the end.
    Raises InvalidInput: document_too_deep, document_too_large, document_duplicate_key, document_key_not_text,
    document_bad_character.
    """

    __slots__ = ("_open", "_size", "result")

    def __init__(self) -> None:
        self._open: list[_Open] = []
        self._size = 0
        self.result: Tree | None = None

    def open_map(self, line: int) -> None:
        """A mapping begins."""
        self._descend(_Open(line, is_map=True))

    def open_list(self, line: int) -> None:
        """A list begins."""
        self._descend(_Open(line, is_map=False))

    def scalar(self, text: str, line: int, *, bare: bool) -> Tree:
        """A scalar: a key if one is due, else a value."""
        if "\x00" in text or not (text.isascii() or text.isprintable() or _encodable(text)):
            raise InvalidInput("document_bad_character", "NUL and lone surrogates are not allowed.", line=line)
        scalar = Scalar(text, line, bare, 1 + len(text) // NODE_CHARS)
        return self._place(scalar, scalar.size)

    def reuse(self, tree: Tree, line: int) -> None:
        """An alias stands for this tree."""
        self._place(Scalar(tree.text, line, tree.bare, tree.size) if isinstance(tree, Scalar) else tree, tree.size)

    def close(self) -> Tree:
        """The innermost mapping or list ends; returns it."""
        return self._place(self._open.pop().close(), 1)

    def _descend(self, opened: _Open) -> None:
        if len(self._open) >= LIMIT_DEPTH:
            message = f"The document nests deeper than {LIMIT_DEPTH} levels."
            raise InvalidInput("document_too_deep", message, line=opened.line)
        if self._open and self._open[-1].key_due:
            raise InvalidInput("document_key_not_text", "A key must be plain text.", line=opened.line)
        self._open.append(opened)

    def _place(self, tree: Tree, added: int) -> Tree:
        self._size += added
        if self._size > LIMIT_NODES:
            message = f"The document has more than {LIMIT_NODES} values, aliases written out."
            raise InvalidInput("document_too_large", message, line=tree.line)
        if self._open:
            self._open[-1].put(tree)
        else:
            self.result = tree
        return tree


class _Open:
    """A mapping or list that is being read."""

    __slots__ = ("entries", "is_map", "items", "key", "line", "lines", "size")

    def __init__(self, line: int, *, is_map: bool) -> None:
        self.line = line
        self.is_map = is_map
        self.key: Scalar | None = None
        self.entries: dict[str, Tree] = {}
        self.lines: dict[str, int] = {}
        self.items: list[Tree] = []
        self.size = 1

    @property
    def key_due(self) -> bool:
        return self.is_map and self.key is None

    def put(self, tree: Tree) -> None:
        self.size += tree.size
        if not self.is_map:
            self.items.append(tree)
        elif self.key is not None:
            self.entries[self.key.text] = tree
            self.lines[self.key.text] = self.key.line
            self.key = None
        elif not isinstance(tree, Scalar):
            raise InvalidInput("document_key_not_text", "A key must be plain text.", line=tree.line)
        elif tree.text in self.entries:
            message = f"The key {tree.text[:64]!r} stands here twice."
            raise InvalidInput("document_duplicate_key", message, line=tree.line, first_line=self.lines[tree.text])
        else:
            self.key = tree

    def close(self) -> Tree:
        if self.is_map:
            return Entries(self.entries, self.lines, self.line, self.size)
        return Items(tuple(self.items), self.line, self.size)


def _encodable(text: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in text)
