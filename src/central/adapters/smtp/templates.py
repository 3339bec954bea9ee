"""Liquid for templates of customers: values are escaped in HTML, and a template that loops or grows is stopped. No I/O.

python-liquid limits nesting, output, the namespace, and the product of nested loops. Added here: all loops of a rendering count
together, filters count by what they read and write, a statement has a longest length, and what its lexer reads in more than
linear time is refused before (measured: an unclosed ``{{`` twenty thousand times took more than a minute).
A template sees nothing but its values and ``now``; it can include nothing. Its ``safe`` filter lets HTML of a value through that nh3
has cleaned: the template is the account's own, a value may come from anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sized
from datetime import datetime
from io import StringIO
from typing import Any, Final, TextIO

import nh3
from liquid import BoundTemplate, Environment, FalsyStrictUndefined, Markup, RenderContext, Token
from liquid.exceptions import (
    LiquidError,
    LocalNamespaceLimitError,
    LoopIterationLimitError,
    OutputStreamLimitError,
    ResourceLimitError,
    UndefinedError,
)
from typing_extensions import override

from central.adapters.smtp.faults import Unfitting
from central.adapters.smtp.html_shape import check_depth

LIMIT_TEMPLATE_CHARS: Final = 512 * 1024
LIMIT_OUTPUT_CHARS: Final = 4 * 1024 * 1024
LIMIT_LOOPS: Final = 10_000
"""Iterations of all loops of one rendering."""

_LIMIT_STATEMENTS: Final = 5_000
_LIMIT_NAMESPACE_BYTES: Final = 1024 * 1024
_LIMIT_WORK: Final = 20_000_000
"""Characters and items that the filters of one rendering may read and write: about a second."""
_LIMIT_STATEMENT_CHARS: Final = 4_000
_LIMIT_BLANKS: Final = 100
_LIMIT_BITS: Final = 4_096
"""Numbers beyond have more than a thousand digits, and multiplying them again and again takes for ever."""

_STATEMENT: Final = re.compile(r"\{\{|\{%-?\s{0,100}(raw|doc)\b|\{%")
_BLANKS: Final = re.compile(rf"\s{{{_LIMIT_BLANKS}}}")
# What evaluating a hostile template makes the library raise besides its own errors.
_FAILURES: Final = (ArithmeticError, AttributeError, LookupError, OSError, RecursionError, TypeError, ValueError)


class _Context(RenderContext):
    """A rendering that counts what it does."""

    __slots__ = ("_looped", "_work")

    @override
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._looped = 0
        self._work = 0

    @override
    def raise_for_loop_limit(self, length: int = 1) -> None:
        super().raise_for_loop_limit(length)
        self._looped += length
        if self._looped > LIMIT_LOOPS:
            raise LoopIterationLimitError("loop iteration limit reached", token=None)

    @override
    def filter(self, name: str, token: Token | None) -> Callable[..., object]:
        plain = super().filter(name, token)

        def counted(left: object, *args: object, **kwargs: object) -> object:
            self._count(_size(left) + sum(map(_size, args)))
            self._count(_growth(name, left, args))
            done = plain(left, *args, **kwargs)
            self._count(_size(done))
            return done

        return counted

    @override
    def get_buffer(self, buf: TextIO | None = None) -> StringIO:
        return _Output(buf.room if isinstance(buf, _Output) else LIMIT_OUTPUT_CHARS)

    def _count(self, work: int) -> None:
        self._work += work
        if self._work > _LIMIT_WORK:
            raise ResourceLimitError("work limit reached", token=None)


def _size(value: object) -> int:
    if isinstance(value, int) and value.bit_length() > _LIMIT_BITS:
        return _LIMIT_WORK + 1
    return len(value) if isinstance(value, Sized) and not isinstance(value, FalsyStrictUndefined) else 1


def _growth(name: str, left: object, args: tuple[object, ...]) -> int:
    """An upper bound of what a filter makes, for those that make more than they read."""
    if name == "join" and args:
        return _size(left) * _size(args[0])
    if name == "replace" and len(args) > 1:
        text, seek = str(left), str(args[0])
        return (text.count(seek) if seek else len(text) + 1) * _size(args[1])
    return 0


def _safe_html(value: object) -> Markup:
    """HTML of a contact list, less what could run, load styles or reach out of its place."""
    fragment = str(value)
    check_depth(fragment, mjml=False)
    return Markup(nh3.clean(fragment))


class _Output(StringIO):
    """What is rendered so far, stopped at a number of characters; the library's own encodes each piece to count octets."""

    def __init__(self, room: int = LIMIT_OUTPUT_CHARS) -> None:
        super().__init__()
        self.room = room

    @override
    def write(self, piece: str, /) -> int:
        self.room -= len(piece)
        if self.room < 0:
            raise OutputStreamLimitError("output stream limit reached", token=None)
        return super().write(piece)


class _Template(BoundTemplate):
    context_class = _Context

    @override
    def _get_buffer(self) -> StringIO:
        return _Output()


class _Environment(Environment):
    template_class = _Template
    loop_iteration_limit = LIMIT_LOOPS
    local_namespace_limit = _LIMIT_NAMESPACE_BYTES
    output_stream_limit = LIMIT_OUTPUT_CHARS

    def __init__(self, *, autoescape: bool) -> None:
        super().__init__(undefined=FalsyStrictUndefined, autoescape=autoescape)
        self.add_filter("safe", _safe_html if autoescape else str)


_TEXT: Final = _Environment(autoescape=False)
_HTML: Final = _Environment(autoescape=True)


class Template:
    """A template that is parsed once and rendered often. Raises Unfitting ``template_syntax`` or ``template_limit``."""

    def __init__(self, source: str, *, html: bool) -> None:
        _check(source)
        try:
            self._parsed = (_HTML if html else _TEXT).from_string(source)
        except LiquidError as error:
            raise _unfitting(error) from error
        self._fixed = source if "{{" not in source and "{%" not in source else None

    def render(self, values: Mapping[str, object], now: datetime) -> str:
        """Fill in the values. Raises Unfitting: ``missing_variable``, ``template_limit``, ``template_failed``."""
        if self._fixed is not None:
            return self._fixed
        try:
            return self._parsed.render({"now": now, "today": now.date(), **values})
        except LiquidError as error:
            raise _unfitting(error) from error
        except _FAILURES as error:
            raise Unfitting("template_failed", f"The template cannot be rendered: {type(error).__name__}.") from error


def _check(source: str) -> None:
    """Refuse what would keep the lexer busy: it looks for the end of each statement from its beginning."""
    if len(source) > LIMIT_TEMPLATE_CHARS:
        raise Unfitting("template_limit", f"The template is longer than {LIMIT_TEMPLATE_CHARS} characters.")
    if source.count("{{") + source.count("{%") > _LIMIT_STATEMENTS:
        raise Unfitting("template_limit", f"The template has more than {_LIMIT_STATEMENTS} statements.")
    place = 0
    while found := _STATEMENT.search(source, place):
        begin = found.start()
        if found[1]:
            closing = re.compile(rf"\{{%-?\s{{0,100}}end{found[1]}\s{{0,100}}-?%\}}").search(source, found.end())
            place = -1 if closing is None else closing.end()
        else:
            place = source.find("}}" if found[0] == "{{" else "%}", found.end(), begin + _LIMIT_STATEMENT_CHARS) + 2
        if place <= found.end():
            raise Unfitting(
                "template_syntax",
                f"What begins at character {begin} of the template does not end within {_LIMIT_STATEMENT_CHARS} characters.",
            )
        if not found[1] and _BLANKS.search(source, begin, place):
            raise Unfitting(
                "template_syntax", f"More than {_LIMIT_BLANKS} blanks in the statement at character {begin}."
            )


def _unfitting(error: LiquidError) -> Unfitting:
    said = str(error.args[0]) if error.args else type(error).__name__
    if isinstance(error, UndefinedError):
        return Unfitting("missing_variable", f"The template asks for a value that the message does not have: {said}.")
    if isinstance(
        error, ResourceLimitError | LoopIterationLimitError | OutputStreamLimitError | LocalNamespaceLimitError
    ):
        return Unfitting("template_limit", f"Rendering the template was stopped: {said}.")
    return Unfitting("template_syntax", f"The template is not lawful Liquid: {said}.")
