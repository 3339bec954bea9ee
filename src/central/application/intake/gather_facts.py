"""The facts that the records of a request are judged by, made from its grounds (path step 1).

They hold functions and compiled rules, so that each process that judges makes its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from central.application.ports.dispatch import ListState
from central.application.ports.intake import Grounds
from central.domain.accounts import Switch
from central.domain.intake_facts import IntakeFacts, ListVersions
from central.domain.variable_rules import compile_rules
from central.flow.prepared import PreparedFlow, calling_window


def intake_facts(prepared: PreparedFlow, grounds: Grounds) -> IntakeFacts:
    """Everything that the checks of one request depend on besides its rows; ``prepared`` is the version of ``grounds``."""
    policy, account, now = grounds.policy, grounds.account, grounds.now
    scrub = policy.scrubs(prepared.purpose, prepared.channel)
    dnd = account.lists.get("dnd")
    stale = (
        scrub is not None
        and scrub.on_stale == "block"
        and (dnd is None or dnd.fresh_at is None or now - dnd.fresh_at > scrub.max_age)
    )

    @lru_cache(maxsize=4096)
    def opening(due: datetime, zones: tuple[str, ...]) -> datetime | None:
        return calling_window(prepared, policy, zones)[1](due)

    always = not calling_window(prepared, policy, ("UTC",))[0]
    return IntakeFacts(
        now=now,
        country=account.account.country,
        zone=ZoneInfo(prepared.flow.time_zone),
        rules=compile_rules(prepared.flow.variables, prepared.flow.formats.moments),
        testing=grounds.testing,
        marketing=scrub is not None,
        international=account.account.has(Switch.INTERNATIONAL_CALLING),
        strict=prepared.calls.strict_start,
        register_stale=stale,
        registers=scrub.registers if scrub is not None else (),
        reject_duplicates=prepared.calls.duplicates == "reject",
        expires_after=prepared.calls.expires_after,
        end_at=grounds.end_at,
        opening=None if always else opening,
        lists=ListVersions(
            blacklist=_version(account.lists, "blacklist"),
            whitelist=_version(account.lists, "whitelist"),
            dnd=_version(account.lists, "dnd"),
        ),
    )


def _version(lists: Mapping[str, ListState], name: str) -> str:
    state = lists.get(name)
    if state is None:
        return ""
    fresh = f" of {state.fresh_at:%Y-%m-%dT%H:%M:%SZ}" if state.fresh_at else ""
    return f"version {state.version}{fresh}"
