"""The guard of webhooks for whoever connects by TCP (port Reach): a name is resolved once, and what it gave is judged."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Sequence

from aiohttp.abc import AbstractResolver

from central.adapters.webhook.addresses import AddressPolicy
from central.adapters.webhook.name_lookup import NameLookup
from central.adapters.webhook.transport import CheckedResolver

_LABEL = re.compile(
    r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE
)  # RFC 1035, 2.3.4; "_" is in use all the same
_NAME_CHARS = 253  # RFC 1035, section 2.3.4: 255 octets on the wire


def is_host_name(name: str) -> bool:
    """Whether a resolver can ask for it."""
    bare = name.removesuffix(".")
    return len(bare) <= _NAME_CHARS and all(_LABEL.fullmatch(label) for label in bare.split("."))


class GuardedReach:
    """Looks names up in threads of its own. ``policy``: what may be reached; ``names``: who resolves."""

    def __init__(self, policy: AddressPolicy, names: AbstractResolver | None = None) -> None:
        self.policy = policy
        self._resolver = CheckedResolver(names if names is not None else NameLookup(), policy)

    def check_host(self, host: str) -> None:
        """Judge without a look-up. Raises AddressRefused for a literal that is not permitted, ValueError for what is no host."""
        self.policy.check_host(host)
        if not _is_address(_bare(host)) and not is_host_name(host):
            raise ValueError(f"{host!r} is neither a host name nor an address")

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        """The judged addresses; see the port."""
        try:
            self.check_host(host)
        except ValueError as error:
            raise OSError(None, str(error)) from error
        if _is_address(_bare(host)):
            return [_bare(host)]
        found = await self._resolver.resolve(host, port, socket.AF_UNSPEC)
        if not found:
            raise OSError(None, f"{host} has no address")
        return [one["host"] for one in found]

    async def close(self) -> None:
        """Start no more look-ups."""
        await self._resolver.close()


def _bare(host: str) -> str:
    return host.removeprefix("[").removesuffix("]")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
