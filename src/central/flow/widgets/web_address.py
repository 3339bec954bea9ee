"""The web address of a step, as the document writes it: judged when it is read, with harmless values in the place of variables."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from central.flow.variables import Template
from central.flow.web_requests import Part, Refused, join_url
from central.flow.widgets.widget import Fields


def check_address(fields: Fields, url: Template, invalid: str, plain_http: str) -> None:
    """Report what can be no address (the finding ``invalid``), and one that is plain http (the warning ``plain_http``)."""
    line = fields.line("url")
    begins_open = bool(url.parts) and not isinstance(url.parts[0], str)
    stand_ins = iter(["https://a.example"] if begins_open else [])
    try:
        sample = join_url(url.parts, lambda _: next(stand_ins, "1"))
    except Refused as refused:
        hint = "Such as https://api.example.com/customers/{{ $flow.key.Id }}."
        fields.find(invalid, refused.detail, line=line, hint=hint)
        return
    parts = urlsplit(sample)
    if "%" in parts.netloc:
        hint = "Write the host as its ASCII form, which begins with xn--."
        fields.find(invalid, "The host holds other than ASCII characters.", line=line, hint=hint)
    if parts.scheme.lower() == "http":
        message = "Plain http is for accounts that have its switch on; others take the failed branch."
        hint = "Use https wherever the far side offers it."
        fields.find(plain_http, message, line=line, hint=hint, severity="warning")


def warn_of_secrets(fields: Fields, parts: Iterable[Part], name: str) -> None:
    """Report a secret in the field ``name`` of an address."""
    secrets = frozenset(known.name for known in fields.flow.variables if known.secret)
    if any(not isinstance(part, str) and part.space == "flow.key" and part.name in secrets for part in parts):
        message = "A secret stands in the address, which servers write into their logs."
        hint = "Send it in a header, in the body, or by `auth:`."
        fields.find("secret_in_address", message, line=fields.line(name), hint=hint, severity="warning")
