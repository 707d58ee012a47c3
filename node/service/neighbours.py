"""The peers of a running node as the control API shows and manages them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio

from node.control.schema import AddressReach, BanInfo, PeerInfo, Reachability
from node.primitives.address import to_ss58
from node.service.errors import Unknown
from p2p import Ban

if TYPE_CHECKING:
    from node.service.app import Running

BY_HAND: Final = "banned by hand"


def connected_peers(running: Running) -> tuple[PeerInfo, ...]:
    """Return the connected peers, with the hotkey of those whose seat names their peer id."""
    graph = None if running.netuid is None else running.reader.metagraph(running.netuid)
    seats = {} if graph is None else {row.peer_id: row for row in graph.rows if row.peer_id}
    now_s = trio.current_time()
    return tuple(
        PeerInfo(
            peer_id=peer.peer_id,
            addresses=peer.addresses,
            direction=peer.direction,
            agent=peer.agent,
            score=peer.score,
            connected_s=max(0.0, now_s - peer.connected_at_s),
            latency_ms=peer.latency_ms,
            height=running.syncer.height_of(peer.peer_id),
            hotkey=to_ss58(seats[peer.peer_id].hotkey) if peer.peer_id in seats else None,
            route=peer.route,
            route_reason=peer.route_reason,
        )
        for peer in running.network.peers()
    )


async def add_peer(running: Running, address: str) -> PeerInfo:
    """Connect to a multiaddress and return the peer there. Raises P2PError, Unknown when it leaves at once."""
    peer_id = await running.network.dial(address.strip())
    for peer in connected_peers(running):
        if peer.peer_id == peer_id:
            return peer
    raise Unknown(f"{peer_id} answered and hung up again.", remedy="It may be full; try again, or another peer.")


def lift_ban(running: Running, peer_id: str) -> BanInfo:
    """Lift the ban of a peer and return it. Raises Unknown when there is none."""
    for ban in running.network.bans():
        if ban.peer_id == peer_id:
            running.network.unban(peer_id)
            return ban_view(ban)
    raise Unknown(f"{peer_id} is not banned.", remedy="`neurond peers list` shows who is.")


def reachability_view(running: Running) -> Reachability:
    """Return what peers found when they dialled back."""
    found = running.network.reachability()
    return Reachability(
        state=found.state,
        reason=found.reason,
        addresses=tuple(AddressReach(a.address, a.reached_by, a.asked, a.problem) for a in found.addresses),
        checked_s_ago=None if found.checked_at_s is None else max(0.0, trio.current_time() - found.checked_at_s),
    )


def ban_view(ban: Ban) -> BanInfo:
    """Return a ban as the API tells it."""
    return BanInfo(ban.peer_id, ban.remaining_s, ban.reason)
