"""What a running node puts into an invite, and what it does with one.

An address is put in front when peers proved that it works, or a person named it. Never decides which network a home
belongs to: that is fixed at its first start.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from node.control.limits import INVITE_ADDRESSES_MAX
from node.control.schema import Invite, Joined
from node.primitives.address import to_ss58
from node.primitives.limits import ADDRESS_BYTES_MAX
from node.service.chain import now_ms
from node.service.errors import BadAddress, BadInvite, NobodyAnswered, NoKey
from node.service.first_answer import first_answer
from node.service.invite import InviteBody, looks_like_invite, read_invite, write_invite
from node.service.neighbours import checked_address
from p2p import AddressError, PeerView, Reachability
from p2p.addresses import parse_address

if TYPE_CHECKING:
    from node.service.app import Running

RELAYED: Final = "/p2p-circuit"
NEIGHBOURS_MAX: Final = 2  # other nodes named by one that cannot be dialled itself
_PROVEN, _PUBLIC, _RELAYED, _PRIVATE, _LOOPBACK = range(5)


def sign_invite(running: Running, valid_s: int, given: tuple[str, ...], *, only_these: bool = False) -> Invite:
    """Return a new invite of the running node: `given` addresses first, then its own, the likeliest to work first.

    Raises:
        NoKey: nobody to sign it. BadInvite: no address, or one of `given` that nobody could dial.
    """
    if running.keys.hotkey is None:
        raise NoKey("An invite is signed, and this node has no hotkey.")
    network = running.network
    named = [_completed(address, network.peer_id) for address in given]
    own = [] if only_these else own_addresses(network.addresses, network.reachability(), network.peers())
    addresses = tuple(dict.fromkeys([*named, *own]))[:INVITE_ADDRESSES_MAX]
    if not addresses:
        raise BadInvite(
            "This node listens on no address that others could dial, and knows of no other node that does.",
            remedy="Name an address with --address, or start the node with --listen /ip4/0.0.0.0/tcp/4001.",
        )
    chain = running.chain
    text, body = write_invite(
        running.keys.hotkey, chain.spec.name, chain.genesis_hash, addresses, now_ms(), valid_s * 1000
    )
    return invite_view(text, body)


def own_addresses(addresses: Iterable[str], found: Reachability, peers: Iterable[PeerView]) -> list[str]:
    """Return what to name of this node: proven addresses first, loopback only when there is nothing else.

    A node that nobody can dial names a few that it has dialled itself: any node of the network lets a new one in.
    """
    proven = {each.address for each in found.addresses if each.is_direct and each.reached_by}
    ranked = sorted(addresses, key=lambda address: _rank(address, proven))
    if found.state in ("unreachable", "not_listening", "relayed"):
        dialled = [peer.addresses[0] for peer in peers if peer.direction == "out" and peer.addresses]
        ranked += sorted(dialled, key=lambda address: _rank(address, proven))[:NEIGHBOURS_MAX]
    elsewhere = [address for address in ranked if _rank(address, proven) != _LOOPBACK]
    return [address for address in elsewhere or ranked if len(address.encode()) <= ADDRESS_BYTES_MAX]


def invite_view(text: str, body: InviteBody) -> Invite:
    """Return an invite as the API tells it."""
    return Invite(
        text, body.network, body.genesis_hash.hex(), body.addresses, body.expires_ms, to_ss58(body.inviter)
    )  # fmt: skip


async def join_running(running: Running, target: str) -> Joined:
    """Connect the running node to an invite's or an address' node of its own network.

    Raises:
        BadInvite: of another network, damaged, expired, or this node's own. BadAddress: not one to dial.
        NobodyAnswered: says why, address by address.
    """
    chain = running.chain
    if not looks_like_invite(target):
        addresses: tuple[str, ...] = (checked_address(running.network, target.strip()),)
    else:
        body = read_invite(target, now_ms())
        if body.genesis_hash != chain.genesis_hash:
            raise BadInvite(
                f"This invite leads to {body.network} (genesis {body.genesis_hash.hex()[:16]}…); "
                f"this home belongs to {chain.spec.name} ({chain.genesis_hash.hex()[:16]}…).",
                remedy="Join it with a home of its own: --home DIR.",
            )
        addresses = _of_others(body.addresses, running.network.peer_id)

    async def connected(peer_id: str) -> str:
        return peer_id

    outcome = await first_answer(running.network, addresses, connected)
    if outcome.answer is None and all(isinstance(each.error, AddressError) for each in outcome.failed):
        raise BadAddress(f"There is no address that this version can dial ({outcome.tried()}).")
    if outcome.answer is None:
        raise NobodyAnswered(f"Nobody answered ({outcome.tried()}).", remedy=outcome.advice())
    return Joined(outcome.answer, chain.spec.name, chain.genesis_hash.hex())


def _of_others(addresses: tuple[str, ...], own_peer_id: str) -> tuple[str, ...]:
    """The addresses of an invite without this node's own. Raises BadInvite when nothing is left."""
    others = tuple(address for address in addresses if not address.endswith(f"/p2p/{own_peer_id}"))
    if not others:
        remedy = "It is for another machine: run `neurond join` there, or here with another --home."
        raise BadInvite("This invite leads to this node itself.", remedy=remedy)
    return others


def _completed(address: str, own_peer_id: str) -> str:
    """The address with this node's peer id where it names none. Raises BadInvite with the reason."""
    try:
        parsed = parse_address(address.strip())
    except AddressError as error:
        raise BadInvite(
            f"{str(error).partition(';')[0]}.",
            remedy="Write /ip4/203.0.113.7/tcp/4001 or /dns4/node.example.org/tcp/4001.",
        ) from error
    if not parsed.is_dialable:
        raise BadInvite(
            f"Nobody can dial {address}.", remedy="Name the address and port at which others reach this machine."
        )
    return str(parsed if parsed.peer_id else parsed.with_peer(own_peer_id))


def _rank(address: str, proven: set[str]) -> int:
    if address in proven:
        return _PROVEN
    if RELAYED in address:
        return _RELAYED
    try:
        scope = parse_address(address).scope
    except AddressError:
        return _PRIVATE
    return (_LOOPBACK, _PRIVATE, _PUBLIC)[scope]
