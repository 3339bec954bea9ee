"""The command ``central``: set-up and processes on this machine, and everything that the API can, from a terminal.

Commands on this machine (``init``, ``account``, ``db``, ``doctor``, ``voice``, ``up`` ...) use the settings; all others speak
to the API with the address and key of the profile that ``central init`` wrote (or CENTRAL_API_URL and CENTRAL_API_KEY).
"""

from __future__ import annotations

import sys
from typing import cast

from rich.console import Console

from central.cli.program import app
from central.domain.errors import CallerError, CentralError, OperatorError
from central.entrypoints.supervision import EXIT_OPERATOR

EXIT_CALLER = 2
EXIT_FAILED = 1


def main() -> None:
    """Run the command line; errors of our tree become one line and an exit status, all others a traceback."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
    except CentralError as error:
        Console(stderr=True, highlight=False).print(f"[bold red]{error.code}[/]: {error.message}")
        for problem in cast("list[str]", error.details.get("problems", [])):
            Console(stderr=True, highlight=False).print(f"  - {problem}")
        if isinstance(error, OperatorError):
            sys.exit(EXIT_OPERATOR)
        sys.exit(EXIT_CALLER if isinstance(error, CallerError) else EXIT_FAILED)
