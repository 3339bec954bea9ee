"""The HTTP API as a Litestar application: parse, call one use case, render. Made by ``create_app`` from its services."""

from __future__ import annotations

from typing import Any

from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.di import Provide
from litestar.routes import HTTPRoute

from central.entrypoints.api.account_routes import account_router
from central.entrypoints.api.agent_routes import agent_router
from central.entrypoints.api.carrier_routes import carrier_router
from central.entrypoints.api.contact_routes import contact_router, link_router
from central.entrypoints.api.desk_routes import desk_router
from central.entrypoints.api.disposition_routes import disposition_router
from central.entrypoints.api.email_routes import email_router, mail_link_router, sending_router
from central.entrypoints.api.file_routes import file_router
from central.entrypoints.api.flow_routes import flow_router
from central.entrypoints.api.flow_version_routes import flow_version_router
from central.entrypoints.api.gate import GUARDED, Api, Gate, caller_of
from central.entrypoints.api.gateway_routes import gateway_router
from central.entrypoints.api.idempotency import Idempotency
from central.entrypoints.api.inbound_text_routes import inbound_text_router
from central.entrypoints.api.json_reading import JsonRequest
from central.entrypoints.api.list_routes import list_router
from central.entrypoints.api.number_routes import number_router
from central.entrypoints.api.open_routes import catalogue_router, open_router
from central.entrypoints.api.openapi_document import complete, openapi_config
from central.entrypoints.api.operator_routes import operator_router
from central.entrypoints.api.problems import EXCEPTION_HANDLERS
from central.entrypoints.api.prompt_routes import prompt_router
from central.entrypoints.api.queue_routes import queue_router
from central.entrypoints.api.recording_routes import recording_router
from central.entrypoints.api.relay_routes import relay_router
from central.entrypoints.api.request_routes import request_router
from central.entrypoints.api.services import Limits, Services
from central.entrypoints.api.sms_routes import sms_router
from central.entrypoints.api.template_routes import template_router
from central.entrypoints.api.text_answer_routes import text_answer_router
from central.entrypoints.api.text_route_routes import text_route_router
from central.entrypoints.api.upload_routes import upload_router
from central.entrypoints.api.webhook_routes import webhook_router


def create_app(services: Services) -> Api:
    """Build the application. It holds no state of its own but the rate buckets."""
    app = Api(
        route_handlers=_routers(services.limits.body_bytes),
        middleware=[Gate(services), Idempotency(services)],
        dependencies={"services": Provide(lambda: services, sync_to_thread=False)},
        exception_handlers=EXCEPTION_HANDLERS,
        request_class=JsonRequest,
        request_max_body_size=services.limits.body_bytes,
        openapi_config=openapi_config(),
        state=State({"telemetry": services.telemetry}),
        debug=False,
        logging_config=None,
        pdb_on_exception=False,
    )
    app.services = services
    app.query_names = _query_names(app)
    return app


def _query_names(app: Litestar) -> dict[tuple[str, str], frozenset[str]]:
    """The query parameters that each route declares, by path template and method."""
    return {
        (route.path_format, method): frozenset(parameter.field_alias for parameter in model.expected_query_params)
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method, (_, model) in route.route_handler_map.items()
    }


def describe() -> dict[str, Any]:
    """The API's OpenAPI document, without anything running."""
    app = Litestar(
        route_handlers=_routers(Limits().body_bytes),
        dependencies={"services": Provide(lambda: None, sync_to_thread=False)},
        openapi_config=openapi_config(),
    )
    return complete(app.openapi_schema.to_schema())


def _routers(body_bytes: int) -> list[Router]:
    guarded = Router(
        "/api/v1",
        route_handlers=[
            account_router,
            number_router,
            agent_router,
            queue_router,
            desk_router,
            disposition_router,
            carrier_router,
            sms_router,
            inbound_text_router,
            text_route_router,
            text_answer_router,
            sending_router(body_bytes),
            email_router,
            file_router,
            template_router,
            list_router,
            contact_router,
            flow_router,
            flow_version_router,
            prompt_router,
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
    opened = [open_router, link_router, mail_link_router, gateway_router, relay_router]
    return [*opened, guarded, Router("/api/v1", route_handlers=[recording_router])]
