"""Trunks, phones and commands become the engine's words. Pure.

Step 3 of the path (channel). A trunk is one PJSIP endpoint (and an ``auth`` object for digest); calls name their target in
the dial string, so no registration or address-of-record stands between. A phone is an endpoint with both.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from central.application.ports.telephony import Originate, Phone, Trunk, digest_user, phone_user
from central.domain.errors import InvalidInput

ATTEMPT_HEADER = "X-Central-Attempt"
TRANSPORTS = ("udp", "tcp", "tls")


@dataclass(frozen=True, slots=True)
class PushedObject:
    """One object of the engine's dynamic configuration: ``kind`` endpoint, auth, aor or identify, its id, its attributes."""

    kind: str
    id: str
    fields: tuple[tuple[str, str], ...]

    @property
    def path(self) -> str:
        """Where ARI keeps it."""
        return f"/asterisk/config/dynamic/res_pjsip/{self.kind}/{self.id}"

    @property
    def body(self) -> Mapping[str, object]:
        """What ARI wants to be put there."""
        return {"fields": [{"attribute": name, "value": value} for name, value in self.fields]}


def trunk_objects(trunk: Trunk, name: str, rtp_timeout_s: int) -> tuple[PushedObject, ...]:
    """The objects of a trunk, under ``name``, in the order in which they must be made.

    Raises InvalidInput ``trunk_transport``.
    """
    if trunk.transport not in TRANSPORTS:
        raise InvalidInput("trunk_transport", f"trunk {trunk.name}: {trunk.transport!r} is not udp, tcp or tls")
    objects: list[PushedObject] = []
    if trunk.username:
        login = (("auth_type", "userpass"), ("username", trunk.username), ("password", trunk.password))
        objects.append(PushedObject("auth", name, login))
    fields = list(_call_fields(trunk, rtp_timeout_s, "ip"))
    if trunk.username:
        fields.append(("outbound_auth", name))
    objects.append(PushedObject("endpoint", name, tuple(fields)))
    return tuple(objects)


def peer_objects(trunk: Trunk, name: str, addresses: Sequence[str], rtp_timeout_s: int) -> tuple[PushedObject, ...]:
    """The objects by which calls of a trunk's peer are known, besides ``trunk_objects``.

    By address: its endpoint answers to these addresses. By digest: an endpoint of its own, named like the user, which must
    prove the password for each call (RFC 3261, section 22).
    """
    if trunk.inbound == "address" and addresses:
        return (PushedObject("identify", name, (("endpoint", name), ("match", ",".join(addresses)))),)
    if trunk.inbound != "digest" or not trunk.password:
        return ()
    user = digest_user(trunk.id)
    login = (("auth_type", "userpass"), ("username", user), ("password", trunk.password))
    fields = (*_call_fields(trunk, rtp_timeout_s, "auth_username"), ("auth", user))
    return (PushedObject("auth", user, login), PushedObject("endpoint", user, fields))


def phone_objects(phone: Phone, rtp_timeout_s: int, check_s: int) -> tuple[PushedObject, ...]:
    """The objects of an agent's phone, named like its user, in the order in which they must be made.

    One registration a phone, the newest; it lasts 30 to 120 s, so that one that is gone, or an engine that was started anew, is found
    out soon. Known by its user name alone, which must stand in From, in To and in the digest: none registers for another.
    """
    user = phone_user(phone.id)
    login = (("auth_type", "userpass"), ("username", user), ("password", phone.password))
    place = (
        ("max_contacts", "1"), ("remove_existing", "yes"),
        ("minimum_expiration", "30"), ("default_expiration", "60"), ("maximum_expiration", "120"),
        ("qualify_frequency", str(check_s)), ("qualify_timeout", "3.0"), ("support_path", "no"),
    )  # fmt: skip
    fields = (
        ("context", "from-phone"), ("identify_by", "username"), ("auth", user), ("aors", user),
        ("disallow", "all"), ("allow", "ulaw,alaw"),
        # phones stand behind routers that change addresses: what they send from counts, not what they say
        ("rtp_symmetric", "yes"), ("force_rport", "yes"), ("rewrite_contact", "yes"),
        ("allow_subscribe", "no"), ("allow_transfer", "no"),
        *_media_fields(rtp_timeout_s),
    )  # fmt: skip
    return (PushedObject("auth", user, login), PushedObject("aor", user, place), PushedObject("endpoint", user, fields))


def _call_fields(trunk: Trunk, rtp_timeout_s: int, known_by: str) -> tuple[tuple[str, str], ...]:
    return (
        ("transport", trunk.transport), ("context", "from-trunk"), ("identify_by", known_by),
        ("disallow", "all"), ("allow", ",".join(trunk.codecs)), ("rtp_symmetric", "no"),
        *_media_fields(rtp_timeout_s),
    )  # fmt: skip


def _media_fields(rtp_timeout_s: int) -> tuple[tuple[str, str], ...]:
    return (
        ("direct_media", "no"), ("dtmf_mode", "rfc4733"),
        ("rtp_timeout", str(rtp_timeout_s)), ("rtp_timeout_hold", "0"),
        # a 3xx would otherwise open a Local channel to the Contact's user: a false inbound call
        ("set_var", "FORWARD_CONTEXT=redirects-refused"),
    )  # fmt: skip


def dial_string(trunk: Trunk, endpoint: str, to: str) -> str:
    """The dial string of one call over a trunk."""
    host = f"[{trunk.host}]" if ":" in trunk.host else trunk.host
    transport = "" if trunk.transport == "udp" else f";transport={trunk.transport}"
    return f"PJSIP/{endpoint}/sip:{to}@{host}:{trunk.port}{transport}"


def originate_body(call: Originate, target: str, app: str, *, tag: bool = False) -> Mapping[str, object]:
    """The body of POST /channels/ID; ``target``: the dial string. ``tag``: with the header that names the attempt.

    Without a caller id the engine sends anonymous@anonymous.invalid (RFC 3323).
    """
    headers = {
        f"PJSIP_HEADER(add,{name})": value for name, value in call.headers.items() if name != ATTEMPT_HEADER or tag
    }
    if call.record:
        headers["CENTRAL_RECORDING"] = call.record
    body: dict[str, object] = {
        "endpoint": target,
        "app": app,
        "timeout": max(1, math.ceil(call.engine_timeout_s)),
        "variables": headers,
    }
    if call.caller_id is not None:
        body["callerId"] = call.caller_id
    return body


def media_uris(files: Sequence[str]) -> tuple[str, ...]:
    """Sound URIs of WAV files: Asterisk wants the path without its extension."""
    return tuple(f"sound:{file.removesuffix('.wav')}" for file in files)
