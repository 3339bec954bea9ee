"""Commands that are processes: everything of one machine, or one part of it; all end cleanly on Ctrl-C and SIGTERM."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Literal

import uvloop
from cyclopts import App

from central.bootstrap.workers import run_voice_node, run_worker
from central.cli.output import say
from central.settings import read_settings

Role = Literal["dispatcher", "tracker", "publisher", "messenger", "runner", "contact-center", "jobs"]


def _run(work: Coroutine[None, None, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)


def up() -> None:
    """Run everything on this machine in the foreground: PostgreSQL, API, dispatcher, voice node with Asterisk, and all worker roles."""
    from central.bootstrap.up import run_up  # noqa: PLC0415 - only this command needs the migrations

    asyncio.run(run_up(read_settings()))  # the supervisor's child watcher needs the standard loop


def serve() -> None:
    """Run the API."""
    from central.bootstrap.api import run_api  # noqa: PLC0415 - the web framework is slow to import

    _run(run_api(read_settings()))


def worker(role: Role) -> None:
    """Run one worker role: dispatcher, tracker, publisher, messenger, runner, contact-center or jobs."""
    _run(run_worker(read_settings(), role))


def voice_node() -> None:
    """Run this machine's voice node with its Asterisk."""
    _run(run_voice_node(read_settings()))


def migrate() -> None:
    """Bring the database to this release's schema and make the partitions of the coming days."""
    from central.bootstrap.schema import standing_store  # noqa: PLC0415 - slow to import

    with standing_store(read_settings()) as steps:
        pass
    for line in [f"applied {step}" for step in steps] or ["nothing to do: the schema is current"]:
        say(line)


database = App(name="db", help="The store's schema.")
database.command(migrate)
