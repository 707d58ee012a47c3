"""The peers of a running node as the control API shows and manages them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import trio

from node.control.schema import AddressReach, BanInfo, PeerInfo, PeerPing, Reachability
from node.primitives.address import to_ss58
from node.service.errors import BadAddress, NobodyAnswered, Unknown
from node.service.first_answer import first_answer
from node.service.invite import looks_like_invite
from p2p import AddressError, Ban, BannedError, Network
from p2p.addresses import check_peer_id

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


async def add_peer(running: Running, target: str) -> PeerInfo:
    """Connect to a multiaddress, or to a peer id wherever others know it, and return the peer there.

    Raises:
        BadAddress: `target` is neither. NobodyAnswered: says why. Unknown: nobody knows the id, or it leaves at once.
        P2PError: the peer is banned.
    """
    target = target.strip()
    _refuse_banned(running.network, target)
    addresses = (
        await _found(running.network, target) if _is_peer_id(target) else (checked_address(running.network, target),)
    )

    async def connected(peer_id: str) -> str:
        return peer_id

    outcome = await first_answer(running.network, addresses, connected)
    if outcome.answer is None:
        for each in outcome.failed:
            if isinstance(each.error, AddressError):
                raise BadAddress(f"{str(each.error).partition(';')[0]}.")  # what follows is told by the remedy
        raise NobodyAnswered(f"Nobody answered ({outcome.tried()}).", remedy=outcome.advice())
    for peer in connected_peers(running):
        if peer.peer_id == outcome.answer:
            return peer
    raise Unknown(f"{outcome.answer} answered and hung up again.", remedy="It may be full; try again, or another peer.")


async def ping_peer(running: Running, peer_id: str) -> PeerPing:
    """Measure a round trip. Raises Unknown for a peer that is not connected, P2PError when it does not answer."""
    network = running.network
    if peer_id == network.peer_id:
        raise Unknown("That is this node itself.", remedy="`neurond peers list` shows the others.")
    if all(peer.peer_id != peer_id for peer in network.peers()):
        remedy = "`neurond peers list` shows who is; `neurond peers add` connects to one."
        raise Unknown(f"{peer_id} is not connected.", remedy=remedy)
    return PeerPing(peer_id, await network.ping(peer_id))


def lift_ban(running: Running, peer_id: str) -> BanInfo:
    """Lift the ban of a peer and return it. Raises Unknown when there is none."""
    for ban in running.network.bans():
        if ban.peer_id == peer_id:
            running.network.unban(peer_id)
            return ban_view(ban)
    raise Unknown(f"{peer_id} is not banned.", remedy="`neurond peers bans` shows who is.")


def reachability_view(running: Running) -> Reachability:
    """Return what peers found when they dialled back."""
    found = running.network.reachability()
    return Reachability(
        state=found.state,
        reason=found.reason,
        addresses=tuple(AddressReach(a.address, a.reached_by, a.asked, a.problem) for a in found.addresses),
        checked_s_ago=None if found.checked_at_s is None else max(0.0, trio.current_time() - found.checked_at_s),
    )


def _refuse_banned(network: Network, target: str) -> None:
    """Say that this node itself keeps a peer out, and how to change that (BannedError)."""
    for ban in network.bans():
        if target.endswith(ban.peer_id):
            raise BannedError(f"{ban.peer_id} is banned here ({ban.reason}); lift it with `neurond peers unban` first")


async def _found(network: Network, peer_id: str) -> tuple[str, ...]:
    """Where others know a peer. Raises Unknown when nobody does."""
    if peer_id == network.peer_id:
        raise BadAddress("That is this node itself.", remedy="Name another node.")
    addresses = await network.find(peer_id)
    if not addresses:
        remedy = "Ask for its address, or for an invite: `neurond invite` prints one there."
        raise Unknown(f"Nobody who was asked knows where {peer_id} is.", remedy=remedy)
    return addresses


def checked_address(network: Network, address: str) -> str:
    """Return the address, when it is one that could be dialled. Raises BadAddress with what to write instead."""
    if looks_like_invite(address):
        raise BadAddress("This is an invite.", remedy="Use it with `neurond join`.")
    if re.fullmatch(r"[^/\s]+:\d{1,5}", address):
        host, _, port = address.rpartition(":")
        kind = "ip4" if re.fullmatch(r"[\d.]+", host) else "dns"
        raise BadAddress(
            f"{address} does not say who listens there.", remedy=f"Write /{kind}/{host}/tcp/{port}/p2p/<peer id>."
        )
    if "/p2p/" not in address:
        remedy = "Add /p2p/ and the peer id that `neurond status` shows there."
        raise BadAddress(f"{address} does not say who listens there.", remedy=remedy)
    if address.endswith(f"/p2p/{network.peer_id}"):
        raise BadAddress("That is this node itself.", remedy="Name another node.")
    return address


def _is_peer_id(text: str) -> bool:
    try:
        return check_peer_id(text) == text
    except AddressError:
        return False


def ban_view(ban: Ban) -> BanInfo:
    """Return a ban as the API tells it."""
    return BanInfo(ban.peer_id, ban.remaining_s, ban.reason)
