"""Step 1, intake: requests and their records come in, checked and counted."""
