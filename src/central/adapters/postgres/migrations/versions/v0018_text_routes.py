"""Texts that start flows."""

from __future__ import annotations

from central.adapters.postgres.steps import run_sql

revision = "0018_text_routes"
down_revision = "0016_shown_messages"


def upgrade() -> None:
    """Run the hand-written SQL."""
    run_sql("0018_text_routes.sql")
