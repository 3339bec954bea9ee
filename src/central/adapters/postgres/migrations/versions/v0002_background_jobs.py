"""Tables and functions of the background job library."""

from __future__ import annotations

from central.adapters.postgres.steps import run_sql

revision = "0002_background_jobs"
down_revision = "0001_foundation"


def upgrade() -> None:
    """Run the hand-written SQL."""
    run_sql("0002_background_jobs.sql")
