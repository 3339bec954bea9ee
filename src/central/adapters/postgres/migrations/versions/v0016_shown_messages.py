"""What people see of messages, and the subjects of e-mails by themselves."""

from __future__ import annotations

from central.adapters.postgres.steps import run_sql

revision = "0016_shown_messages"
down_revision = "0017_message_links"


def upgrade() -> None:
    """Run the hand-written SQL."""
    run_sql("0016_shown_messages.sql")
