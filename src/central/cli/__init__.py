"""The command ``central``: set-up and processes on this machine, and everything that the API can, from a terminal.

Commands on this machine (``init``, ``account``, ``db``, ``doctor``, ``voice``, ``up`` ...) use the settings; all others speak
to the API with the address and key of the profile that ``central init`` wrote (or CENTRAL_API_URL and CENTRAL_API_KEY).
"""

from __future__ import annotations

import os
import sys
from typing import cast

from central.cli.output import errors, say
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
    except BrokenPipeError:  # who read our output has gone, as in `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_FAILED)
    except CentralError as error:
        say((error.code, "bold red"), f": {error.message}", to=errors)
        for problem in cast("list[str]", error.details.get("problems", [])):
            say(f"  - {problem}", to=errors)
        if isinstance(error, OperatorError):
            sys.exit(EXIT_OPERATOR)
        sys.exit(EXIT_CALLER if isinstance(error, CallerError) else EXIT_FAILED)
