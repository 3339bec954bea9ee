"""Commands that set up agents and queues, and show and steer who is at work - all through the API."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from cyclopts import App, Parameter

from central.cli.client import call_api, list_all
from central.cli.operate import Json
from central.cli.output import print_rows, print_thing
from central.domain.errors import InvalidInput

agents = App(name="agent", help="Agents: who they are, their skills and phones, their status.")
queues = App(name="queue", help="Queues: how calls wait for agents, and who serves them.")
pause_codes = App(name="pause-code", help="Reasons for breaks.")

Strategy = Literal["ring_all", "round_robin", "longest_idle", "fewest_calls", "random", "linear", "skill_based"]
Phone = Literal["sip", "number"]
Skill = Annotated[list[str] | None, Parameter(help="NAME or NAME:LEVEL, 1 to 10; repeat for several.")]


# -- agents --------------------------------------------------------------------------------------------------------------
@agents.command(name="list")
def list_agents(*, json: Json = False) -> None:
    """Agents with their status."""
    columns = ("id", "key", "name", "kind", "phone", "skills", "status", "since", "pause_code", "queues")
    found = list_all("/agents")
    print_rows("agents", found if json else map(_told, found), columns, as_json=json)


@agents.command(name="show")
def show_agent(agent_id: UUID, *, json: Json = False) -> None:
    """One agent with his status and queues."""
    print_thing(call_api("GET", f"/agents/{agent_id}"), as_json=json)


@agents.command(name="add")
def add_agent(
    key: str,
    name: str,
    *,
    number: str = "",
    phone: Phone | None = None,
    direct: bool = False,
    skill: Skill = None,
    group: list[str] | None = None,
    json: Json = False,
) -> None:
    """Make an agent; with --number he works by that telephone, else by a SIP phone: see `central agent phone`.

    --direct: nobody who sits at a desk, just a number that is called.
    """
    works_with = phone or ("number" if number else "sip")
    body = {
        "key": key, "name": name, "kind": "direct" if direct else "dynamic", "number": number, "phone": works_with,
        "skills": _skills(skill), "groups": group or [],
    }  # fmt: skip
    print_thing(call_api("POST", "/agents", body=body), as_json=json)


@agents.command(name="change")
def change_agent(
    agent_id: UUID,
    *,
    key: str | None = None,
    name: str | None = None,
    number: str | None = None,
    phone: Phone | None = None,
    skill: Skill = None,
    group: list[str] | None = None,
    json: Json = False,
) -> None:
    """Change what is given; --skill and --group replace all."""
    body: dict[str, Any] = {"key": key, "name": name, "number": number, "phone": phone, "groups": group}
    body["skills"] = None if skill is None else _skills(skill)
    given = {field: value for field, value in body.items() if value is not None}
    print_thing(call_api("PATCH", f"/agents/{agent_id}", body=given), as_json=json)


@agents.command(name="phone")
def renew_phone(agent_id: UUID, *, json: Json = False) -> None:
    """Give his SIP phone a new password, shown once; the user name stays."""
    print_thing(call_api("POST", f"/agents/{agent_id}/phone"), as_json=json)


@agents.command(name="remove")
def remove_agent(agent_id: UUID) -> None:
    """Remove an agent who is logged out."""
    call_api("DELETE", f"/agents/{agent_id}")


@agents.command(name="login")
def log_in(agent_id: UUID, *, phone: Phone | None = None, paused: bool = False, json: Json = False) -> None:
    """Log an agent in."""
    body = {"phone": phone, "paused": paused}
    print_thing(call_api("POST", f"/agents/{agent_id}/login", body=body), as_json=json)


@agents.command(name="logout")
def log_out(agent_id: UUID, *, force: bool = False, json: Json = False) -> None:
    """Log an agent out when his call is written up, with --force at once."""
    print_thing(call_api("POST", f"/agents/{agent_id}/logout", body={"force": force}), as_json=json)


@agents.command(name="pause")
def pause(agent_id: UUID, *, code: str = "", json: Json = False) -> None:
    """Pause an agent when his call is written up; without --code it is a supervisor's, FORCED."""
    print_thing(call_api("POST", f"/agents/{agent_id}/pause", body={"code": code}), as_json=json)


@agents.command(name="resume")
def resume(agent_id: UUID, *, json: Json = False) -> None:
    """End a pause."""
    print_thing(call_api("POST", f"/agents/{agent_id}/resume"), as_json=json)


@agents.command(name="end-wrap-up")
def end_wrap_up(agent_id: UUID, *, json: Json = False) -> None:
    """The last call is written up."""
    print_thing(call_api("POST", f"/agents/{agent_id}/end-wrap-up"), as_json=json)


@agents.command(name="history")
def show_history(agent_id: UUID, *, json: Json = False) -> None:
    """Changes of an agent's status, newest first, each with how long the one before lasted."""
    columns = ("at", "from_status", "to_status", "reason", "pause_code", "lasted_ms", "actor")
    print_rows("changes", list_all(f"/agents/{agent_id}/events"), columns, as_json=json)


@agents.command(name="board")
def show_board(*, json: Json = False) -> None:
    """Who is at work, what he does and for how long."""
    columns = (
        "name",
        "agent_key",
        "device",
        "status",
        "pause_state",
        "duration_ms",
        "over_limit",
        "queue",
        "flow",
        "queues",
    )
    print_rows("agents at work", list_all("/board"), columns, as_json=json)


# -- queues --------------------------------------------------------------------------------------------------------------
@queues.command(name="list")
def list_queues(*, json: Json = False) -> None:
    """Queues with their rules."""
    columns = ("id", "name", "strategy", "agents", "ring_timeout_s", "max_wait_s", "max_length", "wrap_up_s", "misses")
    print_rows("queues", list_all("/queues"), columns, as_json=json)


@queues.command(name="show")
def show_queue(queue_id: UUID, *, json: Json = False) -> None:
    """One queue with all its rules."""
    print_thing(call_api("GET", f"/queues/{queue_id}"), as_json=json)


@queues.command(name="add")
def add_queue(
    name: str,
    *,
    strategy: Strategy = "longest_idle",
    ring_timeout_s: int = 20,
    max_wait_s: int = 300,
    max_length: int = 0,
    wrap_up_s: int = 60,
    no_wrap_up: bool = False,
    misses: int = 2,
    ages_s: int = 0,
    caller_id: str = "",
    json: Json = False,
) -> None:
    """Make a queue. --wrap-up-s 0: until a disposition is saved; --misses: offers missed in a row that pause an agent."""
    body: dict[str, Any] = {
        "name": name, "strategy": strategy, "ring_timeout_s": ring_timeout_s, "max_wait_s": max_wait_s, "max_length": max_length,
        "wrap_up_s": wrap_up_s, "misses": misses, "ages_s": ages_s, "caller_id": caller_id,
    }  # fmt: skip
    if no_wrap_up:
        body["wrap_up_s"] = None
    print_thing(call_api("POST", "/queues", body=body), as_json=json)


@queues.command(name="change")
def change_queue(
    queue_id: UUID,
    *,
    name: str | None = None,
    strategy: Strategy | None = None,
    ring_timeout_s: int | None = None,
    max_wait_s: int | None = None,
    max_length: int | None = None,
    wrap_up_s: int | None = None,
    no_wrap_up: bool = False,
    misses: int | None = None,
    ages_s: int | None = None,
    caller_id: str | None = None,
    json: Json = False,
) -> None:
    """Change what is given; calls that wait are served by the new rules."""
    body: dict[str, Any] = {
        "name": name, "strategy": strategy, "ring_timeout_s": ring_timeout_s, "max_wait_s": max_wait_s, "max_length": max_length,
        "wrap_up_s": wrap_up_s, "misses": misses, "ages_s": ages_s, "caller_id": caller_id,
    }  # fmt: skip
    given = {field: value for field, value in body.items() if value is not None}
    if no_wrap_up:
        given["wrap_up_s"] = None
    print_thing(call_api("PATCH", f"/queues/{queue_id}", body=given), as_json=json)


@queues.command(name="remove")
def remove_queue(queue_id: UUID) -> None:
    """Remove a queue in which nobody waits."""
    call_api("DELETE", f"/queues/{queue_id}")


@queues.command(name="agents")
def list_members(queue_id: UUID, *, json: Json = False) -> None:
    """Who serves a queue, by tier and place."""
    columns = ("agent_id", "key", "name", "tier", "place")
    print_rows("agents", list_all(f"/queues/{queue_id}/agents"), columns, as_json=json)


@queues.command(name="assign")
def assign(queue_id: UUID, agent_id: UUID, *, tier: int = 1, place: int = 0, json: Json = False) -> None:
    """Let an agent serve a queue; --tier 1 is asked first, --place is his turn in round robin and linear."""
    answer = call_api("PUT", f"/queues/{queue_id}/agents/{agent_id}", body={"tier": tier, "place": place})
    print_rows("agents", answer["items"], ("agent_id", "key", "name", "tier", "place"), as_json=json)


@queues.command(name="unassign")
def unassign(queue_id: UUID, agent_id: UUID) -> None:
    """Take an agent out of a queue."""
    call_api("DELETE", f"/queues/{queue_id}/agents/{agent_id}")


# -- pause codes ---------------------------------------------------------------------------------------------------------
@pause_codes.command(name="list")
def list_pause_codes(*, json: Json = False) -> None:
    """Pause codes of the account."""
    print_rows("pause codes", list_all("/pause-codes"), ("code", "name", "limit_s", "productive"), as_json=json)


@pause_codes.command(name="add")
def put_pause_code(code: str, name: str, *, limit_s: int = 0, productive: bool = False, json: Json = False) -> None:
    """Add or change a pause code, such as LUNCH; --limit-s: seconds that it should last at most."""
    body = {"name": name, "limit_s": limit_s, "productive": productive}
    print_thing(call_api("PUT", f"/pause-codes/{code}", body=body), as_json=json)


@pause_codes.command(name="remove")
def remove_pause_code(code: str) -> None:
    """Remove a pause code."""
    call_api("DELETE", f"/pause-codes/{code}")


def _skills(written: list[str] | None) -> dict[str, int]:
    """``billing:3`` as name and level; one without a level has level 1. Raises InvalidInput ``invalid_level``."""
    skills: dict[str, int] = {}
    for text in written or []:
        name, _, level = text.partition(":")
        if level and not level.strip().isdecimal():
            raise InvalidInput("invalid_level", f"{text!r}: a level is a number, as in billing:3.", field="skill")
        skills[name.strip()] = int(level or 1)
    return skills


def _told(agent: dict[str, Any]) -> dict[str, Any]:
    """The same with queues by name."""
    return agent | {"queues": [queue["name"] for queue in agent["queues"]]}
