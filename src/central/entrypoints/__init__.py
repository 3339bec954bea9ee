"""The doors: HTTP, worker loops, supervision."""
