"""The recordings that a version plays, and switches of accounts."""

from __future__ import annotations

from central.adapters.postgres.steps import run_sql

revision = "0010_version_prompts"
down_revision = "0011_sleeping_runs"


def upgrade() -> None:
    """Run the hand-written SQL."""
    run_sql("0010_version_prompts.sql")
