"""Mailboxes of relays, second keys of sender domains."""

from __future__ import annotations

from central.adapters.postgres.steps import run_sql

revision = "0015_mail_doors"
down_revision = "0013_address_lists"


def upgrade() -> None:
    """Run the hand-written SQL."""
    run_sql("0015_mail_doors.sql")
