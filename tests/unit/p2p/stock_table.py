"""Our table of peers beside the library's own. Run by test_interop in a process that has loaded libp2p whole."""

import pytest
from libp2p import generate_new_ed25519_identity, new_host
from libp2p.kad_dht import kad_dht, peer_routing
from libp2p.peer.id import ID
from libp2p.peer.peerinfo import info_from_p2p_addr
from multiaddr import Multiaddr

from p2p import base58
from tests.unit.p2p.test_kad_network import PROTOCOL, comes_true, open_node, soon
from tests.unit.p2p.worlds import Libp2pWorld

__all__ = ["soon"]


async def test_the_librarys_own_table_finds_peers_through_ours_and_we_through_it(
    libp2p_world: Libp2pWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (kad_dht, peer_routing):
        monkeypatch.setattr(module, "PROTOCOL_ID", PROTOCOL)  # its option for another name reaches only half of it
    ours = await open_node(libp2p_world, "ours", target_peers=0)
    target = await open_node(libp2p_world, "target", target_peers=0)
    await ours.dial(target.addresses[0])
    await comes_true(lambda: target.peer_id in ours.kad.table)
    host = new_host(key_pair=generate_new_ed25519_identity())
    async with host.run(listen_addrs=[Multiaddr("/ip4/127.0.0.1/tcp/0")]):
        stock = kad_dht.KadDHT(host, kad_dht.DHTMode.SERVER)
        await host.connect(info_from_p2p_addr(Multiaddr(ours.addresses[0])))
        await stock.routing_table.add_peer(info_from_p2p_addr(Multiaddr(ours.addresses[0])))
        found = await stock.peer_routing.find_peer(ID.from_base58(target.peer_id))
        assert found is not None
        assert str(found.addrs[0]) == target.addresses[0].removesuffix(f"/p2p/{target.peer_id}")
        await comes_true(lambda: str(host.get_id()) in ours.kad.table)  # asked, answered, dialled back
        assert await ours.kad._asker.ask(str(host.get_id()), base58.decode(ours.peer_id)) is not None
