"""Lists of e-mail addresses: suppression with its source, whitelist for tests."""

from __future__ import annotations

from central.adapters.postgres.steps import run_sql

revision = "0013_address_lists"
down_revision = "0010_version_prompts"


def upgrade() -> None:
    """Run the hand-written SQL."""
    run_sql("0013_address_lists.sql")
