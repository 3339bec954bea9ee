"""What is kept of a call whose run sleeps, as the store holds it between two nodes (path step 4)."""

from __future__ import annotations

from datetime import datetime

import msgspec

from central.domain.attempts import LegResult
from central.domain.errors import DefectError
from central.flow.run import Run


class KeptCall(msgspec.Struct, frozen=True):
    """The run, the timer it waits for and when that is over; the attempt's legs, and what it cost so far.

    positions: the numbers that money was set aside for. cost in millionths of the account's currency.
    """

    run: Run
    timer: int
    due_at: datetime
    legs: tuple[LegResult, ...] = ()
    positions: tuple[int, ...] = ()
    further_dialled: int = 0
    cost: int = 0

    def to_json(self) -> str:
        """As JSON; ``from_json`` gives back an equal value. ``run.variables`` is read by SQL when the attempt is closed."""
        return msgspec.json.encode(self).decode()

    @staticmethod
    def from_json(text: str) -> KeptCall:
        """Read what ``to_json`` wrote. Raises DefectError ``sleeper_unreadable`` for anything else."""
        try:
            return msgspec.json.decode(text, type=KeptCall)
        except msgspec.MsgspecError as error:
            raise DefectError(
                "sleeper_unreadable", f"What was kept of a sleeping run cannot be read: {error}"
            ) from error
