"""Calls that come in."""

from __future__ import annotations

from central.adapters.postgres.steps import run_sql

revision = "0004_inbound"
down_revision = "0003_did_taken"


def upgrade() -> None:
    """Run the hand-written SQL."""
    run_sql("0004_inbound.sql")
