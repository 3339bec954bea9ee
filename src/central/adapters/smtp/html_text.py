"""The text part of a message that has only HTML: small, readable, links in brackets. Pure, linear in the input's length.

Where it can, it works on the template and not on each message: Liquid statements are kept as they are, and the text becomes a
template of its own, which renders a hundred times faster than HTML is read. It cannot where a statement makes HTML or where a
tag of Liquid would be lost; then each message is read.
No library fits: html2text is under the GPL, inscriptis brings lxml and requests, html-text brings lxml.
"""

from __future__ import annotations

import re
from html import unescape
from typing import Final

_TAG: Final = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9:-]{0,40})((?:[^\"'<>]|\"[^\"]*\"|'[^']*')*+)>")
_ATTRIBUTE: Final = re.compile(r"([^\s\"'=<>/]+)(?:\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s\"'=<>`]+))?")
_SILENT: Final = frozenset({"head", "noscript", "script", "style", "svg", "template", "title"})
_PARAGRAPHS: Final = frozenset(
    {"blockquote", "dl", "h1", "h2", "h3", "h4", "h5", "h6", "ol", "p", "pre", "table", "ul"}
)
_LINES: Final = frozenset({
    "address", "article", "body", "center", "dd", "div", "dt", "fieldset", "figure", "footer", "form", "header", "li", "main",
    "nav", "section", "tr",
})  # fmt: skip
_CELLS: Final = frozenset({"td", "th"})
_MAY_BE_HIDDEN: Final = frozenset({"div", "p", "span", "table", "td", "tr"})
_HIDDEN: Final = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_STATEMENT: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_MAKES_HTML: Final = re.compile(
    r"[<&]|\b(?:comment|echo|escape|escape_once|liquid|newline_to_br|raw|safe|strip_html)\b"
)
# Two private characters around a number stand for a statement while HTML is read: one that writes something, or a tag.
_OUTPUT, _TAG_OPEN, _CLOSE = "\ue000", "\ue001", "\ue002"
_PLACE: Final = re.compile(f"[{_OUTPUT}{_TAG_OPEN}]([0-9]+){_CLOSE}")
_TAG_PLACE: Final = re.compile(f"({_TAG_OPEN}[0-9]+{_CLOSE})")
_TRAILING: Final = re.compile(r"[ \t\u00a0]+\n")
_BLANK_LINES: Final = re.compile(r"\n{3,}")


def attributes_of(inside: str) -> dict[str, str]:
    """The attributes of a tag, given what stands between its name and ``>``; names in small letters, the first of a name."""
    found: dict[str, str] = {}
    for one in _ATTRIBUTE.finditer(inside):
        value = one[2] or ""
        found.setdefault(one[1].lower(), unescape(value[1:-1] if value[:1] in {'"', "'"} else value))
    return found


def text_template(html: str) -> str | None:
    """A Liquid template of text for one of HTML; None when the text must be made of each rendered message instead."""
    statements = _STATEMENT.findall(html)
    if any(char in html for char in (_OUTPUT, _TAG_OPEN, _CLOSE)) or any(_MAKES_HTML.search(one) for one in statements):
        return None
    numbers = iter(range(len(statements)))
    text = text_of(_STATEMENT.sub(lambda one: _place(one[0], next(numbers)), html))
    kept = [int(one) for one in _PLACE.findall(text)]
    tags = [number for number, one in enumerate(statements) if one.startswith("{%")]
    if [number for number in kept if statements[number].startswith("{%")] != tags:
        return None
    return _PLACE.sub(lambda place: statements[int(place[1])], text)


def _place(statement: str, number: int) -> str:
    return f"{_TAG_OPEN if statement.startswith('{%') else _OUTPUT}{number}{_CLOSE}"


def tidy(text: str) -> str:
    """No blanks at the end of lines, no more than one empty line at once, one line end at the end."""
    return _BLANK_LINES.sub("\n\n", _TRAILING.sub("\n", text + "\n")).strip("\n") + "\n"


def text_of(html: str) -> str:
    """Read HTML as a person would write it down."""
    writer = _Writer()
    place, no_comment_end, no_tag_end = 0, False, False
    while (begin := html.find("<", place)) >= 0:
        writer.text(html[place:begin])
        end = -1
        if html.startswith("<!--", begin):
            end = -1 if no_comment_end else html.find("-->", begin)
            no_comment_end = end < 0
            end = end + 3 if end >= 0 else -1
        if end < 0 and html.startswith(("<!", "<?"), begin):
            end = -1 if no_tag_end else html.find(">", begin)
            no_tag_end = end < 0
            end = end + 1 if end >= 0 else -1
        elif end < 0 and (tag := _TAG.match(html, begin)):
            end = writer.tag(tag, html)
        if end < 0:
            writer.text("<")
            end = begin + 1
        place = end
    writer.text(html[place:])
    return tidy(writer.written())


class _Writer:
    """What is written so far, and how much space the next word needs before it."""

    def __init__(self) -> None:
        self._out: list[str] = []
        self._newlines = 2  # that stand at the end
        self._space = False
        self._links: list[tuple[str, int]] = []
        self._hidden = ""
        self._hidden_depth = 0

    def written(self) -> str:
        return "".join(self._out)

    def text(self, raw: str) -> None:
        """Words of the document, blanks as HTML means them. A tag of Liquid takes no room and ends no line."""
        if self._hidden or not raw:
            return
        if _TAG_OPEN not in raw:
            self._words(raw)
            return
        for piece in _TAG_PLACE.split(raw):
            if not piece.startswith(_TAG_OPEN):
                self._words(piece)
                continue
            if self._space and not self._newlines:
                self._out.append(" ")
                self._space = False
            self._out.append(piece)

    def _words(self, raw: str) -> None:
        words = unescape(raw).replace("\u00a0", " ").replace("\u200c", "").split()
        if not words:
            self._space = self._space or bool(raw)
            return
        self._space = self._space or raw[0].isspace()
        self._word(" ".join(words))
        self._space = raw[-1].isspace()

    def tag(self, tag: re.Match[str], html: str) -> int:
        """Act on a tag; where reading goes on."""
        closing, name = bool(tag[1]), tag[2].lower()
        if self._hidden:
            if name == self._hidden:
                self._hidden_depth += -1 if closing else 1
                if not self._hidden_depth:
                    self._hidden = ""
        elif name in _SILENT:
            return _end_of(name, html, tag.end()) if not closing else tag.end()
        elif closing:
            self._close(name)
        else:
            self._open(name, tag[3])
        return tag.end()

    def _open(self, name: str, inside: str) -> None:
        if name in _MAY_BE_HIDDEN and _HIDDEN.search(inside) and _HIDDEN.search(attributes_of(inside).get("style", "")):
            self._hidden, self._hidden_depth = name, 1
            return
        self._break(name)
        if name == "br":
            self._line(self._newlines + 1)
        elif name == "hr":
            self._line(1)
            self._word("---")
            self._line(1)
        elif name == "li":
            self._word("- ")
        elif name == "img":
            self._word(attributes_of(inside).get("alt", "").strip())
        elif name == "a":
            self._links.append((attributes_of(inside).get("href", "").strip(), len(self._out)))

    def _close(self, name: str) -> None:
        self._break(name)
        if name in _CELLS:
            self._space = True
        elif name == "a" and self._links:
            href, begun = self._links.pop()
            label = "".join(self._out[begun:]).strip()
            shown = href.removeprefix("mailto:").removeprefix("tel:")
            if shown and not shown.startswith(("#", "javascript:")) and label != shown:
                self._space = bool(label)
                self._word(f"({shown})" if label else shown)

    def _break(self, name: str) -> None:
        if name in _PARAGRAPHS:
            self._line(2)
        elif name in _LINES:
            self._line(1)

    def _line(self, newlines: int) -> None:
        if newlines > self._newlines:
            self._out.append("\n" * (newlines - self._newlines))
            self._newlines = newlines
        self._space = False

    def _word(self, word: str) -> None:
        if not word:
            return
        if self._space and not self._newlines:
            self._out.append(" ")
        self._out.append(word)
        self._newlines, self._space = 0, False


def _end_of(name: str, html: str, begin: int) -> int:
    """Behind the closing tag of an element whose content is not shown; the end of the document when there is none."""
    found = re.compile(rf"</{name}\b[^<>]*>", re.IGNORECASE).search(html, begin)
    return found.end() if found else len(html)
