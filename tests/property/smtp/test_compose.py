"""Any subject, names, texts, values and files give a message that the standard library reads back the same, or an answer why not."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.header import decode_header, make_header
from email.policy import compat32
from email.utils import getaddresses

from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from central.adapters.smtp.html_text import text_of, text_template
from central.adapters.smtp.mime import base64_lines, encoded_text
from central.adapters.smtp.signing import relaxed_body
from central.application.ports.composition import Attachment, Composed, MailAddress, MailTemplate, Unfit
from tests.fakes.mail_drafts import DRAFT, composer, ed25519_key, parsed, signed, text_in, verifies

# Surrogates, controls and blanks that header fields treat in their own way come often.
chars = st.characters() | st.sampled_from('\r\n\t\0 "\\<>(),:;@[]=?_.\u00e9\u2028\U0001f600\ud800\x85')
texts = st.text(chars, max_size=200)
FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
media_types = st.sampled_from(["", "text/csv", "image/png", "application/pdf", "TEXT/Plain"])
FIELDS = {
    "from", "to", "cc", "reply-to", "subject", "date", "message-id", "mime-version", "content-type", "content-transfer-encoding",
    "dkim-signature",
}  # fmt: skip


def plain(text: str) -> str:
    """With one kind of line end, and one at the end."""
    return text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n") + "\n"


def first_name(answer: Composed, field: str) -> str:
    """The name of the first address, as the standard library's parser reads it.

    It keeps the blank between two encoded words of one name, which RFC 2047 (section 6.2) drops: a long name is read by its older
    parser, which does not.
    """
    name = str(parsed(answer)[field].addresses[0].display_name)
    raw = message_from_bytes(answer.envelope.content, policy=compat32)[field]
    if raw.count("=?utf-8?b?") < 2 or len(name.encode()) <= 45:
        return name
    return str(make_header(decode_header(getaddresses([re.sub(r"\r?\n ", " ", raw)])[0][0])))


@settings(max_examples=150, deadline=None)
@given(subject=texts, sender=texts, name=texts, text=texts, html=texts)
@example(subject="", sender="  ", name="", text="", html="0")
@example(subject="", sender="", name="  ", text="", html="0")
async def test_a_message_reads_back_the_same_or_is_refused(
    subject: str, sender: str, name: str, text: str, html: str
) -> None:
    draft = replace(
        DRAFT,
        sender=MailAddress("shop@brand.example.com", sender),
        to=(MailAddress("zoe@customer.example.org", name), MailAddress("max@customer.example.org", "Max")),
        reply_to=MailAddress("reply@elsewhere.example.org", name),
        recipient="zoe@customer.example.org",
        template=MailTemplate(subject=subject, text=text, html=html, liquid=False),
    )
    (answer,) = await composer().compose([signed(draft, ed25519_key())])
    headers_fit = not any(FORBIDDEN.search(one) for one in (subject, sender, name))
    bodies_fit = not any(re.search("[\0\ud800-\udfff]", one) for one in (text, html)) and bool((text + html).strip())
    if isinstance(answer, Unfit):
        assert not (headers_fit and bodies_fit), answer
        return
    assert headers_fit
    assert bodies_fit
    message = parsed(answer)
    assert {one.lower() for one in message.keys()} <= FIELDS  # noqa: SIM118 - of a message, not of a mapping
    assert message["subject"] == subject
    assert message["from"].addresses[0].addr_spec == "shop@brand.example.com"
    assert [one.addr_spec for one in message["to"].addresses] == [
        "zoe@customer.example.org",
        "max@customer.example.org",
    ]
    assert first_name(answer, "from") == (sender if sender.strip() else "")
    assert first_name(answer, "to") == (name if name.strip() else "")
    assert first_name(answer, "reply-to") == (name if name.strip() else "")
    if text.strip() or html:
        assert plain(text_in(message, "html")) == plain(html) if html else True
        assert plain(text_in(message, "plain")) == plain(text) if text else True
    assert verifies(answer.envelope.content, ed25519_key()) == [True]


@settings(max_examples=100, deadline=None)
@given(files=st.lists(st.builds(Attachment, texts, media_types, st.binary(max_size=300)), max_size=4))
async def test_files_read_back_the_same_or_are_refused(files: list[Attachment]) -> None:
    (answer,) = await composer().compose([replace(DRAFT, attachments=tuple(files))])
    fit = not any(FORBIDDEN.search(one.name) or not one.name.strip() for one in files)
    assert isinstance(answer, Composed) == fit
    if isinstance(answer, Composed):
        found = list(parsed(answer).iter_attachments())
        assert [one.get_filename() for one in found] == [one.name.strip() for one in files]
        assert [one.get_payload(decode=True) for one in found] == [one.content for one in files]


@settings(deadline=None)
@given(value=texts)
async def test_a_value_is_never_markup_nor_a_header(value: str) -> None:
    template = MailTemplate(subject="Hi {{ v }}", html="<p title='{{ v }}'>{{ v }}</p>")
    (answer,) = await composer().compose([replace(DRAFT, template=template, values={"v": value})])
    if isinstance(answer, Unfit):
        assert FORBIDDEN.search(value)
        return
    message = parsed(answer)
    assert message["subject"] == f"Hi {value}".rstrip(" ") or message["subject"] == f"Hi {value}"
    html = text_in(message, "html")
    assert html.count("<") == 2
    assert html.count("'") == 2


@given(st.text() | st.text("a \u00e9\n\r.=", max_size=2000))
def test_encoded_texts_have_lawful_lines(text: str) -> None:
    if "\0" in text:
        return
    _, octets = encoded_text(text)
    assert octets.isascii()
    assert all(len(line) <= 998 for line in octets.split(b"\r\n"))
    assert b"\r" not in octets.replace(b"\r\n", b"")
    assert b"\n" not in octets.replace(b"\r\n", b"")


@given(st.binary(max_size=500))
def test_base64_lines_have_76_characters(octets: bytes) -> None:
    assert all(len(line) <= 76 for line in base64_lines(octets).split(b"\r\n"))


@given(st.lists(st.text("ab \t", max_size=40), max_size=20))
def test_the_relaxed_form_is_the_standard_s(lines: list[str]) -> None:
    body = "".join(f"{line}\r\n" for line in lines).encode()
    wanted = [re.sub(r"[ \t]+", " ", line).rstrip(" ") for line in lines]
    while wanted and not wanted[-1]:
        wanted.pop()
    assert relaxed_body(body) == "".join(f"{line}\r\n" for line in wanted).encode()


@settings(deadline=None)
@given(st.text(st.sampled_from("<>/!-abp \"'={}%{}\n&;") | st.characters(), max_size=300))
def test_any_html_has_a_text(html: str) -> None:
    text_template(html)
    assert text_of(html).endswith("\n")
