"""Records that flows start, values kept about contacts, short links."""

from __future__ import annotations

from central.adapters.postgres.steps import run_sql

revision = "0006_contacts_and_links"
down_revision = "0004_inbound"


def upgrade() -> None:
    """Run the hand-written SQL."""
    run_sql("0006_contacts_and_links.sql")
