"""Agent Connect: let the customer wait in a queue and talk with one of its agents."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from central.domain.accounts import Switch
from central.domain.prompts import PROMPT_NAME
from central.flow.errands import CUSTOMER_LEFT, NOT_CONFIGURED, ConnectAgent
from central.flow.events import FlowEvent
from central.flow.program import Failed, Outcome, PromptUse
from central.flow.tree import Items, Scalar
from central.flow.variables import Template
from central.flow.walk import Walk
from central.flow.widgets.inputs import (
    DurationInput,
    WholeInput,
    name_of,
    read_duration,
    read_name,
    read_whole,
    whisper_of,
)
from central.flow.widgets.spoken import Spoken, read_spoken_at
from central.flow.widgets.widget import Branch, Field, Fields, Widget

LONGEST_WAIT: Final = timedelta(hours=1)
USUAL_WAIT: Final = timedelta(minutes=5)
WAIT_GRACE_S: Final = 60.0
"""The contact center ends the wait itself; only one that is stuck needs this: a last agent who rings, a whisper, a report."""
LIMIT_SKILLS: Final = 20
_SKILL: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_ .-]{0,63}(?::[0-9]{1,2})?")
_BRANCHES: Final = ("agent_allocated", "max_wait_time_reached", "no_agent_available", "queue_full", "agent_lost")


@dataclass(frozen=True, slots=True)
class AgentConnectNode:
    """A prepared Agent Connect step. wired: the branches that lead somewhere."""

    queue: Template
    skills: tuple[Template, ...]
    priority: WholeInput
    max_wait: DurationInput
    music: Template | None
    announce_position: bool
    whisper: Spoken | None
    record: bool
    wired: frozenset[str]

    def enter(self, walk: Walk) -> Outcome:
        """Queue the customer up."""
        if walk.leg.state != "up":
            return Failed("no_leg", "There is no customer to connect.")
        queue = name_of(walk, "queue", self.queue)
        if isinstance(queue, Failed):
            walk.queue_outcome = "no_agent_available"
            return queue
        max_wait_s = self.max_wait.seconds(walk)
        unrecorded = self.record and Switch.RECORDING in walk.facts.lacks
        if unrecorded:
            walk.warn("recording_disabled")
        errand = ConnectAgent(
            queue=queue,
            max_wait_s=max_wait_s,
            skills=skills_of(walk, self.skills),
            priority=self.priority.value(walk),
            music=sound_of(walk, self.music),
            announce_position=self.announce_position,
            whisper=whisper_of(walk, self.whisper),
            record=self.record and not unrecorded,
        )
        walk.send(errand, max_wait_s + WAIT_GRACE_S, stage="waiting")
        return None

    def handle(self, walk: Walk, event: FlowEvent) -> Outcome:
        """The conversation is over, or there was none."""
        done = walk.returned(event)
        if done is None:
            return None
        outcome = "agent_allocated" if done.outcome == CUSTOMER_LEFT else done.outcome
        walk.queue_outcome = outcome if outcome in _BRANCHES else "no_agent_available"
        if done.outcome == NOT_CONFIGURED:
            return Failed("queue_not_configured", "This installation has no contact center.")
        if outcome not in _BRANCHES:
            return Failed(f"agent_connect_{outcome}", done.detail)
        return outcome if outcome in self.wired else "no_agent_available"


def skills_of(walk: Walk, skills: tuple[Template, ...]) -> tuple[str, ...]:
    """The skills now; one that cannot be read is left out with a warning."""
    found: list[str] = []
    for template in skills:
        rendered = walk.render(template)
        if _SKILL.fullmatch(rendered.text.strip()):
            found.append(rendered.text.strip())
        else:
            walk.warn("input_unreadable", field="skills", detail=f"skills: {rendered.shown[:40]!r}")
    return tuple(found)


def sound_of(walk: Walk, music: Template | None) -> str:
    """The prompt's name now, "" = none."""
    if music is None:
        return ""
    name = walk.text(music).strip()
    if PROMPT_NAME.fullmatch(name):
        return name
    walk.warn("prompt_name_invalid", detail=f"{name[:64]!r} is not the name of a prompt.")
    return ""


def _prepare(fields: Fields) -> AgentConnectNode:
    queue = read_name(fields, "queue", required=True)
    fields.names_queue("queue", queue)
    record = fields.flag("record", default=False)
    if record:
        fields.needs(Switch.RECORDING, "records the conversation", "record")
    return AgentConnectNode(
        queue=queue or Template((), ""),
        skills=read_skills(fields),
        priority=read_whole(fields, "priority", 0, 0, 9),
        max_wait=read_duration(fields, "max_wait", USUAL_WAIT, timedelta(seconds=1), LONGEST_WAIT),
        music=read_music(fields),
        announce_position=fields.flag("announce_position", default=False),
        whisper=read_spoken_at(fields, "whisper"),
        record=record,
        wired=frozenset(fields.targets),
    )


def read_skills(fields: Fields) -> tuple[Template, ...]:
    """Read the skills that an agent must have."""
    tree = fields.tree("skills")
    trees = tree.items if isinstance(tree, Items) else () if tree is None else (tree,)
    found = [fields.as_template(one.text, one.line) for one in trees if isinstance(one, Scalar)]
    wrong = [one for one in found if one.literal is not None and not _SKILL.fullmatch(one.literal.strip())]
    if wrong or len(found) != len(trees) or len(trees) > LIMIT_SKILLS:
        message = f"`skills` is a list of at most {LIMIT_SKILLS} names, each with a level if need be."
        fields.find("skills_invalid", message, line=fields.line("skills"), hint='Write ["hindi", "billing:3"].')
    return tuple(found)


def read_music(fields: Fields) -> Template | None:
    """Read the name of a prompt to be heard while somebody waits."""
    found = fields.template("music")
    if found is not None and found.literal is not None:
        if PROMPT_NAME.fullmatch(found.literal):
            fields.prompts.append(PromptUse(found.literal, "en", fields.line("music")))
        else:
            message = f"{found.literal[:64]!r} cannot be the name of a prompt."
            fields.find("prompt_name_invalid", message, line=fields.line("music"), hint="Letters, digits, _ - . and /.")
    return found


AGENT_CONNECT = Widget(
    name="agent_connect",
    title="Agent Connect",
    doc="""Lets the customer wait in a queue until an agent takes the call, and goes on when their conversation is over. Whoever
hangs up in a conversation ends the step normally. If the agent does, the customer is still there, and `agent_allocated` leads
on; if the customer does, steps without media still run on that branch, and when nothing else follows it was the flow's end. A
customer who hangs up while he waits has left the flow. `$flow.syskey.queue_outcome` tells afterwards how the wait ended. A
queue that does not exist or has nobody takes `no_agent_available`; branches that are not wired lead there too. Keys pressed
in a conversation are for the agent: no menu takes them, and the history shows them as `x`.""",
    example="""help:
  widget: agent_connect
  queue: support
  max_wait: 3m
  whisper: {say: "A customer about invoice {{ $flow.key.Invoice }}."}
  on: {agent_allocated: bye, max_wait_time_reached: sorry, no_agent_available: sorry}""",
    prepare=_prepare,
    fields=(
        Field("queue", "name, text with variables", "The queue.", required=True),
        Field("skills", "list, text with variables", "What the agent must have; `billing:3` asks for a level."),
        Field("priority", "0 to 9, text with variables", "Who has more is served first.", "0"),
        Field("max_wait", "1s to 1h, text with variables", "How long the customer waits at most.", "5m"),
        Field("music", "prompt name, text with variables", "What he hears meanwhile.", "the queue's"),
        Field("announce_position", "true or false", "Whether he is told how many are before him.", "false"),
        Field("whisper", "{say: ...} or {file: ...}", "What the agent alone hears before they are joined."),
        Field("record", "true or false", "Whether the conversation is recorded.", "false"),
    ),
    branches=(
        Branch("agent_allocated", "They talked, and the conversation is over.", required=True),
        Branch("max_wait_time_reached", "Nobody took the call in time."),
        Branch("no_agent_available", "Nobody is there who could take it, or it could not be tried.", required=True),
        Branch("queue_full", "Too many wait already."),
        Branch("agent_lost", "The agent's connection broke, and nobody took over."),
    ),
    media=True,
    waits=True,
    can_fail=True,
    failure="fail",
    failing="no_agent_available",
)
