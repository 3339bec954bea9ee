"""Commands for messages: the carriers that take them over, and short messages sent alone or read with their history."""

from __future__ import annotations

import json as encoding
from typing import Annotated, Any, Literal
from urllib.parse import quote
from uuid import UUID

from cyclopts import App, Parameter
from cyclopts.types import ExistingFile

from central.cli.client import call_api, list_all
from central.cli.operate import Json
from central.cli.output import print_rows, print_thing, say

carriers = App(name="carrier", help="Carriers: who takes SMS and e-mail over.")
sms = App(name="sms", help="Short messages.")
templates = App(name="sms-template", help="Texts that a registry knows.")
emails = App(name="email", help="E-mails.")
domains = App(name="mail-domain", help="Domains that e-mail is sent from.")

Settings = Annotated[list[str] | None, Parameter(name="--set", negative="")]


@carriers.command(name="list")
def list_carriers(*, json: Json = False) -> None:
    """Carriers with their routes, and how each is."""
    columns = ("id", "name", "kind", "state", "state_detail", "enabled", "routes")
    print_rows("carriers", list_all("/carriers"), columns, as_json=json)


@carriers.command(name="add")
def add_carrier(
    name: str,
    kind: Literal["smpp", "http", "smtp"],
    *,
    settings: Settings = None,
    secret: list[str] | None = None,
    prefix: list[str] | None = None,
    priority: int = 1,
    json: Json = False,
) -> None:
    """Connect a carrier; without --prefix it takes every recipient, lower priority numbers are tried first.

    Parameters
    ----------
    name
        how people call it.
    kind
        smpp or http for SMS, smtp for e-mail.
    settings
        NAME=VALUE, as "Connect a carrier" names them; a VALUE that is JSON is taken as JSON.
    secret
        NAME=VALUE, never shown again: password=...
    prefix
        digits that recipients begin with.
    priority
        1 goes first.
    json
        print JSON.
    """
    body = {
        "name": name, "kind": kind, "settings": _pairs(settings), "secrets": {k: str(v) for k, v in _pairs(secret).items()},
        "routes": [{"prefix": one, "priority": priority} for one in (prefix or [""])],
    }  # fmt: skip
    print_thing(call_api("POST", "/carriers", body=body), as_json=json)


@carriers.command(name="remove")
def remove_carrier(carrier_id: UUID) -> None:
    """Remove a carrier; what waits for it ends at its deadline."""
    call_api("DELETE", f"/carriers/{carrier_id}")


@sms.command(name="send")
def send_sms(
    to: str,
    text: str = "",
    *,
    sender: str = "",
    purpose: Literal["transactional", "service", "marketing"] = "transactional",
    template: str = "",
    shorten: Annotated[bool, Parameter(negative="")] = False,
    priority: int | None = None,
    data: str = "",
    udh: str = "",
    preview: bool = False,
    json: Json = False,
) -> None:
    """Send one short message; what becomes of it: central sms show ID.

    Parameters
    ----------
    to
        the recipient, with country code or as the account's country writes it.
    text
        what to send.
    sender
        a number, or at most 11 letters and digits; the carrier's own unless given.
    purpose
        marketing keeps to quiet hours and registers.
    template
        the id of the registered text, where the country asks for one.
    shorten
        web addresses in the text become short links whose clicks are told.
    priority
        0 to 3, the carrier's own unless given.
    data
        8-bit data instead of a text, in hexadecimal digits.
    udh
        the user data header of the data, without its length, in hexadecimal digits.
    preview
        send nothing; show parts and price, and whether it would go.
    json
        print JSON.
    """
    message = {
        "to": to, "text": text, "sender": sender, "purpose": purpose, "template_id": template, "shorten": shorten,
        "priority": priority, "data_hex": data, "udh_hex": udh,
    }  # fmt: skip
    path = "/sms/preview" if preview else "/sms"
    (taken,) = call_api("POST", path, body={"messages": [message]})["messages"]
    print_thing(taken, as_json=json)


@sms.command(name="list")
def list_sms(*, status: str | None = None, to: str | None = None, limit: int = 50, json: Json = False) -> None:
    """The newest short messages."""
    columns = ("message_id", "created_at", "to", "status", "reason", "parts", "carrier")
    query = {"status": status, "to": to, "limit": str(limit)}
    page = call_api("GET", "/sms", query={name: value for name, value in query.items() if value})
    print_rows("messages", page["items"], columns, as_json=json)


@sms.command(name="inbound")
def list_inbound(
    *,
    sender: Annotated[str | None, Parameter(name="--from")] = None,
    to: str | None = None,
    since: str | None = None,
    until: str | None = None,
    limit: int = 50,
    json: Json = False,
) -> None:
    """The newest short messages that people wrote.

    Parameters
    ----------
    sender
        those from this number.
    to
        those to this number or short code.
    since
        those that came at or after this moment, with its offset: 2026-03-01T09:30:00+05:30.
    until
        those that came before this moment.
    limit
        at most so many.
    json
        print JSON.
    """
    columns = ("text_id", "came_at", "from", "to", "text", "opted_out", "flow", "start", "start_detail", "answer")
    query = {"sender": sender, "recipient": to, "came_from": since, "came_to": until, "limit": str(limit)}
    page = call_api("GET", "/inbound-texts", query={name: value for name, value in query.items() if value})
    print_rows("texts", page["items"], columns, as_json=json)


@sms.command(name="show")
def show_sms(message_id: UUID, *, json: Json = False) -> None:
    """One short message: its status, why, and every line of its history."""
    _show(call_api("GET", f"/sms/{message_id}"), as_json=json)


@sms.command(name="cancel")
def cancel_sms(message_id: UUID, *, json: Json = False) -> None:
    """Take a short message back: it ends if it waits, and its SMPP carrier is asked if it has it."""
    print_thing(call_api("DELETE", f"/sms/{message_id}"), as_json=json)


@templates.command(name="list")
def list_templates(*, json: Json = False) -> None:
    """Registered texts by id."""
    columns = ("id", "entity_id", "sender", "shorten", "text")
    print_rows("templates", list_all("/sms/templates"), columns, as_json=json)


@templates.command(name="add")
def add_template(
    template_id: str,
    text: str,
    *,
    entity: str = "",
    sender: str = "",
    shorten: Annotated[bool, Parameter(negative="")] = False,
    json: Json = False,
) -> None:
    """Keep a registered text, or change it.

    Parameters
    ----------
    template_id
        as the registry gave it.
    text
        as it is registered; {#var#} stands for what differs.
    entity
        the id of the entity that registered it.
    sender
        the sender that it is registered for.
    shorten
        web addresses in its texts become short links.
    json
        print JSON.
    """
    body = {"text": text, "entity_id": entity, "sender": sender, "shorten": shorten}
    print_thing(call_api("PUT", f"/sms/templates/{quote(template_id, safe='')}", body=body), as_json=json)


@templates.command(name="try")
def try_template(template_id: str, text: str, *, json: Json = False) -> None:
    """Compare a text with a registered one, as sending it would."""
    path = f"/sms/templates/{quote(template_id, safe='')}/try"
    print_thing(call_api("POST", path, body={"text": text}), as_json=json)


@templates.command(name="remove")
def remove_template(template_id: str) -> None:
    """Remove a registered text; while others are kept, messages that name it are refused."""
    call_api("DELETE", f"/sms/templates/{quote(template_id, safe='')}")


@emails.command(name="send")
def send_email(
    to: str,
    subject: str,
    text: str = "",
    *,
    html: ExistingFile | None = None,
    sender: str = "",
    purpose: Literal["transactional", "service", "marketing"] = "transactional",
    attach: list[str] | None = None,
    tracking: bool = False,
    json: Json = False,
) -> None:
    """Send one e-mail; what becomes of it: central email show ID.

    Parameters
    ----------
    to
        one recipient.
    subject
        one line.
    text
        the text part.
    html
        a file with the HTML part.
    sender
        an address of a proved domain, with a name if wanted.
    purpose
        marketing can be unsubscribed from.
    attach
        a file of the account by its name, see central file.
    tracking
        count opens and clicks.
    json
        print JSON.
    """
    body = "" if html is None else html.read_text(encoding="utf-8")
    mail = {
        "to": [to], "subject": subject, "text": text, "html": body, "sender": sender, "purpose": purpose, "tracking": tracking,
        "attachments": attach or [],
    }  # fmt: skip
    ((taken,),) = call_api("POST", "/emails", body={"emails": [mail]})["emails"]
    print_thing(taken, as_json=json)


@emails.command(name="list")
def list_emails(*, status: str | None = None, to: str | None = None, limit: int = 50, json: Json = False) -> None:
    """The newest e-mails."""
    columns = ("message_id", "created_at", "to", "status", "reason", "subject", "carrier")
    query = {"status": status, "to": to, "limit": str(limit)}
    page = call_api("GET", "/emails", query={name: value for name, value in query.items() if value})
    print_rows("e-mails", page["items"], columns, as_json=json)


@emails.command(name="show")
def show_email(message_id: UUID, *, json: Json = False) -> None:
    """One e-mail: its status, why, and every line of its history."""
    _show(call_api("GET", f"/emails/{message_id}"), as_json=json)


@emails.command(name="cancel")
def cancel_email(message_id: UUID, *, json: Json = False) -> None:
    """Take an e-mail back that still waits with us."""
    print_thing(call_api("DELETE", f"/emails/{message_id}"), as_json=json)


@domains.command(name="list")
def list_domains(*, json: Json = False) -> None:
    """Sender domains, and whether they are proved."""
    columns = ("domain", "verified_at", "checked_at", "bounce_domain")
    print_rows("domains", call_api("GET", "/mail-domains"), columns, as_json=json)


@domains.command(name="add")
def add_domain(domain: str, *, json: Json = False) -> None:
    """Make a key for a domain, and print the records to publish."""
    _tell_records(call_api("POST", "/mail-domains", body={"domain": domain}), as_json=json)


@domains.command(name="check")
def check_domain(domain: str, *, json: Json = False) -> None:
    """Ask the DNS for the records of a domain; all that are needed prove it."""
    _tell_records(call_api("POST", f"/mail-domains/{domain}/check"), as_json=json)


@domains.command(name="remove")
def remove_domain(domain: str) -> None:
    """Send nothing more from a domain."""
    call_api("DELETE", f"/mail-domains/{domain}")


def _tell_records(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_thing(found, as_json=True)
        return
    print_rows("records", found["records"], ("kind", "name", "record_type", "value", "state", "detail"), as_json=False)
    say(f"{found['domain']} is {'proved' if found['verified_at'] else 'not proved'}.")


def _show(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_thing(found, as_json=True)
        return
    parts = (
        f"  ({found['parts']} part{'s' if found['parts'] != 1 else ''}, {found['encoding']})"
        if "parts" in found
        else ""
    )
    say((found["status"], "bold"), f"  to {found['to']}{parts}")
    say(str(found["explanation"]))
    for line in found["history"]:
        say(f"{line['at'][11:23]}  {line['sentence']}")


def _pairs(given: list[str] | None) -> dict[str, Any]:
    pairs: dict[str, Any] = {}
    for one in given or []:
        name, _, value = one.partition("=")
        try:
            pairs[name] = encoding.loads(value)
        except ValueError:
            pairs[name] = value
    return pairs
