"""The worker roles by name. Each process imports only its own, because start-up time is what an operator waits for."""

from __future__ import annotations

import asyncio
from importlib import import_module

from central.bootstrap.collector import calm_collector
from central.bootstrap.process import on_stop_signal, open_telemetry
from central.settings import Settings

ROLES = ("dispatcher", "tracker", "publisher", "messenger", "runner", "contact-center", "jobs")


async def run_worker(settings: Settings, role: str) -> None:
    """Run one worker role (a word of ``ROLES``) until SIGTERM or SIGINT."""
    telemetry = open_telemetry(settings, role)
    stop = asyncio.Event()
    on_stop_signal(stop.set)
    work = import_module(f"central.bootstrap.{role.replace('-', '_')}").run(settings, stop, telemetry)
    calm_collector()
    await work


async def run_voice_node(settings: Settings) -> None:
    """Run this machine's voice node until SIGTERM or SIGINT."""
    await import_module("central.bootstrap.voice").run_voice_node(settings)
