"""Migration steps in plain SQL (``*.sql``), and Alembic around them: ``env.py``, ``versions/`` names their order."""
