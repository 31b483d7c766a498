"""The address that a request comes from: the peer's, or what the proxies that are trusted say of it."""

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

HOME = 64
"""Bits of an IPv6 address that one household or host has for itself: who has one address has all of them."""

Address = IPv4Address | IPv6Address


@dataclass(frozen=True)
class Proxies:
    """The networks of the proxies in front of us, which alone are believed."""

    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    def written(cls, networks: str) -> "Proxies":
        """Of a list like `10.0.0.0/8, 192.168.1.7`. Raises ValueError where one is no network."""
        return cls(tuple(ip_network(each.strip()) for each in networks.split(",") if each.strip()))

    def client(self, peer: str, forwarded: str) -> str:
        """Where a request comes from: the nearest address that is no proxy's.

        `forwarded`: X-Forwarded-For, to which each proxy has added whom it heard. What is before the first address
        that we need not believe, anybody may have written.
        """
        if not self.networks:
            return peer
        nearest = peer
        for hop in reversed(forwarded.split(",")):
            said = _read(hop.strip())
            if not self.trusts(nearest) or said is None:
                break
            nearest = str(said)
        return nearest

    def trusts(self, address: str) -> bool:
        """Whether this is the address of such a proxy."""
        read = _read(address)
        return read is not None and any(read in network for network in self.networks)


def _read(address: str) -> Address | None:
    """None where it is no address; one of IPv4 in the clothes of IPv6 is what it is."""
    try:
        read = ip_address(address)
    except ValueError:
        return None
    return getattr(read, "ipv4_mapped", None) or read


@lru_cache(maxsize=4096)
def home(address: str) -> str:
    """What is counted as one: an IPv4 address, or the network around one of IPv6."""
    read = _read(address)
    return str(IPv6Network((read, HOME), strict=False)) if isinstance(read, IPv6Address) else str(read or address)
