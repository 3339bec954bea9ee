"""The fields of a Webhook step as they stand in the document: read once, with a finding for what could not be sent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from central.flow.json_paths import JsonPath, parse_path
from central.flow.program import EndpointUse
from central.flow.reading import Reading
from central.flow.tree import Entries, Items, Scalar
from central.flow.variables import Template
from central.flow.web_requests import (
    Body,
    Part,
    form_body,
    json_body,
    lawful_header,
    query_parts,
    templates_in,
    text_body,
    xml_body,
)
from central.flow.widgets.web_address import check_address, warn_of_secrets
from central.flow.widgets.widget import Fields

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
RESPONSE: Final = ("response_status", "response_status_code", "response_duration", "response_raw", "response_error")
LIMIT_RESULTS: Final = 50
_BODIES: Final = ("json", "form", "xml", "text")
_WITHOUT_BODY: Final = frozenset({"GET"})
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")  # RFC 9110, section 5.6.2: token
# What frames or routes the request is not the author's to say.
_OUR_HEADERS: Final = frozenset({
    "host", "content-length", "transfer-encoding", "connection", "keep-alive", "proxy-authorization", "proxy-connection", "te",
    "trailer", "upgrade", "expect", "accept-encoding", "idempotency-key", "webhook-id", "webhook-timestamp", "webhook-signature",
})  # fmt: skip
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a step asks for; ``login`` is user name, password, token, two or one of them None."""

    method: str
    url: Template | None
    endpoint: str
    query: tuple[Part, ...]
    headers: tuple[tuple[str, Template], ...]
    login: tuple[Template | None, Template | None, Template | None] | None
    body: Body | None
    timeout_s: float
    result: tuple[tuple[str, JsonPath], ...]


def read_webhook(fields: Fields) -> Asked:
    """Read all fields of a Webhook step."""
    url = fields.template("url")
    endpoint = _endpoint(fields, url)
    if url is not None:
        check_address(fields, url, "webhook_url_invalid", "webhook_plain_http")
    body = _body(fields)
    method = fields.choice("method", METHODS, "POST" if body is not None or endpoint else "GET")
    if body is not None and method in _WITHOUT_BODY:
        hint = "Choose POST, or put the values into `query:`."
        fields.find("webhook_body_unused", f"{method} carries no body.", line=fields.line("method"), hint=hint)
    query = query_parts(_pairs(fields, "query"))
    warn_of_secrets(fields, url.parts if url is not None else (), "url")
    warn_of_secrets(fields, query, "query")
    login = _login(fields)
    headers = _headers(fields, logged_in=login is not None or bool(endpoint))
    timeout = fields.duration("timeout", 10 * _SECOND, _SECOND, 30 * _SECOND)
    result = _result(fields)
    for name in RESPONSE:
        fields.stored(name, fields.line("widget"))
    fields.secret = False  # that would mask pressed keys, and this step takes none
    return Asked(method, url, endpoint, query, headers, login, body, timeout / _SECOND, result)


# -- where to ----------------------------------------------------------------------------------------------------------
def _endpoint(fields: Fields, url: Template | None) -> str:
    endpoint = fields.text("endpoint")
    if endpoint and (url is not None or fields.present("auth")):
        message = "A saved endpoint has its own address and log-in."
        hint = "Remove `endpoint:`, or `url:` and `auth:`."
        fields.find("webhook_target_twice", message, line=fields.line("endpoint"), hint=hint)
    if not endpoint and not fields.present("url"):
        hint = "Add `url:` with an address, or `endpoint:` with the name of a saved one."
        fields.find("webhook_target_missing", "The step names no address.", hint=hint)
    if endpoint:
        fields.endpoints.append(EndpointUse(endpoint, fields.line("endpoint")))
    return endpoint


# -- headers and log-in ------------------------------------------------------------------------------------------------
def _headers(fields: Fields, *, logged_in: bool) -> tuple[tuple[str, Template], ...]:
    written = fields.mapping("headers")
    headers = tuple(_pairs(fields, "headers"))
    seen: set[str] = set()
    for name, template in headers:
        line = written.lines.get(name, written.line)
        lower = name.lower()
        if not _HEADER.fullmatch(name):
            hint = "Letters, digits and hyphens, such as X-Request-Source."
            fields.find("webhook_header_invalid", f"{name[:64]!r} cannot name a header.", line=line, hint=hint)
        elif lower in _OUR_HEADERS or (lower == "authorization" and logged_in):
            hint = "Remove it."
            fields.find("webhook_header_reserved", f"The header {name} is set by Central.", line=line, hint=hint)
        elif lower in seen:
            hint = "Keep one of them."
            fields.find("webhook_header_twice", f"The header {name} stands here twice.", line=line, hint=hint)
        if not all(lawful_header(part) for part in template.parts if isinstance(part, str)):
            message = f"The value of the header {name[:64]} holds a line break or the like."
            fields.find("webhook_header_invalid", message, line=line, hint="Write it on one line.")
        if lower == "authorization":
            _check_secret(fields, template, line)
        seen.add(lower)
    return headers


def _login(fields: Fields) -> tuple[Template | None, Template | None, Template | None] | None:
    tree = fields.tree("auth")
    if tree is None or (isinstance(tree, Scalar) and tree.text == "none"):
        return None
    auth = fields.section("auth")
    token = _template(fields, auth, "bearer")
    username: Template | None = None
    password: Template | None = None
    if auth.present("basic"):
        inner = auth.section("basic")
        username, password = _template(fields, inner, "username"), _template(fields, inner, "password")
        if username is None:
            inner.find("field_missing", "The field 'username' is missing.", hint="{username: ..., password: ...}")
        elif username.literal is not None and (":" in username.literal or not username.literal.isprintable()):
            message = "A user name has no colon and no line break (RFC 7617)."
            inner.find("webhook_login_invalid", message, line=inner.line("username"), hint="Check the log-in data.")
        if password is not None:
            _check_secret(fields, password, inner.line("password"))
        inner.close("`basic`")
    if token is not None:
        _check_secret(fields, token, auth.line("bearer"))
        if token.literal is not None and not (token.literal.isascii() and token.literal.isprintable()):
            message = "A bearer token is printable ASCII."
            auth.find("webhook_login_invalid", message, line=auth.line("bearer"), hint="Check the log-in data.")
    if (token is None) == (not auth.present("basic")):
        hint = "{basic: {username: ..., password: ...}} or {bearer: ...}."
        auth.find("webhook_login_invalid", "`auth` is either basic or bearer.", hint=hint)
    auth.close("`auth`")
    return username, password, token


def _check_secret(fields: Fields, template: Template, line: int) -> None:
    """Log-in data must come from a secret variable: others are shown in timelines, and the document is read by many."""
    if not template.references and template.literal:
        message = "Log-in data stands in the document, where everybody who can read the flow sees it."
        hint = "Save it with an endpoint (`endpoint:`), or take it from a variable declared with `secret: true`."
        fields.find("secret_in_document", message, line=line, hint=hint, severity="warning")
    for reference in template.references:
        if reference.space != "flow.key" or reference.name not in _secrets(fields):
            message = f"{reference} is used to log in, but it is not secret."
            hint = "Declare it under `variables:` with `secret: true`."
            fields.find("secret_laid_open", message, line=line, hint=hint)


def _secrets(fields: Fields) -> frozenset[str]:
    return frozenset(known.name for known in fields.flow.variables if known.secret)


# -- the body ----------------------------------------------------------------------------------------------------------
def _body(fields: Fields) -> Body | None:
    written = [name for name in _BODIES if fields.present(name)]
    if len(written) > 1:
        message = f"A request has one body, not {' and '.join(written)}."
        fields.find("webhook_body_twice", message, line=fields.line(written[1]), hint="Keep one of them.")
    found: Body | None = None
    if "json" in written:
        tree = fields.tree("json")
        if isinstance(tree, Entries | Items):
            for text, line in templates_in(tree):
                fields.as_template(text, line)
            found = json_body(tree)
        else:
            hint = "Such as `json: {id: 7}`; for text that is JSON already use `text:` with its own Content-Type."
            message = "`json` must be a mapping or a list."
            fields.find("field_not_mapping", message, line=fields.line("json"), hint=hint)
    if "form" in written:
        found = form_body(_pairs(fields, "form"))
    for name, make in (("xml", xml_body), ("text", text_body)):
        template = fields.template(name) if name in written else None
        if template is not None:
            found = make(template)
    return found


# -- the answer --------------------------------------------------------------------------------------------------------
def _result(fields: Fields) -> tuple[tuple[str, JsonPath], ...]:
    written = fields.mapping("result")
    if len(written.entries) > LIMIT_RESULTS:
        message = f"At most {LIMIT_RESULTS} values are kept of an answer."
        fields.find("field_out_of_range", message, line=fields.line("result"), hint="Keep fewer.")
        return ()
    found: list[tuple[str, JsonPath]] = []
    for name, tree in written.entries.items():
        line = written.lines.get(name, written.line)
        path = parse_path(tree.text) if isinstance(tree, Scalar) and not tree.missing else None
        if path is None:
            message = f"{name[:64]!r} is not filled from a place in a JSON answer."
            hint = 'Such as `data.items[0].name`, `$`, or `["odd key"]`.'
            fields.find("webhook_result_invalid", message, line=line, hint=hint)
        elif name in RESPONSE:
            message = f"{name!r} is set by every answer itself."
            fields.find("webhook_result_invalid", message, line=line, hint="Choose another name.")
        else:
            found.append((fields.stored(name, line), path))
    return tuple(found)


# -- shared ------------------------------------------------------------------------------------------------------------
def _pairs(fields: Fields, name: str) -> list[tuple[str, Template]]:
    """A mapping of names to texts with variables."""
    found: list[tuple[str, Template]] = []
    written = fields.mapping(name)
    for key, tree in written.entries.items():
        if isinstance(tree, Scalar):
            found.append((key, fields.as_template("" if tree.missing else tree.text, tree.line)))
        else:
            message = f"{key[:64]!r} must be a text."
            fields.find("field_not_text", message, line=written.lines.get(key, written.line), hint="One text a name.")
    return found


def _template(fields: Fields, reading: Reading, name: str) -> Template | None:
    return fields.as_template(reading.text(name), reading.line(name)) if reading.present(name) else None
