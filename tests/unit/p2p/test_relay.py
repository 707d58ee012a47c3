"""Promises of relays: who cannot be dialled is reached through a peer that can, at bounded cost."""

import pytest

from p2p import Stream, limits
from p2p.network import Libp2pNetwork
from tests.unit.p2p.worlds import Libp2pWorld, until

ECHO = "/test/echo/1"


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REACH_FIRST_S", 0.05)
    monkeypatch.setattr(limits, "RELAY_CHECK_S", 0.05)
    monkeypatch.setattr(limits, "RELAY_RETRY_S", 0.2)


async def echo(stream: Stream) -> None:
    await stream.send(await stream.receive(1 << 22))


async def relay_and_hidden(world: Libp2pWorld) -> tuple[Libp2pNetwork, Libp2pNetwork]:
    """A relay, and a node that listens nowhere and has a place there."""
    relay = await world.open("relay", target_peers=0)
    helper = await world.open("helper", target_peers=0)
    await helper.dial(relay.addresses[0])
    await until(lambda: relay.reachability().state == "direct")
    await world.stop("helper")
    hidden = await world.open("hidden", listen=(), bootstrap=relay.addresses, target_peers=1)
    await until(lambda: hidden.reachability().state == "relayed")
    return relay, hidden


async def test_a_node_that_listens_nowhere_is_reached_through_a_relay(libp2p_world: Libp2pWorld) -> None:
    relay, hidden = await relay_and_hidden(libp2p_world)
    [address] = hidden.addresses
    assert address == f"{relay.addresses[0]}/p2p-circuit/p2p/{hidden.peer_id}"
    assert "listens nowhere" in hidden.reachability().reason
    hidden.serve(ECHO, echo)
    other = await libp2p_world.open("other", target_peers=0, listen=())
    assert await other.dial(address) == hidden.peer_id
    assert await other.request(hidden.peer_id, ECHO, b"hello", max_bytes=100) == b"hello"
    [view] = [peer for peer in other.peers() if peer.peer_id == hidden.peer_id]
    assert view.route == "relayed"
    assert view.route_reason
