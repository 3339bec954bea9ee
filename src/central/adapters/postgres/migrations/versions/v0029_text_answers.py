"""Answers to people who write HELP, STOP or START."""

from __future__ import annotations

from central.adapters.postgres.steps import run_sql

revision = "0029_text_answers"
down_revision = "0022_phone_nodes"


def upgrade() -> None:
    """Run the hand-written SQL."""
    run_sql("0029_text_answers.sql")
