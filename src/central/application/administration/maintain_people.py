"""People of an account: enlist with a role, change role or rights, set a password, end the membership."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from central.application.administration.acting import Actor, Auditor
from central.application.administration.checks import check_email, check_name, check_password, check_role
from central.application.ports.administration import Member, NewPerson, PasswordHasher, PeopleStore
from central.domain.errors import Conflict, InvalidInput, NotFound
from central.domain.rights import GRANTED_SINGLY, Role


@dataclass(frozen=True, slots=True)
class MaintainPeople:
    """The people of an account. An account keeps at least one owner."""

    store: PeopleStore
    hasher: PasswordHasher
    auditor: Auditor

    async def members(self, actor: Actor) -> Sequence[Member]:
        """All members by e-mail address."""
        return await self.store.members(actor.account_id)

    async def enlist(
        self,
        actor: Actor,
        email: str,
        role: str,
        *,
        name: str = "",
        password: str | None = None,
        rights: Sequence[str] = (),
    ) -> Member:
        """Add somebody by e-mail address. Without a password they cannot log in yet; a known person keeps theirs.

        Raises InvalidInput for a bad value, Conflict ``already_member``.
        """
        email, granted = check_email(email), _check_rights(rights)
        if name:
            check_name(name)
        digest = None if password is None else await self.hasher.hash(check_password(password))
        person = NewPerson(self.auditor.ids.uuid(), email, name, digest)
        audit = self.auditor.entry(actor, "person_enlisted", f"person:{email}", role=role, extra_rights=granted)
        return await self.store.enlist(actor.account_id, person, _check_role(role), granted, audit)

    async def change(
        self, actor: Actor, person_id: UUID, role: str | None = None, rights: Sequence[str] | None = None
    ) -> Member:
        """Change role or extra rights. Raises NotFound ``person_not_found``, Conflict ``last_owner``."""
        granted = None if rights is None else _check_rights(rights)
        if role is not None and _check_role(role) != Role.OWNER:
            await self._keep_an_owner(actor, person_id)
        audit = self.auditor.entry(actor, "membership_changed", f"person:{person_id}", role=role, extra_rights=granted)
        member = await self.store.change_membership(actor.account_id, person_id, role, granted, audit)
        return _found(member)

    async def set_password(self, actor: Actor, person_id: UUID, password: str) -> None:
        """Replace a member's password.

        Raises InvalidInput ``weak_password``, NotFound ``person_not_found``, Conflict ``person_of_several_accounts``.
        """
        digest = await self.hasher.hash(check_password(password))
        audit = self.auditor.entry(actor, "password_changed", f"person:{person_id}")
        if not await self.store.set_password(actor.account_id, person_id, digest, audit):
            if any(member.person_id == person_id for member in await self.store.members(actor.account_id)):
                message = "This person belongs to other accounts too; the password is theirs alone to change."
                raise Conflict("person_of_several_accounts", message)
            raise NotFound("person_not_found", "There is no such person in this account.")

    async def remove(self, actor: Actor, person_id: UUID) -> None:
        """End a membership. Raises NotFound ``person_not_found``, Conflict ``last_owner``."""
        await self._keep_an_owner(actor, person_id)
        audit = self.auditor.entry(actor, "membership_ended", f"person:{person_id}")
        if not await self.store.remove_membership(actor.account_id, person_id, audit):
            raise NotFound("person_not_found", "There is no such person in this account.")

    async def _keep_an_owner(self, actor: Actor, leaving: UUID) -> None:
        owners = [m.person_id for m in await self.store.members(actor.account_id) if m.role == Role.OWNER]
        if owners == [leaving]:
            raise Conflict("last_owner", "An account keeps at least one owner.")


def _found(member: Member | None) -> Member:
    if member is None:
        raise NotFound("person_not_found", "There is no such person in this account.")
    return member


def _check_role(role: str) -> str:
    return check_role(role).value


def _check_rights(rights: Sequence[str]) -> list[str]:
    known = {right.value for right in GRANTED_SINGLY}
    unknown = sorted(set(rights) - known)
    if unknown:
        raise InvalidInput("unknown_right", f"{unknown[0]} cannot be granted singly.", field="extra_rights")
    return sorted(set(rights))
