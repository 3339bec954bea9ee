"""The question whether a number belongs to another account."""

from __future__ import annotations

from central.adapters.postgres.steps import run_sql

revision = "0003_did_taken"
down_revision = "0002_background_jobs"


def upgrade() -> None:
    """Run the hand-written SQL."""
    run_sql("0003_did_taken.sql")
