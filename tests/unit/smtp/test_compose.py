"""Drafts become messages that the standard library reads back the same, or say why not."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from msgspec.structs import replace

from central.adapters.smtp.mime import LIMIT_MESSAGE_BYTES
from central.application.ports.composition import Attachment, Composed, DkimKey, MailAddress, MailDraft, MailTemplate
from central.domain.ids import MessageId
from central.domain.mail_tokens import MailToken, TokenKind, bounced_message, read_token
from central.domain.statuses import EmailStatus
from tests.fakes.mail_drafts import (
    DRAFT,
    IDENTITY,
    KEYS,
    composed,
    composer,
    ed25519_key,
    parsed,
    refused,
    rsa_key,
    signed,
    text_in,
    verifies,
)

LOGO = Attachment("logo.png", "image/png", b"\x89PNG" + bytes(range(256)), content_id="logo")
BILL = Attachment("Rechnung \u2013 November.pdf", "application/pdf", bytes(range(256)) * 40)
HTML = MailTemplate(
    subject="Order {{ order.id }}",
    html="<html><body><p>Hello {{ name }}</p><a href='https://shop.example.com/?a=1&amp;b=2'>Shop</a></body></html>",
)
ORDER = replace(DRAFT, template=HTML, values={"name": "Zo\u00eb <b>", "order": {"id": 7}})


async def test_a_text_reads_back_as_it_was_written() -> None:
    answer = await composed(DRAFT)
    message = parsed(answer)
    assert message["subject"] == "Hello Zo\u00eb"
    assert message["from"].addresses[0].display_name == "Brand"
    assert message["to"].addresses[0].display_name == "Zo\u00eb"
    assert message["to"].addresses[0].addr_spec == "zoe@customer.example.org"
    assert message["message-id"] == f"<{DRAFT.id.hex}@brand.example.com>"
    assert message["date"].datetime.isoformat() == "2026-11-23T12:00:00+00:00"
    assert text_in(message, "plain") == "Dear Zo\u00eb,\n\nbye.\n"
    assert message.get_content_type() == "text/plain"
    assert answer.links is None


async def test_the_envelope_s_sender_names_the_message() -> None:
    envelope = (await composed(replace(DRAFT, tries=3))).envelope
    assert (envelope.id, envelope.recipient, envelope.tries) == (DRAFT.id, "zoe@customer.example.org", 3)
    assert bounced_message(KEYS, envelope.sender) == DRAFT.id
    assert envelope.sender.endswith("@bounce.brand.example.com")


async def test_html_gets_a_text_and_values_cannot_be_markup() -> None:
    message = parsed(await composed(ORDER))
    assert message.get_content_type() == "multipart/alternative"
    assert "<p>Hello Zo\u00eb &lt;b&gt;</p>" in text_in(message, "html")
    assert text_in(message, "plain") == "Hello Zo\u00eb <b>\n\nShop (https://shop.example.com/?a=1&b=2)\n"


async def test_mjml_becomes_html_once_a_template() -> None:
    mjml = (
        "<mjml><mj-body><mj-section><mj-column><mj-raw>{% for one in items %}</mj-raw><mj-text>{{ one }}</mj-text>"
        "<mj-raw>{% endfor %}</mj-raw></mj-column></mj-section></mj-body></mjml>"
    )
    draft = replace(DRAFT, template=MailTemplate(subject="s", mjml=mjml), values={"items": ["one", "two"]})
    maker = composer()
    answers = await maker.compose([replace(draft, id=MessageId(UUID(int=n))) for n in range(1000)])
    assert all(isinstance(one, Composed) for one in answers)
    assert maker.templates.made == 1
    assert isinstance(answers[999], Composed)
    message = parsed(answers[999])
    assert text_in(message, "plain") == "one\ntwo\n"
    assert text_in(message, "html").count("one</div>") == 1


async def test_css_goes_into_the_elements_behind_the_loop() -> None:
    html = (
        "<html><head><style>td{color:red} a:hover{color:blue}</style></head><body><table>{% for n in ns %}<tr><td>{{ n }}</td></tr>"
        "{% endfor %}</table></body></html>"
    )
    message = parsed(
        await composed(replace(DRAFT, template=MailTemplate(subject="s", html=html), values={"ns": [1, 2]}))
    )
    assert text_in(message, "html").count('<td style="color: red;">') == 2
    assert "a:hover" in text_in(message, "html")


async def test_nothing_of_this_machine_gets_into_a_message() -> None:
    html = '<html><head><link rel="stylesheet" href="file:///etc/passwd"><style>p{}</style></head><body><p>x</p></body></html>'
    answer = await composed(replace(DRAFT, template=MailTemplate(subject="s", html=html)))
    assert b"root:" not in answer.envelope.content
    mjml = '<mjml><mj-body><mj-include path="/etc/passwd" /></mj-body></mjml>'
    assert (await refused(replace(DRAFT, template=MailTemplate(subject="s", mjml=mjml)))).reason == "mjml"
    include = MailTemplate(subject="s", text="{% include '/etc/passwd' %}")
    assert (await refused(replace(DRAFT, template=include))).reason == "template_syntax"


async def test_files_and_pictures_stand_where_readers_look_for_them() -> None:
    draft = replace(ORDER, attachments=(LOGO, BILL, Attachment("list.csv", "text/csv", reference="r1")))
    message = parsed(await composed(draft, {"r1": b"a,b\r\n"}))
    assert message.get_content_type() == "multipart/mixed"
    files = {one.get_filename(): one.get_content() for one in message.iter_attachments()}
    assert files == {BILL.name: BILL.content, "list.csv": "a,b\r\n"}
    pictures = [one for one in message.walk() if one["content-id"]]
    assert [(one["content-id"], one.get_content(), one.get_content_disposition()) for one in pictures] == [
        ("<logo>", LOGO.content, "inline")
    ]


async def test_the_same_file_is_loaded_once_a_batch() -> None:
    maker = composer({"r1": b"content"})
    draft = replace(DRAFT, attachments=(Attachment("a.txt", "text/plain", reference="r1"),))
    answers = await maker.compose([draft] * 20)
    assert all(isinstance(one, Composed) for one in answers)
    assert maker._loader.asked == 1  # type: ignore[attr-defined]  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue, reportUnknownMemberType]


async def test_links_are_numbered_and_their_targets_stay_here() -> None:
    html = (
        "<body><a class=x href=\"https://a.example.com/?q=1&amp;r=2\">A</a><A HREF='http://b.example.com'>B</A>"
        '<a href="mailto:x@example.com">C</a><a href="#top">D</a><a data-untracked href="https://c.example.com">E</a>'
        '<a href="{{ unsubscribe_url }}">F</a><a title="x href=https://no.example.com" href="https://d.example.com/{{ n }}">G</a></body>'
    )
    draft = replace(DRAFT, template=MailTemplate(subject="s", html=html), values={"n": "7&8"}, tracked=True)
    answer = await composed(draft)
    assert answer.links
    assert answer.links.targets == ("https://a.example.com/?q=1&r=2", "http://b.example.com")
    marked = text_in(parsed(answer), "html")
    tokens = [piece.split('"')[0] for piece in marked.split('"https://links.brand.example.com/t/')[1:]]
    said = [read_token(KEYS, one) for one in tokens]
    assert said == [
        MailToken(TokenKind.CLICK, DRAFT.id, 1),
        MailToken(TokenKind.CLICK, DRAFT.id, 2),
        MailToken(TokenKind.UNSUBSCRIBE, DRAFT.id),
        MailToken(TokenKind.TRAP, DRAFT.id),
        MailToken(TokenKind.OPEN, DRAFT.id),
    ]
    for kept in ("mailto:x@example.com", "#top", "https://c.example.com", "https://d.example.com/7&amp;8"):
        assert kept in marked
    assert marked.rstrip().endswith("</body>")


async def test_equal_targets_have_an_equal_id() -> None:
    draft = replace(ORDER, tracked=True)
    first, second = await composed(draft), await composed(replace(draft, id=MessageId(UUID(int=9))))
    assert first.links == second.links
    assert first.envelope.content != second.envelope.content


async def test_marketing_can_be_unsubscribed_from_with_one_click_and_the_signature_covers_it() -> None:
    answer = await composed(
        signed(replace(ORDER, marketing=True, feedback_id="c:a:mail:brand", language="de-AT"), rsa_key())
    )
    message = parsed(answer)
    address = message["list-unsubscribe"].strip("<>")
    assert read_token(KEYS, address.rpartition("/")[2]) == MailToken(TokenKind.UNSUBSCRIBE, ORDER.id)
    assert message["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    assert (message["feedback-id"], message["content-language"]) == ("c:a:mail:brand", "de-AT")
    covered = str(message["dkim-signature"]).partition("h=")[2].partition(";")[0].split(":")
    assert {"list-unsubscribe", "list-unsubscribe-post", "feedback-id", "from", "subject", "date"} <= set(covered)


@pytest.mark.parametrize("draft", [DRAFT, replace(ORDER, attachments=(LOGO, BILL), tracked=True, marketing=True)])
async def test_another_implementation_verifies_both_signatures(draft: MailDraft) -> None:
    answer = await composed(signed(draft, rsa_key(), ed25519_key()))
    content = answer.envelope.content
    assert verifies(content, rsa_key(), ed25519_key()) == [True, True]
    assert verifies(content.replace(b"Subject: ", b"Subject: Re: "), rsa_key(), ed25519_key()) == [False, False]
    assert verifies(content.replace(b"\r\n\r\n", b"\r\n\r\nx", 1), rsa_key(), ed25519_key()) == [False, False]
    added = content.replace(b"\r\nSubject: ", b"\r\nSubject: another one\r\nSubject: ", 1)
    assert verifies(added, rsa_key(), ed25519_key()) == [False, False]  # a second Subject


async def test_many_recipients_are_shown_and_one_is_sent_to() -> None:
    others = tuple(MailAddress(f"person{n}@customer.example.org", f"P\u00e9rson, N. {n}") for n in range(20))
    answer = await composed(
        replace(DRAFT, to=others, cc=(MailAddress("boss@b\u00fccher.example.com"),), recipient="hidden@x.example.org")
    )
    message = parsed(answer)
    assert [one.display_name for one in message["to"].addresses] == [one.name for one in others]
    assert message["cc"].addresses[0].addr_spec == "boss@xn--bcher-kva.example.com"
    assert answer.envelope.recipient == "hidden@x.example.org"
    assert b"hidden@" not in answer.envelope.content


STYLES = "<style>" + "".join(f"b{{x{n}:y}}" for n in range(5_000)) + "</style>"
INVALID = EmailStatus.INVALID_DATA
REFUSED: list[tuple[dict[str, object], EmailStatus, str]] = [
    ({"sender": MailAddress("shop@other.example.com")}, EmailStatus.INVALID_FROM_EMAIL, "sender_domain"),
    ({"sender": MailAddress("shop@brand.example.com.evil.example.org")}, EmailStatus.INVALID_FROM_EMAIL, "sender_domain"),
    ({"sender": MailAddress("no address")}, EmailStatus.INVALID_FROM_EMAIL, "address_shape"),
    ({"sender": MailAddress("shop@brand.example.com", "A\r\nBcc: x@example.com")}, INVALID, "header_text"),
    ({"to": (MailAddress("x@example.org\r\nBcc: y@example.org"),)}, EmailStatus.INVALID_TO_EMAIL, "address_shape"),
    ({"to": (MailAddress("x@example.org>,<y@example.org"),)}, EmailStatus.INVALID_TO_EMAIL, "address_shape"),
    ({"to": (MailAddress("z\u00f6e@example.org"),)}, EmailStatus.INVALID_TO_EMAIL, "address_shape"),
    ({"to": ()}, INVALID, "address_count"),
    ({"to": (MailAddress("a@example.org"), MailAddress("b@example.org"))}, EmailStatus.INVALID_TO_EMAIL, "address_shape"),
    ({"reply_to": MailAddress("x\0@example.org")}, INVALID, "address_shape"),
    ({"values": {"name": "a\nb"}}, INVALID, "header_text"),
    ({"values": {"name": "a\rBcc: x"}}, INVALID, "header_text"),
    ({"values": {"name": "a\0b"}}, INVALID, "header_text"),
    ({"values": {"name": "\ud800"}}, INVALID, "header_text"),
    ({"values": {"name": "x" * 999}}, INVALID, "header_too_long"),
    ({"values": {}}, INVALID, "missing_variable"),
    ({"template": MailTemplate(subject="s")}, INVALID, "empty_message"),
    ({"template": MailTemplate(subject="s", text="{{ name | default: '' }}"), "values": {"name": " "}}, INVALID, "empty_message"),
    ({"template": MailTemplate(subject="s", html="x", mjml="<mjml/>")}, INVALID, "two_bodies"),
    ({"template": MailTemplate(subject="s", mjml="<p>no</p>")}, INVALID, "mjml"),
    ({"template": MailTemplate(subject="s", mjml="<mj-x>" * 20_000)}, INVALID, "too_deep"),
    ({"template": MailTemplate(subject="s", html="<style></style>" + "<b>" * 20_000)}, INVALID, "too_deep"),
    ({"template": MailTemplate(subject="s", html=STYLES + "<b></b>" * 5_000)}, INVALID, "template_limit"),
    ({"template": MailTemplate(subject="s", text="{% if %}")}, INVALID, "template_syntax"),
    ({"template": MailTemplate(subject="s", text="{% for i in (1..99999999) %}x{% endfor %}")}, INVALID, "template_limit"),
    ({"template": MailTemplate(subject="s", text="\0")}, INVALID, "broken_text"),
    ({"template": MailTemplate(subject="s", text="\udfff")}, INVALID, "broken_text"),
    ({"attachments": (Attachment("a\r\nb", content=b"x"),)}, INVALID, "header_text"),
    ({"attachments": (Attachment("", content=b"x"),)}, INVALID, "attachment_name"),
    ({"attachments": (Attachment("a", "text/x\r\nX: y", b"x"),)}, INVALID, "media_type"),
    ({"attachments": (Attachment("a", "message/rfc822", b"x"),)}, INVALID, "media_type"),
    ({"attachments": (Attachment("a", "image/png", b"x", content_id="a>\r\n"),)}, INVALID, "content_id"),
    ({"attachments": (Attachment("a", reference="gone"),)}, INVALID, "attachment_missing"),
    ({"attachments": (Attachment("a", content=bytes(100_000_000)),)}, INVALID, "too_large"),
    ({"attachments": (Attachment("a", content=bytes(19_000_000)), Attachment("b", content=bytes(1_000_000)))}, INVALID, "too_large"),
    ({"attachments": (Attachment("a", reference="big"),)}, INVALID, "too_large"),
    ({"attachments": (Attachment("a", content=b"x"),) * 51}, INVALID, "attachment_count"),
    ({"feedback_id": "a\r\nb"}, INVALID, "feedback_id"),
    ({"language": "de\r\n"}, INVALID, "language"),
    ({"identity": replace(IDENTITY, link_address=""), "tracked": True}, INVALID, "no_link_address"),
    ({"identity": replace(IDENTITY, bounce_domain="x y")}, EmailStatus.FAILURE, "bad_mail_identity"),
    ({"identity": replace(IDENTITY, link_address="https://a\r\nb")}, EmailStatus.FAILURE, "bad_mail_identity"),
    ({"identity": replace(IDENTITY, keys=(DkimKey("s", "no key"),))}, EmailStatus.FAILURE, "bad_dkim_key"),
    ({"identity": replace(IDENTITY, keys=(DkimKey("s;\r\n", "no key"),))}, EmailStatus.FAILURE, "bad_dkim_key"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "status", "reason"), REFUSED, ids=[f"{n}-{one[2]}" for n, one in enumerate(REFUSED)]
)
async def test_what_cannot_become_a_message_says_why(
    changes: dict[str, object], status: EmailStatus, reason: str
) -> None:
    unfit = await refused(replace(DRAFT, **changes), {"big": bytes(LIMIT_MESSAGE_BYTES + 1)})
    assert (unfit.id, unfit.status, unfit.reason) == (DRAFT.id, status, reason)
    assert unfit.detail
    assert "\n" not in unfit.detail


async def test_one_unfit_draft_holds_nobody_up_and_a_bad_template_is_read_once() -> None:
    maker = composer()
    bad = replace(DRAFT, template=MailTemplate(subject="s", text="{% if %}"))
    answers = await maker.compose([DRAFT, bad, bad, DRAFT])
    assert [isinstance(one, Composed) for one in answers] == [True, False, False, True]
    assert maker.templates.made == 2


async def test_templates_that_were_used_last_are_kept() -> None:
    maker = composer(templates=2)
    drafts = [replace(DRAFT, template=MailTemplate(subject=f"s{n}", text="t")) for n in (1, 2, 1, 3, 1, 2)]
    await maker.compose(drafts)
    assert maker.templates.made == 4  # 2 was dropped for 3


async def test_heavy_templates_are_kept_only_as_far_as_they_are_light() -> None:
    maker = composer()
    heavy = [
        replace(DRAFT, template=MailTemplate(subject=f"s{n}", html="{{ name }} " * 4_900, text="t")) for n in range(15)
    ]
    await maker.compose(heavy)
    assert len(maker.templates) < 15


async def test_a_large_batch_lets_others_run() -> None:
    maker = composer()
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(other())
    await maker.compose([DRAFT] * 320)
    beside.cancel()
    assert turns >= 20


async def test_a_template_that_is_no_liquid_stands_as_it_is() -> None:
    draft = replace(DRAFT, template=MailTemplate(subject="{{ s }}", text="{% x %}", liquid=False))
    message = parsed(await composed(draft))
    assert (message["subject"], text_in(message, "plain")) == ("{{ s }}", "{% x %}\n")


def test_a_private_key_is_in_no_text_of_its_owner() -> None:
    assert "PRIVATE" not in repr(signed(DRAFT, rsa_key()))
