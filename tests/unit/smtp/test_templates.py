"""Liquid of customers: what it may do, and how each way to keep the process busy ends."""

from __future__ import annotations

import time

import pytest

from central.adapters.smtp.faults import Unfitting
from central.adapters.smtp.templates import LIMIT_TEMPLATE_CHARS, Template
from tests.fakes.mail_drafts import NOON


def rendered(source: str, *, html: bool = False, **values: object) -> str:
    return Template(source, html=html).render(values, NOON)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("Hi {{ name }}", "Hi Zo\u00eb & Co"),
        ("{{ nobody | default: 'friend' }}", "friend"),
        ("{% if nobody %}a{% else %}b{% endif %}", "b"),
        ("{{ now | date: '%d.%m.%Y' }}", "23.11.2026"),
        ("{% for one in list %}{{ one.n }};{% endfor %}", "1;2;"),
        ("{% raw %}{{ name }}{% endraw %}", "{{ name }}"),
        ("{% comment %}{{ name }}{% endcomment %}x", "x"),
        ("{{ name | upcase | truncate: 5 }}", "ZO..."),
        ("{{ list | map: 'n' | join: '+' }}", "1+2"),
        ("{{ 7 | times: 6 }}", "42"),
        ("no statement", "no statement"),
    ],
)
def test_a_template_is_filled_in(source: str, text: str) -> None:
    assert rendered(source, name="Zo\u00eb & Co", list=[{"n": 1}, {"n": 2}]) == text


def test_html_escapes_values_and_cleans_what_is_called_safe() -> None:
    value = "<b onclick=x>bold</b><script>alert(1)</script><style>*{}</style>"
    assert rendered("{{ v }}", html=True, v="<b>'\"&") == "&lt;b&gt;&#39;&#34;&amp;"
    assert rendered("{{ v | safe }}", html=True, v=value) == "<b>bold</b>"
    assert rendered("{{ v | newline_to_br }}", html=True, v="<\n>") == "&lt;<br />\n&gt;"


def test_the_clock_is_not_the_machine_s() -> None:
    assert rendered("{{ today }}") == "2026-11-23"


A_MEGABYTE = "a" * 1_000_000
HOSTILE = {
    "loop": "{% for i in (1..100000000) %}x{% endfor %}",
    "nested loops": "{% for i in (1..1000) %}{% for j in (1..1000) %}{% endfor %}{% endfor %}",
    "one loop after the other": "{% for i in (1..9000) %}{% assign x = i %}{% endfor %}" * 5,
    "table rows": "{% tablerow i in (1..100000) %}x{% endtablerow %}",
    "output": "{% for i in (1..9999) %}{{ v }}{% endfor %}",
    "doubling": "{% assign s = 'aaaaaaaaaa' %}" + "{% assign s = s | append: s %}" * 60,
    "capturing": "{% assign s = 'aaaaaaaaaa' %}" + "{% capture s %}{{ s }}{{ s }}{% endcapture %}" * 60,
    "squaring": "{% assign s = 10 %}" + "{% assign s = s | times: s %}" * 60,
    "replacing": "{{ v | replace: 'a', v }}",
    "replacing nothing": "{{ v | replace: '', v }}",
    "joining": "{{ v | split: '' | join: v }}",
    "a range": "{{ (1..1000000000) | join: 'x' }}",
    "a reversed range": "{% assign r = (1..1000000000) | reverse %}",
    "sorting again and again": "{% for i in (1..9999) %}{% assign x = v | split: '' | sort %}{% endfor %}",
    "nesting": "{% if true %}" * 100 + "{% endif %}" * 100,
    "statements": "{{ v }}" * 5_001,
    "length": "x" * (LIMIT_TEMPLATE_CHARS + 1),
}


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE)
def test_a_template_that_grows_or_loops_is_stopped(source: str) -> None:
    begun = time.process_time()
    with pytest.raises(Unfitting) as caught:
        rendered(source, v=A_MEGABYTE)
    assert caught.value.reason == "template_limit"
    assert time.process_time() - begun < 5


UNREADABLE = {
    "open outputs": "{{" * 4_000,
    "open tags": "{% x" * 4_000,
    "blanks": "{{" + " " * 3_000 + "}}",
    "open raw": "{% comment %}{% raw %}" * 2_000,
    "open doc": "{% doc %}" * 4_000,
    "a long statement": "{{ a" + " | upcase" * 1_000 + " }}",
    "no expression": "{% if %}{% endif %}",
    "no end": "{% if a %}",
    "an unknown tag": "{% nothing %}",
}


@pytest.mark.parametrize("source", UNREADABLE.values(), ids=UNREADABLE)
def test_a_template_that_cannot_be_read_is_refused_at_once(source: str) -> None:
    begun = time.process_time()
    with pytest.raises(Unfitting) as caught:
        Template(source, html=True)
    assert caught.value.reason == "template_syntax"
    assert time.process_time() - begun < 2


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{{ nobody }}", "missing_variable"),
        ("{{ known.nothing }}", "missing_variable"),
        ("{{ known.__class__ }}", "missing_variable"),
        ("{% for one in nobody %}{% endfor %}", "missing_variable"),
        ("{{ 1 | divided_by: 0 }}", "template_syntax"),
        ("{{ 'x' | no_filter }}", "template_syntax"),
        ("{% render 'x' %}", "template_syntax"),
        ("{{ '999999999999999999' | date: '%Y' }}", "template_failed"),
    ],
)
def test_a_template_that_cannot_be_rendered_says_why(source: str, reason: str) -> None:
    with pytest.raises(Unfitting) as caught:
        rendered(source, known={"a": 1})
    assert caught.value.reason == reason
