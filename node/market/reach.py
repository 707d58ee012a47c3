"""Opens a stream to a seat of the subnet: over the existing connection, or by dialling what the seat published."""

import trio

from node.market.errors import Unreachable
from node.market.limits import CONNECT_TIMEOUT_S
from node.primitives.limits import ADDRESSES_PER_AXON_MAX
from node.subnets.base import Neuron
from p2p import Network, P2PError, Stream, UnreachableError


async def open_stream(network: Network, neuron: Neuron, protocol: str, *, with_credit: bool = False) -> Stream:
    """Return a stream to the neuron. Raises Unreachable with the reason, within CONNECT_TIMEOUT_S."""
    if not neuron.peer_id:
        raise Unreachable(f"Seat {neuron.uid} has not published where it can be reached.")
    with trio.move_on_after(CONNECT_TIMEOUT_S):
        try:
            return await network.open(neuron.peer_id, protocol, with_credit=with_credit)
        except UnreachableError as error:
            reason = str(error)
        except P2PError as error:
            raise Unreachable(f"Seat {neuron.uid} cannot be asked: {error}") from error
        for address in neuron.addresses[:ADDRESSES_PER_AXON_MAX]:
            try:
                if await network.dial(_with_peer(address, neuron.peer_id)) == neuron.peer_id:
                    return await network.open(neuron.peer_id, protocol, with_credit=with_credit)
            except P2PError as error:
                reason = str(error)
        raise Unreachable(f"Seat {neuron.uid} cannot be reached: {reason}")
    raise Unreachable(f"Seat {neuron.uid} did not connect within {CONNECT_TIMEOUT_S:.0f} s.")


def _with_peer(address: str, peer_id: str) -> str:
    return address if "/p2p/" in address else f"{address}/p2p/{peer_id}"
