"""The size of what e-mails bring along."""

from __future__ import annotations

from central.adapters.postgres.steps import run_sql

revision = "0014_content_sizes"
down_revision = "0015_mail_doors"


def upgrade() -> None:
    """Run the hand-written SQL."""
    run_sql("0014_content_sizes.sql")
