"""JSON (RFC 8259) to a tree with lines, without recursion, so that depth and size stay bounded."""

from __future__ import annotations

import re
from json import JSONDecodeError, loads

from central.domain.errors import InvalidInput
from central.flow.tree import Tree, TreeBuilder

_TOKEN = re.compile(
    r"""[ \t\r\n]*(?:
        (?P<mark>[{}\[\],:])
      | (?P<text>"(?:[^"\\\x00-\x1f]++|\\.)*+")
      | (?P<bare>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null)
    )""",
    re.VERBOSE,
)


def read_json(text: str) -> Tree | None:
    """The tree of one JSON value. Raises InvalidInput document_syntax with ``line``, and those of TreeBuilder."""
    return _Reading(text).read()


class _Reading:
    """A tokeniser and a stack of open brackets; ``_due`` says what may come next."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._counted = 0
        self._stack: list[str] = []
        self._due = "value"  # value, value_or_end, key, key_or_end, colon, comma_or_end, nothing
        self._builder = TreeBuilder()

    def read(self) -> Tree | None:
        while self._due != "nothing":
            token = _TOKEN.match(self._text, self._at)
            if token is None:
                raise self._wrong()
            self._at = token.end()
            self._line += self._text.count("\n", self._counted, self._at)
            self._counted = self._at
            if token["mark"]:
                self._mark(token["mark"])
            else:
                self._scalar(token)
        if self._text[self._at :].strip(" \t\r\n"):
            raise self._wrong()
        return self._builder.result

    def _scalar(self, token: re.Match[str]) -> None:
        if self._due in {"key", "key_or_end"}:
            if token["text"] is None:
                raise self._wrong()
            self._builder.scalar(self._unescape(token["text"]), self._line, bare=False)
            self._due = "colon"
        elif self._due in {"value", "value_or_end"}:
            text = token["text"]
            if text is None:
                self._builder.scalar(token["bare"], self._line, bare=True)
            else:
                self._builder.scalar(self._unescape(text), self._line, bare=False)
            self._after_value()
        else:
            raise self._wrong()

    def _mark(self, mark: str) -> None:
        if mark in "{[" and self._due in {"value", "value_or_end"}:
            self._stack.append(mark)
            if mark == "{":
                self._builder.open_map(self._line)
            else:
                self._builder.open_list(self._line)
            self._due = "key_or_end" if mark == "{" else "value_or_end"
        elif mark in "}]" and self._ends(mark):
            self._stack.pop()
            self._builder.close()
            self._after_value()
        elif mark == ":" and self._due == "colon":
            self._due = "value"
        elif mark == "," and self._due == "comma_or_end":
            self._due = "key" if self._stack[-1] == "{" else "value"
        else:
            raise self._wrong()

    def _ends(self, mark: str) -> bool:
        if not self._stack or (self._stack[-1] == "{") != (mark == "}"):
            return False
        return self._due in {"comma_or_end", "key_or_end" if mark == "}" else "value_or_end"}

    def _after_value(self) -> None:
        self._due = "comma_or_end" if self._stack else "nothing"

    def _unescape(self, token: str) -> str:
        if "\\" not in token:
            return token[1:-1]
        try:
            return str(loads(token))
        except JSONDecodeError as error:
            raise InvalidInput("document_syntax", f"This is not JSON: {error.msg}.", line=self._line) from error

    def _wrong(self) -> InvalidInput:
        at = self._at
        while self._text[at : at + 1] in {" ", "\t", "\r", "\n"}:
            at += 1
        line = self._line + self._text.count("\n", self._counted, at)
        found = repr(self._text[at : at + 20]) if at < len(self._text) else "the end"
        return InvalidInput("document_syntax", f"This is not JSON: unexpected {found}.", line=line)
