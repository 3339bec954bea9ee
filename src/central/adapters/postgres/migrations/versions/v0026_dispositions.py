"""What agents say of their calls."""

from __future__ import annotations

from central.adapters.postgres.steps import run_sql

revision = "0026_dispositions"
down_revision = "0029_text_answers"


def upgrade() -> None:
    """Run the hand-written SQL."""
    run_sql("0026_dispositions.sql")
