"""Messages: carriers, SMS, e-mail and their news."""

from __future__ import annotations

from central.adapters.postgres.steps import run_sql

revision = "0012_messages"
down_revision = "0007_recordings"


def upgrade() -> None:
    """Run the hand-written SQL."""
    run_sql("0012_messages.sql")
