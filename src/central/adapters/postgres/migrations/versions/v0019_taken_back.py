"""Messages that are taken back."""

from __future__ import annotations

from central.adapters.postgres.steps import run_sql

revision = "0019_taken_back"
down_revision = "0021_desk_keys"


def upgrade() -> None:
    """Run the hand-written SQL."""
    run_sql("0019_taken_back.sql")
