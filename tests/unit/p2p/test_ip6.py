"""Nodes that listen on IPv6 keep every promise that nodes on IPv4 do, alone and among those."""

import socket
from pathlib import Path
from typing import Any

import pytest
import trio

from p2p import UnreachableError, Verdict, limits
from p2p.addresses import TcpAddress, concrete_addresses
from p2p.peerbook import read_peers_file
from tests.unit.p2p.test_network import ECHO, TOPIC, echo, receive
from tests.unit.p2p.worlds import Libp2pWorld, accept, connected, until

SIX, FOUR = ("/ip6/::1/tcp/0",), ("/ip4/127.0.0.1/tcp/0",)


def has_ip6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


pytestmark = pytest.mark.skipif(not has_ip6(), reason="this machine has no ::1")


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REACH_FIRST_S", 0.05)


async def test_peers_find_each_other_gossip_and_answer_over_ip6(libp2p_world: Libp2pWorld) -> None:
    first = await libp2p_world.open("first", listen=SIX)
    assert first.addresses[0].startswith("/ip6/::1/tcp/")
    second = await libp2p_world.open("second", listen=SIX, bootstrap=first.addresses)
    third = await libp2p_world.open("third", listen=SIX, bootstrap=first.addresses)
    await connected(first, second, third)  # the third and the second by the exchange of peers

    inbox = third.subscribe(TOPIC, accept)
    second.subscribe(TOPIC, lambda _peer, _data: Verdict.ACCEPT)
    await until(lambda: len(second.host.pubsub.peer_topics.get(TOPIC, ())) >= 1)
    await second.publish(TOPIC, b"over six")
    assert (await receive(inbox)).data == b"over six"

    third.serve(ECHO, echo)
    assert await second.request(third.peer_id, ECHO, b"hi", max_bytes=2) == b"hi"
    assert await second.ping(third.peer_id) > 0


async def test_a_node_on_ip6_learns_by_dial_back_whether_it_is_reached(libp2p_world: Libp2pWorld) -> None:
    first = await libp2p_world.open("first", listen=SIX)
    second = await libp2p_world.open("second", listen=SIX)
    await second.dial(first.addresses[0])
    await until(lambda: second.reachability().state == "direct")
    [found] = second.reachability().addresses
    assert f"{found.address}/p2p/{second.peer_id}" in second.addresses

    closed = await libp2p_world.open("closed", listen=SIX)
    port = closed.listeners[0].bound.port
    await closed.listeners[0].close()
    await closed.dial(first.addresses[0])
    await until(lambda: closed.reachability().state == "unreachable")
    assert f"TCP port {port}" in closed.reachability().reason


async def test_nodes_of_both_kinds_are_one_network(libp2p_world: Libp2pWorld) -> None:
    both = await libp2p_world.open("both", listen=(*FOUR, *SIX))
    four = await libp2p_world.open("four", listen=FOUR, bootstrap=(both.addresses[0],))
    six = await libp2p_world.open("six", listen=SIX, bootstrap=(both.addresses[1],))
    await connected(both, four, six)
    ways = {peer.peer_id: peer.addresses[0].split("/")[1] for peer in both.peers()}
    assert ways == {four.peer_id: "ip4", six.peer_id: "ip6"}


async def test_addresses_of_ip6_are_remembered_and_redialled(libp2p_world: Libp2pWorld, tmp_path: Path) -> None:
    first = await libp2p_world.open("first", listen=SIX)
    path = tmp_path / "peers.json"
    second = await libp2p_world.open("second", listen=SIX, peers_path=path)
    await second.dial(first.addresses[0])
    await libp2p_world.stop("second")
    assert first.addresses[0] in read_peers_file(path).peers
    again = await libp2p_world.open("second", listen=SIX, peers_path=path)
    await connected(first, again)


class Names(trio.abc.HostnameResolver):
    """Knows one name, for both kinds of addresses of this machine."""

    async def getaddrinfo(self, host: Any, port: Any, family: int = 0, *more: int, **_other: int) -> Any:
        assert host == b"both.test"
        four = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
        six = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0))
        return [each for each in (four, six) if family in (0, each[0])]

    async def getnameinfo(self, sockaddr: Any, flags: int) -> tuple[str, str]:
        raise NotImplementedError


@pytest.mark.parametrize("kind", ["dns", "dns6"])
async def test_a_name_leads_to_ip6_too_and_a_closed_port_is_told(kind: str, libp2p_world: Libp2pWorld) -> None:
    first = await libp2p_world.open("first", listen=SIX)
    second = await libp2p_world.open("second", listen=())
    port = first.listeners[0].bound.port
    with pytest.raises(UnreachableError, match="refused"):
        await second.dial(f"/ip6/::1/tcp/1/p2p/{first.peer_id}")
    trio.socket.set_custom_hostname_resolver(Names())
    assert await second.dial(f"/{kind}/both.test/tcp/{port}/p2p/{first.peer_id}") == first.peer_id


async def test_all_addresses_of_the_machine_can_be_listened_on(libp2p_world: Libp2pWorld) -> None:
    first = await libp2p_world.open("first", listen=("/ip6/::/tcp/0",))
    port = first.listeners[0].bound.port
    assert f"/ip6/::1/tcp/{port}/p2p/{first.peer_id}" in first.addresses
    second = await libp2p_world.open("second", listen=("/ip4/0.0.0.0/tcp/0", f"/ip6/::1/tcp/{port + 1}"))
    assert await second.dial(f"/ip6/::1/tcp/{port}/p2p/{first.peer_id}") == first.peer_id
    assert concrete_addresses(TcpAddress("ip6", "::", 1))[-1] == TcpAddress("ip6", "::1", 1)
