"""Rules for the small values that people type into administration. All raise InvalidInput with ``field`` in the details."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Mapping
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from central.domain.errors import InvalidInput
from central.domain.numbers import calling_code, normalise
from central.domain.rights import Role

MAX_NAME = 100
_HOST_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s]+")
_DOMAIN = re.compile(r"(?=.{4,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
_MIN_PASSWORD = 8
_MAX_PREFIX = 15


def check_name(value: str, field: str = "name") -> str:
    """A name of 1 to 100 printable characters, without blanks at its ends."""
    if not value or len(value) > MAX_NAME or value != value.strip() or not value.isprintable():
        raise InvalidInput(f"invalid_{field}", f"A {field} has 1 to {MAX_NAME} printable characters.", field=field)
    return value


def check_zone(value: str) -> str:
    """A zone of the tz database, such as Asia/Kolkata."""
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput(
            "unknown_time_zone", f'"{value}" is no zone of the tz database.', field="time_zone"
        ) from None
    return value


def check_country(value: str) -> str:
    """An ISO 3166 alpha-2 country that has a calling code."""
    calling_code(value)
    return value


def check_host(value: str) -> str:
    """A host name (RFC 1123) or an IP address."""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        labels = value.rstrip(".").split(".")
        if not value or len(value) > 253 or not all(_HOST_LABEL.fullmatch(label) for label in labels):  # noqa: PLR2004 - RFC 1035
            raise InvalidInput("invalid_host", "A host is a name or an IP address.", field="host") from None
    return value


def check_networks(values: Collection[str]) -> list[str]:
    """Addresses or CIDR networks, written in one form."""
    try:
        return [str(ipaddress.ip_network(value)) for value in values]
    except ValueError as error:
        raise InvalidInput("invalid_network", str(error), field="ip_networks") from error


def check_prefix(value: str, field: str = "prefix") -> str:
    """0 to 15 leading digits of an E.164 number."""
    digits = value.removeprefix("+")
    if len(digits) > _MAX_PREFIX or (digits and not (digits.isdigit() and digits.isascii())):
        raise InvalidInput("invalid_prefix", f"A prefix has at most {_MAX_PREFIX} digits.", field=field)
    return digits


def check_number(value: str, country: str, field: str = "number") -> str:
    """A phone number as E.164 digits."""
    number = normalise(value, country)
    if number is None:
        raise InvalidInput("invalid_number", "A number has 8 to 15 digits with its country code.", field=field)
    return number


def check_domain(value: str, field: str = "domain") -> str:
    """A domain with at least two labels, in lower case."""
    name = value.strip().casefold().rstrip(".")
    if not _DOMAIN.fullmatch(name):
        raise InvalidInput("invalid_domain", "A domain is written like example.com.", field=field)
    return name


def check_email(value: str) -> str:
    """An e-mail address by its shape, in lower case."""
    if not _EMAIL.fullmatch(value) or len(value) > 254:  # noqa: PLR2004 - RFC 5321, section 4.5.3.1.3
        raise InvalidInput("invalid_email", "This is no e-mail address.", field="email")
    return value.lower()


def check_password(value: str) -> str:
    """At least 8 characters with upper case, lower case, digit and special character (domain, section 1.1)."""
    kinds = (str.isupper, str.islower, str.isdigit, _is_special)
    if len(value) < _MIN_PASSWORD or not all(any(map(kind, value)) for kind in kinds):
        raise InvalidInput(
            "weak_password",
            "A password has at least 8 characters: upper case, lower case, a digit and a special character.",
            field="password",
        )
    return value


def _is_special(char: str) -> bool:
    return not char.isalnum()


def check_at_least(changes: Mapping[str, object], minimum: int, *fields: str) -> None:
    """Refuse numbers below ``minimum``; None and absent fields pass."""
    for name in fields:
        value = changes.get(name)
        if isinstance(value, int) and value < minimum:
            raise InvalidInput("value_too_small", f"{name} is at least {minimum}.", field=name)


def check_role(value: str) -> Role:
    """One of the roles of the domain specification, section 1.6."""
    try:
        return Role(value)
    except ValueError:
        raise InvalidInput("unknown_role", f"A role is one of {', '.join(Role)}.", field="role") from None
