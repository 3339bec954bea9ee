"""The account (tenant) as a value: identity, state, money, caps, switches, policy (domain 1.1 to 1.3).

Validity and funds are judged at the request, at each claim and before each further call leg; validity comes first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Literal
from zoneinfo import ZoneInfo

from central.domain.ids import AccountId
from central.domain.money import Money, RatePlan


class AccountState(StrEnum):
    """Where the account stands between sign-up and closing; only ``active`` may call with published flows."""

    CREATED = "created"
    EMAIL_VERIFIED = "email_verified"
    DETAILS_GIVEN = "details_given"
    KYC_PENDING = "kyc_pending"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


class Switch(StrEnum):
    """Capabilities that are switched per account (domain 1.3)."""

    INTERNATIONAL_CALLING = "international_calling"
    PLAIN_HTTP_WEBHOOKS = "plain_http_webhooks"
    BULK_ENDPOINT = "bulk_endpoint"
    PREDICTIVE_DIALING = "predictive_dialing"
    RECORDING = "recording"
    MASKING = "masking"
    SMS = "sms"
    EMAIL = "email"
    EMAIL_UPLOAD = "email_upload"
    SFTP_UPLOAD = "sftp_upload"
    ENCRYPTED_API = "encrypted_api"


ON_BY_DEFAULT = frozenset({Switch.RECORDING, Switch.MASKING, Switch.SMS, Switch.EMAIL})

OF_FLOWS = (Switch.RECORDING, Switch.SMS, Switch.EMAIL)
"""What steps of flows need, and the operator may switch off: refused when a flow is published, and when it runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """Upper bounds of an account. ``None`` never occurs: a missing cap is a set-up error, not freedom."""

    pending_records: int = 1_000_000
    channels: int = 30
    calls_per_s: float = 10.0
    api_requests_per_min: int = 600
    sms_per_s: float = 10.0
    emails_per_h: int = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One tenant. ``balance`` may be negative down to ``-credit_limit``; ``weight`` is its share of channels."""

    id: AccountId
    name: str
    kind: Literal["individual", "company"]
    state: AccountState
    country: str
    time_zone: str
    valid_until: date
    balance: Money
    credit_limit: Money
    rate_plan: RatePlan
    policy_id: str
    policy_version: int
    caps: Caps = field(default_factory=Caps)
    switches: frozenset[Switch] = ON_BY_DEFAULT
    check_ip: bool = False
    weight: int = 1
    details: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def currency(self) -> str:
        """ISO 4217 code of all of its money."""
        return self.balance.currency

    def has(self, switch: Switch) -> bool:
        """Tell whether a capability is on."""
        return switch in self.switches


def validity_over(account: Account, now: datetime) -> bool:
    """Tell whether validity has run out: ``valid_until`` includes its whole day in the account's zone."""
    return now.astimezone(ZoneInfo(account.time_zone)).date() > account.valid_until


def funds_suffice(account: Account, amount: Money, reserved: Money | None = None) -> bool:
    """Tell whether balance plus credit limit, less what is reserved already, covers the next unit's price."""
    free = account.balance + account.credit_limit
    return (free if reserved is None else free - reserved) >= amount
