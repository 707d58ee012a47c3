"""What the control API says of the peers of a node, over a network in memory."""

from types import SimpleNamespace
from typing import cast

import pytest

from node.service.app import Running
from node.service.errors import Unknown
from node.service.neighbours import add_peer, connected_peers, lift_ban
from p2p import MemorySwarm, UnreachableError


def running_on(swarm: MemorySwarm, name: str) -> Running:
    """As much of a running node as these functions look at."""
    heights = SimpleNamespace(height_of=lambda _peer_id: 7)
    return cast(Running, SimpleNamespace(network=swarm.join(name), syncer=heights, netuid=None, reader=None))


async def test_a_peer_that_was_added_is_shown_with_what_is_known_of_it() -> None:
    swarm = MemorySwarm()
    here, there = running_on(swarm, "here"), running_on(swarm, "there")
    added = await add_peer(here, f" {there.network.addresses[0]} ")
    assert [peer.peer_id for peer in connected_peers(here)] == [added.peer_id]
    assert (added.peer_id, added.direction, added.height, added.hotkey) == (there.network.peer_id, "out", 7, None)


async def test_adding_a_peer_that_is_not_there_says_so() -> None:
    swarm = MemorySwarm()
    here, gone = running_on(swarm, "here"), swarm.join("gone")
    swarm.leave(gone)
    with pytest.raises(UnreachableError):
        await add_peer(here, gone.addresses[0])


async def test_a_ban_is_lifted_once() -> None:
    swarm = MemorySwarm()
    here, there = running_on(swarm, "here"), running_on(swarm, "there")
    await here.network.ban(there.network.peer_id, "rude")
    assert lift_ban(here, there.network.peer_id).reason == "rude"
    assert here.network.bans() == ()
    with pytest.raises(Unknown):
        lift_ban(here, there.network.peer_id)
