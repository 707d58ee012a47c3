"""Multiaddresses as far as this package speaks them: /ip4|ip6|dns.../<host>/tcp/<port>[/p2p/<peer id>], and the same
with /p2p/<relay>/p2p-circuit in front of the last part for a peer that is reached through a relay.

Parsed here by hand, with bounds, because most of them come from peers. Every other transport is refused.
"""

import ipaddress
import re
import socket
from dataclasses import dataclass, replace

from p2p import base58, limits
from p2p.errors import AddressError

_DNS_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_HOST_KINDS = ("ip4", "ip6", "dns", "dns4", "dns6")
_LOOPBACK, _PRIVATE, _PUBLIC = 0, 1, 2


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """A TCP endpoint and, when known, the peer expected there, or behind the relay there."""

    kind: str
    host: str
    port: int
    peer_id: str | None = None
    relay_id: str | None = None
    """The relay at this endpoint through which the peer is reached; None for the peer's own endpoint."""

    def __str__(self) -> str:
        circuit = "" if self.relay_id is None else f"/p2p/{self.relay_id}/p2p-circuit"
        suffix = "" if self.peer_id is None else f"/p2p/{self.peer_id}"
        return f"/{self.kind}/{self.host}/tcp/{self.port}{circuit}{suffix}"

    def with_peer(self, peer_id: str) -> "TcpAddress":
        """The same endpoint, naming the peer expected there."""
        return replace(self, peer_id=peer_id)

    def through(self, relay_id: str) -> "TcpAddress":
        """Behind the relay at this endpoint; the peer is yet to be named."""
        return replace(self, peer_id=None, relay_id=relay_id)

    @property
    def relay(self) -> "TcpAddress":
        """The endpoint of the relay. Only for an address with a relay."""
        return replace(self, peer_id=self.relay_id, relay_id=None)

    @property
    def scope(self) -> int:
        """0 this machine, 1 a private network, 2 the internet (DNS names count as the internet)."""
        if not self.kind.startswith("ip"):
            return _PUBLIC
        ip = ipaddress.ip_address(self.host)
        if ip.is_loopback:
            return _LOOPBACK
        return _PUBLIC if ip.is_global else _PRIVATE

    @property
    def is_dialable(self) -> bool:
        """Whether anybody could connect to it: a port, and neither an unspecified nor a multicast address.

        Nor a link-local one of IPv6, which means nothing without the name of an interface.
        """
        if self.port == 0:
            return False
        if not self.kind.startswith("ip"):
            return True
        ip = ipaddress.ip_address(self.host)
        if ip.is_loopback:
            return True  # Python counts ::1 among the reserved ones
        needs_interface = ip.version == 6 and ip.is_link_local
        return not (ip.is_unspecified or ip.is_multicast or ip.is_reserved or needs_interface)


def parse_address(text: str) -> TcpAddress:
    """The endpoint named by a multiaddress. Raises AddressError that says what is wrong."""
    if len(text) > limits.ADDRESS_MAX_BYTES:
        raise AddressError(f"the address is longer than {limits.ADDRESS_MAX_BYTES} characters")
    parts = text.split("/")
    if len(parts) not in (5, 7, 8, 10) or parts[0] or parts[1] not in _HOST_KINDS or parts[3] != "tcp":
        raise AddressError(f"{text!r} is not a TCP multiaddress; write /ip4/<address>/tcp/<port>/p2p/<peer id>")
    relay_id = peer_id = None
    if len(parts) in (8, 10) and parts[7] == "p2p-circuit":
        relay_id = _check_peer(text, parts[5:7])
        del parts[5:8]
    if len(parts) == 7:
        peer_id = _check_peer(text, parts[5:])
    elif len(parts) != 5:
        raise AddressError(f"{text!r} uses /{parts[7]}; only plain TCP addresses and relays are supported")
    if relay_id is not None and relay_id == peer_id:
        raise AddressError(f"{text!r} names a peer as its own relay")
    return TcpAddress(parts[1], _check_host(parts[1], parts[2]), _check_port(parts[4]), peer_id, relay_id)


def check_peer_id(text: str) -> str:
    """`text` if it is a well-formed base58 peer id. Raises AddressError."""
    try:
        raw = base58.decode(text) if len(text) <= 64 else b""
    except ValueError as error:
        raise AddressError(f"{text[:64]!r} is not a peer id: {error}") from error
    sha256 = len(raw) == 34 and raw.startswith(b"\x12\x20")
    inlined = 2 < len(raw) <= 44 and raw[0] == 0 and raw[1] == len(raw) - 2
    if not (sha256 or inlined):
        like = "it begins with 12D3Koo and has 52 characters"
        raise AddressError(f"{text[:64]!r} is not a peer id: a part is missing or mistyped ({like})")
    return text


def concrete_addresses(address: TcpAddress) -> tuple[TcpAddress, ...]:
    """`address`, with 0.0.0.0 or :: replaced by the addresses this machine has; loopback comes last."""
    if not address.kind.startswith("ip") or not ipaddress.ip_address(address.host).is_unspecified:
        return (address,)
    if address.kind == "ip4":
        hosts = [_outgoing_host(socket.AF_INET, "192.0.2.1"), "127.0.0.1"]
    else:
        hosts = [_outgoing_host(socket.AF_INET6, "2001:db8::1"), "::1"]
    return tuple(replace(address, host=host) for host in dict.fromkeys(hosts) if host is not None)


def _check_peer(text: str, parts: list[str]) -> str:
    if parts[0] != "p2p":
        raise AddressError(f"{text!r} uses /{parts[0]}; only plain TCP addresses and relays are supported")
    return check_peer_id(parts[1])


def _check_host(kind: str, host: str) -> str:
    if not kind.startswith("ip"):
        labels = host.removesuffix(".").split(".")
        if len(host) > 253 or not all(_DNS_LABEL.fullmatch(label) for label in labels):
            raise AddressError(f"{host[:64]!r} is not a DNS name")
        return host
    if "%" in host:
        raise AddressError(f"{host[:64]!r} names an interface of this machine; write an address without %")
    try:
        return str(ipaddress.IPv4Address(host) if kind == "ip4" else ipaddress.IPv6Address(host))
    except ValueError as error:
        hint = "; leave out the brackets" if host.startswith("[") else ""
        raise AddressError(f"{host[:64]!r} is not an {kind} address{hint}") from error


def _check_port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65_535):
        raise AddressError(f"{text[:16]!r} is not a TCP port, which is a number up to 65535")
    return int(text)


def _outgoing_host(family: socket.AddressFamily, documentation_host: str) -> str | None:
    """The address this machine would send from, learnt without sending: connecting a UDP socket only picks a route."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((documentation_host, 9))
            return str(probe.getsockname()[0])
    except OSError:
        return None
