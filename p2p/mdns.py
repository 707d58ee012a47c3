"""Finding peers on the local network by multicast DNS: each node says where it listens and which network it is of.

Records prove nothing, anybody on the wire can send them: they only name candidates to dial, on private addresses alone,
and the handshake proves who is there. The library runs in a thread of its own; nothing of it is called on the loop.
"""

import ipaddress
import logging
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import trio

from p2p import limits
from p2p.addresses import TcpAddress, check_peer_id, concrete_addresses, parse_address
from p2p.api import Network
from p2p.errors import AddressError, P2PError

if TYPE_CHECKING:
    from zeroconf import ServiceInfo, ServiceStateChange, Zeroconf

SERVICE = "_neurond._tcp.local."

_PRIVATE_SCOPE = 1
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Lan:
    """What multicast DNS does now, for screens: the interfaces it uses, and how many peers it led to."""

    interfaces: tuple[str, ...] = ()
    found: int = 0
    problem: str = ""


def lan_interfaces(addresses: Iterable[str], *, listens: bool) -> tuple[str, ...]:
    """The private IPv4 addresses of this machine on which a node with these addresses is to be found.

    None for a node on loopback or public addresses; one that listens nowhere looks around where it would dial from.
    """
    known = [parse_address(text) for text in addresses if text.startswith("/ip4/")]
    if not listens:
        known = list(concrete_addresses(TcpAddress("ip4", "0.0.0.0", 0)))
    private = dict.fromkeys(each.host for each in known if each.scope == _PRIVATE_SCOPE)
    return tuple(private)[: limits.MDNS_INTERFACES_MAX]


async def find_on_lan(
    network: Network,
    tag: str,
    interfaces: Sequence[str],
    lan: Lan,
    *,
    may_dial: Callable[[str], bool] | None = None,
) -> None:
    """Announce this node on `interfaces` and dial peers of the same `tag` that appear there, until cancelled.

    `tag` names the network (16 hex digits); `may_dial` says which hosts are fit to dial, private ones unless told.
    Where multicast does not work this is told in `lan` and in the log, and the node goes on without.
    """
    lan.interfaces = tuple(interfaces)
    if not interfaces:
        return
    send, appeared = trio.open_memory_channel[str](limits.MDNS_WAITING_MAX)
    listener = _Listener(send, trio.lowlevel.current_trio_token())
    try:
        zeroconf = await trio.to_thread.run_sync(_start, network, tag, tuple(interfaces), listener)
    except (OSError, RuntimeError, ValueError) as error:
        lan.problem = f"multicast DNS does not work here: {error}"
        _log.warning("%s; peers on the local network are not found by themselves", lan.problem)
        return
    try:
        async with trio.open_nursery() as nursery:
            dialling: set[str] = set()
            seeker = _Seeker(network, zeroconf, tag, lan, may_dial or is_private, dialling)
            async for name in appeared:
                if len(dialling) < limits.MDNS_DIALS_AT_ONCE and name not in dialling:
                    dialling.add(name)
                    nursery.start_soon(seeker.look_at, name)
    finally:
        with trio.move_on_after(limits.MDNS_STOP_S, shield=True):
            await trio.to_thread.run_sync(zeroconf.close, abandon_on_cancel=True)


def is_private(host: str) -> bool:
    """Whether a host is of a local network: not this machine, not the internet."""
    return TcpAddress("ip6" if ":" in host else "ip4", host, 1).scope == _PRIVATE_SCOPE


def addresses_of(info: "ServiceInfo", own_peer_id: str, tag: str, may_dial: Callable[[str], bool]) -> list[TcpAddress]:
    """The addresses worth dialling in a record, none when it is of another network, of ourselves, or nonsense."""
    told = {key: value or b"" for key, value in info.properties.items()}
    try:
        peer_id = check_peer_id(told.get(b"id", b"").decode("ascii", "replace"))
    except AddressError:
        return []
    if peer_id == own_peer_id or told.get(b"net") != tag.encode() or not 0 < (info.port or 0) <= 65_535:
        return []
    plain = [host for host in info.parsed_addresses() if "%" not in host]  # link-local ones need an interface
    hosts = [host for host in plain[: limits.ADDRESSES_PER_PEER] if may_dial(host)]
    return [TcpAddress("ip6" if ":" in host else "ip4", host, int(info.port or 0), peer_id) for host in hosts]


class _Listener:
    """Called in the library's thread; passes names on to the loop."""

    def __init__(self, send: trio.MemorySendChannel[str], token: trio.lowlevel.TrioToken) -> None:
        self._send = send
        self._token = token

    def __call__(self, zeroconf: "Zeroconf", service_type: str, name: str, state_change: "ServiceStateChange") -> None:
        if state_change.name == "Removed":
            return
        try:
            self._token.run_sync_soon(self._pass_on, name)
        except trio.RunFinishedError:
            _log.debug("a peer appeared after the end")

    def _pass_on(self, name: str) -> None:
        try:
            self._send.send_nowait(name)
        except (trio.WouldBlock, trio.BrokenResourceError):
            _log.debug("too many peers appear at once; %s is left out", name[:64])


class _Seeker:
    """Looks at one appearance after another."""

    def __init__(
        self, network: Network, zeroconf: "Zeroconf", tag: str, lan: Lan, may_dial: Callable[[str], bool],
        dialling: set[str],
    ) -> None:  # fmt: skip
        self._network = network
        self._zeroconf = zeroconf
        self._tag = tag
        self._lan = lan
        self._may_dial = may_dial
        self._dialling = dialling
        self._rng = random.Random()

    async def look_at(self, name: str) -> None:
        """Resolve a name and dial who is there, a few times; both sides see each other at once, so wait a bit first."""
        try:
            for attempt in range(limits.MDNS_TRIES):
                await trio.sleep(limits.MDNS_PAUSE_S * attempt * 4 + self._rng.uniform(0.0, limits.MDNS_PAUSE_S))
                info = await trio.to_thread.run_sync(self._resolve, name, abandon_on_cancel=True)
                addresses = [] if info is None else self._worth_dialling(info)
                if info is not None and not addresses:
                    return
                if await self._dial(addresses):
                    return
        finally:
            self._dialling.discard(name)

    def _worth_dialling(self, info: "ServiceInfo") -> list[TcpAddress]:
        connected = {peer.peer_id for peer in self._network.peers()}
        found = addresses_of(info, self._network.peer_id, self._tag, self._may_dial)
        if len(connected) >= limits.PEERS_TARGET:
            return []
        return [each for each in found if each.peer_id not in connected]

    async def _dial(self, addresses: list[TcpAddress]) -> bool:
        for address in addresses:
            try:
                await self._network.dial(str(address))
            except P2PError as error:
                _log.debug("%s appeared and cannot be dialled: %s", address, error)
                continue
            self._lan.found += 1
            _log.info("found %s on the local network", address.peer_id)
            return True
        return False

    def _resolve(self, name: str) -> "ServiceInfo | None":
        from zeroconf import Error

        try:
            return self._zeroconf.get_service_info(SERVICE, name, timeout=int(limits.MDNS_RESOLVE_S * 1000))
        except (Error, OSError, RuntimeError, ValueError) as error:
            _log.debug("%s cannot be resolved: %s", name[:64], error)
            return None


def _start(network: Network, tag: str, interfaces: tuple[str, ...], listener: _Listener) -> "Zeroconf":
    """Open sockets, announce, listen; blocks for about a second. Raises OSError, RuntimeError, ValueError."""
    from zeroconf import Error, IPVersion, ServiceBrowser, ServiceInfo, Zeroconf

    zeroconf = Zeroconf(interfaces=list(interfaces), ip_version=IPVersion.V4Only)
    try:
        own = [parse_address(text) for text in network.addresses]
        reachable = [each for each in own if each.host in interfaces and each.relay_id is None]
        if reachable:
            info = ServiceInfo(
                SERVICE,
                f"{network.peer_id}.{SERVICE}",
                port=reachable[0].port,
                addresses=[ipaddress.ip_address(host).packed for host in {each.host for each in reachable}],
                properties={"net": tag, "id": network.peer_id},
                server=f"neurond-{network.peer_id[-12:].lower()}.local.",
            )
            zeroconf.register_service(info)
        ServiceBrowser(zeroconf, SERVICE, handlers=[listener])
    except Error as error:
        zeroconf.close()
        raise RuntimeError(str(error) or type(error).__name__) from error
    except BaseException:
        zeroconf.close()
        raise
    return zeroconf
