"""Operation: compute a text, a number or a date, and store it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC

from central.domain.date_formats import ISO, OFFERED, TIMES
from central.domain.errors import InvalidInput
from central.domain.zones import known_zone
from central.flow.calculation import LIMIT_ROUND, OPERATIONS, UNITS, Known, Settings, compute
from central.flow.events import FlowEvent
from central.flow.near_words import hint_for
from central.flow.program import Failed, Outcome
from central.flow.tree import Items, Scalar
from central.flow.variables import LIMIT_VALUE_CHARS, Template
from central.flow.walk import Walk
from central.flow.widgets.widget import Branch, Field, Fields, Widget

_SETTINGS = ("start", "length", "digits", "unit", "format", "separator")


@dataclass(frozen=True, slots=True)
class OperationNode:
    """A prepared Operation step."""

    name: str
    values: tuple[Template, ...]
    settings: Settings
    variable: str

    def enter(self, walk: Walk) -> Outcome:
        """Compute and store."""
        values = [walk.render(value) for value in self.values]
        try:
            result = compute(self.name, [value.text for value in values], self.settings)
        except InvalidInput as error:
            secret = any(value.text != value.shown for value in values)
            return Failed(error.code, "A secret value does not fit the operation." if secret else error.message)
        walk.store(self.variable, result)
        return "success"

    def handle(self, walk: Walk, event: FlowEvent) -> Outcome:
        """Never waits."""
        del walk, event
        return None


def _prepare(fields: Fields) -> OperationNode:
    name = fields.text("do", required=True)
    known = OPERATIONS.get(name)
    if known is None and name:
        hint = hint_for(name, OPERATIONS, f"One of: {', '.join(OPERATIONS)}.")
        fields.find("operation_unknown", f"{name[:40]!r} is no operation.", line=fields.line("do"), hint=hint)
    values = _values(fields)
    settings = _settings(fields)
    if known is not None:
        _check(fields, name, known, len(values))
    variable = fields.text("store", required=True)
    if variable:
        fields.stored(variable, fields.line("store"), values)
    return OperationNode(name, values, settings, variable)


def _values(fields: Fields) -> tuple[Template, ...]:
    tree = fields.tree("of")
    if tree is None:
        fields.find("field_missing", "The field 'of' is missing.", hint="Add `of:` with a value or a list of values.")
        return ()
    trees = tree.items if isinstance(tree, Items) else (tree,)
    found: list[Template] = []
    for part in trees:
        if isinstance(part, Scalar):
            found.append(fields.as_template("" if part.missing else part.text, part.line))
        else:
            fields.find("field_not_text", "`of` must hold texts only.", line=part.line, hint="Write [one, two].")
    return tuple(found)


def _settings(fields: Fields) -> Settings:
    start = fields.signed("start", 1, LIMIT_VALUE_CHARS)
    if start == 0:
        hint = "The first character is 1, the last -1."
        fields.find("field_out_of_range", "`start` cannot be 0.", line=fields.line("start"), hint=hint)
    form = fields.text("format")
    if form and form not in (*OFFERED, *TIMES):
        hint = hint_for(form, (*OFFERED, *TIMES), f"Such as dd-MM-yyyy, HH:mm, dd-MM-yyyy HH:mm or {ISO}.")
        fields.find("format_unknown", f"{form[:40]!r} is no format.", line=fields.line("format"), hint=hint)
    plain = Settings(fields.flow.formats, known_zone(fields.flow.time_zone) or UTC)
    return replace(
        plain,
        start=start,
        length=fields.whole("length", 0, 1, LIMIT_VALUE_CHARS),
        digits=fields.whole("digits", 0, 0, LIMIT_ROUND),
        unit=fields.choice("unit", tuple(UNITS), plain.unit),
        format=form,
        separator=fields.text("separator"),
    )


def _check(fields: Fields, name: str, known: Known, given: int) -> None:
    if fields.present("of") and not known.least <= given <= known.most:
        wanted = str(known.least) if known.least == known.most else f"{known.least} to {known.most}"
        message = f"`{name}` takes {wanted} value{'' if wanted == '1' else 's'}, not {given}."
        fields.find("values_miscounted", message, line=fields.line("of"), hint="Write `of: [one, two]`.")
    for setting in _SETTINGS:
        if fields.present(setting) and setting not in known.settings:
            message = f"`{name}` does not look at `{setting}`."
            fields.find("setting_unused", message, line=fields.line(setting), hint="Remove it.", severity="warning")


OPERATION = Widget(
    name="operation",
    title="Operation",
    doc="""Computes a value and stores it. `do` names the operation, `of` its value or list of values:

"""
    + "\n".join(f"- `{name}`: {known.doc}" for name, known in OPERATIONS.items())
    + """

Numbers are plain decimals; dates and times are read by the flow's formats, and a date moved by days keeps its time of day. A
value that does not fit takes `error`, or goes on with a warning when that is not wired; nothing is stored then.""",
    example="""total:
  widget: operation
  do: add
  of: ["{{ $flow.key.Amount }}", "{{ $flow.key.Fee }}"]
  store: Total
  on: {success: say_total, error: agent}""",
    prepare=_prepare,
    fields=(
        Field("do", "operation", "What to compute.", required=True),
        Field("of", "a text or a list of texts", "The values; they may hold variables.", required=True),
        Field("store", "variable name", "Where to keep the result.", required=True),
        Field("start", "whole number, not 0", "`extract`: the first character; -1 is the last one.", "1"),
        Field("length", "1 to 4096", "`extract`: how many characters.", "up to the end"),
        Field("digits", "0 to 10", "`round`: digits behind the point.", "0"),
        Field("unit", ", ".join(UNITS), "`date_difference`: what is counted.", "days"),
        Field("format", "date or time format", "How a date is written.", "the flow's first"),
        Field("separator", "text", "`concatenate`: stands between the values."),
    ),
    branches=(Branch("success", "The result is stored."), Branch("error", "The values do not fit the operation.")),
    can_fail=True,
    failure="continue",
    onward="success",
)
