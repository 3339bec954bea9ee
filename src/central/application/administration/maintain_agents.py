"""Agents: who they are, what they can, with which phone they work; and the pause codes that they may give."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, cast
from uuid import UUID

import msgspec

from central.application.administration.acting import Actor, Auditor
from central.application.administration.checks import MAX_NAME, check_at_least, check_name, check_number
from central.application.ports.agents import (
    AgentRow,
    AgentStore,
    PauseCode,
    PauseCodeStore,
)
from central.application.ports.telephony import phone_user
from central.domain.agent_orders import SYSTEM_PAUSE_CODES
from central.domain.errors import InvalidInput, NotFound
from central.domain.statuses import AgentStatus

KINDS: Final = ("dynamic", "direct")
PHONES: Final = ("sip", "number")
MOST_LEVEL: Final = 10
_MOST_GROUPS: Final = 50
_MOST_SKILLS: Final = 50
_MOST_LIMIT_S: Final = 86_400
_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")
_SKILL: Final = re.compile(r"[\w][\w .-]{0,39}(?<! )")
_CODE: Final = re.compile(r"[A-Z][A-Z0-9_]{0,31}")


class NewAgent(msgspec.Struct, frozen=True, kw_only=True):
    """An agent to be made. ``number`` as people write it, "" = none."""

    key: str
    name: str
    kind: str = "dynamic"
    groups: tuple[str, ...] = ()
    skills: Mapping[str, int] = {}
    number: str = ""
    phone: str = "sip"


@dataclass(frozen=True, slots=True)
class MaintainAgents:
    """The agents of an account."""

    store: AgentStore
    auditor: Auditor

    async def create(self, actor: Actor, agent: NewAgent, country: str) -> AgentRow:
        """Store an agent, LOGGED_OUT. Raises InvalidInput, Conflict ``key_taken``."""
        values = _checked(msgspec.structs.asdict(agent), country)
        _check_direct(agent.kind, str(values["number"]), agent.phone)
        now = self.auditor.clock.now()
        made = AgentRow(
            id=self.auditor.ids.uuid(),
            key=agent.key,
            name=agent.name,
            kind=agent.kind,
            groups=agent.groups,
            skills=agent.skills,
            number=str(values["number"]),
            phone=agent.phone,
            has_phone=False,
            status=AgentStatus.LOGGED_OUT,
            since=now.replace(microsecond=now.microsecond // 1000 * 1000),
            reason="created",
            pause_code="",
            wanted="",
            wanted_code="",
            misses=0,
            wrap_up_until=None,
            heard_at=None,
            created_at=now.replace(microsecond=now.microsecond // 1000 * 1000),
        )
        audit = self.auditor.entry(actor, "agent_created", f"agent:{made.id}", key=made.key, name=made.name)
        await self.store.create(actor.account_id, made, audit)
        return made

    async def get(self, actor: Actor, agent_id: UUID) -> AgentRow:
        """Raises NotFound ``agent_not_found``."""
        return found_agent(await self.store.get(actor.account_id, agent_id))

    async def page(self, actor: Actor, after: UUID | None, limit: int) -> Sequence[AgentRow]:
        """Agents in the order they were made."""
        return await self.store.page(actor.account_id, after, limit)

    async def change(self, actor: Actor, agent_id: UUID, changes: Mapping[str, object], country: str) -> AgentRow:
        """Set the named fields; ``skills`` and ``groups`` replace all. Raises InvalidInput, NotFound, Conflict ``key_taken``."""
        values = _checked(changes, country)
        if {"kind", "number", "phone"} & values.keys():
            now = await self.get(actor, agent_id)
            kind, number = str(values.get("kind", now.kind)), str(values.get("number", now.number))
            _check_direct(kind, number, str(values.get("phone", now.phone)))
        audit = self.auditor.entry(actor, "agent_changed", f"agent:{agent_id}", fields=sorted(changes))
        return found_agent(await self.store.change(actor.account_id, agent_id, values, audit))

    async def new_phone(self, actor: Actor, agent_id: UUID) -> tuple[str, str]:
        """Give his SIP phone a new password: user name (always the same) and password, which cannot be had again.

        A phone with the old one can register no more. Raises NotFound ``agent_not_found``.
        """
        password = self.auditor.ids.secret(24)
        audit = self.auditor.entry(actor, "agent_phone_renewed", f"agent:{agent_id}")
        if not await self.store.set_phone_password(actor.account_id, agent_id, password, audit):
            found_agent(None)
        return phone_user(agent_id), password

    async def remove(self, actor: Actor, agent_id: UUID) -> None:
        """Delete an agent, his keys end. Raises NotFound ``agent_not_found``, Conflict ``agent_at_work``."""
        audit = self.auditor.entry(actor, "agent_removed", f"agent:{agent_id}")
        if not await self.store.remove(actor.account_id, agent_id, audit):
            found_agent(None)


@dataclass(frozen=True, slots=True)
class MaintainPauseCodes:
    """The pause codes of an account."""

    store: PauseCodeStore
    auditor: Auditor

    async def all(self, actor: Actor) -> Sequence[PauseCode]:
        """All by code, without those of the system."""
        return await self.store.all(actor.account_id)

    async def put(self, actor: Actor, code: PauseCode) -> PauseCode:
        """Add or change a code. Raises InvalidInput (``invalid_pause_code``, ``reserved_pause_code``, name, limit)."""
        if not _CODE.fullmatch(code.code):
            message = "A pause code has 1 to 32 capital letters, digits and underscores, a letter first."
            raise InvalidInput("invalid_pause_code", message, field="code")
        if code.code in SYSTEM_PAUSE_CODES:
            message = f"The system gives the pause codes {', '.join(sorted(SYSTEM_PAUSE_CODES))} itself."
            raise InvalidInput("reserved_pause_code", message, field="code")
        check_name(code.name)
        check_at_least({"limit_s": code.limit_s}, 0, "limit_s")
        if code.limit_s > _MOST_LIMIT_S:
            raise InvalidInput("value_too_large", f"limit_s is at most {_MOST_LIMIT_S}.", field="limit_s")
        audit = self.auditor.entry(actor, "pause_code_put", f"pause_code:{code.code}", name=code.name)
        await self.store.put(actor.account_id, code, audit)
        return code

    async def remove(self, actor: Actor, code: str) -> None:
        """Delete it; who is paused with it stays paused. Raises NotFound ``pause_code_not_found``."""
        audit = self.auditor.entry(actor, "pause_code_removed", f"pause_code:{code}")
        if not await self.store.remove(actor.account_id, code, audit):
            raise NotFound("pause_code_not_found", "There is no such pause code in this account.")


def found_agent(agent: AgentRow | None) -> AgentRow:
    """The agent. Raises NotFound ``agent_not_found``."""
    if agent is None:
        raise NotFound("agent_not_found", "There is no such agent in this account.")
    return agent


def _checked(changes: Mapping[str, object], country: str) -> dict[str, object]:
    """The same with the number as digits. Raises InvalidInput."""
    values = dict(changes)
    if "key" in values and not _KEY.fullmatch(str(values["key"])):
        message = "A key has 1 to 64 letters, digits and . _ @ + -, a letter or digit first."
        raise InvalidInput("invalid_key", message, field="key")
    if "name" in values:
        check_name(str(values["name"]))
    _check_word(values, "kind", KINDS)
    _check_word(values, "phone", PHONES)
    if values.get("number"):
        values["number"] = check_number(str(values["number"]), country)
    if "groups" in values:
        _check_groups(cast("Collection[str]", values["groups"]))
    if "skills" in values:
        _check_skills(cast("Mapping[str, int]", values["skills"]))
    return values


def _check_word(values: Mapping[str, object], field: Literal["kind", "phone"], words: Sequence[str]) -> None:
    if values.get(field, words[0]) not in words:
        code = "unknown_agent_kind" if field == "kind" else "unknown_phone"
        raise InvalidInput(code, f"{field} is one of {', '.join(words)}.", field=field)


def _check_direct(kind: str, number: str, phone: str) -> None:
    """Who works by telephone needs one; a number of direct dial is nothing else."""
    if phone == "number" and not number:
        raise InvalidInput("number_needed", "An agent who works by telephone needs a number.", field="number")
    if kind == "direct" and phone != "number":
        raise InvalidInput("number_needed", "An agent of kind direct has the phone `number`.", field="phone")


def _check_groups(groups: Collection[str]) -> None:
    if len(groups) > _MOST_GROUPS:
        raise InvalidInput("too_many_groups", f"An agent is in at most {_MOST_GROUPS} groups.", field="groups")
    for group in groups:
        if not group or len(group) > MAX_NAME or group != group.strip() or not group.isprintable():
            message = f"A group has 1 to {MAX_NAME} printable characters."
            raise InvalidInput("invalid_group", message, field="groups")


def _check_skills(skills: Mapping[str, int]) -> None:
    if len(skills) > _MOST_SKILLS:
        raise InvalidInput("too_many_skills", f"An agent has at most {_MOST_SKILLS} skills.", field="skills")
    for name, level in skills.items():
        if not _SKILL.fullmatch(name):
            message = "A skill has 1 to 40 letters, digits, blanks and . - _, and no colon."
            raise InvalidInput("invalid_skill", message, field="skills", skill=name[:40])
        if not 1 <= level <= MOST_LEVEL:
            message = f"The level of a skill is 1 to {MOST_LEVEL}."
            raise InvalidInput("invalid_level", message, field="skills", skill=name)
