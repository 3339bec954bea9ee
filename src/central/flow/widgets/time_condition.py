"""Time Condition: go on by weekday, date and time of day."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, TypeVar

from central.domain.errors import InvalidInput
from central.domain.weekly_hours import DAY_MINUTES, Span, parse_date, parse_days, parse_span
from central.flow.events import FlowEvent
from central.flow.program import Outcome
from central.flow.reading import Reading
from central.flow.tree import Entries, Items, Scalar
from central.flow.walk import Walk
from central.flow.widgets.widget import Branch, Field, Fields, Widget

_ALL_DAY: Final[Span] = (0, DAY_MINUTES)
_HOLIDAYS: Final = "holidays"
_DAY: Final = timedelta(days=1)
_HINT = 'Such as {days: mon-fri, hours: "09:00-18:00", next: step}.'
Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class Window:
    """When a branch is taken: on these weekdays (Monday is 0) or dates, within these hours.

    holidays: it is for the holidays; other windows with weekdays do not hold on them. dates: first and last day of ranges.
    """

    branch: str
    weekdays: frozenset[int]
    dates: tuple[tuple[date, date], ...]
    hours: tuple[Span, ...]
    holidays: bool = False

    def holds(self, day: date, minute: int, holidays: frozenset[date]) -> bool:
        """Whether it holds at this minute of the day; hours across midnight belong to the day on which they begin."""
        for start, end in self.hours:
            if start <= minute < end and self._on(day, holidays):
                return True
            if minute < end - DAY_MINUTES and self._on(day - _DAY, holidays):
                return True
        return False

    def _on(self, day: date, holidays: frozenset[date]) -> bool:
        if self.dates and not any(first <= day <= last for first, last in self.dates):
            return False
        if day in holidays:
            return self.holidays or not self.weekdays
        if self.holidays and not self.weekdays:
            return False
        return not self.weekdays or day.weekday() in self.weekdays


@dataclass(frozen=True, slots=True)
class TimeConditionNode:
    """A prepared Time Condition step."""

    windows: tuple[Window, ...]
    holidays: frozenset[date]

    def enter(self, walk: Walk) -> Outcome:
        """Take the branch of the first window that holds in the flow's zone, else ``else``."""
        here = walk.at.astimezone(walk.program.zone)
        day, minute = here.date(), here.hour * 60 + here.minute
        return next((w.branch for w in self.windows if w.holds(day, minute, self.holidays)), "else")

    def handle(self, walk: Walk, event: FlowEvent) -> Outcome:
        """Never waits."""
        del walk, event
        return None


def _prepare(fields: Fields) -> TimeConditionNode:
    windows: list[Window] = []
    for number, tree in enumerate(fields.items("windows"), 1):
        if not isinstance(tree, Entries):
            fields.find("field_not_mapping", "A window must be a mapping.", line=tree.line, hint=_HINT)
            continue
        window = Reading(tree, fields.findings, fields.step)
        branch = window.text("name", f"window_{number}")
        if branch in fields.targets or branch == "else":
            message = f"Two branches are called {branch[:64]!r}."
            hint = "Give each window a name of its own."
            window.find("window_name_twice", message, line=window.line("name"), hint=hint)
        windows.append(_window(window, branch))
        fields.target(branch, window.tree("next"), window.line("next"))
        window.close("A window")
    if not windows:
        fields.find("field_missing", "A time condition needs `windows:`.", line=fields.line("windows"), hint=_HINT)
    if fields.present("else"):
        fields.target("else", fields.tree("else"), fields.line("else"))
    holidays = frozenset(_parsed(fields, "holidays", parse_date))
    if any(window.holidays for window in windows) and not holidays:
        message = "A window is for the holidays, but there are none."
        fields.find("holidays_missing", message, line=fields.line("windows"), hint='Add `holidays: ["2026-12-25"]`.')
    return TimeConditionNode(tuple(windows), holidays)


def _window(window: Reading, branch: str) -> Window:
    days = _parsed(window, "days", lambda text: (_HOLIDAYS,) if text.strip().lower() == _HOLIDAYS else parse_days(text))
    named = {day for group in days for day in group}
    hours = _parsed(window, "hours", parse_span)
    dates = _parsed(window, "dates", _dates)
    if not any(window.present(name) for name in ("days", "hours", "dates")):
        window.find("window_always", "A window needs `days:`, `dates:` or `hours:`.", hint=_HINT)
    weekdays = frozenset(day for day in named if isinstance(day, int))
    return Window(branch, weekdays, tuple(dates), tuple(hours) or (_ALL_DAY,), _HOLIDAYS in named)


def _dates(text: str) -> tuple[date, date]:
    """``2026-12-25`` or ``2026-12-24..2026-12-26``. Raises InvalidInput ``invalid_hours``."""
    first, dots, last = text.partition("..")
    begin = parse_date(first.strip())
    end = parse_date(last.strip()) if dots else begin
    if end < begin:
        raise InvalidInput("invalid_hours", f"{text!r} ends before it begins.")
    return begin, end


def _parsed(reading: Reading, name: str, parse: Callable[[str], Part]) -> list[Part]:
    """One text or a list of them, each parsed; what cannot be read is a finding."""
    tree = reading.tree(name)
    trees = tree.items if isinstance(tree, Items) else () if tree is None else (tree,)
    found: list[Part] = []
    for part in trees:
        try:
            if not isinstance(part, Scalar):
                raise InvalidInput("invalid_hours", f"{name!r} must be a text or a list of texts.")
            found.append(parse(part.text))
        except InvalidInput as error:
            reading.find("hours_unreadable", error.message, line=part.line, hint=_HINT)
    return found


TIME_CONDITION = Widget(
    name="time_condition",
    title="Time Condition",
    doc="""Takes the branch of the first window that holds now, in the flow's time zone, else `else`. A window names `days`
(`mon`, `mon-fri`, `all`, `holidays`), `dates` (`2026-12-25`, `2026-12-24..2026-12-26`) and `hours` (`09:00-18:00`; the last
minute is not included; an end before the start means the next day), each a text or a list; what is left out does not matter.
On the `holidays` of the step, windows with weekdays do not hold.""",
    example="""open:
  widget: time_condition
  holidays: ["2026-12-25", "2027-01-01"]
  windows:
    - {name: holiday, days: holidays, next: closed}
    - {name: office, days: mon-fri, hours: ["09:00-13:00", "14:00-18:00"], next: menu}
    - {name: saturday, days: sat, hours: "09:00-12:00", next: menu}
    - {name: sale, dates: "2026-11-24..2026-11-30", next: menu}
  else: closed""",
    prepare=_prepare,
    fields=(
        Field("windows", "list of {name, days, dates, hours, next}", "The first that holds decides.", required=True),
        Field("holidays", "list of dates", "Days on which windows with weekdays do not hold."),
        Field("else", "step", "Where to go when no window holds."),
    ),
    branches=(Branch("else", "No window holds.", required=True),),
)
