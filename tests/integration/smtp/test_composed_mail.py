"""Composed messages through our sender and a real Postfix: opendkim passes the signatures, people click and unsubscribe."""

from __future__ import annotations

import asyncio
import http.server
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest
from msgspec.structs import replace

from central.adapters.smtp.signing import public_record
from central.application.ports.carriers import Taken
from central.application.ports.composition import Attachment, Composed, MailAddress, MailTemplate
from central.domain.ids import MessageId
from central.domain.mail_tokens import MailToken, TokenKind, read_token
from examples.carrier.mail_house import MailHouse
from tests.fakes.mail_drafts import DRAFT, IDENTITY, KEYS, composer, ed25519_key, rsa_key
from tests.integration.smtp.relays import sending

MJML = (
    "<mjml><mj-body><mj-section><mj-column><mj-text>Hello {{ name }}</mj-text>"
    '<mj-button href="https://shop.example.com/{{ id }}">Look</mj-button>'
    '<mj-text><a href="{{ unsubscribe_url }}">Stop</a></mj-text></mj-column></mj-section></mj-body></mjml>'
)
MAIL = replace(
    DRAFT,
    identity=replace(
        IDENTITY, domain="brand.example", bounce_domain="bounce.brand.example", link_address="https://t.brand.example/t"
    ),
    sender=MailAddress("news@brand.example", "Br\u00e4nd"),
    template=MailTemplate(subject="For {{ name }}", mjml=MJML),
    values={"name": "Zo\u00eb", "id": 7},
    attachments=(Attachment("R\u00e9sum\u00e9.txt", "text/plain", b"one\ntwo  \n.\n"),),
    tracked=True,
    marketing=True,
    feedback_id="c:a:mail:brand",
)


class _Web(http.server.BaseHTTPRequestHandler):
    asked: list[tuple[str, str]] = []  # noqa: RUF012 - one list of the module's server

    def do_GET(self) -> None:
        self.asked.append((self.command, self.path))
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_POST = do_GET  # noqa: N815 - the names that http.server calls

    def log_message(self, *_: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        return


@pytest.fixture(scope="module")
def house(far_ends_cache: Path) -> Iterator[MailHouse]:
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Web)
    thread = threading.Thread(target=web.serve_forever)
    thread.start()
    try:
        with MailHouse(far_ends_cache, web_port=web.server_port, reads_after_s=0.2) as it:
            for key in (rsa_key(), ed25519_key()):
                it.publish("brand.example", key.selector, public_record(key))
            yield it
    finally:
        web.shutdown()
        web.server_close()
        thread.join()


async def until(met: Callable[[], bool]) -> None:
    """What the house writes is in files of its other processes: looked at again and again, beside the event loop."""
    await asyncio.to_thread(_wait, met)


def _wait(met: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not met():
        assert time.monotonic() < deadline
        time.sleep(0.05)


async def sent(house: MailHouse, *addresses: str) -> list[Composed]:
    """Compose one mail for each address, hand them to the relay, wait until all have arrived."""
    drafts = [
        replace(MAIL, id=MessageId(UUID(int=number + 1)), to=(MailAddress(address, "Zo\u00eb"),), identity=identity)
        for number, address in enumerate(addresses)
        for identity in [replace(MAIL.identity, keys=(ed25519_key(), rsa_key()))]
    ]
    answers = [one for one in await composer().compose(drafts) if isinstance(one, Composed)]
    assert len(answers) == len(addresses)
    before = {address: len(house.mails(address)) for address in addresses}  # the house serves both event loops
    async with sending(house.ports.smtp) as ours:
        await ours.up()
        told = await ours.send(*(one.envelope for one in answers))
    assert all(isinstance(one.answer, Taken) for one in told)
    await until(lambda: all(len(house.mails(address)) > n for address, n in before.items()))
    return answers


async def test_a_verifier_that_is_not_ours_passes_the_signature(house: MailHouse) -> None:
    (answer,) = await sent(house, "signed@home.example")
    *_, mail = house.mails("signed@home.example")
    assert "dkim=pass (2048-bit key)" in mail.authentication
    assert "dkim=fail" not in mail.authentication
    assert mail.sender == answer.envelope.sender
    assert answer.envelope.content.partition(b"\r\n\r\n")[2] in mail.content


async def test_what_people_do_comes_back_by_our_tokens(house: MailHouse) -> None:
    _Web.asked.clear()
    answers = await sent(house, "clicks@home.example", "unsubscribes@home.example", "scanned@home.example")
    wanted = {
        ("GET", MailToken(TokenKind.OPEN, answers[0].envelope.id)),
        ("GET", MailToken(TokenKind.CLICK, answers[0].envelope.id, 1)),
        ("POST", MailToken(TokenKind.UNSUBSCRIBE, answers[1].envelope.id)),
        ("GET", MailToken(TokenKind.TRAP, answers[2].envelope.id)),
    }

    def known() -> set[tuple[str, MailToken | None]]:
        return {(method, read_token(KEYS, path.rpartition("/")[2])) for method, path in _Web.asked}

    await until(lambda: wanted <= known())
    assert all(token for _, token in known())
    assert answers[0].links
    assert answers[0].links.targets == ("https://shop.example.com/7",)
