"""Makes the demo's files: the contact list, what each contact must end as, and the lists it is checked against.

    python -m examples.demo.make_list          writes examples/appointments.csv and what belongs to it

The same files come out each time. Only the demo's checker reads the expectations.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from examples.carrier.demo import number_for

HERE = Path(__file__).resolve().parent.parent
CONTACTS = HERE / "appointments.csv"
EXPECTED = HERE / "appointments.expected.csv"
BLACKLIST = HERE / "lists" / "blacklist.csv"
DND = HERE / "lists" / "dnd.csv"

NAMES = ("Asha", "Ravi", "Meera", "Kiran", "Divya", "Arjun", "Leela", "Nikhil", "Sara", "Imran", "Tara", "Vikram")
CLINICS = ("North", "South", "East", "West")

CALLED: Mapping[str, tuple[int, str, str, str]] = {
    # behaviour: how many, flow status, reason, last connection status
    "presses_1": (215, "COMPLETED", "completed", "Connected"),
    "presses_2": (120, "COMPLETED", "completed", "Connected"),
    "answers": (20, "COMPLETED", "completed", "Connected"),
    "answers_on_second_attempt": (40, "COMPLETED", "completed", "Connected"),
    "hangs_up_mid_flow": (60, "PARTIAL_COMPLETE", "customer_left", "Connected"),
    "hangs_up_at_once": (40, "SHORT_HANGUP", "short_hangup", "Connected"),
    "busy": (60, "FAILURE", "attempts_exhausted", "Busy"),
    "early_media_then_busy": (20, "FAILURE", "attempts_exhausted", "Busy"),
    "rings_out": (60, "FAILURE", "attempts_exhausted", "Ring Timeout"),
    "not_found": (40, "FAILURE", "not_retryable", "Unallocated Number"),
    "forbidden": (20, "FAILURE", "attempts_exhausted", "User Rejected"),
    "declined": (30, "FAILURE", "attempts_exhausted", "User Rejected"),
    "unavailable": (30, "FAILURE", "attempts_exhausted", "Temporary Failure"),
    "server_error": (30, "FAILURE", "attempts_exhausted", "Failed"),
    "congested": (30, "FAILURE", "attempts_exhausted", "Congestion"),
    "trying_only": (20, "FAILURE", "attempts_exhausted", "No User Responding"),
    "silent": (10, "FAILURE", "attempts_exhausted", "No User Responding"),
    # the platform's own trouble costs no attempt and is tried again after a minute: still waiting when the report is made
    "not_acceptable": (10, "REATTEMPT_SCHEDULED", "platform_fault", "Channel Unavailable"),
}

BAD_NUMBERS = (
    "12345",
    "not a number",
    "0091980000",
    "98O0001234",
    "+91-98000",
    "919800001234567890",
    "",
    "++919800001001",
)
BAD_VALUES: tuple[tuple[str, str, str], ...] = (
    # field, value, flow status
    ("Reference", "XYZ-12345", "FLOW_VARIABLE_CONTAINS_CRITERIA_FAILED"),
    ("Note", "bring <b>papers</b>", "FLOW_VARIABLE_DOES_NOT_CONTAINS_CRITERIA_FAILED"),
    ("Clinic", "Downtown", "FLOW_VARIABLE_LIST_CRITERIA_FAILED"),
    ("Reference", "APT-12", "FLOW_VARIABLE_REGEX_CRITERIA_FAILED"),
    ("Name", "A", "FLOW_VARIABLE_LENGTH_CRITERIA_FAILED"),
    ("Email", "asha at example", "FLOW_VARIABLE_EMAIL_VALIDATION_FAILED"),
    ("Link", "example.com/visit", "FLOW_VARIABLE_URL_CRITERIA_FAILED"),
    ("Name", "", "FLOW_VARIABLE_VALIDATION_FAILED"),
    ("Fee", "a lot", "FLOW_VARIABLE_VALIDATION_FAILED"),
    ("Date", "31-02-2027", "FLOW_VARIABLE_VALIDATION_FAILED"),
)


class Contact(NamedTuple):
    """A row of the list and what must become of it."""

    row: dict[str, str]
    status: str
    reason: str = ""
    call: str = ""


def contacts() -> list[Contact]:
    """All 1,000 contacts, mixed so that every kind comes early."""
    kinds = [list(kind) for kind in _kinds()]
    mixed: list[Contact] = []
    total = sum(len(kind) for kind in kinds)
    taken = [0] * len(kinds)
    for place in range(total):
        # the kind that is furthest behind its share comes next
        k = min(
            range(len(kinds)),
            key=lambda i: (taken[i] + 1) / len(kinds[i]) - place / total if taken[i] < len(kinds[i]) else 9e9,
        )
        mixed.append(kinds[k][taken[k]])
        taken[k] += 1
    return mixed


def _kinds() -> Iterator[Iterator[Contact]]:
    for behaviour, (n, status, reason, call) in CALLED.items():
        yield (
            Contact(_row(f"{behaviour}-{i}", number_for(behaviour, i), start=_start(i)), status, reason, call)
            for i in range(n)
        )
    yield (
        Contact(
            _row(f"alternate-{i}", number_for("busy", 500 + i), tel2=number_for("presses_1", 500 + i)),
            "COMPLETED", "completed", "Connected",
        )
        for i in range(20)
    )  # fmt: skip
    yield (
        Contact(_row(f"malformed-{i}", BAD_NUMBERS[i % len(BAD_NUMBERS)]), "INVALID_CONTACT_NUMBER") for i in range(20)
    )
    yield (Contact(_row(f"blacklisted-{i}", number), "PHONE_BLACKLISTED") for i, number in enumerate(blacklisted()))
    yield (Contact(_row(f"dnd-{i}", number), "NCPR_CHECK_FAILED") for i, number in enumerate(registered()))
    yield (Contact(_row(f"abroad-{i}", f"4420794600{i:02d}"), "INTERNATIONAL_CALLS_DISABLED") for i in range(15))
    yield (
        Contact(_row(f"bad-{field}-{i}", number_for("presses_1", 700 + i), **{field: value}), status)
        for i, (field, value, status) in enumerate(BAD_VALUES * 4)
    )
    yield (
        Contact(
            _row(f"past-{i}", number_for("presses_1", 800 + i), start="2024-01-01T10:00:00+05:30"),
            "INVALID_CALL_START_TIME",
        )
        for i in range(5)
    )
    yield (
        Contact(
            _row(f"unreadable-{i}", number_for("presses_1", 810 + i), start="after lunch"),
            "INVALID_CALL_START_TIME_FORMAT",
        )
        for i in range(5)
    )
    yield (
        Contact(
            _row(f"later-{i}", number_for("presses_1", 820 + i), start="2090-01-01T10:00:00+05:30" if i % 2 else "+2h"),
            "SCHEDULED",
        )
        for i in range(10)
    )


def blacklisted() -> list[str]:
    """Numbers on the demo account's blacklist."""
    return [number_for("presses_1", 900 + i) for i in range(15)]


def registered() -> list[str]:
    """Numbers in the do-not-disturb register."""
    return [number_for("presses_1", 950 + i) for i in range(15)]


def _start(i: int) -> str:
    """One in ten starts some seconds later."""
    return f"+{5 + i % 15}s" if i % 10 == 3 else ""  # noqa: PLR2004


def _row(identifier: str, tel1: str, *, tel2: str = "", start: str = "", **values: str) -> dict[str, str]:
    n = sum(identifier.encode())
    row = {
        "tel1": tel1,
        "tel2": tel2,
        "start_time": start,
        "client_identifier": identifier,
        "Name": NAMES[n % len(NAMES)],
        "Date": f"{1 + n % 28:02d}-{1 + n % 12:02d}-2027",
        "Clinic": CLINICS[n % len(CLINICS)],
        "Reference": f"APT-{10000 + n}",
        "Note": "",
        "Email": "",
        "Link": "",
        "Fee": str(200 + n % 300),
    }
    return row | values


def _write(path: Path, header: list[str], rows: list[dict[str, str]]) -> None:
    out = io.StringIO()
    writer = csv.DictWriter(out, header, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.parent.mkdir(exist_ok=True)
    path.write_text(out.getvalue(), encoding="utf-8")


def main() -> None:
    """Write all files."""
    everyone = contacts()
    _write(CONTACTS, list(everyone[0].row), [contact.row for contact in everyone])
    _write(
        EXPECTED,
        ["client_identifier", "status", "reason", "call"],
        [
            {"client_identifier": c.row["client_identifier"], "status": c.status, "reason": c.reason, "call": c.call}
            for c in everyone
        ],
    )
    _write(BLACKLIST, ["number", "note"], [{"number": n, "note": "asked not to be called"} for n in blacklisted()])
    _write(DND, ["number"], [{"number": n} for n in registered()])


if __name__ == "__main__":
    main()
