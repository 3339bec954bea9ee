"""Trials: the same faults as composing has, found at once, each content once, within a budget of time."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from msgspec.structs import replace

from central.adapters.smtp.trial import BUDGET_S, MailTrials
from central.application.ports.composition import Attachment, MailDraft, MailTemplate, Trial
from central.domain.ids import MessageId
from tests.fakes.mail_drafts import DRAFT, IDENTITY, KEYS, FixedClock, trials

PLAIN = MailTemplate(subject="Hello", text="A text.", liquid=False)
NESTED = "<div>" * 300 + "</div>" * 300
SLOW = "{% for a in (1..99) %}{% for b in (1..99) %}{{ a }}{% endfor %}{% endfor %}"


def draft(**changes: object) -> MailDraft:
    template = replace(PLAIN, **changes.pop("template", {}))  # type: ignore[arg-type]
    return replace(DRAFT, id=MessageId(uuid4()), template=template, values={}, **changes)


async def reason(one: MailDraft, file_bytes: int = 0) -> str:
    (fault,) = await trials().faults([Trial(one, file_bytes)])
    return "" if fault is None else fault.reason


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ({}, ""),
        ({"text": "{{ name }}"}, ""),  # no Liquid: braces mean nothing
        ({"text": "{{ name }}", "liquid": True}, "missing_variable"),
        ({"subject": "{{ name }}", "liquid": True}, "missing_variable"),
        ({"text": "{{ 'a' | nosuch }}", "liquid": True}, "template_syntax"),
        ({"text": "{% if %}", "liquid": True}, "template_syntax"),
        ({"text": "{{ 'x' | date: '%Y' }}{{ 1 | divided_by: 0 }}", "liquid": True}, "template_syntax"),
        ({"text": SLOW * 2, "liquid": True}, "template_limit"),
        ({"mjml": "<mjml><mj-body><mj-section>"}, "mjml"),
        ({"html": f"<style>p {{color: red}}</style>{NESTED}"}, "too_deep"),
        ({"text": "half \ud800"}, "broken_text"),
        ({"text": "nul \0"}, "broken_text"),
        ({"text": "x" * 600_000}, "template_limit"),
        ({"subject": "two\nlines"}, "header_text"),
        ({"html": "{{ x }}", "text": "", "liquid": True}, "missing_variable"),
    ],
)
async def test_what_can_never_be_composed_is_found(template: dict[str, object], told: str) -> None:
    assert await reason(draft(template=template)) == told


async def test_files_count_with_their_size_and_their_headers_are_tried() -> None:
    (picture,) = (Attachment("a.png", "image/png", b"x", content_id="no blank"),)
    assert await reason(draft(attachments=(picture,))) == "content_id"
    assert await reason(draft(attachments=(replace(picture, content_id="", media_type="text"),))) == "media_type"
    assert await reason(draft(attachments=(replace(picture, content_id=""),)), 18 * 1024 * 1024) == ""
    assert await reason(draft(attachments=(replace(picture, content_id=""),)), 19 * 1024 * 1024) == "too_large"


async def test_equal_contents_are_tried_once_and_plain_texts_never() -> None:
    room = trials()
    same = {"text": "Dear {{ name }}", "liquid": True}
    batch = [Trial(draft(template=same)) for _ in range(500)]
    found = await room.faults([*batch, *(Trial(draft()) for _ in range(500))])
    assert [one is not None and one.id == trial.draft.id for one, trial in zip(found, batch, strict=False)] == [
        True
    ] * 500
    assert found[500:] == [None] * 500
    assert room.tried == 1


async def test_the_budget_ends_the_trials_and_nothing_is_refused_for_it() -> None:
    class Hurried(FixedClock):
        """Each look at it is a second later."""

        looks = 0

        def monotonic(self) -> float:
            self.looks += 1
            return float(self.looks)

    room = MailTrials(KEYS, Hurried(), IDENTITY.link_address)
    wrong = [Trial(draft(template={"text": f"{{{{ name{place} }}}}", "liquid": True})) for place in range(5)]
    found = await room.faults(wrong)
    tried = int(BUDGET_S) - 1
    assert [one is not None for one in found] == [True] * tried + [False] * (5 - tried)
    assert room.tried == tried


async def test_others_have_the_event_loop_meanwhile() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    slow = [Trial(draft(template={"text": SLOW + str(place), "liquid": True})) for place in range(5)]
    assert await trials().faults(slow) == [None] * 5
    counting.cancel()
    assert turns > 10
