"""The log of a process: one line an event, a constant name plus keys, as JSON or for a person's eye, on standard error.

Lines of libraries that use ``logging`` come through the same door as event ``library_log``.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Literal, TextIO

import msgspec
import structlog

from central.adapters.telemetry.personal_data import protect

Level = Literal["debug", "info", "warning", "error"]
Logger = structlog.typing.FilteringBoundLogger

_QUIET = ("uvicorn.access", "sqlalchemy", "alembic", "httpx", "aiohttp.access", "procrastinate", "asyncio")
"""Libraries that log each request (with numbers in its query) or much that is of no use: only warnings pass."""


@dataclass(frozen=True, slots=True)
class LogPlan:
    """How to log. ``auto`` is ``console`` where the stream is a terminal, else ``json``; ``process`` names this process."""

    level: Level = "info"
    format: Literal["auto", "console", "json"] = "auto"
    show_pii: bool = False
    process: str = "central"


def open_log(plan: LogPlan, stream: TextIO | None = None) -> Logger:
    """Set up structlog and ``logging`` for this process (once, at its start) and return the logger."""
    target = sys.stderr if stream is None else stream
    console = plan.format == "console" or (plan.format == "auto" and target.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.format_exc_info,
        _Protect(show=plan.show_pii),
    ]
    render: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=target.isatty(), exception_formatter=structlog.dev.plain_traceback)
        if console
        else structlog.processors.JSONRenderer(serializer=_to_json)
    )
    number = logging.getLevelNamesMapping()[plan.level.upper()]
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(target),
        cache_logger_on_first_use=False,
    )
    _catch_libraries([*shared, render], target, number, plan.process)
    logger: Logger = structlog.get_logger(process=plan.process)
    return logger


class _Protect:
    """Structlog processor around ``protect``; the event's own name and level are constants and pass."""

    def __init__(self, *, show: bool) -> None:
        self._show = show

    def __call__(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return protect(event, show=self._show)


def _catch_libraries(processors: list[structlog.typing.Processor], target: TextIO, level: int, process: str) -> None:
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_library_line(process)],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *processors],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def _library_line(process: str) -> structlog.typing.Processor:
    """Keep our form: the event's name is constant, the library's sentence is a key."""

    def shape(_logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        record: logging.LogRecord = event["_record"]
        event.update(message=event["event"], event="library_log", library=record.name, process=process, level=method)
        return event

    return shape


def _to_json(event: object, **_: Callable[[object], object]) -> str:
    """One line; values that JSON does not know become their text."""
    return msgspec.json.encode(event, enc_hook=str).decode()
