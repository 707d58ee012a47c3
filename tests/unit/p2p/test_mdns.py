"""Promises of finding peers by multicast DNS, on the loopback interface alone: nothing here leaves the machine."""

import socket
from collections.abc import Sequence
from functools import partial

import pytest
import trio
from zeroconf import ServiceInfo

from p2p import Network
from p2p.addresses import TcpAddress
from p2p.mdns import SERVICE, Lan, addresses_of, find_on_lan, is_private, lan_interfaces
from tests.unit.p2p.worlds import Libp2pWorld, until

TAG = "ab" * 8
OTHER_TAG = "cd" * 8
LOOPBACK = ("127.0.0.1",)
OWN = "12D3KooWGRUErhVLRfBpQ6kgFyMtFMBCgFvkLRNqfFZPn8NgZPCc"
PEER = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN"


def anywhere(_host: str) -> bool:
    return True


async def looking(network: Network, *, tag: str = TAG, interfaces: Sequence[str] = LOOPBACK) -> Lan:
    lan = Lan()
    await find_on_lan(network, tag, interfaces, lan, may_dial=anywhere)
    return lan


def record(
    peer_id: str = PEER, tag: str = TAG, hosts: Sequence[str] = ("192.168.1.7",), port: int = 4001
) -> ServiceInfo:
    return ServiceInfo(
        SERVICE, f"{peer_id[:52] or 'x'}.{SERVICE}", port=port, properties={"net": tag, "id": peer_id},
        addresses=[
            socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host) for host in hosts
        ],
    )  # fmt: skip


async def test_nodes_of_one_network_find_each_other_and_others_stay_apart(
    libp2p_world: Libp2pWorld, nursery: trio.Nursery
) -> None:
    first, second, foreign = [await libp2p_world.open(name, target_peers=0) for name in ("first", "second", "foreign")]
    nursery.start_soon(partial(looking, foreign, tag=OTHER_TAG))
    for node in (first, second):
        nursery.start_soon(looking, node)
    await until(lambda: first.peers() and second.peers(), within_s=15.0)
    assert [peer.peer_id for peer in first.peers()] == [second.peer_id]
    assert foreign.peers() == ()


async def test_a_node_that_listens_nowhere_finds_others(libp2p_world: Libp2pWorld, nursery: trio.Nursery) -> None:
    first = await libp2p_world.open("first", target_peers=0)
    second = await libp2p_world.open("second", target_peers=0, listen=())
    for node in (first, second):
        nursery.start_soon(looking, node)
    await until(lambda: second.peers(), within_s=15.0)
    assert second.peers()[0].direction == "out"


async def test_where_multicast_does_not_work_the_node_goes_on_and_says_so(libp2p_world: Libp2pWorld) -> None:
    node = await libp2p_world.open("node")
    lan = await looking(node, interfaces=("192.0.2.77",))  # an address this machine does not have
    assert "does not work here" in lan.problem


async def test_without_an_interface_nothing_is_opened(libp2p_world: Libp2pWorld) -> None:
    assert await looking(await libp2p_world.open("node"), interfaces=()) == Lan()


@pytest.mark.parametrize(
    ("addresses", "interfaces"),
    [
        (("/ip4/127.0.0.1/tcp/4001",), ()),
        (("/ip4/8.8.8.8/tcp/4001",), ()),
        (("/ip4/192.168.1.2/tcp/4001", "/ip4/127.0.0.1/tcp/4001"), ("192.168.1.2",)),
        (("/ip4/10.0.0.1/tcp/1", "/ip4/10.0.0.1/tcp/2", "/ip6/fe80::1/tcp/2"), ("10.0.0.1",)),
        (tuple(f"/ip4/10.0.0.{number}/tcp/1" for number in range(1, 9)), tuple(f"10.0.0.{n}" for n in range(1, 5))),
    ],
)
def test_only_private_addresses_of_this_machine_are_announced_on(
    addresses: tuple[str, ...], interfaces: tuple[str, ...]
) -> None:
    assert lan_interfaces(addresses, listens=True) == interfaces


def test_a_record_names_candidates_of_the_same_network() -> None:
    expected = [TcpAddress("ip4", "192.168.1.7", 4001, PEER)]
    assert addresses_of(record(), OWN, TAG, is_private) == expected


@pytest.mark.parametrize(
    "info",
    [
        record(tag=OTHER_TAG),
        record(peer_id=OWN),
        record(peer_id="nonsense"),
        record(peer_id=""),
        record(hosts=["8.8.8.8"]),
        record(hosts=["127.0.0.1"]),
        record(hosts=["0.0.0.0"]),
        record(hosts=[]),
        record(port=0),
        ServiceInfo(SERVICE, f"{PEER}.{SERVICE}", port=4001, addresses=[b"\xc0\xa8\x01\x07"]),
        ServiceInfo(SERVICE, f"{PEER}.{SERVICE}", port=4001, properties={"id": b"\xff\xfe", "net": None}),
    ],
)
def test_a_record_of_another_network_of_ourselves_or_of_nonsense_names_nobody(info: ServiceInfo) -> None:
    found = addresses_of(info, OWN, TAG, is_private)
    assert [each for each in found if each.is_dialable] == []


def test_a_record_with_a_thousand_addresses_is_cut() -> None:
    info = record(hosts=[f"10.0.{number // 250}.{number % 250 + 1}" for number in range(1000)])
    assert len(addresses_of(info, OWN, TAG, is_private)) == 8
