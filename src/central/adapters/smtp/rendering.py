"""A mail template made ready once for many messages: MJML became HTML, Liquid is parsed, a text part is there. No I/O.

MJML is rendered once a template, as mrml keeps Liquid in texts and attributes. CSS goes into the elements after Liquid, as it
would move loops out of tables before (measured). The text part is made once a template too, where that is possible.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Final

import css_inline
import mrml

from central.adapters.smtp.faults import Unfitting
from central.adapters.smtp.html_shape import check_depth
from central.adapters.smtp.html_text import text_of, text_template, tidy
from central.adapters.smtp.templates import LIMIT_TEMPLATE_CHARS, Template
from central.application.ports.composition import MailTemplate

_INLINER: Final = css_inline.CSSInliner(
    load_remote_stylesheets=False,  # it would read files of this machine and fetch addresses for whoever writes a template
    keep_style_tags=True,  # rules for screens of one size cannot stand in an element; those that can are not kept
    remove_inlined_selectors=True,
)
_STYLE: Final = re.compile(r"<style[\s>]", re.IGNORECASE)
_STYLES: Final = re.compile(r"<style[\s>](.*?)(?:</style|\Z)", re.IGNORECASE | re.DOTALL)
_LIMIT_STYLING: Final = 20_000_000
"""Characters of styles times elements: rules that fit everything are written into everything (about two seconds, 20 MB)."""
_LIMIT_WEIGHT: Final = 20_000_000
_STATEMENT_WEIGHT: Final = 300  # parsed, a statement takes as much memory as so many characters


class Rendered:
    """Subject, text and HTML of one message; "" = it has none."""

    __slots__ = ("html", "subject", "text")

    def __init__(self, subject: str, text: str, html: str) -> None:
        self.subject = subject
        self.text = text
        self.html = html


class Prepared:
    """One template. Raises Unfitting: ``empty_message``, ``mjml``, ``too_deep``, and those of Template."""

    def __init__(self, source: MailTemplate) -> None:
        if not (source.text or source.html or source.mjml):
            raise Unfitting("empty_message", "The message has neither text nor HTML.")
        if source.html and source.mjml:
            raise Unfitting("two_bodies", "The message has HTML and MJML; it can have one of them.")
        html = html_of(source.mjml) if source.mjml else source.html
        made = text_template(html) if html and not source.text and source.liquid else None
        text = source.text or made or ""
        self._subject = _part(source.subject, html=False, liquid=source.liquid)
        self._text = _part(text, html=False, liquid=source.liquid)
        self._html = _part(html, html=True, liquid=source.liquid)
        self._has_html = bool(html)
        self._text_made = made is not None
        self._text_of_html = bool(html) and not text
        self.weight = sum(len(one) + _STATEMENT_WEIGHT * one.count("{") for one in (source.subject, text, html))
        self._styled = bool(source.html) and _STYLE.search(source.html) is not None

    def render(self, values: Mapping[str, object], now: datetime, *, inlining: bool = True) -> Rendered:
        """Fill in the values. inlining: its styles go into its elements. Raises Unfitting as Template does, and ``too_deep``."""
        subject = self._subject.render(values, now)
        html = self._html.render(values, now) if self._has_html else ""
        if self._styled:
            html = with_inlined_css(html) if inlining else checked_styles(html)
        if self._text_of_html:
            return Rendered(subject, text_of(html), html)
        text = self._text.render(values, now)
        return Rendered(subject, tidy(text) if self._text_made else text, html)


class _Fixed:
    """A part that has no statements, or whose braces mean nothing."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def render(self, _: Mapping[str, object], __: datetime) -> str:
        return self._text


def _part(source: str, *, html: bool, liquid: bool) -> Template | _Fixed:
    if len(source) > LIMIT_TEMPLATE_CHARS:
        raise Unfitting("template_limit", f"The template is longer than {LIMIT_TEMPLATE_CHARS} characters.")
    return Template(source, html=html) if liquid and ("{{" in source or "{%" in source) else _Fixed(source)


def html_of(source: str) -> str:
    """The HTML of an MJML document; includes are refused. Raises Unfitting: ``mjml``, ``too_deep``, ``template_limit``."""
    if len(source) > LIMIT_TEMPLATE_CHARS:
        raise Unfitting("template_limit", f"The template is longer than {LIMIT_TEMPLATE_CHARS} characters.")
    check_depth(source, mjml=True)
    try:
        return mrml.to_html(source).content
    except (OSError, ValueError) as error:
        raise Unfitting("mjml", f"The MJML cannot be read: {str(error)[:200]}.") from error


def with_inlined_css(html: str) -> str:
    """The HTML with its style rules in the elements. Raises Unfitting: ``css``, ``too_deep``, ``template_limit``."""
    try:
        return _INLINER.inline(checked_styles(html))
    except (OSError, ValueError) as error:  # css_inline.InlineError is a ValueError
        raise Unfitting("css", f"The styles of the HTML cannot be read: {str(error)[:200]}.") from error


def checked_styles(html: str) -> str:
    """The same HTML. Raises Unfitting: ``too_deep``, ``template_limit``."""
    check_depth(html, mjml=False)
    if sum(len(one) for one in _STYLES.findall(html)) * html.count("<") > _LIMIT_STYLING:
        raise Unfitting("template_limit", "The HTML has too many style rules for its elements.")
    return html


class PreparedTemplates:
    """The templates that were used last, up to a number and a weight; one that cannot be prepared is kept with its reason."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._known: OrderedDict[MailTemplate, Prepared | Unfitting] = OrderedDict()
        self._weight = 0
        self.made = 0

    def __len__(self) -> int:
        return len(self._known)

    def of(self, source: MailTemplate) -> Prepared:
        """The template, prepared now or before. Raises Unfitting."""
        found = self._known.get(source)
        if found is None:
            found = self._prepare(source)
        else:
            self._known.move_to_end(source)
        if isinstance(found, Unfitting):
            raise Unfitting(found.reason, found.detail, found.status)
        return found

    def _prepare(self, source: MailTemplate) -> Prepared | Unfitting:
        try:
            found: Prepared | Unfitting = Prepared(source)
        except Unfitting as fault:
            found = fault
        self.made += 1
        self._known[source] = found
        self._weight += _weight(found)
        while len(self._known) > self._limit or (self._weight > _LIMIT_WEIGHT and len(self._known) > 1):
            self._weight -= _weight(self._known.popitem(last=False)[1])
        return found


def _weight(found: Prepared | Unfitting) -> int:
    return found.weight if isinstance(found, Prepared) else 0
