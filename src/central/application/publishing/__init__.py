"""Step 6 of the path: events that were stored with a status leave as signed webhooks, at least once, in order per record."""
