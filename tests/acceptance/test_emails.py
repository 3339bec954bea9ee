"""E-mail over a real Postfix: each recipient's behaviour gives the status that it demands, told by real notices and hits."""

from __future__ import annotations

import email
import email.policy
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from examples.carrier.mail_house import MailHouse
from examples.carrier.name_server import NameServer
from examples.carrier.sipp import free_ports
from tests.acceptance.atlas import add_messages
from tests.acceptance.far_ends import FarEnds, number, place_of
from tests.acceptance.laboratory import catalogue
from tests.acceptance.playing import ACCOUNT
from tests.api_client import Api
from tests.installation import Installation
from tests.integration.messaging.test_mailbox_of_relay import bounce
from tests.integration.smtp.dovecot import PASSWORD, USER, dovecot

BEHAVIOURS = {
    "delivered@home.example": ("Delivered", "delivered"),
    "delivered@far.example": ("Sent", ""),
    "unknown@home.example": ("Bounced", "no_such_mailbox"),
    "full@far.example": ("Bounced", "mailbox_full"),
    "policy@far.example": ("Bounced", ""),
    "content@far.example": ("Bounced", ""),
    "dead@dead.example": ("Bounced", ""),
    "opens@home.example": ("Opened", "human"),
    "clicks@home.example": ("Clicked", "human"),
    "scanned@home.example": ("Delivered", ""),
    "unsubscribes@home.example": ("Delivered", ""),
    "complains@home.example": ("Complaint", "complaint"),
    "forges@home.example": ("Delivered", ""),
    "refused@door.example": ("Rejected", ""),
}
"""``complains``: its report (RFC 5965) is made by hand, as no mailbox provider stands on this machine."""
ACCEPTED = {
    "no address": ("Invalid To Email", "address_invalid"),
    "line\nbreak@home.example": ("Invalid To Email", "address_invalid"),
}
HOSTILE: dict[str, dict[str, Any]] = {
    "line in a value": {"subject": "Hello {{ name }}", "values": {"name": "x\r\nBcc: b@home.example"}},
    "line in a filter": {"subject": "{{ 'a' | append: name }}", "values": {"name": "\n"}},
    "no such value": {"html": "<p>{{ nobody.knows }}</p>"},
    "broken Liquid": {"html": "<p>{% if %}</p>"},
    "open braces": {"html": "{{ " * 4_000},
    "filters without end": {
        "html": "{{ name | append: name }}{% for i in (1..5000) %}{% assign name = name | append: name %}{% endfor %}"
    },
    "nested loops": {"html": "{% for a in (1..1000) %}{% for b in (1..1000) %}x{% endfor %}{% endfor %}"},
    "include": {"html": "{% include '/etc/passwd' %}"},
    "deep HTML": {"html": "<style>p {color: red}</style>" + "<div>" * 20_000, "values": None},
    "deep MJML": {"html": "", "mjml": "<mjml><mj-body>" + "<mj-section>" * 10_000},
    "MJML that reads files": {"html": "", "mjml": "<mjml><mj-body><mj-include path='/etc/passwd'/></mj-body></mjml>"},
    "no MJML": {"html": "", "mjml": "<html></html>"},
    "two bodies": {"mjml": "<mjml><mj-body></mj-body></mjml>"},
    "nothing left": {"html": "{% if false %}x{% endif %}", "text": "{% if false %}x{% endif %}"},
    "line in a file's name": {"files": [{"name": "a\r\nX-Own: 1", "content": "eA=="}]},
    "line in a media type": {"files": [{"name": "a", "content": "eA==", "media_type": "text/plain\r\nX-Own: 1"}]},
    "a message as a file": {"files": [{"name": "a.eml", "content": "eA==", "media_type": "message/rfc822"}]},
    "line in a picture's id": {"files": [{"name": "a", "content": "eA==", "content_id": "x>\r\nX-Own: 1"}]},
    "too many files": {"files": [{"name": "a", "content": ""}] * 20, "reply_to": "none"},
}
"""Content that cannot become a lawful message; whoever sends it hears why."""
_LIMIT_S = 60
FLOW = """
flow: writes
type: multicast
purpose: service
calls: {attempts: 1, ring_timeout: 4s}
variables: {Name: {}, Pin: {secret: true}}
steps:
  start: {widget: start, next: call}
  call: {widget: make_call, on: {connected: write, busy: end, no_answer: end, failed: end}}
  write:
    widget: email
    to: delivered@home.example
    from: news@shop.example
    subject: "{{ $flow.key.Name }}, your PIN is {{ $flow.key.Pin }}"
    text: "It is {{ $flow.key.Pin }}."
    on: {accepted: sent, failed: end}
  sent: {widget: store_variable, set: {How: sent}, next: talk}
  talk: {widget: play, file: "silence:1", next: bye}
  bye: {widget: hang_up}
"""


@dataclass
class Posted:
    """What was sent, and what became of it by recipient."""

    api: Api
    house: MailHouse
    by: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])

    def send(self, *emails: dict[str, Any]) -> list[list[dict[str, Any]]]:
        defaults = {
            "sender": "The Shop <news@shop.example>", "subject": "Hello {{ name }}", "values": {"name": "Zoë"}, "tracking": True,
            "html": "<p>Hello {{ name }}, <a href='https://shop.example/offer?a=1&amp;b=2'>look</a>.</p>", "purpose": "marketing",
        }  # fmt: skip
        taken: list[list[dict[str, Any]]] = self.api.post("/emails", {"emails": [defaults | one for one in emails]})[
            "emails"
        ]
        return taken

    def wait(self, ids: dict[str, str], expected: dict[str, tuple[str, str]]) -> None:
        end = time.monotonic() + _LIMIT_S
        open_ = dict(ids)
        while open_ and time.monotonic() < end:
            for name, id_ in list(open_.items()):
                seen = self.by[name] = self.api.get(f"/emails/{id_}")
                if seen["status"] == expected[name][0] and expected[name][1] in (seen["reason"] or ""):
                    del open_[name]
            time.sleep(0.3)


@pytest.fixture(scope="module")
def posted(asterisk_root: Path, far_ends_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Posted]:
    (bounces,) = free_ports("127.0.0.1", 1)
    with ExitStack() as open_:
        names = open_.enter_context(NameServer())
        settings = {
            "CENTRAL_BOUNCE_DOMAIN": "bounces.central.example", "CENTRAL_BOUNCE_PORT": str(bounces),
            "CENTRAL_DNS_SERVERS": f"127.0.0.1:{names.port}", "CENTRAL_SPF_TERMS": "ip4:127.0.0.1",
        }  # fmt: skip
        installation = open_.enter_context(Installation(asterisk_root, settings))
        web = urlsplit(installation.operator.url).port or 0
        house = open_.enter_context(
            MailHouse(
                far_ends_cache, bounces_to=bounces, web_port=web, reads_after_s=3, backoff_s=1, warn_s=3, lifetime_s=8
            )
        )
        operator = installation.operator
        account = operator.post("/operator/accounts", {"name": "e-mail", "country": "IN"} | ACCOUNT)
        key = operator.post(f"/operator/accounts/{account['id']}/keys", {"name": "acceptance", "role": "owner"})[
            "secret"
        ]
        operator.close()
        far_ends = open_.enter_context(FarEnds(["answer"], tmp_path_factory.mktemp("callees")))
        posted = Posted(installation.api(key), house)
        posted.api.post("/trunks", far_ends.trunk("answer"))
        _prove(posted, names)
        relay = {"host": "127.0.0.1", "port": house.ports.smtp, "tls": "none", "hello": "central.example"}
        posted.api.post("/carriers", {"name": "relay", "kind": "smtp", "settings": relay})
        taken = posted.send(*({"to": [name]} for name in BEHAVIOURS))
        posted.wait({name: one[0]["message_id"] for name, one in zip(BEHAVIOURS, taken, strict=True)}, BEHAVIOURS)
        yield posted
        posted.api.close()


def _prove(posted: Posted, names: NameServer) -> None:
    """Publish what the account is told to publish, and have it checked."""
    domain = posted.api.post("/mail-domains", {"domain": "shop.example"})
    assert domain["verified_at"] is None
    (refused,) = posted.send({"to": ["delivered@home.example"]})
    assert (refused[0]["status"], refused[0]["reason"]) == ("Invalid From Email", "sender_unproved")
    for record in domain["records"]:
        names.publish(record["name"], record["record_type"], record["value"])
        if record["kind"] == "dkim":
            posted.house.publish("shop.example", record["name"].split(".")[0], record["value"])
    checked = posted.api.post("/mail-domains/shop.example/check")
    assert checked["verified_at"], checked


@pytest.mark.parametrize(("recipient", "status", "reason"), [(name, *ends) for name, ends in BEHAVIOURS.items()])
def test_a_recipient_gives_the_status_that_it_demands(posted: Posted, recipient: str, status: str, reason: str) -> None:
    seen = posted.by[recipient]
    assert seen["status"] == status, seen
    assert reason in (seen["reason"] or ""), seen
    kinds = [line["kind"] for line in seen["history"]]
    assert kinds[:2] == ["message_accepted", "message_handed_over"]
    assert kinds.count("message_answered") == 1


def test_our_signature_passes_and_the_headers_are_lawful(posted: Posted) -> None:
    (mail,) = posted.house.mails("delivered@home.example")
    message = email.message_from_bytes(mail.content, policy=email.policy.default)
    assert "dkim=pass" in str(message["Authentication-Results"])
    algorithms = sorted(str(one).split("a=", 1)[1].split(";")[0] for one in message.get_all("DKIM-Signature", []))
    assert algorithms == ["ed25519-sha256", "rsa-sha256"]  # both records are published
    assert message["Subject"] == "Hello Zoë"
    assert (
        "/m/" in message["List-Unsubscribe"]
    )  # one click (RFC 8058) needs https, which no address of this machine has
    assert {part.get_content_type() for part in message.walk()} >= {"text/plain", "text/html"}


def test_a_scanner_is_told_apart_and_moves_nothing(posted: Posted) -> None:
    hits = [
        line for line in posted.by["scanned@home.example"]["history"] if line["kind"] in ("mail_opened", "link_clicked")
    ]
    assert hits
    assert {line["data"]["by"] for line in hits} == {"machine"}


def test_who_bounced_complained_or_unsubscribed_gets_no_more(posted: Posted) -> None:
    gone = ["unknown@home.example", "complains@home.example", "unsubscribes@home.example"]
    taken = posted.send(*({"to": [name]} for name in gone))
    assert [(one[0]["status"], one[0]["reason"]) for one in taken] == [("Rejected", "suppressed")] * 3


def test_what_cannot_be_sent_is_told_at_once(posted: Posted) -> None:
    bad: list[tuple[dict[str, Any], str]] = [
        ({"to": ["not an address"]}, "Invalid To Email"),
        ({"to": ["a@home.example\r\nBcc: b@home.example"]}, "Invalid To Email"),
        ({"to": []}, "Empty Email List"),
        ({"to": ["a@home.example"], "subject": "x\r\nBcc: b@home.example"}, "Invalid Data"),
        ({"to": ["a@home.example"], "sender": "me@elsewhere.example"}, "Invalid From Email"),
    ]
    taken = posted.send(*(one for one, _ in bad))
    assert [one[0]["status"] for one in taken] == [status for _, status in bad]
    for one, status in zip(taken, (status for _, status in bad), strict=True):
        posted.by[status] = posted.api.get(f"/emails/{one[0]['message_id']}")


def test_a_template_without_end_is_told_at_once_and_holds_up_nobody(posted: Posted) -> None:
    loop = "{% for i in (1..100000000) %}x{% endfor %}"
    taken = posted.send({"to": ["looping@home.example"], "html": loop}, {"to": ["delivered.2@home.example"]})
    assert (taken[0][0]["status"], taken[0][0]["reason"]) == ("Invalid Data", "template_limit")
    posted.wait({"other": taken[1][0]["message_id"]}, {"other": ("Delivered", "")})
    assert posted.by["other"]["status"] == "Delivered"


def test_an_e_mail_of_an_account_without_a_relay_fails(posted: Posted) -> None:
    (relay,) = posted.api.get("/carriers")["items"]
    posted.api.patch(f"/carriers/{relay['id']}", {"enabled": False})
    try:
        ((failed,),) = posted.send({"to": ["delivered.5@home.example"]})
    finally:
        posted.api.patch(f"/carriers/{relay['id']}", {"enabled": True})
    assert (failed["status"], failed["reason"]) == ("Failure", "no_gateway")
    posted.by["no relay"] = posted.api.get(f"/emails/{failed['message_id']}")


def test_hostile_content_ends_with_a_reason_and_holds_up_nobody(posted: Posted) -> None:
    taken = posted.send(
        *({"to": ["delivered.3@home.example"]} | one for one in HOSTILE.values()), {"to": ["delivered.4@home.example"]}
    )
    first = {name: one[0] for name, one in zip([*HOSTILE, "good"], taken, strict=True)}
    assert {name: one["status"] for name, one in first.items() if name != "good"} == dict.fromkeys(
        HOSTILE, "Invalid Data"
    )
    expected: dict[str, tuple[str, str]] = dict.fromkeys(HOSTILE, ("Invalid Data", ""))
    expected["good"] = ("Delivered", "")
    posted.wait({name: one["message_id"] for name, one in first.items()}, expected)
    assert {name: posted.by[name]["status"] for name in first} == {
        name: status for name, (status, _) in expected.items()
    }
    assert all(posted.by[name]["reason"] for name in HOSTILE)


def test_a_mail_to_an_address_of_our_own_goes_in_no_circle(posted: Posted) -> None:
    (mail,) = posted.house.mails("delivered@home.example")
    local, _, domain = mail.sender.partition("@")
    forged = f"{local[:-1]}{'0' if local[-1] != '0' else '1'}@{domain}"
    taken = posted.send({"to": [mail.sender]}, {"to": [forged]})
    ids = {name: one[0]["message_id"] for name, one in zip(("ours", "forged"), taken, strict=True)}
    posted.wait(ids, {"ours": ("Sent", ""), "forged": ("Bounced", "")})
    assert [posted.by[name]["status"] for name in ids] == ["Sent", "Bounced"]
    first = posted.by["delivered@home.example"]
    again = posted.api.get(f"/emails/{first['message_id']}")
    assert (again["status"], len(again["history"])) == (
        "Delivered",
        len(first["history"]) + 1,
    )  # that a mail came, no more


def test_a_changed_address_leads_nowhere(posted: Posted) -> None:
    (mail,) = posted.house.mails("opens@home.example")
    at = mail.content.index(b"/m/")
    token = mail.content[at + 3 : at + 43].replace(b"=\r\n", b"").decode()
    changed = token[:-1] + ("A" if token[-1] != "A" else "B")
    base = posted.api.url
    assert httpx.get(f"{base}/m/{changed}").status_code == 404


def test_reports_in_the_relay_s_mailbox_move_its_messages(posted: Posted, far_ends_cache: Path, free_port: int) -> None:
    """The relay has a mailbox on a real Dovecot: a bounce moves its message and is marked, a forged one is marked and moves nothing."""
    names = ("delivered.8@far.example", "delivered.9@far.example")
    taken = posted.send(*({"to": [name]} for name in names))
    ids = {name: str(one[0]["message_id"]) for name, one in zip(names, taken, strict=True)}
    posted.wait(ids, dict.fromkeys(names, ("Sent", "")))
    (bounced,), (forged,) = (posted.house.mails(name) for name in names)
    with dovecot(far_ends_cache, free_port) as box:
        box.put(bounce(bounced.sender), bounce(forged.sender.replace("@", "0@")), b"Subject: Lunch?\r\n\r\nAt one?\r\n")
        (relay,) = posted.api.get("/carriers")["items"]
        mailbox = {"host": "127.0.0.1", "port": free_port, "tls": "none", "user": USER, "poll_s": 2}
        changes = {"settings": {"mailbox": mailbox}, "secrets": {"mailbox_password": PASSWORD}}
        posted.api.patch(f"/carriers/{relay['id']}", changes)
        posted.wait({names[0]: ids[names[0]]}, {names[0]: ("Bounced", "no_such_mailbox")})
        end = time.monotonic() + _LIMIT_S
        while box.uids("UNSEEN") and time.monotonic() < end:
            time.sleep(0.3)
        assert (box.uids("UNSEEN"), len(box.uids("ALL"))) == ([], 3)
        assert posted.api.get(f"/carriers/{relay['id']}")["mailbox_state"] == "up"
    assert posted.by[names[0]]["status"] == "Bounced"
    assert posted.api.get(f"/emails/{ids[names[1]]}")["status"] == "Sent"
    found = posted.api.get("/lists/suppression/entries/delivered.8@far.example")
    assert (found["reason"], found["source"], found["message_id"]) == ("hard_bounce", "message", ids[names[0]])
    posted.api.patch(f"/carriers/{relay['id']}", {"settings": {"mailbox": None}, "secrets": {"mailbox_password": None}})


def test_a_file_of_the_account_goes_along(posted: Posted) -> None:
    posted.api.send("PUT", "/files/offers/spring.txt", b"Spring.", "text/plain")
    taken = posted.send({"to": ["delivered.7@home.example"], "attachments": ["offers/spring.txt"]})
    posted.wait({"file": str(taken[0][0]["message_id"])}, {"file": ("Delivered", "")})
    (mail,) = posted.house.mails("delivered.7@home.example")
    message = email.message_from_bytes(mail.content, policy=email.policy.default)
    (part,) = message.iter_attachments()
    assert (part.get_filename(), part.get_content_type(), part.get_content()) == ("spring.txt", "text/plain", "Spring.")


def test_what_a_call_writes_is_delivered_and_stands_in_its_record(posted: Posted) -> None:
    api = posted.api
    flow = api.send("POST", "/flows", FLOW.encode(), "application/yaml")["id"]
    api.post("/dids", {"dids": [{"number": "918000019999"}]})
    api.put(f"/flows/{flow}/dids", {"dids": ["918000019999"]})
    api.post(f"/flows/{flow}/publish", {"note": "acceptance"})
    record = {"numbers": [number(place_of("answer"), 1)], "variables": {"Name": "Asha", "Pin": "4711-0815"}}
    (receipt,) = api.post("/requests", {"flow": flow, "records": [record]})["records"]
    end = time.monotonic() + _LIMIT_S
    while True:
        told = api.get(f"/records/{receipt['record_id']}/timeline")
        if [mail["status"] for mail in told["record"]["emails"]] == ["Delivered"] and told["record"]["final"]:
            break
        assert time.monotonic() < end, told
        time.sleep(0.3)
    assert told["record"]["status"] == "COMPLETED"
    assert [step["step"] for step in told["path"]][-4:] == ["write", "sent", "talk", "bye"]
    (leg,) = told["record"]["attempts"][0]["legs"]
    (mail,) = told["record"]["emails"]
    assert (mail["step"], mail["to"], mail["reason"]) == ("write", "delivered@home.example", "delivered")
    lines = [line for line in told["timeline"] if line["kind"] == "message"]
    assert [line["data"]["kind"] for line in lines][:3] == [
        "message_accepted",
        "message_handed_over",
        "message_answered",
    ]
    assert lines[-1]["title"] == "E-mail of step write to delivered@home.example: Delivered"
    assert leg["connect_at"] < lines[0]["at"] < leg["end_at"]
    (came,) = [one for one in posted.house.mails("delivered@home.example") if b"4711-0815" in one.content]
    message = email.message_from_bytes(came.content, policy=email.policy.default)
    assert message["Subject"] == "Asha, your PIN is 4711-0815"
    seen = api.get(f"/emails/{mail['message_id']}")
    assert (seen["status"], seen["subject"]) == ("Delivered", "Asha, your PIN is ***")
    assert "4711-0815" not in str((told, seen, api.get("/emails")))  # the customer reads it, nobody else


def test_every_status_has_a_case(posted: Posted) -> None:
    names = [str(row["name"]) for row in catalogue()["email"]]
    assert add_messages("email", names, {f"emails/{name}": one for name, one in posted.by.items()}) == []
