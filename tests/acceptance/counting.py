"""The arithmetic of a request (domain specification, section 7.5), asked for at every look that a test takes at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Counting:
    """The looks at one request so far, and what was wrong with them."""

    looks: int = 0
    wrong: list[str] = field(default_factory=list[str])
    _added: int = 0

    def look(self, request: Mapping[str, Any]) -> None:
        """Take the request's document and check I1 to I3, and that its status follows from its counts."""
        self.looks += 1
        counts: Mapping[str, int] = request["counts"]
        loaded, valid, invalid, ncpr = (counts[name] for name in ("loaded", "valid", "invalid", "ncpr"))
        pending, added, completed = (counts[name] for name in ("pending", "added", "completed"))
        done = not request["loading"] and pending == 0
        said = f"{dict(counts)}, {request['status']}"
        for name, holds in (
            ("I1: L = V + I + N + P", loaded == valid + invalid + ncpr + pending),
            ("I2: C <= V <= A <= L", completed <= valid <= added <= loaded),
            ("I3: I >= L - A - N when done", not done or invalid >= loaded - added - ncpr),
            ("A never decreases", added >= self._added),
            ("Completed when done, and only then", done == (request["status"] == "Completed")),
            ("statuses sum up to L", sum(request["statuses"].values()) == loaded),
        ):
            if not holds:
                self.wrong.append(f"{name} does not hold: {said}")
        self._added = added


def final_events(statuses: list[Mapping[str, Any]], finals: frozenset[str]) -> list[int]:
    """How many final events each epoch of a record has (I5), from the status lines of its explanation."""
    found = [0]
    for line in statuses:
        if line["from_status"] in finals:
            found.append(0)  # a requeue: the next epoch begins
        if line["to_status"] in finals:
            found[-1] += 1
    return found
