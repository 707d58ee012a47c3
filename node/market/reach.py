"""Opens a stream to a seat of the subnet: over the existing connection, by dialling what the seat published, or by
asking the network where the seat's peer is now, since an address on chain is as old as its transaction."""

from collections.abc import Awaitable, Callable, Iterable

import trio

from node.market.errors import Unreachable
from node.market.limits import CONNECT_TIMEOUT_S
from node.primitives.limits import ADDRESSES_PER_AXON_MAX
from node.subnets.base import Neuron
from p2p import Network, P2PError, Stream, UnreachableError

_SHARE_S = CONNECT_TIMEOUT_S / 2  # for what was published; a dead address may not use up the time to look further


async def open_stream(network: Network, neuron: Neuron, protocol: str, *, with_credit: bool = False) -> Stream:
    """Return a stream to the neuron. Raises Unreachable with the reason, within CONNECT_TIMEOUT_S."""
    peer_id = neuron.peer_id
    if not peer_id:
        raise Unreachable(f"Seat {neuron.uid} has not published where it can be reached.")

    async def connected() -> Stream:
        return await network.open(peer_id, protocol, with_credit=with_credit)

    with trio.move_on_after(CONNECT_TIMEOUT_S):
        try:
            return await connected()
        except UnreachableError as error:
            reason = str(error)
        except P2PError as error:
            raise Unreachable(f"Seat {neuron.uid} cannot be asked: {error}") from error
        published = [_with_peer(address, peer_id) for address in neuron.addresses[:ADDRESSES_PER_AXON_MAX]]
        with trio.move_on_after(_SHARE_S):
            stream, reason = await _dial_any(network, peer_id, published, connected, reason)
            if stream is not None:
                return stream
        found = await network.find(peer_id, timeout_s=_SHARE_S)
        fresh = [address for address in found if address not in published] or found[:1]  # the search may have connected
        stream, reason = await _dial_any(network, peer_id, fresh[:ADDRESSES_PER_AXON_MAX], connected, reason)
        if stream is not None:
            return stream
        raise Unreachable(f"Seat {neuron.uid} cannot be reached: {reason}")
    raise Unreachable(f"Seat {neuron.uid} did not connect within {CONNECT_TIMEOUT_S:.0f} s.")


async def _dial_any(
    network: Network, peer_id: str, addresses: Iterable[str], connected: Callable[[], Awaitable[Stream]], reason: str
) -> tuple[Stream | None, str]:
    """A stream over the first address that leads to the peer, or why the last one did not."""
    for address in addresses:
        try:
            if await network.dial(address) == peer_id:
                return await connected(), ""
        except P2PError as error:
            reason = str(error)
    return None, reason


def _with_peer(address: str, peer_id: str) -> str:
    """An address as it was published, ending in the peer; what stands before a relay's circuit is the relay."""
    is_whole = "/p2p/" in address and not address.endswith("/p2p-circuit")
    return address if is_whole else f"{address}/p2p/{peer_id}"
