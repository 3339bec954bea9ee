"""What a short message is told before it waits: the first failure wins; who may get it now, and who later."""

from __future__ import annotations

from dataclasses import replace as changed
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from msgspec.structs import replace

from central.application.messaging.judge_sms import judge_sms
from central.application.ports.message_store import Acceptance, ListDate, NewMessage
from central.application.ports.messages import ShortMessage
from central.application.ports.sms_templates import SmsTemplate
from central.domain.accounts import ON_BY_DEFAULT, Account, AccountState, Switch
from central.domain.ids import AccountId, MessageId
from central.domain.message_routes import CarrierRoute
from central.domain.money import Money, PartRate, Rate, RatePlan
from central.domain.policies import Policy, Purpose, PurposeHours, Scrub
from central.domain.short_messages import LIMIT_PARTS, measure
from central.domain.weekly_hours import WeeklyHours

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)  # a Monday, 17:30 in India
NIGHT = datetime(2026, 11, 23, 18, tzinfo=UTC)
ONE, TWO = UUID(int=1), UUID(int=2)
OTP = SmsTemplate("T1", "Your code is {#var#}. Do not share it.", "E1", "SHOP")
ZERO = Money(0, "INR")
ACCOUNT = Account(
    id=AccountId(UUID(int=7)), name="a", kind="company", state=AccountState.ACTIVE, country="IN", time_zone="Asia/Kolkata",
    valid_until=date(2099, 1, 1), balance=ZERO, credit_limit=ZERO, policy_id="IN", policy_version=1,
    rate_plan=RatePlan("p", (Rate("", 30, ZERO),), (PartRate("", 100),)),
)  # fmt: skip
FACTS = Acceptance(
    account=ACCOUNT, free=1_000_000, lists={"dnd": ListDate(1, NOON)}, hits={}, routes=(CarrierRoute(ONE),), templates={},
)  # fmt: skip
POLICY = Policy(
    "IN", 1, date(2026, 1, 1), hours={Purpose.MARKETING: PurposeHours(WeeklyHours.parse({"all": ["10:00-21:00"]}))},
    scrub={Purpose.MARKETING: Scrub(("NCPR",), ("sms",), timedelta(days=7))},
)  # fmt: skip
TO = "919800000001"


def message(text: str = "Hello.", **values: object) -> ShortMessage:
    size = measure(text)
    known: dict[str, object] = {
        "id": MessageId(UUID(int=9)), "account_id": ACCOUNT.id, "purpose": Purpose.SERVICE, "to": TO, "text": text,
        "encoding": size.encoding, "parts": size.parts,
    } | values  # fmt: skip
    return ShortMessage(**known)  # type: ignore[arg-type]


def judged(
    one: ShortMessage, facts: Acceptance = FACTS, policy: Policy | None = POLICY, at: datetime = NOON
) -> NewMessage:
    return judge_sms(one, facts, policy, at)


def told(one: ShortMessage, facts: Acceptance = FACTS, at: datetime = NOON) -> tuple[str, str]:
    row = judged(one, facts, at=at)
    assert (row.due_at is None) == (row.status != "SENT_TO_QUEUE")
    assert (row.carrier_id is None) == (row.due_at is None)
    return row.status, row.reason


def with_account(**values: object) -> Acceptance:
    return replace(FACTS, account=changed(ACCOUNT, **values))  # type: ignore[arg-type]


def hit(*names: str) -> Acceptance:
    return replace(FACTS, hits={TO: frozenset(names)})


def test_a_good_message_waits_for_its_carrier() -> None:
    row = judged(message())
    assert (row.status, row.due_at, row.carrier_id) == ("SENT_TO_QUEUE", NOON, ONE)
    assert row.deadline == NOON + timedelta(days=1)


def test_a_time_to_send_and_a_validity_are_kept() -> None:
    later = NOON + timedelta(hours=3)
    row = judged(message(send_at=later, validity=timedelta(minutes=5)))
    assert (row.due_at, row.deadline) == (later, later + timedelta(minutes=5))


@pytest.mark.parametrize("to", ["", "12", "0" * 10, "+919800000001", "9198000x0001", "9" * 16, "९१९८००००००००"])
def test_what_is_no_number_is_told_so_first(to: str) -> None:
    assert told(message("", to=to)) == ("INVALID_NUMBER", "invalid_number")


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (with_account(state=AccountState.SUSPENDED), "account_inactive"),
        (with_account(valid_until=date(2026, 11, 22)), "account_validity_expired"),
        (with_account(switches=ON_BY_DEFAULT - {Switch.SMS}), "sms_disabled"),
        (with_account(country="DE"), "international_disabled"),
        (replace(FACTS, free=99), "insufficient_balance"),
        (hit("blacklist"), "blacklisted"),
        (replace(FACTS, routes=()), "no_gateway"),
        (replace(FACTS, routes=(CarrierRoute(ONE, "44"),)), "no_gateway"),
        (replace(FACTS, routes=(CarrierRoute(ONE, needs=("entity", "template")),)), "dlt_missing"),
    ],
)
def test_what_the_account_lacks_is_told(facts: Acceptance, reason: str) -> None:
    assert told(message(), facts) == ("FAILED", reason)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "text_empty"),
        (" \r\n\t", "text_empty"),
        ("\x00", "bad_text"),
        ("a\x00b", "bad_text"),
        ("\ud83d", "bad_text"),
        ("\ude00\ud83d", "bad_text"),
        ("x" * 153 * LIMIT_PARTS + "x", "text_too_long"),
        ("x" * 1_000_000, "text_too_long"),
    ],
)
def test_a_text_that_cannot_go_is_told_and_can_be_stored(text: str, reason: str) -> None:
    row = judged(message(text), replace(FACTS, free=10**9))
    assert (row.status, row.reason) == ("FAILED", reason)
    row.text.encode()


def test_an_emoji_goes_whole() -> None:
    row = judged(message("😀" * 35))
    assert (row.status, row.encoding, row.parts, row.text) == ("SENT_TO_QUEUE", "ucs2", 1, "😀" * 35)


@pytest.mark.parametrize("sender", ["!", "much too long a name", "a\r\nb", "ß", "\x00"])
def test_a_wrong_sender_is_told(sender: str) -> None:
    assert told(message(sender=sender)) == ("FAILED", "sender_invalid")


def test_a_registered_text_must_be_what_was_registered() -> None:
    facts = replace(
        FACTS, templates={"T1": OTP}, keeps_templates=True, routes=(CarrierRoute(ONE, needs=("entity", "template")),)
    )  # fmt: skip
    row = judged(message("Your code is 4711. Do not share it.", template_id="T1"), facts)
    assert (row.status, row.sender, row.ids) == ("SENT_TO_QUEUE", "SHOP", {"template": "T1", "entity": "E1"})
    for text in (
        "Your code is 4711.",
        "Your code is " + "x" * 31 + ". Do not share it.",
        "Win a car! Your code is 1. Do not share it.",
    ):
        assert told(message(text, template_id="T1"), facts) == ("FAILED", "template_mismatch")
    assert told(message("Hello.", template_id="T9"), facts) == ("FAILED", "template_unknown")


def test_marketing_waits_for_the_hours_of_the_recipient_and_others_do_not() -> None:
    row = judged(message(purpose=Purpose.MARKETING), at=NIGHT)
    assert row.due_at == datetime(2026, 11, 24, 4, 30, tzinfo=UTC)  # 10:00 in India
    assert judged(message(), at=NIGHT).due_at == NIGHT
    short = message(purpose=Purpose.MARKETING, validity=timedelta(hours=1))
    assert told(short, at=NIGHT) == ("EXPIRED", "quiet_hours")


def test_marketing_is_scrubbed_against_a_fresh_register_unless_whitelisted() -> None:
    marketing = message(purpose=Purpose.MARKETING)
    assert told(marketing, hit("dnd:NCPR")) == ("FAILED", "dnd")
    assert told(message(), hit("dnd:NCPR")) == ("SENT_TO_QUEUE", "")
    assert told(marketing, hit("dnd:NCPR", "whitelist")) == ("SENT_TO_QUEUE", "")
    for dates in ({}, {"dnd": ListDate(1, None)}, {"dnd": ListDate(1, NOON - timedelta(days=8))}):
        assert told(marketing, replace(FACTS, lists=dates)) == ("FAILED", "stale_register")


def test_tests_write_to_whitelisted_numbers_alone() -> None:
    trial = message(testing=True)
    assert told(trial) == ("FAILED", "not_whitelisted")
    assert told(trial, hit("whitelist")) == ("SENT_TO_QUEUE", "")
    assert (
        told(trial, replace(hit("whitelist"), account=changed(ACCOUNT, state=AccountState.KYC_PENDING)))[0]
        == "SENT_TO_QUEUE"
    )
