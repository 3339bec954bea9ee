"""Runs that sleep through a delay."""

from __future__ import annotations

from central.adapters.postgres.steps import run_sql

revision = "0011_sleeping_runs"
down_revision = "0012_messages"


def upgrade() -> None:
    """Run the hand-written SQL."""
    run_sql("0011_sleeping_runs.sql")
