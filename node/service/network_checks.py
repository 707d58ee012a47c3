"""What is wrong with this node's place in the network: a row each for lookups, ways, addresses and ports. Asks nobody.

The rows of the clock and of the peers' versions are in `doctor`; nothing here changes anything or waits.
"""

import socket
from collections import Counter
from typing import Final

from node.control.schema import Check
from node.service.surroundings import way_in
from p2p import AddressError, Discovery, PeerView, Reachability
from p2p.addresses import TcpAddress, parse_address

LOOKUP_OLD_S: Final = 3600.0  # lookups are made every few minutes while there are peers
_RELAYED: Final = "/p2p-circuit"
_REASONS_SHOWN: Final = 3


def lookup_check(found: Discovery, now_s: float, *, peers: int) -> Check:
    """Whether peers that are not connected can be found by their id."""
    known = f"{found.table_peers} in the routing table"
    fix = "It works again once there are other peers: `neurond peers add MULTIADDR`, or join with another invite."
    if found.problem:
        return Check("DHT", "warn", f"{found.problem}; {known}", fix)
    if not found.table_peers:
        return Check("DHT", "warn", "nobody in the routing table: only addresses already known can be dialled", fix)
    if found.looked_up_at_s is None:
        return Check("DHT", "ok", f"{known}, no lookup was due yet")
    age_s = max(0.0, now_s - found.looked_up_at_s)
    if age_s > LOOKUP_OLD_S and peers:
        return Check("DHT", "warn", f"{known}, the last lookup that worked was {age_s / 60:.0f} min ago", fix)
    return Check("DHT", "ok", f"{known}, a lookup worked {age_s:.0f} s ago")


def ways_check(peers: tuple[PeerView, ...], reach: Reachability) -> Check | None:
    """Whether connections come straight or through relays, and why; None without any."""
    if not peers:
        return None
    relayed = [peer for peer in peers if peer.route == "relayed"]
    direct = f"{len(peers) - len(relayed)} direct, {len(relayed)} through a relay"
    if not relayed:
        return Check("ways", "ok", direct)
    reasons = Counter(peer.route_reason or "no reason is known" for peer in relayed)
    shown = "; ".join(f"{reason} ({count})" for reason, count in reasons.most_common(_REASONS_SHOWN))
    if len(relayed) < len(peers) or reach.state == "direct":
        return Check("ways", "ok", f"{direct}: {shown}")
    fix = "Everything works, at a relay's pace. For direct ways open this node's TCP port: " + way_in()
    return Check("ways", "warn", f"{direct}: {shown}", fix)


def relay_check(addresses: tuple[str, ...], reach: Reachability) -> Check | None:
    """Whether a relay holds a place for a node that nobody can dial; None where none is needed."""
    held = [address.split(_RELAYED)[0] for address in addresses if _RELAYED in address]
    if held:
        return Check("relay", "ok", f"a place is held at {', '.join(held)}")
    if reach.state != "unreachable":
        return None
    fix = "Connect to nodes that can be dialled, which relay for others: `neurond peers add MULTIADDR`."
    return Check("relay", "warn", "no relay holds a place for this node", fix)


def reach_check(found: Reachability) -> Check:
    """What peers found when they dialled back; a node that cannot be dialled still works."""
    match found.state:
        case "direct":
            reached = [each.address for each in found.addresses if each.is_direct]
            return Check("reachability", "ok", f"peers can dial {', '.join(reached) or 'this node'}")
        case "not_listening":
            return Check("reachability", "ok", "this node only dials others")
        case "unknown":
            return Check("reachability", "warn", "no peer has tried yet", "Wait a minute, or add peers.")
        case "relayed":
            return Check("reachability", "ok", f"through a relay: {found.reason}")
        case "unreachable":
            return Check("reachability", "warn", found.reason, f"{way_in()} Or run with --listen none.")


def families_check(addresses: tuple[str, ...]) -> Check | None:
    """Which kinds of addresses this node has for others; None for one that listens nowhere."""
    parsed = [each for each in map(_parsed, addresses) if each is not None]
    if not parsed:
        return None
    named = Counter(f"{_scope(each)} {'IPv6' if each.kind == 'ip6' else 'IPv4'}" for each in parsed)
    shown = ", ".join(f"{count} {kind}" for kind, count in sorted(named.items()))
    if all(each.scope == 0 for each in parsed):
        shown += ": only programs on this machine can dial it"
    return Check("addresses", "ok", shown)


def free_ports_check(listen: tuple[str, ...]) -> Check:
    """Whether a stopped node could take its ports again."""
    for text in listen:
        address = _parsed(text)
        if address is None or not address.kind.startswith("ip") or address.port == 0:
            continue
        problem = _taken(address)
        if problem:
            fix = "Stop the program that has it (`ss -ltnp` names it), or start with another --listen address."
            return Check("ports", "bad", f"TCP {address.port} cannot be taken on {address.host}: {problem}", fix)
    fixed = [text for text in listen if not text.endswith("/tcp/0")]
    return Check("ports", "ok", f"{', '.join(fixed)} can be taken" if fixed else "any free port will be taken")


def _taken(address: TcpAddress) -> str:
    """Why the port cannot be taken, empty when it can."""
    family = socket.AF_INET6 if address.kind == "ip6" else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((address.host, address.port))
            trial.listen(1)
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _parsed(text: str) -> TcpAddress | None:
    try:
        return parse_address(text)
    except AddressError:
        return None  # an address of a kind that this row says nothing about, such as one at a relay


def _scope(address: TcpAddress) -> str:
    return ("loopback", "private", "public")[address.scope]
