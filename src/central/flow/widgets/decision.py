"""Decision: go on by the first rule that holds."""

from __future__ import annotations

from dataclasses import dataclass

from central.flow.conditions import (
    OPERATORS,
    PATTERN_HINT,
    SPELLINGS,
    WITHOUT_OPERAND,
    AllOf,
    AnyOf,
    Comparison,
    Condition,
    compiled,
    holds,
)
from central.flow.events import FlowEvent
from central.flow.near_words import hint_for
from central.flow.program import Outcome
from central.flow.reading import Reading
from central.flow.tree import Entries, Items, Scalar, Tree
from central.flow.variables import Template
from central.flow.walk import Walk
from central.flow.widgets.widget import Branch, Field, Fields, Widget

_NEVER = AnyOf(())


@dataclass(frozen=True, slots=True)
class DecisionNode:
    """A prepared Decision step: rules in order, each with the branch it takes."""

    rules: tuple[tuple[str, Condition], ...]

    def enter(self, walk: Walk) -> Outcome:
        """Take the branch of the first rule that holds, else ``else``."""
        reader = walk.reader()
        for branch, condition in self.rules:
            if holds(condition, reader):
                return branch
        return "else"

    def handle(self, walk: Walk, event: FlowEvent) -> Outcome:
        """Never waits."""
        del walk, event
        return None


def _prepare(fields: Fields) -> DecisionNode:
    rules: list[tuple[str, Condition]] = []
    for number, tree in enumerate(fields.items("rules"), 1):
        if not isinstance(tree, Entries):
            fields.find(
                "field_not_mapping", "A rule must be a mapping.", line=tree.line, hint="{when: {...}, next: step}"
            )
            continue
        rule = Reading(tree, fields.findings, fields.step)
        branch = rule.text("name", f"rule_{number}")
        if branch in fields.targets or branch == "else":
            message = f"Two branches are called {branch[:64]!r}."
            rule.find("rule_name_twice", message, line=rule.line("name"), hint="Give each rule a name of its own.")
        when = rule.tree("when")
        if when is None:
            hint = 'Such as {value: "{{ $flow.key.Amount }}", is: ">", to: 100}.'
            rule.find("field_missing", "A rule needs `when:`.", hint=hint)
        rules.append((branch, _condition(fields, when) if when is not None else _NEVER))
        fields.target(branch, rule.tree("next"), rule.line("next"))
        rule.close("A rule")
    if not rules:
        hint = "Such as `rules: [{when: {...}, next: step}]`."
        fields.find("field_missing", "A decision needs `rules:`.", line=fields.line("rules"), hint=hint)
    if fields.present("else"):
        fields.target("else", fields.tree("else"), fields.line("else"))
    return DecisionNode(tuple(rules))


def _condition(fields: Fields, tree: Tree) -> Condition:
    if not isinstance(tree, Entries):
        fields.find(
            "field_not_mapping", "A condition must be a mapping.", line=tree.line, hint="{value: ..., is: ..., to: ...}"
        )
        return _NEVER
    reading = Reading(tree, fields.findings, fields.step)
    for word, joined in (("all", AllOf), ("any", AnyOf)):
        if reading.present(word):
            parts = tuple(_condition(fields, part) for part in reading.items(word))
            if not parts:
                message = f"`{word}` needs at least one condition."
                reading.find("condition_empty", message, line=reading.line(word), hint="Write a list of conditions.")
            reading.close("A condition")
            return joined(parts)
    comparison = _comparison(fields, reading)
    reading.close("A condition")
    return comparison


def _comparison(fields: Fields, reading: Reading) -> Condition:
    value = fields.as_template(reading.text("value", required=True), reading.line("value"))
    written = reading.text("is", required=True)
    operator = SPELLINGS.get(written, written)
    if operator not in OPERATORS:
        hint = hint_for(operator, OPERATORS, f"One of: {', '.join(OPERATORS)}.")
        message = f"{written[:40]!r} is no comparison."
        reading.find("operator_unknown", message, line=reading.line("is"), hint=hint)
        reading.tree("to")
        return _NEVER
    operands = _operands(fields, reading, operator)
    pattern = operands[0].literal if operator == "regex" and operands else None
    if pattern is not None and compiled(pattern) is None:
        reading.find("regex_refused", "RE2 refuses this pattern.", line=reading.line("to"), hint=PATTERN_HINT)
    return Comparison(value, operator, operands)


def _operands(fields: Fields, reading: Reading, operator: str) -> tuple[Template, ...]:
    tree = reading.tree("to")
    if operator in WITHOUT_OPERAND:
        if tree is not None:
            message = f"`{operator}` compares with nothing."
            reading.find("operand_unused", message, line=tree.line, hint="Remove `to:`.", severity="warning")
        return ()
    if tree is None and "to" not in reading.entries.entries:
        reading.find("field_missing", f"`{operator}` needs `to:`.", hint='An empty text is `to: ""`.')
        return ()
    trees = tree.items if isinstance(tree, Items) and operator == "in" else (tree,)
    texts = [(part.text, part.line) for part in trees if isinstance(part, Scalar)]
    if tree is None:
        texts = [("", reading.line("to"))]
    elif len(texts) != len(trees):
        message = "`to` must be a list of texts." if operator == "in" else "`to` must be one text."
        reading.find("field_not_text", message, line=tree.line, hint="Only `in` takes a list.")
    return tuple(fields.as_template(text, line) for text, line in texts)


DECISION = Widget(
    name="decision",
    title="Decision",
    doc="""Takes the branch of the first rule whose condition holds, else `else`. A condition compares a value:
`{value, is, to}` with `is` one of `=`, `!=`, `<`, `<=`, `>`, `>=`, `contains`, `not contains`, `in` (a list), `regex` (RE2,
the whole value), `empty`, `not empty`; or joins conditions: `{all: [...]}`, `{any: [...]}`. Numbers compare as decimals,
dates and times by the flow's formats; what cannot be compared makes `<`, `<=`, `>`, `>=` false.""",
    example="""how_much:
  widget: decision
  rules:
    - name: large
      when: {value: "{{ $flow.key.Amount }}", is: ">=", to: 1000}
      next: agent
    - when: {any: [{value: "{{ $flow.key.City }}", is: in, to: [Pune, Delhi]}, {value: "{{ $flow.key.City }}", is: empty}]}
      next: local
  else: bye""",
    prepare=_prepare,
    fields=(
        Field("rules", "list of {name, when, next}", "Rules in order; the first that holds decides.", required=True),
        Field("else", "step", "Where to go when no rule holds."),
    ),
    branches=(Branch("else", "No rule holds.", required=True),),
    asks=True,
)
