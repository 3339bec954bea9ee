"""One module a step, ``vNNNN_name.py``: it names the step before and runs its SQL file."""
