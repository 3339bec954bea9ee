"""Trunks and calls in the engine's words."""

from __future__ import annotations

from uuid import UUID

import pytest

from central.adapters.asterisk.outgoing import dial_string, media_uris, originate_body, trunk_objects
from central.application.ports.telephony import Originate, Trunk
from central.domain.errors import InvalidInput
from central.domain.ids import LegId, TrunkId

ID = TrunkId(UUID(int=1))
TRUNK = Trunk(ID, "main", "sip.example", 5080)


def body(trunk: Trunk = TRUNK, **more: object) -> dict[str, object]:
    call = Originate(
        LegId(UUID(int=2)), ID, "919800000001", "918000000001", 30.2, {"X-Central-Attempt": "a", "X-Other": "b"}
    )
    target = dial_string(trunk, "t1", call.to)
    return dict(originate_body(call, target, "app", tag=trunk.tag_calls)) | more


def test_a_call_names_its_target_its_caller_and_rounds_the_backstop_up() -> None:
    found = body()
    assert found["endpoint"] == "PJSIP/t1/sip:919800000001@sip.example:5080"
    assert (found["callerId"], found["app"], found["timeout"]) == ("918000000001", "app", 31)


@pytest.mark.parametrize(
    ("trunk", "uri"),
    [
        (Trunk(ID, "x", "h", 1, "tcp"), "sip:919800000001@h:1;transport=tcp"),
        (Trunk(ID, "x", "h", 1, "tls"), "sip:919800000001@h:1;transport=tls"),
        (Trunk(ID, "x", "::1", 1), "sip:919800000001@[::1]:1"),
    ],
)
def test_the_target_carries_the_transport(trunk: Trunk, uri: str) -> None:
    assert body(trunk)["endpoint"] == f"PJSIP/t1/{uri}"


def test_the_attempt_header_goes_only_over_trunks_that_want_it() -> None:
    assert body()["variables"] == {"PJSIP_HEADER(add,X-Other)": "b"}
    tagged = Trunk(ID, "x", "h", tag_calls=True)
    assert body(tagged)["variables"] == {"PJSIP_HEADER(add,X-Central-Attempt)": "a", "PJSIP_HEADER(add,X-Other)": "b"}


def test_an_anonymous_call_names_no_caller() -> None:
    call = Originate(LegId(UUID(int=2)), ID, "1", None, 1)
    assert "callerId" not in originate_body(call, "PJSIP/t1", "app")


def test_every_trunk_refuses_redirects() -> None:
    (endpoint,) = trunk_objects(TRUNK, "t1", 60)
    fields = dict(endpoint.fields)
    assert fields["set_var"] == "FORWARD_CONTEXT=redirects-refused"
    assert (fields["rtp_timeout"], fields["allow"], fields["transport"]) == ("60", "ulaw,alaw", "udp")
    assert "outbound_auth" not in fields


def test_a_login_is_made_before_the_endpoint_that_uses_it() -> None:
    login, endpoint = trunk_objects(Trunk(ID, "x", "h", username="u", password="p"), "t1", 0)
    assert (login.kind, dict(login.fields)["password"]) == ("auth", "p")
    assert dict(endpoint.fields)["outbound_auth"] == login.id


def test_an_unknown_transport_is_the_callers_error() -> None:
    with pytest.raises(InvalidInput) as caught:
        trunk_objects(Trunk(ID, "x", "h", transport="sctp"), "t1", 0)
    assert caught.value.code == "trunk_transport"


def test_prompts_lose_their_extension() -> None:
    assert media_uris(["/a/b.wav", "/c.d/e"]) == ("sound:/a/b", "sound:/c.d/e")
