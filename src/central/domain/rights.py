"""Who may do what: roles, rights and the table between them (domain 1.6).

The API, CLI and console ask ``may``; an API key carries a subset of a role's rights as its scopes.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from central.domain.errors import InvalidInput


class Role(StrEnum):
    """What a user is in an account; support is the operator's staff."""

    OWNER = "owner"
    ADMIN = "admin"
    FLOW_DESIGNER = "flow_designer"
    CAMPAIGN_MANAGER = "campaign_manager"
    REPORT_VIEWER = "report_viewer"
    SUPERVISOR = "supervisor"
    AGENT = "agent"
    SUPPORT = "support"


class Right(StrEnum):
    """One thing that may be done, ``<thing>:<act>``; also the scope names of API keys."""

    ACCOUNT_READ = "account:read"
    ACCOUNT_CHANGE = "account:change"
    ACCOUNT_CLOSE = "account:close"
    BILLING = "billing:change"
    ADMINS_NAME = "admins:name"
    USERS_READ = "users:read"
    USERS_CHANGE = "users:change"
    KEYS_CHANGE = "keys:change"
    LISTS_READ = "lists:read"
    LISTS_CHANGE = "lists:change"
    CONTACTS_READ = "contacts:read"
    CONTACTS_CHANGE = "contacts:change"
    NUMBERS_READ = "numbers:read"
    NUMBERS_CHANGE = "numbers:change"
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_CHANGE = "webhooks:change"
    FLOWS_READ = "flows:read"
    FLOWS_EDIT = "flows:edit"
    FLOWS_TEST = "flows:test"
    FLOWS_PUBLISH = "flows:publish"
    MESSAGES_READ = "messages:read"
    MESSAGES_SEND = "messages:send"
    REQUESTS_READ = "requests:read"
    REQUESTS_LOAD = "requests:load"
    REQUESTS_CONTROL = "requests:control"
    REPORTS_READ = "reports:read"
    NUMBERS_UNMASK = "numbers:unmask"
    RECORDINGS_DOWNLOAD = "recordings:download"
    CALL_CENTRE_CHANGE = "call_centre:change"
    PACING_CHANGE = "pacing:change"
    AGENTS_SUPERVISE = "agents:supervise"
    DESK = "desk:use"


GRANTED_SINGLY: Final = frozenset(
    {Right.NUMBERS_UNMASK, Right.RECORDINGS_DOWNLOAD, Right.FLOWS_PUBLISH, Right.PACING_CHANGE}
)
_READ: Final = frozenset(
    {
        Right.ACCOUNT_READ,
        Right.LISTS_READ,
        Right.CONTACTS_READ,
        Right.NUMBERS_READ,
        Right.WEBHOOKS_READ,
        Right.FLOWS_READ,
        Right.MESSAGES_READ,
        Right.REQUESTS_READ,
        Right.REPORTS_READ,
    }
)
_OWNER_ONLY: Final = frozenset({Right.ACCOUNT_CHANGE, Right.ACCOUNT_CLOSE, Right.BILLING, Right.ADMINS_NAME})
_REPORTS: Final = frozenset({Right.MESSAGES_READ, Right.REQUESTS_READ, Right.REPORTS_READ})

ROLE_RIGHTS: Final[dict[Role, frozenset[Right]]] = {
    Role.OWNER: frozenset(Right),
    Role.ADMIN: frozenset(Right) - _OWNER_ONLY - {Right.NUMBERS_UNMASK, Right.RECORDINGS_DOWNLOAD, Right.PACING_CHANGE},
    Role.FLOW_DESIGNER: frozenset(
        {Right.FLOWS_READ, Right.FLOWS_EDIT, Right.FLOWS_TEST, Right.NUMBERS_READ, Right.WEBHOOKS_READ, *_REPORTS}
    ),
    Role.CAMPAIGN_MANAGER: frozenset(
        {
            Right.FLOWS_READ,
            Right.LISTS_READ,
            Right.CONTACTS_READ,
            Right.CONTACTS_CHANGE,
            Right.REQUESTS_LOAD,
            Right.REQUESTS_CONTROL,
            Right.MESSAGES_SEND,
            *_REPORTS,
        }
    ),
    Role.REPORT_VIEWER: _REPORTS,
    Role.SUPERVISOR: frozenset({Right.AGENTS_SUPERVISE, Right.DESK, *_REPORTS}),
    Role.AGENT: frozenset({Right.DESK}),
    Role.SUPPORT: _READ | {Right.USERS_READ},
}


def rights_of(roles: Iterable[Role], extra: Iterable[Right] = ()) -> frozenset[Right]:
    """The rights of a user: those of all roles and what was granted singly.

    Raises InvalidInput ``right_not_grantable`` for an extra right that only a role can bring.
    """
    added = frozenset(extra)
    if not added <= GRANTED_SINGLY:
        names = ", ".join(sorted(added - GRANTED_SINGLY))
        raise InvalidInput("right_not_grantable", f"These rights come with a role only: {names}.")
    return added.union(*(ROLE_RIGHTS[role] for role in roles))


def scopes_of(role: Role, scopes: Iterable[str]) -> frozenset[Right]:
    """The rights of an API key: a subset of its role's. Raises InvalidInput ``unknown_scope``, ``scope_beyond_role``."""
    wanted = frozenset(scopes)
    unknown = sorted(wanted - set(Right))
    if unknown:
        raise InvalidInput("unknown_scope", f"There is no scope {unknown[0]!r}.", scope=unknown[0])
    rights = frozenset(Right(scope) for scope in wanted)
    beyond = sorted(rights - ROLE_RIGHTS[role])
    if beyond:
        raise InvalidInput("scope_beyond_role", f"The role {role} does not have {beyond[0]}.", scope=str(beyond[0]))
    return rights


def may(rights: frozenset[Right], right: Right) -> bool:
    """Tell whether a holder of these rights may do it."""
    return right in rights
