"""What an account keeps about a phone number beyond its records: values that every flow reads, and the time zone. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from central.domain.errors import InvalidInput
from central.domain.incoming import MAX_NAME_CHARS, MAX_RECORD_BYTES, MAX_VALUE_CHARS
from central.domain.zones import known_zone


@dataclass(frozen=True, slots=True)
class Contact:
    """One contact: its number as E.164 digits, its values (``$user.key.*``), its zone (a name of the IANA database)."""

    number: str
    values: Mapping[str, str]
    time_zone: str | None
    updated_at: datetime


def check_contact(values: Mapping[str, str], time_zone: str | None) -> None:
    """Raises InvalidInput ``contact_name_invalid``, ``contact_value_invalid``, ``contact_too_large``, ``time_zone_unknown``."""
    for name, value in values.items():
        if not (name.isascii() and name.isidentifier() and len(name) <= MAX_NAME_CHARS):
            message = (
                f'"{name[:64]}" is no name of a value: letters, digits and _, at most {MAX_NAME_CHARS}, no digit first.'
            )
            raise InvalidInput("contact_name_invalid", message, field=f"values.{name[:64]}")
        if len(value) > MAX_VALUE_CHARS or "\0" in value:
            message = f"A value has at most {MAX_VALUE_CHARS} characters, none of them NUL."
            raise InvalidInput("contact_value_invalid", message, field=f"values.{name}")
    try:
        size = sum(len(name) + len(value.encode()) for name, value in values.items())
    except UnicodeEncodeError as error:
        raise InvalidInput(
            "contact_value_invalid", "A value holds half of a surrogate pair.", field="values"
        ) from error
    if size > MAX_RECORD_BYTES:
        raise InvalidInput("contact_too_large", f"A contact holds at most {MAX_RECORD_BYTES} bytes.", size=size)
    if time_zone is not None and known_zone(time_zone) is None:
        raise InvalidInput("time_zone_unknown", "The time zone is not a name of the IANA database.", field="time_zone")
