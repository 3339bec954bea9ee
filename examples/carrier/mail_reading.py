"""What recipients do with a message that has come: open it, click, complain, unsubscribe, answer; or a scanner does it first.

Only the web server that the demo names is asked, whatever host a link names, and mail goes out through the house's own relay.
"""

from __future__ import annotations

import email
import email.policy
import http.client
import re
import smtplib
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from html.parser import HTMLParser
from typing import NamedTuple
from urllib.parse import urlsplit

from examples.carrier.smtp_door import Arrived

_PERSON = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
_SCANNER = "Mozilla/5.0 (compatible; LinkScanner/1.0)"
_LIMIT_S = 10


class World(NamedTuple):
    """Where recipients reach others: the web server's port (0 = none) and the relay's port on 127.0.0.1."""

    web_port: int
    relay_port: int


class _Page(HTMLParser):
    """The images and the links that a person sees, in order; hidden ones apart."""

    def __init__(self) -> None:
        super().__init__()
        self.images, self.links, self.hidden = list[str](), list[str](), list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note where it leads."""
        told = {name: value or "" for name, value in attrs}
        unseen = (
            "hidden" in told or re.search(r"display:\s*none|visibility:\s*hidden", told.get("style", "")) is not None
        )
        if tag == "img" and told.get("src", "").startswith("http"):
            self.images.append(told["src"])
        elif tag == "a" and told.get("href", "").startswith("http"):
            (self.hidden if unseen else self.links).append(told["href"])


def _page(message: EmailMessage) -> _Page:
    page = _Page()
    body = message.get_body(("html",))
    if body is not None:
        page.feed(str(body.get_content()))
    return page


def _parsed(arrived: Arrived) -> EmailMessage:
    message = email.message_from_bytes(arrived.content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)  # noqa: S101 - what policy.default makes
    return message


def _ask(world: World, method: str, url: str, *, agent: str = _PERSON, body: str | None = None) -> int:
    """One request to the demo's web server, redirects not followed; the status, 0 when nobody answers."""
    if not world.web_port:
        return 0
    parts = urlsplit(url)
    connection = http.client.HTTPConnection("127.0.0.1", world.web_port, timeout=_LIMIT_S)
    headers = {"User-Agent": agent, "Accept": "*/*", "Host": parts.netloc}
    if body is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    try:
        connection.request(method, f"{parts.path}?{parts.query}" if parts.query else parts.path, body, headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def _unsubscribe_url(message: EmailMessage) -> str:
    found = re.search(r"<(https?:[^>]+)>", str(message.get("List-Unsubscribe", "")))
    return found[1] if found else ""


def opens(world: World, arrived: Arrived) -> Iterator[tuple[str, int]]:
    """A person's mail program loads the images."""
    for image in _page(_parsed(arrived)).images:
        yield f"GET {image}", _ask(world, "GET", image)


def clicks(world: World, arrived: Arrived) -> Iterator[tuple[str, int]]:
    """A person opens it and follows the first link that is seen and does not unsubscribe."""
    message = _parsed(arrived)
    yield from opens(world, arrived)
    wanted = [link for link in _page(message).links if link != _unsubscribe_url(message)]
    for link in wanted[:1]:
        yield f"GET {link}", _ask(world, "GET", link)


def scans(world: World, arrived: Arrived) -> Iterator[tuple[str, int]]:
    """A scanner follows everything at once, hidden links and the unsubscribe page too, none of it by POST."""
    message = _parsed(arrived)
    page = _page(message)
    for url in (*page.images, *page.links, *page.hidden, _unsubscribe_url(message)):
        if url:
            yield f"HEAD {url}", _ask(world, "HEAD", url, agent=_SCANNER)
            yield f"GET {url}", _ask(world, "GET", url, agent=_SCANNER)


def unsubscribes(world: World, arrived: Arrived) -> Iterator[tuple[str, int]]:
    """One click (RFC 8058): a POST to the link of the header."""
    url = _unsubscribe_url(_parsed(arrived))
    if url:
        yield f"POST {url}", _ask(world, "POST", url, body="List-Unsubscribe=One-Click")


def complains(world: World, arrived: Arrived) -> Iterator[tuple[str, int]]:
    """A feedback loop's report (RFC 5965) to the envelope sender. Made by hand here: no mail provider has seen it."""
    headers = arrived.content.partition(b"\r\n\r\n")[0].decode("utf-8", "replace")
    feedback = (
        "Feedback-Type: abuse\r\nUser-Agent: central-demo/1.0 (made by hand)\r\nVersion: 1\r\n"
        f"Original-Mail-From: <{arrived.sender}>\r\nArrival-Date: {formatdate()}\r\n"
    )
    yield _mail(world, arrived, _report("feedback-report", "feedback-report", feedback, headers), "fbl@far.example")


def replies(world: World, arrived: Arrived) -> Iterator[tuple[str, int]]:
    """An absence note (RFC 3834) to the envelope sender."""
    note = _letter(arrived, "Out of office", f"I am away until Monday. {arrived.recipient}\r\n")
    note["Auto-Submitted"] = "auto-replied"
    yield _mail(world, arrived, note.as_bytes(policy=email.policy.SMTP), "")


def bounces_oddly(world: World, arrived: Arrived) -> Iterator[tuple[str, int]]:
    """A bounce in the words of qmail, without a machine's report (only flufl.bounce and its like know it)."""
    text = (
        "Hi. This is the qmail-send program at far.example.\r\nI'm afraid I wasn't able to deliver your message to the "
        "following addresses.\r\nThis is a permanent error; I've given up. Sorry it didn't work out.\r\n\r\n"
        f"<{arrived.recipient}>:\r\nSorry, no mailbox here by that name. (#5.1.1)\r\n\r\n--- Below this line is a copy of the message.\r\n"
    )
    yield _mail(world, arrived, _letter(arrived, "failure notice", text).as_bytes(policy=email.policy.SMTP), "")


def forges(world: World, arrived: Arrived) -> Iterator[tuple[str, int]]:
    """A stranger guesses at other people's bounce addresses: the last letter of ours is changed, the report looks true."""
    local, _, domain = arrived.sender.partition("@")
    guessed = f"{local[:-1]}{'0' if local[-1:] != '0' else '1'}@{domain}"
    status = (
        f"Reporting-MTA: dns; far.example\r\n\r\nFinal-Recipient: rfc822; {arrived.recipient}\r\n"
        "Action: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 forged\r\n"
    )
    forged = _report("delivery-status", "delivery-status", status, "Subject: forged\r\n")
    yield _mail(world, arrived._replace(sender=guessed), forged, "")


def _letter(arrived: Arrived, subject: str, text: str) -> EmailMessage:
    letter = EmailMessage(policy=email.policy.SMTP)
    letter["From"] = f"<{arrived.recipient}>"
    letter["To"] = f"<{arrived.sender}>"
    letter["Subject"] = subject
    letter["Date"] = formatdate()
    letter["Message-ID"] = make_msgid(domain="far.example")
    letter.set_content(text)
    return letter


def _report(kind: str, part: str, machine: str, headers: str) -> bytes:
    """A multipart/report (RFC 6522) by hand: text for people, the machine's part, the headers of the message."""
    head = (
        f"From: <reports@far.example>\r\nSubject: report\r\nDate: {formatdate()}\r\n"
        f"Message-ID: {make_msgid(domain='far.example')}\r\nMIME-Version: 1.0\r\n"
        f'Content-Type: multipart/report; report-type={kind}; boundary="=_report"\r\n\r\n'
    )
    parts = (
        "Content-Type: text/plain\r\n\r\nThis is a report about a message.\r\n",
        f"Content-Type: message/{part}\r\n\r\n{machine}",
        f"Content-Type: text/rfc822-headers\r\n\r\n{headers}\r\n",
    )
    return (head + "".join(f"--=_report\r\n{one}\r\n" for one in parts) + "--=_report--\r\n").encode()


def _mail(world: World, arrived: Arrived, content: bytes, sender: str) -> tuple[str, int]:
    """Send it to the envelope sender of what arrived, by the relay; what was done and the last answer's code."""
    if not arrived.sender:
        return "no envelope sender", 0
    try:
        with smtplib.SMTP("127.0.0.1", world.relay_port, "far.example", timeout=_LIMIT_S) as relay:
            relay.sendmail(sender, [arrived.sender], content)
    except smtplib.SMTPResponseException as error:
        return f"MAIL {arrived.sender}", error.smtp_code
    except smtplib.SMTPRecipientsRefused as error:
        return f"MAIL {arrived.sender}", next(iter(error.recipients.values()))[0]
    except OSError:
        return f"MAIL {arrived.sender}", 0
    return f"MAIL {arrived.sender}", 250


LATER: dict[str, Callable[[World, Arrived], Iterator[tuple[str, int]]]] = {
    "opens": opens,
    "clicks": clicks,
    "complains": complains,
    "unsubscribes": unsubscribes,
    "replies": replies,
    "bounces_oddly": bounces_oddly,
    "forges": forges,
}
"""Behaviour -> what a recipient does after a while."""

AT_ONCE: dict[str, Callable[[World, Arrived], Iterator[tuple[str, int]]]] = {"scanned": scans}
"""Behaviour -> what a machine does in the moment of arrival."""
