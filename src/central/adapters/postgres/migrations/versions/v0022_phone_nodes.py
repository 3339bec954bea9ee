"""Where agents' SIP phones have registered."""

from __future__ import annotations

from central.adapters.postgres.steps import run_sql

revision = "0022_phone_nodes"
down_revision = "0019_taken_back"


def upgrade() -> None:
    """Run the hand-written SQL."""
    run_sql("0022_phone_nodes.sql")
