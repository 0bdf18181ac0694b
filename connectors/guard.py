"""Keeps a webhook from being aimed at our own network: which addresses a request may go to (SSRF).

A name is resolved once, every address it has must be one of the open internet, and the request then goes to that very
address, so that a second answer of the name server cannot change where it goes.
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052


class ForbiddenAddressError(ValueError):
    """A host that is, or resolves to, an address that is not of the open internet."""


def resolve(host: str, port: int, *, allow_private: bool) -> str:
    """The address to connect to.

    Raises:
        OSError: the name has no address.
        ForbiddenAddressError: one of its addresses is not globally routable, and that is not allowed.

    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not allow_private:
        for address in addresses:
            if not is_open(address):
                raise ForbiddenAddressError(f"{host} must be an address of the open internet, got {address}")
    return addresses[0]


def is_open(address: str) -> bool:
    """Whether an address is globally routable, also where one hides in another."""
    parsed = ip_address(address.partition("%")[0])
    return all(one.is_global and not one.is_multicast for one in (parsed, *_hidden(parsed)))


def _hidden(address: IPv4Address | IPv6Address) -> list[IPv4Address]:
    """IPv4 addresses inside an IPv6 one: mapped, 6to4, Teredo (server and client), NAT64."""
    if isinstance(address, IPv4Address):
        return []
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64:
        found.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return [one for one in found if one is not None]
