"""The HTTP API as a Litestar application: parse, call one use case, render. Made by ``create_app`` from its services."""

from __future__ import annotations

from litestar import Router
from litestar.datastructures import State
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from central.entrypoints.api.account_routes import account_router
from central.entrypoints.api.flow_routes import flow_router
from central.entrypoints.api.gate import GUARDED, Api, Gate, caller_of
from central.entrypoints.api.idempotency import Idempotency
from central.entrypoints.api.number_routes import number_router
from central.entrypoints.api.open_routes import catalogue_router, open_router
from central.entrypoints.api.operator_routes import operator_router
from central.entrypoints.api.problems import EXCEPTION_HANDLERS
from central.entrypoints.api.request_routes import request_router
from central.entrypoints.api.services import Services
from central.entrypoints.api.upload_routes import upload_router
from central.entrypoints.api.webhook_routes import webhook_router

API_VERSION = "1"

_DESCRIPTION = """\
Outbound calls end to end: a contact list in, real calls out, one explained final status for every record.

* **Keys**: `Authorization: Bearer ck_...`; each route needs a right, a key carries a role or some of its rights.
* **Errors** are problem documents (RFC 9457, `application/problem+json`) with a stable `code`.
* **Pages**: `items` and `next`; send `next` as `cursor` for the page that follows.
* **Repeats**: POST with an `Idempotency-Key`; the same key and body give the same answer.
* **Rates**: `RateLimit` headers; 429 with `Retry-After`.
* **Times** are ISO 8601 with offset and milliseconds, **money** is decimal text, phone **numbers** are E.164 digits,
  masked for callers without the right `numbers:unmask`.
"""


def create_app(services: Services) -> Api:
    """Build the application. It holds no state of its own but the rate buckets."""
    guarded = Router(
        "/api/v1",
        route_handlers=[
            account_router,
            number_router,
            flow_router,
            webhook_router,
            upload_router,
            request_router,
            catalogue_router,
            operator_router,
        ],
        opt=GUARDED,
        dependencies={"caller": Provide(caller_of, sync_to_thread=False)},
        security=[{"key": []}],
    )
    app = Api(
        route_handlers=[open_router, guarded],
        middleware=[Gate(services), Idempotency(services)],
        dependencies={"services": Provide(lambda: services, sync_to_thread=False)},
        exception_handlers=EXCEPTION_HANDLERS,
        request_max_body_size=services.limits.body_bytes,
        openapi_config=_openapi(),
        state=State({"telemetry": services.telemetry}),
        debug=False,
        logging_config=None,
        pdb_on_exception=False,
    )
    app.services = services
    return app


def _openapi() -> OpenAPIConfig:
    key = SecurityScheme(type="http", scheme="bearer", bearer_format="ck_<hint>_<secret>", description="An API key.")
    return OpenAPIConfig(
        title="Central",
        version=API_VERSION,
        description=_DESCRIPTION,
        path="/api/v1",
        render_plugins=[JsonRenderPlugin(path="/openapi.json")],
        components=Components(security_schemes={"key": key}),
        use_handler_docstrings=True,
    )
