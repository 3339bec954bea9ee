"""8-bit data by the API: in hexadecimal or base64, measured, and refused where it makes no sense."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.api.conftest import Tenant
from tests.integration.api.test_messages import has_carrier

TO = "+919800000001"


@pytest.mark.parametrize("content", [{"data_hex": "00FF" * 80}, {"data_base64": "AP8A/wD/" * 26 + "AP8A/w=="}])
async def test_data_is_counted_in_octets(tenant: Tenant, database: str, content: dict[str, Any]) -> None:
    has_carrier(database, tenant.id)
    answer = await tenant.call("POST", "/sms", json={"messages": [{"to": TO} | content]})
    assert answer.status_code == 202, answer.text
    (taken,) = answer.json()["messages"]
    assert (taken["status"], taken["encoding"], taken["parts"]) == ("SENT_TO_QUEUE", "binary", 2)
    shown = (await tenant.get(f"/sms/{taken['message_id']}")).json()
    assert shown["text"] == ":" + "00ff" * 80


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"data_hex": "00", "text": "x"}, (422, "bad_data")),
        ({"data_hex": "00", "data_base64": "AA=="}, (422, "bad_data")),
        ({"text": "x", "udh_hex": "0504"}, (422, "bad_data")),
        ({}, (422, "bad_data")),
        ({"data_hex": "0"}, (400, "invalid_body")),
        ({"data_hex": "zz"}, (400, "invalid_body")),
    ],
)
async def test_what_is_no_data_is_refused(tenant: Tenant, content: dict[str, Any], told: tuple[int, str]) -> None:
    answer = await tenant.call("POST", "/sms", json={"messages": [{"to": TO} | content]})
    assert answer.status_code in {told[0], 422}, answer.text
    if told[0] == 422:
        assert answer.json()["code"] == told[1]


async def test_broken_headers_and_too_much_refuse_that_message_alone(tenant: Tenant, database: str) -> None:
    has_carrier(database, tenant.id)
    wishes = [{"to": TO, "data_hex": "00", "udh_hex": "05"}, {"to": TO, "data_hex": "00" * 1400}]
    wishes.append({"to": TO, "data_hex": "00", "udh_hex": "05040b8423f0"})
    answer = await tenant.call("POST", "/sms", json={"messages": wishes})
    reasons = [one["reason"] for one in answer.json()["messages"]]
    assert reasons == ["bad_data", "text_too_long", None]
