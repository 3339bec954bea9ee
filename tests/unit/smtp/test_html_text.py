"""HTML as a person would write it down, from templates and from documents; and how deep elements may stand."""

from __future__ import annotations

import time

import pytest

from central.adapters.smtp.faults import Unfitting
from central.adapters.smtp.html_shape import check_depth
from central.adapters.smtp.html_text import text_of, text_template


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One <b>bold</b>\n word.</p><p>Two</p>", "One bold word.\n\nTwo\n"),
        ("a<br>b<br/>c", "a\nb\nc\n"),
        ("<h1>Head</h1><ul><li>one</li><li>two</li></ul>after", "Head\n\n- one\n- two\n\nafter\n"),
        ("<a href='https://x.example.com/?a=1&amp;b=2'>Shop</a>.", "Shop (https://x.example.com/?a=1&b=2).\n"),
        ('<a href="https://x.example.com">https://x.example.com</a>', "https://x.example.com\n"),
        ('<a href="mailto:a@b.example.com">a@b.example.com</a> <a href="#top">up</a>', "a@b.example.com up\n"),
        ('<a href="https://x.example.com"><img src="cid:a" alt="Our shop"></a>', "Our shop (https://x.example.com)\n"),
        ("<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table>", "A B\n1 2\n"),
        ("<head><title>no</title><style>p{}</style></head><body>yes<script>no</script></body>", "yes\n"),
        ('<div style="display: none">hidden<div>too</div></div>seen', "seen\n"),
        ("<!-- no --><!--[if mso]><p>no</p><![endif]-->yes<![if x]>", "yes\n"),
        ("1 &lt; 2 &amp; 3&nbsp;&euro;", "1 < 2 & 3 \u20ac\n"),
        ("a<hr>b", "a\n---\nb\n"),
        ("1 < 2 and <3", "1 < 2 and <3\n"),
        ("", "\n"),
    ],
)
def test_html_is_read_as_a_person_would_write_it(html: str, text: str) -> None:
    assert text_of(html) == text


def test_a_template_s_text_is_a_template() -> None:
    html = (
        '<p>Hi {{ name }}</p><table>{% for one in list %}<tr><td>{{ one.n }}</td><td style="color:{{ c }}">x</td></tr>{% endfor %}'
        '</table><a href="https://x.example.com/{{ id }}">Go</a>{% if a %} there{% endif %}.'
    )
    assert text_template(html) == (
        "Hi {{ name }}\n\n{% for one in list %}{{ one.n }} x\n{% endfor %}\n"
        "Go (https://x.example.com/{{ id }}){% if a %} there{% endif %}.\n"
    )


@pytest.mark.parametrize(
    "html",
    [
        "<p>{{ v | safe }}</p>",
        "<p>{{ v | newline_to_br }}</p>",
        "<p>{{ v | escape }}</p>",
        "{% assign x = '<b>' %}{{ x }}",
        "<style>{% if a %}p{}{% endif %}</style>x",
        "<p {% if a %}class=b{% endif %}>x</p>",
        "{% raw %}<b>{% endraw %}",
        "\ue000 {{ a }}",
    ],
)
def test_a_template_whose_statements_make_html_has_none(html: str) -> None:
    assert text_template(html) is None


HOSTILE = [
    "<" * 300_000,
    "<a " * 150_000,
    "<!--" * 100_000,
    "<!" * 200_000,
    "<a '\"" * 90_000,
    "<a ''" * 90_000,
    "<style>" * 60_000,
]


@pytest.mark.parametrize("html", HOSTILE, ids=[one[:6] for one in HOSTILE])
def test_no_document_takes_long(html: str) -> None:
    begun = time.process_time()
    text_of(html)
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    "open_tag", ["<b>", "<div>", "<b x=1></p>", "<div></span>", "<p><i a=1></p>", "<table><tr><td>", "<B>"]
)
def test_too_deep_elements_are_refused(open_tag: str) -> None:
    check_depth(open_tag * 50, mjml=False)
    with pytest.raises(Unfitting, match="too_deep"):
        check_depth(open_tag * 300, mjml=False)


def test_wide_documents_are_not_deep() -> None:
    check_depth("<table><tr><td><p>a<br>b<img src=x>" * 100 + "</table>" * 100, mjml=False)
    check_depth("<p>a<p>b<li>c" * 5_000 + "<div><b>x</b></div>" * 5_000, mjml=False)
    check_depth("<mj-column><mj-text>a</mj-text><mj-divider /></mj-column>" * 5_000, mjml=True)
    with pytest.raises(Unfitting, match="too_deep"):
        check_depth('<mj-section a="/>">' * 300, mjml=True)
