"""Which network addresses a customer's webhook or carrier may lie at: the public internet, and nothing that is ours. Pure.

Step 6 of the path, against server-side request forgery (OWASP SSRF prevention, case 2). The rule is a list of what is
allowed (public unicast), after an address inside an address (IPv4-mapped, 6to4, Teredo, NAT64) has been unpacked.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from central.application.ports.reach import AddressRefused
from central.domain.errors import OperatorError

_GLOBAL_UNICAST = IPv6Network("2000::/3")  # RFC 4291 and the IANA registry: all that is assigned publicly
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address behind a well-known prefix
_NOT_GLOBAL_4 = tuple(
    IPv4Network(net)
    for net in (
        "0.0.0.0/8",  # this network; 0.0.0.0 reaches the machine itself
        "100.64.0.0/10",  # carrier-grade NAT, RFC 6598; 100.100.100.200 is a metadata service
        "168.63.129.16/32",  # a cloud's public address of its host agent and metadata service
        "192.0.0.0/24",  # protocol assignments; 192.0.0.192 is a metadata service
        "192.88.99.0/24",  # 6to4 relays, RFC 7526
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
_NUMERIC_LABEL = re.compile(r"(0[xX][0-9a-fA-F]*|[0-9]+)")


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """``allow_private`` is the setting for development: everything but multicast may then be reached.

    ``allowed`` are networks of the operator's own that customers may reach all the same.
    """

    allow_private: bool = False
    allowed: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    def from_settings(cls, *, allow_private: bool, allowed: Sequence[str]) -> AddressPolicy:
        """Read networks in CIDR form. Raises OperatorError ``bad_webhook_network``."""
        try:
            return cls(allow_private, tuple(ipaddress.ip_network(text) for text in allowed))
        except ValueError as error:
            raise OperatorError("bad_webhook_network", f"Allowed networks of webhooks: {error}.") from error

    def permits(self, address: str) -> bool:
        """Tell whether this IP address (as resolved; may carry a zone) may be connected to."""
        try:
            parsed = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        if self.allow_private:
            return not parsed.is_multicast
        return _is_public(parsed) or any(parsed in network for network in self.allowed)

    def check_host(self, host: str) -> None:
        """Judge the host of a URL before any name lookup; names pass, their addresses are judged after resolving.

        Raises AddressRefused for a literal that is not permitted, and for IPv4 in decimal, octal, hexadecimal or short
        form (``2130706433``, ``0177.0.0.1``, ``0x7f.1``), which resolvers turn into addresses.
        """
        bare = host.removeprefix("[").removesuffix("]").rstrip(".")
        try:
            ipaddress.ip_address(bare.partition("%")[0])
        except ValueError:
            last = bare.rpartition(".")[2]
            if not bare or _NUMERIC_LABEL.fullmatch(last):  # no top-level domain is a number: WHATWG URL, section 3.5
                raise AddressRefused(f"{host} is neither a name nor a plain IP address") from None
            return
        if not self.permits(bare):
            raise AddressRefused(f"{host} is not a public address")


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        refused = any(address in net for net in _NOT_GLOBAL_4)
        return address.is_global and not refused and not address.is_multicast
    inside = _embedded_v4(address)
    if inside:
        return all(_is_public(v4) for v4 in inside)
    return address in _GLOBAL_UNICAST and address.is_global and not address.is_multicast


def _embedded_v4(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses that traffic to this IPv6 address may end at, by translation or tunnel."""
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    if address.teredo is not None:
        return address.teredo
    if address in _NAT64:
        return (IPv4Address(int(address) & 0xFFFF_FFFF),)
    return ()
