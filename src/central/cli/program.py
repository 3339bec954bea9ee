"""The tree of commands."""

from __future__ import annotations

from cyclopts import App

from central import __version__
from central.cli.neighbours import add_neighbours
from central.cli.operate import add_operating
from central.cli.processes import add_processes
from central.cli.requests import add_requests
from central.cli.resources import add_resources

app = App(
    name="central",
    version=__version__,
    help="Contact lists in, real calls out, one explained final status for every record.",
)
add_processes(app)
add_operating(app)
add_resources(app)
add_requests(app)
add_neighbours(app)
