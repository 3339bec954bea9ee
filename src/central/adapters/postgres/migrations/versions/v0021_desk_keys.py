"""API keys of agents."""

from __future__ import annotations

from central.adapters.postgres.steps import run_sql

revision = "0021_desk_keys"
down_revision = "0020_contact_center"


def upgrade() -> None:
    """Run the hand-written SQL."""
    run_sql("0021_desk_keys.sql")
