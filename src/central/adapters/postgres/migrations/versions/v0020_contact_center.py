"""Agents, queues and offers."""

from __future__ import annotations

from central.adapters.postgres.steps import run_sql

revision = "0020_contact_center"
down_revision = "0018_text_routes"


def upgrade() -> None:
    """Run the hand-written SQL."""
    run_sql("0020_contact_center.sql")
