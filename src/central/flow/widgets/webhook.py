"""Webhook: ask a web server, go on by its answer, and keep fields of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from central.flow.errands import TIMED_OUT, CallWebhook
from central.flow.events import ErrandDone, FlowEvent
from central.flow.json_paths import JsonPath, Unreadable, find, read_document
from central.flow.program import Failed, Outcome
from central.flow.variables import LIMIT_VALUE_CHARS, MASK, Template
from central.flow.walk import Walk
from central.flow.web_requests import (
    Body,
    Filling,
    Part,
    Refused,
    basic,
    fill_body,
    fill_header,
    fill_url,
    percent,
    storable,
    without,
)
from central.flow.widgets.webhook_fields import RESPONSE, read_webhook
from central.flow.widgets.widget import Branch, Field, Fields, Widget

# What the errand may take beside the request itself, most of all until its line of history is stored.
_SPARE_S: Final = 5.0
_GUESSABLE: Final = 8  # a secret so long does not stand in a value by chance


@dataclass(frozen=True, slots=True)
class Login:
    """Basic authentication by user name and password, or a bearer token."""

    username: Template | None = None
    password: Template | None = None
    token: Template | None = None

    def fill(self, filling: Filling) -> str:
        """The value of the Authorization header. Raises Refused."""
        if self.token is not None:
            return f"Bearer {fill_header(filling, 'Authorization', self.token)}"
        texts = [filling.fill(part.parts) if part is not None else "" for part in (self.username, self.password)]
        return basic(*texts)


@dataclass(frozen=True, slots=True)
class WebhookNode:
    """A prepared Webhook step. ``url`` None = the saved endpoint ``endpoint``; ``result``: variables and their paths."""

    method: str
    url: Template | None
    endpoint: str
    query: tuple[Part, ...]
    headers: tuple[tuple[str, Template], ...]
    login: Login | None
    body: Body | None
    timeout_s: float
    result: tuple[tuple[str, JsonPath], ...]

    def enter(self, walk: Walk) -> Outcome:
        """Put the request together and let it be sent."""
        filling = Filling(walk)
        try:
            errand = self._errand(walk, filling)
        except Refused as refused:
            return self._fail(walk, refused.code, refused.detail)
        if filling.unresolved:
            walk.warn("variable_unresolved", variables=filling.unresolved)
        where = f"the endpoint {self.endpoint}" if self.url is None else filling.shown(self.url.parts)
        walk.note("errand", asks=f"{self.method} {where}"[:LIMIT_VALUE_CHARS])
        walk.send(errand, self.timeout_s + _SPARE_S)
        return None

    def handle(self, walk: Walk, event: FlowEvent) -> Outcome:
        """The answer is there, or will not come."""
        done = walk.returned(event)
        if done is None:
            return None
        error = done.values.get("response_error", "")
        if done.outcome != "success":
            error = error or ("timeout" if done.outcome == TIMED_OUT else done.outcome)
        found: Mapping[str, str | None] = {}
        if not error and self.result:
            try:
                document = read_document(done.values.get("response_raw", ""))
            except Unreadable:
                error = "answer_too_large" if done.values.get("response_cut") else "unreadable_result"
            else:
                found = {name: find(document, path) for name, path in self.result}
        self._store(walk, done, error, found)
        return Failed("webhook_failed", f"{error}: {done.detail}" if done.detail else error) if error else "success"

    # -- the request -----------------------------------------------------------------------------------------------------
    def _errand(self, walk: Walk, filling: Filling) -> CallWebhook:
        url = fill_url(filling, self.url) if self.url is not None else ""
        query = filling.fill(self.query, percent)
        headers: dict[str, str] = {}
        login: dict[str, str] = {}
        for name, template in self.headers:
            secret = any(walk.is_secret(reference) for reference in template.references)
            private = secret or name.lower() in {"authorization", "cookie"}
            (login if private else headers)[name] = fill_header(filling, name, template)
        if self.login is not None:
            login["Authorization"] = self.login.fill(filling)
        body = fill_body(filling, self.body) if self.body is not None else None
        sealed = self.body is not None and any(walk.is_secret(reference) for reference in self.body.references)
        if self.body is None and self.endpoint and self.method not in {"GET", "DELETE"}:
            body = _facts(walk)
            headers["Content-Type"] = "application/json"
        elif self.body is not None and not any(name.lower() == "content-type" for name in (*headers, *login)):
            headers["Content-Type"] = self.body.content_type
        system = walk.facts.system
        key = f"{system.get('record_id', '')}-{system.get('attempt_number', '')}-{walk.errands + 1}"
        return CallWebhook(
            self.method, url, self.timeout_s, key, query, headers, login, body, sealed, endpoint=self.endpoint
        )

    # -- the answer ------------------------------------------------------------------------------------------------------
    def _store(self, walk: Walk, done: ErrandDone, error: str, found: Mapping[str, str | None]) -> None:
        """The five variables of every answer, and what ``result`` asks for; sent secrets that come back are masked."""
        secrets = self._sent_secrets(walk)
        declared = walk.secrets
        raw = done.values.get("response_raw", "")
        if any(name in declared for name in found) and "response_raw" not in declared:
            raw = MASK
        elif "response_raw" not in declared:
            raw = without(raw, secrets)
        walk.store("response_status", "failure" if error else "success")
        walk.store("response_status_code", done.values.get("response_status_code", ""))
        walk.store("response_duration", done.values.get("response_duration", ""))
        walk.store("response_raw", storable(raw)[:LIMIT_VALUE_CHARS])
        walk.store("response_error", error)
        missing = [name for name, value in found.items() if value is None]
        if missing:
            walk.warn("response_field_missing", variables=missing)
        for name, value in found.items():
            text = storable(value or "")
            laid_open = name not in declared and any(
                text == secret or (len(secret) >= _GUESSABLE and secret in text) for secret in secrets
            )
            walk.store(name, MASK if laid_open else text)

    def _sent_secrets(self, walk: Walk) -> set[str]:
        """Values of the secret variables that this step sends."""
        filling = Filling(walk)
        templates = [self.url, *(template for _, template in self.headers)]
        if self.login is not None:
            templates += [self.login.username, self.login.password, self.login.token]
        references = [reference for template in templates if template is not None for reference in template.references]
        references += [part for part in self.query if not isinstance(part, str)]
        references += self.body.references if self.body is not None else ()
        for reference in references:
            filling.value(reference)
        return filling.secrets

    def _fail(self, walk: Walk, code: str, detail: str) -> Outcome:
        """Nothing was sent."""
        for name, value in zip(RESPONSE, ("failure", "", "", "", code), strict=True):
            walk.store(name, value)
        return Failed(code, detail)


def _facts(walk: Walk) -> str:
    """The default payload of a saved endpoint: what is known of the record, secrets masked; absent data is absent."""
    shown = ("record_id", "request_id", "attempt_id", "attempt_number", "flow_id", "flow_version", "client_identifier", "contact_number", "did")  # fmt: skip
    facts: dict[str, object] = {name: walk.facts.system[name] for name in shown if walk.facts.system.get(name)}
    facts |= {"step": walk.step, "at": walk.at.isoformat(timespec="milliseconds")}
    if walk.status:
        facts |= {"status": walk.status, "reason": walk.reason}
    secrets = walk.secrets
    facts["variables"] = {name: MASK if name in secrets else value for name, value in walk.variables.items()}
    return json.dumps(facts, ensure_ascii=False)


def _prepare(fields: Fields) -> WebhookNode:
    asked = read_webhook(fields)
    return WebhookNode(
        method=asked.method,
        url=asked.url,
        endpoint=asked.endpoint,
        query=asked.query,
        headers=asked.headers,
        login=Login(*asked.login) if asked.login is not None else None,
        body=asked.body,
        timeout_s=asked.timeout_s,
        result=asked.result,
    )


WEBHOOK = Widget(
    name="webhook",
    title="Webhook",
    doc="""Asks a web server and goes on by its answer. A 2xx takes `success`; any other status, an answer that does not come within
`timeout`, an address that may not be reached, or a `result` that cannot be read takes `failure`. Without `failure` wired the
flow goes on by `success`, with a warning.

Values of variables are escaped for the place where they stand: percent-encoded in the path and query of `url`, as JSON or XML
within such a body. A variable at the very beginning of `url` may hold its beginning (`https://host/path`); within the host it
may hold letters, digits, dots, hyphens and a port only. Private addresses are refused, at every redirect too, of which three
are followed; log-in data, cookies and headers with secrets do not go along to another origin. A password or token is
a variable declared secret: `auth: {bearer: "{{ $flow.key.Token }}"}`. Plain `http` needs the account's
switch. At most one of `json`, `form`, `xml`, `text` is the body. `endpoint` names a saved endpoint of the account instead of
`url` and `auth`; its requests are signed like its events, and without a body they carry the facts of the record as JSON.

`result` maps variables to places in a JSON answer of at most 64 KiB: `data.items[0].name`, `["odd key"]`, `$` for the whole. A
place where nothing stands gives empty text and a warning. After the step these variables are set: `response_status` (`success`
or `failure`), `response_status_code` (empty when no answer came), `response_duration` (in ms), `response_raw` (the first 4,096
characters of the answer; secrets that were sent are masked in it, and it is masked as a whole when `result` fills a secret
variable), `response_error` (empty, or a word such as `http_status`, `timeout`, `address_refused`, `unresolvable`, `unreachable`,
`unreadable_result`). Each request carries an `Idempotency-Key` of its own. A customer who hangs up ends the request.""",
    example="""slot:
  widget: webhook
  method: POST
  url: "https://api.example.com/clinics/{{ $flow.key.Clinic }}/slots"
  headers: {X-Source: central}
  json: {date: "{{ $flow.key.Date }}", seats: 1}
  timeout: 5s
  result: {Slot: "data.slots[0].start"}
  on: {success: say_slot, failure: call_back}""",
    prepare=_prepare,
    fields=(
        Field("url", "URL with variables", "Where to; either this or `endpoint`."),
        Field("endpoint", "name", "A saved endpoint of the account."),
        Field("method", "GET, POST, PUT, PATCH, DELETE", "How.", "POST with a body or `endpoint`, else GET"),
        Field("query", "mapping of names to texts", "Added to the URL, encoded."),
        Field("headers", "mapping of names to texts", "Sent along."),
        Field("auth", "{basic: {username, password}} or {bearer: token}", "How to log in.", "not at all"),
        Field(
            "json", "mapping or list", "The body as JSON; unquoted numbers, true, false and null stay what they are."
        ),
        Field("form", "mapping of names to texts", "The body as a form, URL-encoded."),
        Field("xml", "text with variables", "The body as XML."),
        Field("text", "text with variables", "The body as plain text."),
        Field("timeout", "1s to 30s", "How long the whole request may take, redirects included.", "10s"),
        Field("result", "mapping of variable names to places", "What to keep of a JSON answer."),
    ),
    branches=(
        Branch("success", "The answer is a 2xx, and `result` could be read."),
        Branch("failure", "It is not, or there is none."),
    ),
    waits=True,
    can_fail=True,
    failure="continue",
    onward="success",
    failing="failure",
)
