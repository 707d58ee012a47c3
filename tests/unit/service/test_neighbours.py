"""What the control API says of the peers of a node, over a network in memory."""

from types import SimpleNamespace
from typing import cast

import pytest

from node.service.app import Running
from node.service.errors import BadAddress, NobodyAnswered, Unknown
from node.service.neighbours import add_peer, connected_peers, lift_ban, ping_peer
from p2p import BannedError, MemorySwarm, PeerView
from p2p.memory import MemoryNetwork

STRANGER = "12D3KooWQSztTaXGEy5t5Zvcwu4DNiEs8kMkkXgkZLzAmjX6wzTc"


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
    with pytest.raises(NobodyAnswered, match=r"/memory/gone: ") as refused:
        await add_peer(here, gone.addresses[0])
    assert refused.value.hint


async def test_a_peer_is_added_by_its_id_alone_where_others_know_it() -> None:
    swarm = MemorySwarm()
    here, there = running_on(swarm, "here"), running_on(swarm, "there")
    assert (await add_peer(here, there.network.peer_id)).peer_id == there.network.peer_id
    swarm.leave(cast(MemoryNetwork, there.network))
    with pytest.raises((Unknown, NobodyAnswered)):
        await add_peer(here, STRANGER)


async def test_a_banned_peer_is_not_added_and_the_ban_is_the_reason() -> None:
    swarm = MemorySwarm()
    here, there = running_on(swarm, "here"), running_on(swarm, "there")
    await here.network.ban(there.network.peer_id, "rude")
    for target in (there.network.addresses[0], there.network.peer_id):
        with pytest.raises(BannedError, match=r"rude.*peers unban"):
            await add_peer(here, target)


@pytest.mark.parametrize(
    ("target", "hint"),
    [
        ("nd1abc", "neurond join"),
        ("192.0.2.7:4001", "/ip4/192.0.2.7/tcp/4001/p2p/"),
        ("node.example.org:4001", "/dns/node.example.org/tcp/4001/p2p/"),
        ("/ip4/192.0.2.7/tcp/4001", "/p2p/"),
        ("somewhere", "/p2p/"),
        (f"/ip4/192.0.2.7/udp/1/quic-v1/p2p/{STRANGER}", "/tcp/"),
    ],
)
async def test_what_is_no_address_is_refused_with_what_to_write_instead(target: str, hint: str) -> None:
    with pytest.raises(BadAddress) as refused:
        await add_peer(running_on(MemorySwarm(), "here"), target)
    assert hint in refused.value.hint


async def test_a_node_neither_adds_nor_pings_itself_nor_pings_who_is_not_there() -> None:
    here = running_on(MemorySwarm(), "here")
    for target in (here.network.peer_id, here.network.addresses[0]):
        with pytest.raises(BadAddress, match="itself"):
            await add_peer(here, target)
    with pytest.raises(Unknown, match="itself"):
        await ping_peer(here, here.network.peer_id)
    with pytest.raises(Unknown, match="not connected"):
        await ping_peer(here, STRANGER)


async def test_the_way_of_a_peer_is_shown_with_its_reason() -> None:
    relayed = PeerView(STRANGER, (), "out", None, "", 0.0, 0.0, "relayed", "it cannot be dialled")
    network = SimpleNamespace(peers=lambda: (relayed,))
    heights = SimpleNamespace(height_of=lambda _peer_id: None)
    running = cast(Running, SimpleNamespace(network=network, syncer=heights, netuid=None, reader=None))
    assert [(peer.route, peer.route_reason) for peer in connected_peers(running)] == [
        ("relayed", "it cannot be dialled")
    ]


async def test_a_ban_is_lifted_once() -> None:
    swarm = MemorySwarm()
    here, there = running_on(swarm, "here"), running_on(swarm, "there")
    await here.network.ban(there.network.peer_id, "rude")
    assert lift_ban(here, there.network.peer_id).reason == "rude"
    assert here.network.bans() == ()
    with pytest.raises(Unknown):
        lift_ban(here, there.network.peer_id)
