"""The tree of commands."""

from __future__ import annotations

from cyclopts import App

from central import __version__
from central.cli.processes import add_processes

app = App(
    name="central",
    version=__version__,
    help="Contact lists in, real calls out, one explained final status for every record.",
)
add_processes(app)
