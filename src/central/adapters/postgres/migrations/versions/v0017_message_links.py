"""Links in short messages."""

from __future__ import annotations

from central.adapters.postgres.steps import run_sql

revision = "0017_message_links"
down_revision = "0014_content_sizes"


def upgrade() -> None:
    """Run the hand-written SQL."""
    run_sql("0017_message_links.sql")
