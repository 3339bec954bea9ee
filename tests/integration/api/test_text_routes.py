"""Which flow a text starts: kept and changed by API and command."""

from __future__ import annotations

from typing import Any

import pytest

from central.domain.errors import CallerError
from tests.integration.api.conftest import Stage, Tenant
from tests.integration.api.test_command_line import Command, central
from tests.integration.api.test_isolation import TEXTS, YAML

__all__ = ["central"]


async def flow(tenant: Tenant, name: str = "texts") -> str:
    made = await tenant.post("/flows", content=TEXTS.replace(b"flow: texts", b"flow: " + name.encode()), headers=YAML)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


async def put(tenant: Tenant, **body: Any) -> tuple[int, dict[str, Any]]:
    answer = await tenant.post("/text-routes", body)
    return answer.status_code, answer.json()


async def test_routes_are_made_changed_listed_and_removed(tenant: Tenant) -> None:
    first, second = await flow(tenant), await flow(tenant, "others")
    status, made = await put(tenant, flow="texts", recipient="+56767", keyword="Order")
    assert (status, made["flow"], made["recipient"], made["keyword"]) == (200, first, "56767", "order")
    status, changed = await put(tenant, flow=second, recipient="56767", keyword="ORDER")
    assert (status, changed["id"], changed["flow"]) == (200, made["id"], second)
    await put(tenant, flow=first)
    page = (await tenant.get("/text-routes?limit=1")).json()
    rest = (await tenant.get(f"/text-routes?limit=1&cursor={page['next']}")).json()
    assert [row["flow"] for row in page["items"] + rest["items"]] == [second, first]
    assert (await tenant.call("DELETE", f"/text-routes/{made['id']}")).status_code == 204
    assert (await tenant.call("DELETE", f"/text-routes/{made['id']}")).status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"flow": "nothing"}, 404, "flow_not_found"),
        ({"flow": "texts", "keyword": "two words"}, 422, "invalid_keyword"),
        ({"flow": "texts", "keyword": "..."}, 422, "invalid_keyword"),
        ({"flow": "texts", "keyword": "STOP"}, 422, "keyword_reserved"),
        ({"flow": "texts", "recipient": "5 6"}, 422, "invalid_recipient"),
        ({"flow": "texts", "carrier_id": "019a0000-0000-7000-8000-000000000000"}, 404, "carrier_not_found"),
        ({"flow": "appointment_reminder"}, 409, "flow_has_call"),
    ],
)
async def test_what_cannot_be_a_route_is_refused(tenant: Tenant, body: dict[str, Any], status: int, code: str) -> None:
    await flow(tenant)
    await tenant.flow()
    answered, problem = await put(tenant, **body)
    assert (answered, problem["code"]) == (status, code)
    assert (await tenant.get("/text-routes")).json()["items"] == []


async def test_another_account_has_other_flows_and_routes(stage: Stage, tenant: Tenant) -> None:
    mine = await flow(tenant)
    other = await stage.account("Other")
    assert (await put(other, flow=mine))[0] == 404
    await put(tenant, flow=mine)
    assert (await other.get("/text-routes")).json()["items"] == []


async def test_the_commands_keep_routes(central: Command, tenant: Tenant) -> None:
    made = await flow(tenant)
    route = await central("sms-route", "add", "texts", "--to", "56767", "--keyword", "order", "--json")
    assert (route["flow"], route["recipient"], route["keyword"]) == (made, "56767", "order")
    assert "56767" in await central("sms-route", "list")
    await central("sms-route", "remove", route["id"])
    with pytest.raises(CallerError) as caught:
        await central("sms-route", "remove", route["id"])
    assert caught.value.code == "text_route_not_found"
