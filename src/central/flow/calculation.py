"""What the Operation step can compute: small total functions over texts, by the flow's formats. Pure, no evaluation of code.

Each takes the values of the step, already rendered, and answers the result as text, or raises ``InvalidInput`` with a
stable code. Numbers are decimals of at most 30 digits before and behind the point; dates and times are those of the flow.
Domain specification, section 5.3, row 11.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import reduce
from typing import Final

from central.domain.date_formats import write_moment
from central.domain.errors import InvalidInput
from central.flow.configuration import Formats
from central.flow.durations import parse_duration
from central.flow.moments import Moment, parse_moment

LIMIT_VALUES: Final = 20
LIMIT_ROUND: Final = 10
_EXACT: Final = Context(prec=28 * LIMIT_VALUES + 60)  # exact for any sum or product of as many numbers
_QUOTIENT: Final = Context(prec=28, rounding=ROUND_HALF_UP)
_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?")
UNITS: Final[Mapping[str, timedelta]] = {
    "seconds": timedelta(seconds=1),
    "minutes": timedelta(minutes=1),
    "hours": timedelta(hours=1),
    "days": timedelta(days=1),
    "weeks": timedelta(weeks=1),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operation depends on besides its values.

    start, length: of ``extract``, in characters, counted from 1; length 0 = to the end; a negative start counts from the
    end. digits: of ``round``. unit: of ``date_difference``. format: of dates in the result, "" = the flow's first that can
    hold it. separator: of ``concatenate``.
    """

    formats: Formats
    zone: tzinfo
    start: int = 1
    length: int = 0
    digits: int = 0
    unit: str = "days"
    format: str = ""
    separator: str = ""


Operation = Callable[[Sequence[str], Settings], str]


# -- texts -------------------------------------------------------------------------------------------------------------
def _copy(values: Sequence[str], _settings: Settings) -> str:
    return values[0]


def _first_filled(values: Sequence[str], _settings: Settings) -> str:
    return next((value for value in values if value.strip()), "")


def _length(values: Sequence[str], _settings: Settings) -> str:
    return str(len(values[0]))


def _concatenate(values: Sequence[str], settings: Settings) -> str:
    return settings.separator.join(values)


def _lower(values: Sequence[str], _settings: Settings) -> str:
    return values[0].lower()


def _upper(values: Sequence[str], _settings: Settings) -> str:
    return values[0].upper()


def _extract(values: Sequence[str], settings: Settings) -> str:
    text = values[0]
    first = settings.start - 1 if settings.start > 0 else max(0, len(text) + settings.start)
    return text[first : first + settings.length] if settings.length else text[first:]


# -- numbers -----------------------------------------------------------------------------------------------------------
def _add(values: Sequence[str], _settings: Settings) -> str:
    return _plain(reduce(_EXACT.add, _numbers(values)))


def _subtract(values: Sequence[str], _settings: Settings) -> str:
    return _plain(reduce(_EXACT.subtract, _numbers(values)))


def _multiply(values: Sequence[str], _settings: Settings) -> str:
    return _plain(reduce(_EXACT.multiply, _numbers(values)))


def _divide(values: Sequence[str], _settings: Settings) -> str:
    dividend, divisor = _numbers(values)
    return _plain(_QUOTIENT.divide(dividend, _not_zero(divisor)))


def _modulo(values: Sequence[str], _settings: Settings) -> str:
    """The remainder has the sign of the divisor, so that it counts round a clock: -1 mod 7 is 6."""
    dividend, divisor = _numbers(values)
    rest = _EXACT.remainder(dividend, _not_zero(divisor))
    return _plain(_EXACT.add(rest, divisor) if rest and (rest < 0) != (divisor < 0) else rest)


def _round(values: Sequence[str], settings: Settings) -> str:
    (number,) = _numbers(values)
    return format(number.quantize(Decimal(1).scaleb(-settings.digits), ROUND_HALF_UP, _EXACT), "f")


def _numbers(values: Sequence[str]) -> list[Decimal]:
    found: list[Decimal] = []
    for value in values:
        text = value.strip()
        if not _NUMBER.fullmatch(text):
            raise InvalidInput("not_a_number", f"{value[:40]!r} is not a number.")
        found.append(Decimal(text))
    return found


def _not_zero(number: Decimal) -> Decimal:
    if not number:
        raise InvalidInput("division_by_zero", "The divisor is zero.")
    return number


def _plain(number: Decimal) -> str:
    text = format(number, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in {"-0", ""} else text


# -- dates and times ---------------------------------------------------------------------------------------------------
def _date_difference(values: Sequence[str], settings: Settings) -> str:
    """Whole units from the first to the second, cut towards zero; below zero when the second is earlier."""
    first, second = (_moment(value, settings) for value in values)
    if isinstance(first, time) or isinstance(second, time):
        if not (isinstance(first, time) and isinstance(second, time)):
            raise InvalidInput("not_comparable", "A time cannot be compared with a date.")
        day = date(2000, 1, 1)
        first, second = datetime.combine(day, first), datetime.combine(day, second)
    return _whole(lambda: _units(second - first, UNITS[settings.unit]))


def _date_add(values: Sequence[str], settings: Settings) -> str:
    return _moved(values, settings, 1)


def _date_subtract(values: Sequence[str], settings: Settings) -> str:
    return _moved(values, settings, -1)


def _date_format(values: Sequence[str], settings: Settings) -> str:
    return _written(_moment(values[0], settings), settings)


def _moved(values: Sequence[str], settings: Settings, sign: int) -> str:
    """The wall clock moves: a day later is the same time of the next day, whatever the zone does that night."""
    moment = _moment(values[0], settings)
    by = parse_duration(values[1].strip())
    if by is None:
        raise InvalidInput("not_a_duration", f"{values[1][:40]!r} is not a duration such as 3d or 1h30m.")
    if isinstance(moment, time):
        return _written((datetime.combine(date(2000, 1, 2), moment) + by % UNITS["days"] * sign).time(), settings)
    try:
        return _written(moment + by * sign, settings)
    except OverflowError as error:
        raise InvalidInput("out_of_range", "The result lies outside of the calendar.") from error


def _units(difference: timedelta, unit: timedelta) -> int:
    return difference // unit if difference >= timedelta() else -(-difference // unit)


def _whole(count: Callable[[], int]) -> str:
    try:
        return str(count())
    except OverflowError as error:  # a zone applied at the edge of the calendar
        raise InvalidInput("out_of_range", "A value lies at the edge of the calendar.") from error


def _moment(value: str, settings: Settings) -> Moment:
    found = parse_moment(value.strip(), settings.formats, settings.zone)
    if found is None:
        raise InvalidInput("not_a_date", f"{value[:40]!r} is no date or time in the flow's formats.")
    return found


def _written(moment: Moment, settings: Settings) -> str:
    if isinstance(moment, datetime):
        try:
            moment = moment.astimezone(settings.zone)
        except OverflowError as error:
            raise InvalidInput("out_of_range", "The result lies at the edge of the calendar.") from error
    form = settings.format or _own_form(moment, settings.formats)
    text = write_moment(moment, form)
    if text is None:
        raise InvalidInput("format_unfit", f"{form!r} cannot hold a {'time' if isinstance(moment, time) else 'date'}.")
    return text


def _own_form(moment: Moment, formats: Formats) -> str:
    if isinstance(moment, time):
        return formats.times[0] if formats.times else "HH:mm"
    day = formats.dates[0] if formats.dates else "yyyy-MM-dd"
    if moment.time() == time():
        return day
    return f"{day} {formats.times[0]}" if formats.times else "ISO-8601"


@dataclass(frozen=True, slots=True)
class Known:
    """An operation of the language: how many values it takes, and the settings that it obeys."""

    run: Operation
    doc: str
    least: int = 1
    most: int = 1
    settings: tuple[str, ...] = ()


OPERATIONS: Final[Mapping[str, Known]] = {
    "copy": Known(_copy, "the value as it is"),
    "first_filled": Known(_first_filled, "the first value that is not blank", 2, LIMIT_VALUES),
    "length": Known(_length, "number of characters"),
    "concatenate": Known(_concatenate, "the values one after the other", 2, LIMIT_VALUES, ("separator",)),
    "lower": Known(_lower, "in small letters"),
    "upper": Known(_upper, "in capitals"),
    "extract": Known(_extract, "`length` characters from `start` on", settings=("start", "length")),
    "add": Known(_add, "sum", 2, LIMIT_VALUES),
    "subtract": Known(_subtract, "the first less the others", 2, LIMIT_VALUES),
    "multiply": Known(_multiply, "product", 2, LIMIT_VALUES),
    "divide": Known(_divide, "the first by the second, to 28 digits", 2, 2),
    "modulo": Known(_modulo, "remainder, with the sign of the divisor", 2, 2),
    "round": Known(_round, "to `digits` behind the point, halves away from zero", settings=("digits",)),
    "date_difference": Known(_date_difference, "whole `unit`s from the first to the second", 2, 2, ("unit",)),
    "date_add": Known(_date_add, "a date or time, moved on by a duration such as `3d`", 2, 2, ("format",)),
    "date_subtract": Known(_date_subtract, "a date or time, moved back by a duration", 2, 2, ("format",)),
    "date_format": Known(_date_format, "a date or time, written as `format`", settings=("format",)),
}


def compute(name: str, values: Sequence[str], settings: Settings) -> str:
    """The result of an operation of ``OPERATIONS``. Raises InvalidInput."""
    return OPERATIONS[name].run(values, settings)
