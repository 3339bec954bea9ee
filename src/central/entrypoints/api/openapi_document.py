"""The OpenAPI 3.1 description: what Litestar derives from the routes, completed by what it cannot know.

Added: bodies that are read as they come (flow documents, lists, uploads), problem documents as the only errors, the
``Idempotency-Key`` header, examples. Served at /api/v1/openapi.json; ``tools/generate_openapi.py`` writes the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from litestar import Request
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from central.entrypoints.api.flow_routes import DOCUMENT_TYPES
from central.entrypoints.api.list_routes import LIST_TYPES
from central.entrypoints.api.problems import PROBLEM_JSON, Problem
from central.entrypoints.api.prompt_routes import AUDIO_TYPES
from central.entrypoints.api.upload_routes import UPLOAD_TYPES

API_VERSION: Final = "1"
PREFIX: Final = "/api/v1"

DESCRIPTION: Final = """\
Outbound calls end to end: a contact list in, real calls out, one explained final status for every record.

* **Keys**: `Authorization: Bearer ck_...`; each route needs a right, a key carries a role or some of its rights.
* **Errors** are problem documents (RFC 9457, `application/problem+json`) with a stable `code`.
* **Pages**: `items` and `next`; send `next` as `cursor` for the page that follows.
* **Repeats**: POST with an `Idempotency-Key`; the same key and body give the same answer.
* **Rates**: `RateLimit` headers; 429 with `Retry-After`.
* **Times** are ISO 8601 with offset and milliseconds, **money** is decimal text, phone **numbers** are E.164 digits,
  masked for callers without the right `numbers:unmask`.
"""

_FLOW = "flow: appointment_reminder\ntype: multicast\npurpose: service\nsteps:\n  start: {widget: start, next: call}\n"
_LIST = "number,prefix,expires_at,note\n+91 98765 43210,,2027-01-01,asked by mail\n9199,yes,,whole series\n"
_ROWS = "tel1,tel2,start_time,client_identifier,Name\n919876543210,,,A-1,Meera\n"

_RAW: Final[Mapping[tuple[str, str], tuple[tuple[str, ...], str, str]]] = {
    ("post", "/flows"): (DOCUMENT_TYPES, "The flow document, YAML or JSON.", _FLOW),
    ("post", "/flows/check"): (DOCUMENT_TYPES, "The flow document, YAML or JSON.", _FLOW),
    ("put", "/flows/{flow}/draft"): (DOCUMENT_TYPES, "The flow document, YAML or JSON.", _FLOW),
    ("post", "/lists/{list_name}/import"): (LIST_TYPES, "One entry a line, of any length.", _LIST),
    ("put", "/prompts/{name}"): (AUDIO_TYPES, "A WAV file of any rate, width and number of channels.", ""),
    ("post", "/requests/upload"): (UPLOAD_TYPES, "The list as a file.", _ROWS),
}
_PAGE_OF = re.compile(r"Page_central[\w.]*\.(\w+)_(?=\")")
_BINARY: Final = ("zip", "sheet", "octet-stream", "form-data", "wav", "wave")

_EXAMPLES: Final[Mapping[tuple[str, str], Mapping[str, Any]]] = {
    ("post", "/requests"): {
        "flow": "appointment_reminder",
        "mode": "production",
        "name": "monday",
        "records": [
            {
                "numbers": ["+91 98765 43210", "+91 22 1234 5678"],
                "client_identifier": "A-1",
                "start_time": "2027-03-03T09:30:00+05:30",
                "variables": {"Name": "Meera", "Date": "03-03-2027"},
            }
        ],
    },
    ("post", "/trunks"): {
        "name": "carrier",
        "host": "sip.example.net",
        "transport": "tls",
        "port": 5061,
        "username": "acme",
        "password": "secret",
        "routes": [{"prefix": "91", "priority": 1}, {"prefix": "", "priority": 2}],
    },
    ("post", "/keys"): {"name": "ci", "role": "campaign_manager", "scopes": ["requests:load", "requests:read"]},
    ("post", "/dids"): {"dids": [{"number": "+91 22 1234 5678", "label": "Mumbai"}]},
    ("put", "/lists/{list_name}/entries"): {"entries": [{"number": "+91 98765 43210", "note": "asked by mail"}]},
    ("put", "/contacts/{number}"): {"values": {"Language": "hi"}, "time_zone": "Asia/Kolkata"},
    ("post", "/webhooks"): {"name": "crm", "url": "https://crm.example.net/hook", "events": ["record.final"]},
    ("post", "/people"): {"email": "ada@example.net", "role": "campaign_manager", "name": "Ada"},
}

_PROBLEMS: Final[Mapping[str, str]] = {
    "400": "Unreadable JSON, parameter or cursor.",
    "401": "No key, or none that is valid.",
    "403": "The right is missing, or the account may not act.",
    "404": "No such thing in this account.",
    "409": "The present state forbids it.",
    "413": "The body is too large.",
    "415": "The body's media type is not taken here.",
    "422": "Readable, but not valid; `errors` names the fields.",
    "429": "Too many calls; see Retry-After.",
    "503": "A neighbour does not answer; try again.",
}
_OF_CARRIERS: Final = ("/gateways/", "/relays/")
_OF_BODIES: Final = ("413", "415", "422")


def openapi_config() -> OpenAPIConfig:
    """The configuration that serves the completed document."""
    key = SecurityScheme(type="http", scheme="bearer", bearer_format="ck_<hint>_<secret>", description="An API key.")
    return OpenAPIConfig(
        title="Central",
        version=API_VERSION,
        description=DESCRIPTION,
        path=f"{PREFIX}/openapi.json",  # a place of its own: Litestar answers unknown paths below it with a page of HTML
        render_plugins=[_CompleteJson(path=["/", "/openapi.json"])],
        components=Components(security_schemes={"key": key}),
        use_handler_docstrings=True,
    )


class _CompleteJson(JsonRenderPlugin):
    """Serves the completed document."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The document's bytes."""
        del request
        return msgspec.json.encode(complete(openapi_schema))


def complete(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with raw bodies, problems, idempotency and examples; the given one is not changed."""
    text = _PAGE_OF.sub(r"\1Page", msgspec.json.encode(document).decode())
    done: dict[str, Any] = msgspec.json.decode(text.replace("Page_dict_str_typing.Any_", "DocumentPage"))
    _, schemas = msgspec.json.schema_components([Problem], ref_template="#/components/schemas/{name}")
    components = done.setdefault("components", {}).setdefault("schemas", {})
    components.update(schemas)
    for path, operations in done["paths"].items():
        for method, operation in operations.items():
            if path.startswith(PREFIX):
                _complete(method, path.removeprefix(PREFIX), operation)
            elif path.startswith(_OF_CARRIERS):
                _complete_call(method, operation)
    return done


def _complete(method: str, path: str, operation: dict[str, Any]) -> None:
    raw, example = _RAW.get((method, path)), _EXAMPLES.get((method, path))
    if raw is not None:
        types, description, sample = raw
        content = {kind: _raw_content(kind, sample) for kind in types}
        operation["requestBody"] = {"description": description, "required": True, "content": content}
    elif example is not None:
        operation["requestBody"]["content"]["application/json"]["example"] = example
    has_body = "requestBody" in operation
    problem = {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for status, meaning in _PROBLEMS.items():
        if status not in _OF_BODIES or has_body:
            operation["responses"][status] = {"description": meaning, "content": problem}
    if method == "post" and not path.startswith(("/operator", "/lists")):
        header = {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "schema": {"type": "string", "maxLength": 255},
            "description": "Repeat safely: the same key and body give the same answer.",
        }
        operation.setdefault("parameters", []).append(header)


def _complete_call(method: str, operation: dict[str, Any]) -> None:
    """What carriers bring comes as they write it."""
    if method == "post":
        operation["requestBody"] = {
            "description": "As the far end writes it.",
            "required": True,
            "content": {"*/*": {"schema": {}}},
        }
    problem = {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for status in ("403", "404", "413", "422", "503"):
        operation["responses"][status] = {"description": _PROBLEMS[status], "content": problem}


def _raw_content(kind: str, sample: str) -> dict[str, Any]:
    if kind == "multipart/form-data":
        file = {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}, "required": ["file"]}
        return {"schema": file}
    if kind.endswith(_BINARY):
        return {"schema": {"type": "string", "format": "binary"}}
    return {"schema": {"type": "string"}, "example": sample} if "json" not in kind else {"schema": {}}
