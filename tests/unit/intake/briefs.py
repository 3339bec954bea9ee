"""Briefs for judges of a file: an account, a small flow, and a list written as CSV."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

from central.adapters.files.list_files import DiskListFiles
from central.adapters.files.shape import FileLimits
from central.application.ports.intake import AccountFacts, FileBrief, Grounds
from central.domain.accounts import Account, AccountState
from central.domain.ids import AccountId, FlowId
from central.domain.money import Money, Rate, RatePlan
from central.domain.policies import Policy
from central.flow.prepared import prepare_flow

NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
ACCOUNT = AccountId(UUID(int=1))
VERSION = UUID(int=2)
FLOW_ID = FlowId("f1234567")
FLOW = """
flow: f
type: multicast
purpose: service
variables: {name: {}}
calls: {attempts: 1, duplicates: %DUPLICATES%, expires_after: 24h}
steps:
  start: {widget: start, next: call}
  call: {widget: make_call, on: {connected: bye, busy: end, no_answer: end, failed: end}}
  bye: {widget: hang_up}
"""


def flow_document(duplicates: str = "allow") -> bytes:
    return FLOW.replace("%DUPLICATES%", duplicates).encode()


def grounds(document: bytes, policy: Policy | None = None) -> Grounds:
    plan = RatePlan("p", (Rate("", 30, Money(1000, "INR")),))
    account = Account(
        id=ACCOUNT, name="a", kind="company", state=AccountState.ACTIVE, country="IN", time_zone="Asia/Kolkata",
        valid_until=date(2099, 1, 1), balance=Money(0, "INR"), credit_limit=Money(0, "INR"), rate_plan=plan, policy_id="T",
        policy_version=1,
    )  # fmt: skip
    return Grounds(
        account_id=ACCOUNT, flow_id=FLOW_ID, version_id=VERSION, number=1, document=document,
        policy=policy or Policy(id="T", version=1, effective_from=date(2026, 1, 1)),
        account=AccountFacts(account, {}, 10**9), now=NOW, testing=False, end_at=None,
    )  # fmt: skip


def brief(
    path: Path,
    document: bytes | None = None,
    *,
    chunk_rows: int = 3,
    rows_done: int = 0,
    overdue: bool = False,
    policy: Policy | None = None,
    mapping: Mapping[str, str] | None = None,
) -> FileBrief:
    """What a judge of the file at ``path`` is told."""
    held = grounds(document or flow_document(), policy)
    flow = prepare_flow(VERSION, ACCOUNT, FLOW_ID, 1, held.document).flow
    names = [declaration.name for declaration in flow.variables]
    listed = DiskListFiles(FileLimits()).inspect(path, path.name, "", names, mapping or {}, None)
    return FileBrief(listed, held, chunk_rows, rows_done, overdue)
