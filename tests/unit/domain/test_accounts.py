"""Validity to the end of the day in the account's zone; funds with credit and reservations; rights of roles and keys."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

import pytest

from central.domain.accounts import Account, AccountState, Switch, funds_suffice, validity_over
from central.domain.errors import InvalidInput
from central.domain.ids import AccountId
from central.domain.money import Money, Rate, RatePlan
from central.domain.rights import ROLE_RIGHTS, Right, Role, may, rights_of, scopes_of


def inr(text: str) -> Money:
    return Money.parse(text, "INR")


ACCOUNT = Account(
    id=AccountId(UUID(int=1)),
    name="Example",
    kind="company",
    state=AccountState.ACTIVE,
    country="IN",
    time_zone="Asia/Kolkata",
    valid_until=date(2026, 11, 30),
    balance=inr("1.00"),
    credit_limit=inr("0"),
    rate_plan=RatePlan("standard", (Rate("", 15, inr("0.25")),)),
    policy_id="IN",
    policy_version=1,
)


def test_the_last_day_counts_to_its_end_in_the_account_s_zone() -> None:
    assert not validity_over(ACCOUNT, datetime.fromisoformat("2026-11-30T18:29:59+00:00"))
    assert validity_over(ACCOUNT, datetime.fromisoformat("2026-11-30T18:30:00+00:00"))  # midnight in Kolkata
    assert not validity_over(replace(ACCOUNT, time_zone="UTC"), datetime.fromisoformat("2026-11-30T23:59:59+00:00"))


def test_funds_are_balance_and_credit_less_what_is_reserved() -> None:
    assert funds_suffice(ACCOUNT, inr("1.00"))
    assert not funds_suffice(ACCOUNT, inr("1.000001"))
    assert not funds_suffice(ACCOUNT, inr("0.25"), reserved=inr("0.80"))
    postpaid = replace(ACCOUNT, balance=inr("-9.75"), credit_limit=inr("10"))
    assert funds_suffice(postpaid, inr("0.25"))
    assert not funds_suffice(postpaid, inr("0.26"))


def test_international_calling_is_off_until_it_is_switched_on() -> None:
    assert not ACCOUNT.has(Switch.INTERNATIONAL_CALLING)
    assert ACCOUNT.has(Switch.RECORDING)
    assert ACCOUNT.currency == "INR"


def test_what_the_roles_may() -> None:
    assert ROLE_RIGHTS[Role.OWNER] == set(Right)
    assert may(ROLE_RIGHTS[Role.CAMPAIGN_MANAGER], Right.REQUESTS_LOAD)
    assert not may(ROLE_RIGHTS[Role.CAMPAIGN_MANAGER], Right.FLOWS_EDIT)
    assert not may(ROLE_RIGHTS[Role.FLOW_DESIGNER], Right.FLOWS_PUBLISH)
    assert not may(ROLE_RIGHTS[Role.REPORT_VIEWER], Right.NUMBERS_UNMASK)
    assert not may(ROLE_RIGHTS[Role.ADMIN], Right.ACCOUNT_CLOSE)
    assert not any(right.endswith((":change", ":edit", ":control")) for right in ROLE_RIGHTS[Role.SUPPORT])
    assert set(ROLE_RIGHTS) == set(Role)


def test_rights_add_up_over_roles_and_single_grants() -> None:
    both = rights_of([Role.FLOW_DESIGNER, Role.AGENT], [Right.FLOWS_PUBLISH])
    assert {Right.FLOWS_EDIT, Right.DESK, Right.FLOWS_PUBLISH} <= both
    assert rights_of([]) == frozenset()
    with pytest.raises(InvalidInput, match="right_not_grantable"):
        rights_of([Role.AGENT], [Right.BILLING])


def test_the_scopes_of_a_key_stay_within_its_role() -> None:
    assert scopes_of(Role.CAMPAIGN_MANAGER, ["requests:load"]) == {Right.REQUESTS_LOAD}
    with pytest.raises(InvalidInput, match="scope_beyond_role"):
        scopes_of(Role.REPORT_VIEWER, ["requests:load"])
    with pytest.raises(InvalidInput, match="unknown_scope"):
        scopes_of(Role.OWNER, ["everything"])
