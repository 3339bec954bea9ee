"""The index of recordings."""

from __future__ import annotations

from central.adapters.postgres.steps import run_sql

revision = "0007_recordings"
down_revision = "0006_contacts_and_links"


def upgrade() -> None:
    """Run the hand-written SQL."""
    run_sql("0007_recordings.sql")
