"""How a web request of a flow is put together: templates filled in, each value escaped for the place where it stands.

A value can never change what it is put into: in a path or query it is percent-encoded, in JSON and XML escaped, in a form
encoded; one that would break a header or choose another server is refused. Pure; used by the Webhook step.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, quote_plus, unquote, urlsplit

from central.domain.endpoints import check_url
from central.domain.errors import InvalidInput
from central.flow.tree import Entries, Items, Scalar, Tree, plain
from central.flow.variables import MASK, Reference, Template, parse_template
from central.flow.walk import Walk

LIMIT_URL: Final = 8_192
LIMIT_BODY: Final = 65_536
Part = str | Reference

_URL_CHARS: Final = ":/?#[]@!$&'()*+,;=%~"
_AUTHORITY = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")
_HOST_PART = re.compile(r"[A-Za-z0-9.:_\[\]-]*")
_JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2


class Refused(Exception):
    """The values make no request that could be sent; ``code`` is a stable word, the text a sentence without secrets."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(slots=True)
class Filling:
    """Fills templates in; remembers the secrets that were used and the variables that had no value."""

    walk: Walk
    secrets: set[str] = field(default_factory=set[str])
    unresolved: list[str] = field(default_factory=list[str])

    def value(self, reference: Reference) -> str:
        """A variable's value, "" when it has none."""
        value = self.walk.value_of(reference)
        if value is None:
            self.unresolved.append(str(reference))
            return ""
        if value and self.walk.is_secret(reference):
            self.secrets.add(value)
        return value

    def fill(self, parts: Iterable[Part], encode: Callable[[str], str] = str) -> str:
        """The text with each value encoded."""
        return "".join(part if isinstance(part, str) else encode(self.value(part)) for part in parts)

    def shown(self, parts: Iterable[Part]) -> str:
        """The text for timelines, secrets masked."""
        return "".join(
            part if isinstance(part, str) else MASK if self.walk.is_secret(part) else self.walk.value_of(part) or ""
            for part in parts
        )


# -- the address -------------------------------------------------------------------------------------------------------
def fill_url(filling: Filling, template: Template) -> str:
    """The absolute URL, percent-encoded, without fragment. Raises Refused ``webhook_url_invalid``."""
    return join_url(template.parts, filling.value)


def join_url(parts: Sequence[Part], value_of: Callable[[Reference], str]) -> str:
    """As ``fill_url``, for values from anywhere.

    A variable at the very beginning may hold the beginning of a URL; one within the host may hold host characters only;
    behind the host, values are data and percent-encoded.
    """
    text = ""
    for part in parts:
        if isinstance(part, str):
            text += quote(part, safe=_URL_CHARS)
            continue
        value = value_of(part)
        if not text:
            text = value.strip()
            continue
        authority = _AUTHORITY.match(text)
        if authority is not None and authority.end() < len(text):
            text += quote(value, safe="", errors="replace")
        elif _HOST_PART.fullmatch(value):
            text += value
        else:
            raise Refused("webhook_url_invalid", "A value within the host of the address holds other characters.")
    text = text.partition("#")[0]
    return _checked(text)


def _checked(text: str) -> str:
    try:
        check_url(text, plain_http=True, longest=LIMIT_URL)
    except InvalidInput as error:
        raise Refused("webhook_url_invalid", error.message) from error
    segments = unquote(urlsplit(text).path).split("/")  # a server may decode before it looks at the path
    if "\\" in text or any(segment in {".", ".."} for segment in segments):
        raise Refused("webhook_url_invalid", "The path of the address leads up, or holds a backslash.")
    return text


def query_parts(pairs: Iterable[tuple[str, Template]]) -> tuple[Part, ...]:
    """``name=value`` pairs joined, to be filled in with ``percent``."""
    return _joined(pairs, percent)


def percent(value: str) -> str:
    """A value as a part of a path or query."""
    return quote(value, safe="", errors="replace")


def _joined(pairs: Iterable[tuple[str, Template]], encode: Callable[[str], str]) -> tuple[Part, ...]:
    parts: list[Part] = []
    for name, template in pairs:
        parts.append(("&" if parts else "") + encode(name) + "=")
        parts.extend(encode(part) if isinstance(part, str) else part for part in template.parts)
    return tuple(parts)


# -- headers -----------------------------------------------------------------------------------------------------------
def fill_header(filling: Filling, name: str, template: Template) -> str:
    """A header's value. Raises Refused ``webhook_header_invalid``."""
    value = filling.fill(template.parts).strip()
    if not lawful_header(value):
        raise Refused("webhook_header_invalid", f"The value of the header {name} holds a line break or the like.")
    return value


def lawful_header(value: str) -> bool:
    """Whether this can stand in a header: no control characters (RFC 9110, section 5.5), no lone surrogates."""
    return all(char.isprintable() or char == "\t" for char in value)


def basic(username: str, password: str) -> str:
    """The value of a basic Authorization header (RFC 7617, UTF-8). Raises Refused ``webhook_header_invalid``."""
    if ":" in username or not (username + password).isprintable():
        raise Refused("webhook_header_invalid", "A user name has no colon, and it and the password are printable.")
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii")


# -- bodies ------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Body:
    """A body to be filled in. ``encode`` escapes one value for it."""

    content_type: str
    parts: tuple[Part, ...]
    encode: Callable[[str], str]

    @property
    def references(self) -> tuple[Reference, ...]:
        """The variables it reads."""
        return tuple(part for part in self.parts if isinstance(part, Reference))


def fill_body(filling: Filling, body: Body) -> str:
    """The body's text. Raises Refused ``webhook_body_too_large``."""
    text = filling.fill(body.parts, body.encode)
    if len(text) > LIMIT_BODY or len(text.encode(errors="replace")) > LIMIT_BODY:
        raise Refused("webhook_body_too_large", f"A body has at most {LIMIT_BODY} bytes.")
    return text


def json_body(tree: Tree) -> Body:
    """A mapping or list of the document as JSON: unquoted numbers and flags stay what they are, texts may hold variables."""
    return Body("application/json", tuple(_json(tree)), _json_inside)


def form_body(pairs: Iterable[tuple[str, Template]]) -> Body:
    """Fields as a form (application/x-www-form-urlencoded)."""
    return Body("application/x-www-form-urlencoded", _joined(pairs, _form), _form)


def xml_body(template: Template) -> Body:
    """Markup of the author's own with values escaped."""
    return Body("application/xml; charset=utf-8", template.parts, _xml)


def text_body(template: Template) -> Body:
    """Plain text."""
    return Body("text/plain; charset=utf-8", template.parts, str)


def templates_in(tree: Tree) -> Iterable[tuple[str, int]]:
    """Every text of a JSON body with its line."""
    if isinstance(tree, Scalar):
        yield tree.text, tree.line
    for inner in tree.items if isinstance(tree, Items) else tree.entries.values() if isinstance(tree, Entries) else ():
        yield from templates_in(inner)


def _json(tree: Tree) -> Iterable[Part]:
    """The document's own depth (40 levels) bounds the recursion."""
    match tree:
        case Entries():
            for place, (key, inner) in enumerate(tree.entries.items()):
                yield ("," if place else "{") + _json_text(key) + ":"
                yield from _json(inner)
            yield "}" if tree.entries else "{}"
        case Items():
            for place, inner in enumerate(tree.items):
                yield "," if place else "["
                yield from _json(inner)
            yield "]" if tree.items else "[]"
        case Scalar():
            yield from _json_scalar(tree)


def _json_scalar(scalar: Scalar) -> Iterable[Part]:
    if scalar.bare and _JSON_NUMBER.fullmatch(scalar.text):
        yield scalar.text
        return
    value = plain(scalar)
    if value is None or isinstance(value, bool | int):
        yield json.dumps(value)
        return
    yield '"'
    for part in parse_template(scalar.text).parts:
        yield _json_inside(part) if isinstance(part, str) else part
    yield '"'


def _json_text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _json_inside(text: str) -> str:
    return _json_text(text)[1:-1]


def _form(text: str) -> str:
    return quote_plus(text, errors="replace")


def _xml(text: str) -> str:
    return html.escape(_NOT_XML.sub("\ufffd", text))


# -- what comes back ---------------------------------------------------------------------------------------------------
def storable(text: str) -> str:
    """The text without what the store cannot keep: NUL and lone surrogates."""
    return text.replace("\x00", "\ufffd").encode(errors="replace").decode()


def without(text: str, secrets: Iterable[str]) -> str:
    """The text with each of these values masked, also as they look when they were escaped on the way."""
    for secret in sorted(secrets, key=len, reverse=True):
        for form in {
            secret,
            percent(secret),
            _form(secret),
            _json_inside(secret),
            json.dumps(secret)[1:-1],
            _xml(secret),
        }:
            text = text.replace(form, MASK)
    return text
