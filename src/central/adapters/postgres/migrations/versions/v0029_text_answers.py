"""Answers to people who write HELP, STOP or START."""

from __future__ import annotations

from central.adapters.postgres.steps import run_sql

revision = "0029_text_answers"
down_revision = "0019_taken_back"


def upgrade() -> None:
    """Run the hand-written SQL."""
    run_sql("0029_text_answers.sql")
