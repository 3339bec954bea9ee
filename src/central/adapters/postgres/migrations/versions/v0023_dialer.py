"""Two budgets, paced grants and allowances of dialer flows."""

from __future__ import annotations

from central.adapters.postgres.steps import run_sql

revision = "0023_dialer"
down_revision = "0026_dispositions"


def upgrade() -> None:
    """Run the hand-written SQL."""
    run_sql("0023_dialer.sql")
