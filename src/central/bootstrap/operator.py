"""What the operator of an installation does on its machine: first account, the operator's key, the command line's profile."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from central.adapters.passwords import Argon2Passwords
from central.adapters.postgres.administration_accounts import PostgresAccounts, PostgresKeys, PostgresPeople
from central.adapters.postgres.dispatch_store import PostgresDispatch
from central.adapters.postgres.library import PostgresLibrary
from central.adapters.system import SystemClock, SystemIds
from central.application.administration.acting import Actor, Auditor
from central.application.administration.keep_keys import KeepKeys
from central.application.administration.maintain_account import OperateAccounts
from central.application.administration.maintain_people import MaintainPeople
from central.application.ports.administration import AccountRow
from central.bootstrap.store import worker_pool
from central.domain.errors import OperatorError
from central.domain.ids import AccountId
from central.domain.money import MICROS
from central.domain.rights import Role
from central.settings import Settings


@dataclass(frozen=True, slots=True)
class FirstAccount:
    """What ``central init`` is asked for. ``funds`` in whole units of the currency."""

    name: str
    owner: str
    password: str | None
    country: str
    time_zone: str
    policy: str
    currency: str
    funds: int
    per_minute: float
    valid_until: date | None


@dataclass(frozen=True, slots=True)
class Profile:
    """How the command line reaches the API; kept in ``profile.json`` of the state folder, mode 0600."""

    url: str
    key: str
    account_id: str


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)


def operator_key(settings: Settings) -> str:
    """The operator's key of this installation, made at its first use (``operator.key`` of the state folder)."""
    path = settings.state_dir / "operator.key"
    if not path.exists():
        _write_private(path, f"op_{SystemIds().secret(32)}")
    return path.read_text().strip()


def operator_key_hash(settings: Settings) -> bytes:
    """What the API compares with: SHA-256 of the operator's key."""
    return hashlib.sha256(operator_key(settings).encode()).digest()


def read_profile(settings: Settings) -> Profile:
    """Address and key for the command line. Raises OperatorError ``no_profile`` before ``central init``."""
    if settings.api_key:
        return Profile(settings.api_address, settings.api_key, "")
    path = settings.state_dir / "profile.json"
    if not path.exists():
        message = "This machine has no API key yet: run central init, or set CENTRAL_API_URL and CENTRAL_API_KEY."
        raise OperatorError("no_profile", message)
    return Profile(**json.loads(path.read_text()))


async def make_first_account(settings: Settings, wanted: FirstAccount) -> Profile:
    """Make an account with an owner and an owner's API key, and keep the key for the command line.

    Raises InvalidInput for a bad value; Conflict when the owner is a member already.
    """
    clock, ids = SystemClock(), SystemIds()
    auditor = Auditor(clock, ids)
    price = round(wanted.per_minute * MICROS)
    plan = {"name": "standard", "voice": [{"prefix": "", "pulse_s": 60, "per_pulse": price}]}
    row = AccountRow(
        id=AccountId(ids.uuid()), name=wanted.name, kind="company", state="active", valid_until=wanted.valid_until,
        currency=wanted.currency, credit_limit=0, rate_plan=plan, country=wanted.country, time_zone=wanted.time_zone,
        international=False, plain_http_webhooks=False, pending_cap=1_000_000, channel_cap=200, cps_cap=50,
        api_per_minute=6000, weight=1, policy_id=wanted.policy, policy_version=None, check_ip=False, settings={},
        created_at=clock.now(), balance=wanted.funds * MICROS,
    )  # fmt: skip
    async with await worker_pool(settings, "central_worker", "init", 2) as pool:
        library = PostgresLibrary(pool, PostgresDispatch(pool, ids), clock)
        account = await OperateAccounts(PostgresAccounts(pool), library, auditor).create(row)
        actor = Actor(account.id, "operator")
        people = MaintainPeople(PostgresPeople(pool), Argon2Passwords(), auditor)
        await people.enlist(actor, wanted.owner, Role.OWNER, password=wanted.password)
        _, text = await KeepKeys(PostgresKeys(pool), auditor).issue(actor, "central init", Role.OWNER)
    profile = Profile(settings.api_address, text, str(account.id))
    _write_private(settings.state_dir / "profile.json", json.dumps(asdict(profile)))
    operator_key(settings)
    return profile
