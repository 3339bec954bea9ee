"""The list of the message demo: 2,000 people, each with a number and an address whose owner behaves in a way of his own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from examples.carrier.sms_center import number_for

PEOPLE = 2_000
SMS: Mapping[str, tuple[int, str]] = {
    "expired": (40, "EXPIRED"),
    "deleted": (20, "UNDELIVERED"),
    "undeliverable": (60, "UNDELIVERED"),
    "rejected_later": (30, "REJECTED"),
    "failed_later": (10, "FAILED"),
    "unknown": (10, "OTHER"),
    "invalid_number": (30, "INVALID_NUMBER"),
    "refused": (30, "REJECTED"),
    "throttled_once": (10, "DELIVERED"),
    "fails_once": (10, "DELIVERED"),
    "receipt_first": (40, "DELIVERED"),
    "receipt_twice": (40, "DELIVERED"),
    "corrected": (40, "DELIVERED"),
    "on_its_way": (40, "DELIVERED"),
    "no_receipt": (20, "SENT_TO_QUEUE"),
}
"""Behaviour of a number -> how many have it, and the status that it demands; all others are ``delivered``."""
EMAIL: Mapping[str, tuple[int, str]] = {
    "unknown.{n}@home.example": (60, "Bounced"),
    "full.{n}@far.example": (60, "Bounced"),
    "policy.{n}@far.example": (40, "Bounced"),
    "delivered.{n}@far.example": (100, "Sent"),
    "opens.{n}@home.example": (60, "Opened"),
    "clicks.{n}@home.example": (60, "Clicked"),
    "scanned.{n}@home.example": (20, "Delivered"),
    "complains.{n}@home.example": (20, "Complaint"),
    "refused.{n}@door.example": (20, "Rejected"),
}
"""Address -> how many, and the status; all others are ``delivered`` at home. Far servers tell the relay no more than 250."""


@dataclass(frozen=True)
class Person:
    """Somebody on the list, and what must become of the message to each of his addresses."""

    name: str
    number: str
    address: str
    sms: str
    email: str


def people() -> list[Person]:
    """The same list each time."""
    numbers, addresses = _spread(_numbers()), _spread(_addresses())
    return [
        Person(f"Person {n + 1}", number, address, sms, mail)
        for n, ((number, sms), (address, mail)) in enumerate(zip(numbers, addresses, strict=True))
    ]


def _numbers() -> Iterator[tuple[str, str]]:
    made = 0
    for behaviour, (count, status) in SMS.items():
        for n in range(count):
            yield number_for(behaviour, n), status
        made += count
    for n in range(PEOPLE - made):
        yield number_for("delivered", n), "DELIVERED"


def _addresses() -> Iterator[tuple[str, str]]:
    made = 0
    for address, (count, status) in EMAIL.items():
        for n in range(count):
            yield address.format(n=n), status
        made += count
    for n in range(PEOPLE - made):
        yield f"delivered.{n}@home.example", "Delivered"


def _spread(what: Iterator[tuple[str, str]]) -> list[tuple[str, str]]:
    """Every behaviour all over the list: each seventh of what is left, again and again."""
    left = list(what)
    return [left[(n * 7) % len(left)] for n in range(len(left))]
