"""SMS and Email: what is checked before a message is handed over, what is handed over, and what is shown of it."""

from __future__ import annotations

import pytest

from central.flow.checker import check
from central.flow.commands import StartTimer
from central.flow.document import parse
from central.flow.errands import SendEmail, SendSms
from tests.fakes.flow_player import START, Player, after_answer, document

ENDS = "  good: {widget: hang_up}\n  bad: {widget: hang_up}\n"


def sms(what: str, variables: dict[str, str] | None = None, head: str = "") -> Player:
    steps = f"  first: {{widget: sms, {what}, on: {{accepted: good, failed: bad}}}}\n{ENDS}"
    return Player.of(after_answer(steps, head), ("919800000001", "919800000002"), variables).connected()


def email(what: str, variables: dict[str, str] | None = None, head: str = "") -> Player:
    steps = f"  first: {{widget: email, {what}, on: {{accepted: good, failed: bad}}}}\n{ENDS}"
    return Player.of(after_answer(steps, head), variables=variables).connected()


def failures(player: Player) -> list[object]:
    return [note.data.get("failure") for note in player.notes("warning") if note.data["code"] == "step_failed"]


def test_the_message_goes_to_the_number_that_answered() -> None:
    steps = (
        f"  first: {{widget: sms, text: 'Hello {{{{ $flow.key.N }}}}', on: {{accepted: good, failed: bad}}}}\n{ENDS}"
    )
    player = Player.of(after_answer(steps), ("919800000001", "919800000002"), {"N": "Asha"}).begun().ended("Busy")
    player.answered(1)
    assert player.asked == [SendSms("919800000002", "Hello Asha", "gsm7", 1)]
    assert player.all(StartTimer)[-1].after_s == 30.0
    assert player.returned("accepted").path[-1] == "good"


def test_where_nobody_was_called_it_goes_to_the_first_number() -> None:
    late = "  call: {widget: make_call, on: {connected: end, failed: tell}}\n  tell: {widget: sms, text: Hello.}\n"
    player = Player.of(document(START + late), struck=frozenset({0})).begun()
    assert player.asked == [SendSms("919800000001", "Hello.", "gsm7", 1)]
    assert player.returned("accepted").ending.fallback_ran


def test_sender_and_registration_ids_are_handed_over() -> None:
    what = "text: Hello., to: '+91 98000 00009', sender: CLINIC, template_id: '110716', entity_id: '{{ $flow.key.E }}'"
    assert sms(what, {"E": "1101"}).asked == [SendSms("919800000009", "Hello.", "gsm7", 1, "CLINIC", "110716", "1101")]


@pytest.mark.parametrize(("said", "priority"), [("priority: 0", 0), ("priority: 3", 3), ("shorten: false", None)])
def test_a_step_may_say_how_urgent_its_message_is(said: str, priority: int | None) -> None:
    assert sms("text: Hello, " + said).asked == [SendSms("919800000001", "Hello", "gsm7", 1, priority=priority)]


def test_links_are_shortened_where_the_step_says_so() -> None:
    text = "text: 'See https://a.example/', "
    assert sms(text + "shorten: true").asked == [
        SendSms("919800000001", "See https://a.example/", "gsm7", 1, shorten=True)
    ]
    assert sms(text + "shorten: false").asked == [SendSms("919800000001", "See https://a.example/", "gsm7", 1)]


@pytest.mark.parametrize(
    ("text", "encoding", "parts"), [("a" * 161, "gsm7", 2), ("नमस्ते", "ucs2", 1), ("€" * 80, "gsm7", 1)]
)
def test_the_history_tells_how_it_goes_out(text: str, encoding: str, parts: int) -> None:
    (note,) = sms("text: '{{ $flow.key.T }}'", {"T": text}).notes("message")
    assert dict(note.data) == {
        "channel": "sms", "to": "919800000001", "sender": "", "encoding": encoding, "parts": parts, "text": text,
    }  # fmt: skip


def test_secrets_go_out_and_are_not_shown() -> None:
    head = "variables: {P: {secret: true}}\n"
    player = sms("text: 'PIN {{ $flow.key.P }}', to: '{{ $flow.key.P }}'", {"P": "919812345678"}, head)
    assert player.asked == [SendSms("919812345678", "PIN 919812345678", "gsm7", 1, shown="PIN ***", hidden=True)]
    assert "919812345678" not in str(player.notes("message"))
    wrong = sms("text: Hello., to: '{{ $flow.key.P }}'", {"P": "4711"}, head)
    assert "4711" not in str(wrong.notes("warning"))


@pytest.mark.parametrize(
    ("what", "value", "code"),
    [
        ("text: Hello., to: '{{ $flow.key.V }}'", "", "number_missing"),
        ("text: Hello., to: '{{ $flow.key.V }}'", "0800 1", "number_invalid"),
        ("text: '{{ $flow.key.V }}'", " \n ", "text_empty"),
        ("text: '{{ $flow.key.V }}'", "a" * 1531, "text_too_long"),
        ("text: Hello., sender: '{{ $flow.key.V }}'", "much too long", "sender_invalid"),
        ("text: Hello., template_id: '{{ $flow.key.V }}'", "1;2", "registration_invalid"),
    ],
)
def test_what_cannot_be_sent_is_not_handed_over(what: str, value: str, code: str) -> None:
    player = sms(what, {"V": value})
    assert player.asked == []
    assert failures(player) == [code]
    assert player.path[-1] == "bad"


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        ("failed", "sms_failed"),
        ("not_configured", "sms_not_configured"),
        ("timed_out", "sms_timed_out"),
        ("odd", "sms_odd"),
    ],
)
def test_whatever_comes_back_but_accepted_is_a_failure(outcome: str, code: str) -> None:
    player = sms("text: Hello.").returned(outcome, {"reason": "no_gateway"})
    assert failures(player) == [code]
    assert player.path[-1] == "bad"


def test_without_a_branch_for_it_the_flow_goes_on_with_a_warning() -> None:
    steps = f"  first: {{widget: sms, text: Hello., on: {{accepted: good}}}}\n{ENDS}"
    player = Player.of(after_answer(steps)).connected().returned("not_configured")
    assert player.path[-1] == "good"
    (warning,) = player.notes("warning")
    assert (warning.data["policy"], warning.data["detail"]) == ("continue", "This installation cannot send SMS.")


def test_national_numbers_are_read_as_the_accounts_country_writes_them() -> None:
    player = sms("text: Hello., to: '98765 43210'")
    assert player.asked == [SendSms("9876543210", "Hello.", "gsm7", 1)]


WAITS = "text: Hello., wait: 90s, result: {S: status, W: reason}"
FAR = {"status": "DELIVERED", "reason": "delivered"}


def waiting(on: str, what: str = WAITS, variables: dict[str, str] | None = None) -> Player:
    ends = "".join(f"  {name}: {{widget: hang_up}}\n" for name in ("good", "bad", "there", "away"))
    return Player.of(
        after_answer(f"  first: {{widget: sms, {what}, on: {{{on}}}}}\n{ends}"), variables=variables
    ).connected()


@pytest.mark.parametrize(
    ("outcome", "step"), [("accepted", "good"), ("delivered", "there"), ("not_delivered", "away"), ("failed", "bad")]
)
def test_a_step_that_waits_goes_on_by_what_became_of_the_message(outcome: str, step: str) -> None:
    player = waiting("accepted: good, failed: bad, delivered: there, not_delivered: away")
    assert [errand.wait_s for errand in player.asked if isinstance(errand, SendSms)] == [90.0]
    assert player.all(StartTimer)[-1].after_s == 120.0
    player.returned(outcome, FAR)
    assert player.path[-1] == step
    kept = {name: value for name, value in player.run.variables.items() if name in {"S", "W"}}
    assert kept == ({} if step == "bad" else {"S": "DELIVERED", "W": "delivered"})


@pytest.mark.parametrize("outcome", ["delivered", "not_delivered"])
def test_an_end_without_a_branch_goes_on_as_accepted(outcome: str) -> None:
    assert waiting("accepted: good, failed: bad").returned(outcome, FAR).path[-1] == "good"


@pytest.mark.parametrize("outcome", ["delivered", "not_delivered"])
def test_a_step_that_does_not_wait_knows_no_end(outcome: str) -> None:
    assert failures(sms("text: Hello.").returned(outcome, FAR)) == [f"sms_{outcome}"]


def test_a_wait_that_a_variable_does_not_give_is_half_a_minute() -> None:
    player = waiting("accepted: good, delivered: there", "text: T, wait: '{{ $flow.key.V }}'", {"V": "11m"})
    assert [errand.wait_s for errand in player.asked if isinstance(errand, SendSms)] == [30.0]
    assert [note.data["code"] for note in player.notes("warning")] == ["input_unreadable"]


# -- e-mail ------------------------------------------------------------------------------------------------------------
def test_an_e_mail_is_handed_over_whole() -> None:
    what = (
        "from: info@clinic.example.org, to: '{{ $flow.key.E }}', cc: [ben@example.com], bcc: [asha@example.com, c@example.com],"
        " subject: ' Hello  {{ $flow.key.N }}', text: 'Hello {{ $flow.key.N }}', html: '<b>{{ $flow.key.N }}</b>',"
        " attachments: [map.pdf, '{{ $flow.key.F }}'], tracking: true"
    )
    player = email(what, {"E": "Asha@example.com; dev@example.com", "N": "A & <i>", "F": "../etc/passwd"})
    assert player.asked == [
        SendEmail(
            to=("Asha@example.com", "dev@example.com"),
            subject="Hello A & <i>",
            text="Hello A & <i>",
            html="<b>A &amp; &lt;i&gt;</b>",
            cc=("ben@example.com",),
            bcc=("c@example.com",),
            sender="info@clinic.example.org",
            attachments=("map.pdf",),
            tracking=True,
        )
    ]
    assert player.warnings == ["attachment_invalid"]


def test_a_value_cannot_begin_another_header() -> None:
    player = email(
        "to: a@example.com, subject: '{{ $flow.key.S }}', text: Hello.", {"S": "Hello\r\nBcc: x@example.com"}
    )
    (errand,) = player.asked
    assert isinstance(errand, SendEmail)
    assert errand.subject == "Hello Bcc: x@example.com"


def test_bodies_are_longer_than_values_of_variables() -> None:
    long = "b" * 4_000
    player = email(
        "to: a@example.com, subject: S, html: '{{ $flow.key.A }}{{ $flow.key.A }}{{ $flow.key.A }}'", {"A": long}
    )
    (errand,) = player.asked
    assert isinstance(errand, SendEmail)
    assert errand.html == long * 3


@pytest.mark.parametrize(
    ("what", "value", "code"),
    [
        ("from: '{{ $flow.key.V }}', to: a@example.com, subject: S, text: T", "nobody", "sender_invalid"),
        ("to: a@example.com, subject: '{{ $flow.key.V }}', text: T", " ", "subject_invalid"),
        ("to: a@example.com, subject: '{{ $flow.key.V }}', text: T", "s" * 256, "subject_invalid"),
        ("to: a@example.com, subject: S, text: '{{ $flow.key.V }}'", " ", "text_empty"),
        ("to: '{{ $flow.key.V }}', subject: S, text: T", " , ", "address_missing"),
        ("to: '{{ $flow.key.V }}', subject: S, text: T", "nobody", "address_invalid"),
        (
            "to: '{{ $flow.key.V }}', subject: S, text: T",
            ",".join(f"a{n}@example.com" for n in range(51)),
            "recipients_too_many",
        ),
    ],
)
def test_an_e_mail_that_cannot_be_sent_is_not_handed_over(what: str, value: str, code: str) -> None:
    player = email(what, {"V": value})
    assert player.asked == []
    assert failures(player) == [code]
    assert player.path[-1] == "bad"


def test_secret_addresses_are_not_shown() -> None:
    head = "variables: {P: {secret: true}}\n"
    player = email("to: ['{{ $flow.key.P }}', nobody], subject: S, text: T", {"P": "asha@example.com"}, head)
    # the literal that is no address makes the step one with errors
    assert player.asked == []
    player = email(
        "to: ['{{ $flow.key.P }}'], subject: 'S {{ $flow.key.P }}', text: T", {"P": "asha@example.com, x"}, head
    )
    (errand,) = player.asked
    assert isinstance(errand, SendEmail)
    assert (errand.to, errand.subject, errand.shown, errand.hidden) == (
        ("asha@example.com",), "S asha@example.com, x", "S ***", True,
    )  # fmt: skip
    assert "asha" not in str(player.notes("message") + player.notes("warning"))


@pytest.mark.parametrize("outcome", ["failed", "not_configured", "timed_out"])
def test_an_e_mail_that_is_not_taken_takes_the_branch_for_that(outcome: str) -> None:
    player = email("to: a@example.com, subject: S, text: T").returned(outcome)
    assert failures(player) == [f"email_{outcome}"]
    assert player.path[-1] == "bad"


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("widget: sms", "field_missing"),
        ("widget: sms, text: ' '", "text_empty"),
        (f"widget: sms, text: {'a' * 1531}", "text_too_long"),
        ("widget: sms, text: T, to: '12'", "number_invalid"),
        ("widget: sms, text: T, sender: ünlü", "sender_invalid"),
        ("widget: sms, text: T, entity_id: 'a b'", "registration_invalid"),
        ("widget: sms, text: T, receiver: x", "unknown_field"),
        ("widget: sms, text: T, wait: 11m, result: {A: status}", "field_out_of_range"),
        ("widget: sms, text: T, wait: 0s, result: {A: status}", "field_out_of_range"),
        ("widget: sms, text: T, wait: 30s", "field_without_effect"),
        ("widget: sms, text: T, on: {delivered: end}", "branch_never_taken"),
        ("widget: sms, text: T, result: {A: parts}", "sms_result_invalid"),
        ("widget: sms, text: T, result: {A: [status]}", "sms_result_invalid"),
        ("widget: sms, text: T, result: {'a b': status}", "variable_name_invalid"),
        ("widget: sms, text: T, on: {error: end}", "branch_unknown"),
        ("widget: sms, text: T, on_failure: branch", "branch_without_target"),
        ("widget: email, subject: S, text: T", "field_missing"),
        ("widget: email, to: a@example.com, text: T", "field_missing"),
        ("widget: email, to: a@example.com, subject: S", "field_missing"),
        ("widget: email, to: nobody, subject: S, text: T", "address_invalid"),
        ("widget: email, to: [{a: b}], subject: S, text: T", "field_not_text"),
        ("widget: email, to: a@example.com, from: me, subject: S, text: T", "sender_invalid"),
        (f"widget: email, to: a@example.com, subject: {'s' * 256}, text: T", "subject_invalid"),
        ("widget: email, to: a@example.com, subject: S, text: T, attachments: [../x]", "attachment_invalid"),
        (f"widget: email, to: a@example.com, subject: S, text: T, attachments: {['a'] * 11}", "attachments_too_many"),
        (f"widget: email, to: {['a@example.com'] * 51}, subject: S, text: T", "recipients_too_many"),
    ],
)
def test_findings(what: str, code: str) -> None:
    found = check(parse(after_answer(f"  first: {{{what}}}\n")))
    assert code in {finding.code for finding in found}


def test_messages_may_stand_on_late_paths_and_a_loop_of_them_is_found() -> None:
    late = (
        "  first: {widget: hang_up}\n  gone: {widget: on_remote_hangup, next: tell}\n  tell: {widget: sms, text: T}\n"
    )
    assert check(parse(after_answer(late))) == ()
    loop = "  first: {widget: sms, text: T, on: {accepted: first}}\n"
    assert "loop_without_wait" in {finding.code for finding in check(parse(after_answer(loop)))}
