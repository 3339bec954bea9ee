"""A contact list of any length for the intake figures: like the demo's, a few in a hundred fail one of the checks."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Generator
from pathlib import Path

HEADER = "tel1,client_identifier,Name,Date,Clinic,Reference,Fee\n"
_NAMES = ("Asha", "Ravi", "Meera", "Kiran", "Divya", "Arjun", "Leela", "Nikhil")
_CLINICS = ("North", "South", "East", "West")
_CHUNK = 50_000


@contextlib.contextmanager
def contact_list(rows: int) -> Generator[Path]:
    """A CSV file of so many rows; removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="central-bench-list-") as folder:
        path = Path(folder) / "contacts.csv"
        with path.open("w", encoding="utf-8") as file:
            file.write(HEADER)
            for begin in range(0, rows, _CHUNK):
                file.writelines(_row(n) for n in range(begin, min(rows, begin + _CHUNK)))
        yield path


def _row(n: int) -> str:
    number = "12345" if n % 100 == 13 else str(919_000_000_000 + n * 613)
    clinic = "Nowhere" if n % 100 == 37 else _CLINICS[n % 4]
    day = f"{n % 28 + 1:02d}-{n % 12 + 1:02d}-2027"
    return f"{number},customer-{n},{_NAMES[n % 8]},{day},{clinic},APT-{10_000 + n % 80_000},{n % 900}\n"
