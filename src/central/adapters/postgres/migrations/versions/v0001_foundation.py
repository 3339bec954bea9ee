"""Every table of the path of a record, row-level security on from the start."""

from __future__ import annotations

from central.adapters.postgres.steps import run_sql

revision = "0001_foundation"
down_revision = None


def upgrade() -> None:
    """Run the hand-written SQL."""
    run_sql("0001_foundation.sql")
