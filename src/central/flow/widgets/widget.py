"""What a widget is: its fields, branches, failure rule, documentation, example, and how a step of it is prepared.

Each widget stands in a file of its own and declares one ``Widget``; ``table.py`` lists them all. ``prepare`` reads a step's
fields once, for the checker (findings) and for the interpreter (node) alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from central.domain.accounts import Switch
from central.flow.commands import ANONYMOUS
from central.flow.document import END, Flow, Step
from central.flow.findings import Finding
from central.flow.program import (
    ERROR_BRANCH,
    CallerIdUse,
    EndpointUse,
    FailurePolicy,
    FlowUse,
    Node,
    PromptUse,
    QueueUse,
    SwitchUse,
    Target,
)
from central.flow.reading import LIMIT_TEXT, Reading
from central.flow.tree import Scalar, Tree
from central.flow.variables import NAME, SYSTEM_KEYS, USER_SYSTEM_KEYS, Reference, Template, parse_template


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a widget, for the reference page. ``form`` says in a few words what may stand there."""

    name: str
    form: str
    doc: str
    default: str = ""
    required: bool = False


@dataclass(frozen=True, slots=True)
class Branch:
    """An output of a widget; a ``required`` one must be wired (``end`` is a lawful target).

    stores: whether what the step stores is stored when this branch is taken (``error`` never counts).
    """

    name: str
    doc: str
    required: bool = False
    stores: bool = True


@dataclass(frozen=True, slots=True)
class Widget:
    """One kind of step.

    entry: it is where a path begins. media: it needs the customer's leg. call: it makes that leg. answers: it takes the one
    that comes in. waits: a loop through it takes time. bounds: the branch that is taken only so often, "" = none; a loop
    through it ends by itself. assigns: what it stores may be read further down in the same step. asks: it may well read what
    has no value. terminal: no branch leads on. failure: what a failed step does unless the document says otherwise; onward:
    the branch that ``continue`` takes, "" = ``continue`` makes no sense here; failing: the branch of a failed step.
    """

    name: str
    title: str
    doc: str
    example: str
    prepare: Callable[[Fields], Node]
    fields: tuple[Field, ...] = ()
    branches: tuple[Branch, ...] = ()
    entry: bool = False
    media: bool = False
    call: bool = False
    answers: bool = False
    waits: bool = False
    bounds: str = ""
    assigns: bool = False
    asks: bool = False
    terminal: bool = False
    can_fail: bool = False
    failure: FailurePolicy = "fail"
    onward: str = ""
    failing: str = ERROR_BRANCH


_SHOWN_BROKEN = 5  # references of one text


class Fields(Reading):
    """The fields of one step while its widget prepares it; gathers targets, prompts, and the variables it reads and stores."""

    __slots__ = (
        "beside_call", "caller_ids", "endpoints", "flow", "flows", "made_of", "needless", "prompts", "queues", "reads", "secret",
        "stores", "switches", "targets",
    )  # fmt: skip

    def __init__(self, step: Step, flow: Flow, findings: list[Finding]) -> None:
        super().__init__(step.fields, findings, step.name)
        self.flow = flow
        self.targets: dict[str, Target] = {}
        self.reads: list[tuple[Reference, int]] = []
        self.stores: list[tuple[str, int]] = []
        self.prompts: list[PromptUse] = []
        self.caller_ids: list[CallerIdUse] = []
        self.endpoints: list[EndpointUse] = []
        self.flows: list[FlowUse] = []
        self.queues: list[QueueUse] = []
        self.made_of: dict[str, tuple[Reference, ...]] = {}
        self.needless: set[str] = set()  # branches that the step, as it is written, never takes
        self.switches: list[SwitchUse] = []
        self.secret = False
        self.beside_call = False  # a step that could make the call brings somebody to the customer instead

    def needs(self, switch: Switch, what: str, field: str = "widget") -> None:
        """The account must be allowed to do this; ``what`` the step does ends a sentence about it."""
        self.switches.append(SwitchUse(switch, what, self.line(field)))

    def template(self, name: str, *, required: bool = False, limit: int = LIMIT_TEXT) -> Template | None:
        """A text with variables, of at most ``limit`` characters as written; None when it is missing."""
        if not self.present(name):
            self.text(name, required=required)
            return None
        return self.as_template(self.text(name, limit=limit), self.line(name))

    def caller_id(self, name: str = "caller_id") -> Template | None:
        """The number that a call shows, None = chosen by the platform; ``anonymous`` shows none."""
        shown = self.template(name)
        if shown is not None and shown.literal is not None and shown.literal.strip() != ANONYMOUS:
            self.caller_ids.append(CallerIdUse(shown.literal.strip(), self.line(name)))
        return shown

    def as_template(self, text: str, line: int) -> Template:
        """This text as a template; unreadable references are findings."""
        template = parse_template(text)
        for broken in template.broken[:_SHOWN_BROKEN]:
            hint = "Write {{ $flow.key.Name }}; namespaces: flow.key, flow.syskey, user.key, user.syskey, call."
            message = f"{{{{ {broken[:64]} }}}} names no variable."
            self.find("variable_unreadable", message, line=line, hint=hint)
        if template.bare:
            hint = "Only {{ $flow.key.Name }} is replaced, with the braces."
            self.find(
                "variable_bare", "A variable without braces is ordinary text.", line=line, hint=hint, severity="warning"
            )
        for reference in template.references:
            if reference.space == "flow.syskey" and reference.name not in SYSTEM_KEYS:
                hint = f"Known: {', '.join(sorted(SYSTEM_KEYS))}."
                self.find("system_variable_unknown", f"There is no {reference}.", line=line, hint=hint)
            if reference.space == "user.syskey" and reference.name not in USER_SYSTEM_KEYS:
                hint = f"Known: {', '.join(sorted(USER_SYSTEM_KEYS))}."
                self.find("system_variable_unknown", f"There is no {reference}.", line=line, hint=hint)
            self.reads.append((reference, line))
        return template

    def stored(self, name: str, line: int, made_of: Sequence[Template] = ()) -> str:
        """The name of a variable that this step sets; reports one that cannot be a name, or would lay a secret open."""
        if not NAME.fullmatch(name):
            hint = "Name it without prefix and braces: a letter or underscore, then letters, digits, underscores."
            self.find("variable_name_invalid", f"{name[:64]!r} cannot name a variable.", line=line, hint=hint)
        self.stores.append((name, line))
        self._made(name, made_of)
        self.secret = self.secret or name in self._secrets()
        used = self.secrets_in(made_of)
        if used and name not in self._secrets():
            hint = f"Declare {name[:64]!r} under `variables:` with `secret: true`."
            message = f"{used[0]} is secret, but {name[:64]!r} would show its value."
            self.find("secret_laid_open", message, line=line, hint=hint)
        return name

    def preferred(self, name: str, line: int, made_of: Sequence[Template]) -> str:
        """The name of a value that this step keeps about the contact; the same reports."""
        self._made(f"user.key.{name}", made_of)
        if not NAME.fullmatch(name):
            hint = "Name it without prefix and braces: a letter or underscore, then letters, digits, underscores."
            self.find("variable_name_invalid", f"{name[:64]!r} cannot name a variable.", line=line, hint=hint)
        if used := self.secrets_in(made_of):
            message = f"{used[0]} is secret, but what is kept about a contact can be read by others."
            self.find("secret_laid_open", message, line=line, hint="Keep something else, such as yes.")
        return name

    def names_flow(self, name: str, flow: Template | None) -> None:
        """The field that names another flow; what the document itself says is looked up in the account."""
        if flow is not None and flow.literal is not None:
            self.flows.append(FlowUse(flow.literal.strip(), self.line(name)))

    def names_queue(self, name: str, queue: Template | None) -> None:
        """The field that names a queue, likewise."""
        if queue is not None and queue.literal is not None:
            self.queues.append(QueueUse(queue.literal.strip(), self.line(name)))

    def _made(self, name: str, made_of: Sequence[Template]) -> None:
        """Keep what a variable is made of: a call that comes from another flow brings secrets of which this one knows nothing."""
        used = tuple(reference for template in made_of for reference in template.references)
        self.made_of[name] = (*self.made_of.get(name, ()), *used)

    def _secrets(self) -> set[str]:
        return {known.name for known in self.flow.variables if known.secret}

    def secrets_in(self, templates: Iterable[Template]) -> list[Reference]:
        """The references to secret variables."""
        secrets = self._secrets()
        return [r for template in templates for r in template.references if r.space == "flow.key" and r.name in secrets]

    def target(self, branch: str, tree: Tree | None, line: int) -> None:
        """Wire a branch to the step that ``tree`` names."""
        if isinstance(tree, Scalar) and not tree.missing:
            self.targets[branch] = Target(tree.text, tree.line)
            return
        hint = f"Name a step, or `{END}`."
        self.find("branch_without_target", f"The branch {branch!r} leads nowhere.", line=line, hint=hint)
