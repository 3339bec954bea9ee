"""Rows of table account as domain values (path steps 1 and 2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from central.domain.accounts import ON_BY_DEFAULT, Account, AccountState, Caps, Switch
from central.domain.ids import AccountId
from central.domain.money import Money, RatePlan

ACCOUNT_COLUMNS: Final = 21
"""How many columns of the statements ``account_facts`` and ``account`` are the account; their own follow."""


def account_of(row: Sequence[Any], balance: int = 0) -> Account:
    """An Account from the columns of the statement ``account_facts`` (``balance`` in millionths is kept apart).

    No end of validity in the row means the account never runs out; no policy version means the newest in force (0).
    """
    (id_, name, kind, state, valid_until, currency, credit, plan, country, zone, international, pending, channels, cps, weight,
     policy_id, policy_version, plain_http, recording, sms, email) = row[:ACCOUNT_COLUMNS]  # fmt: skip
    given = {
        Switch.INTERNATIONAL_CALLING: international,
        Switch.PLAIN_HTTP_WEBHOOKS: plain_http,
        Switch.RECORDING: recording,
        Switch.SMS: sms,
        Switch.EMAIL: email,
    }
    switches = (ON_BY_DEFAULT - given.keys()) | {switch for switch, on in given.items() if on}
    return Account(
        id=AccountId(id_),
        name=name,
        kind="individual" if kind == "individual" else "company",
        state=AccountState(state),
        country=country,
        time_zone=zone,
        valid_until=valid_until or date.max,
        balance=Money(balance, currency),
        credit_limit=Money(credit, currency),
        rate_plan=RatePlan.parse(plan, currency),
        policy_id=policy_id,
        policy_version=policy_version or 0,
        caps=Caps(pending_records=pending, channels=channels, calls_per_s=cps),
        switches=switches,
        weight=weight,
    )
