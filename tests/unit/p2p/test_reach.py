"""Promises of dial-back: a node learns from peers whether it can be reached, and nobody is made to dial strangers."""

from collections.abc import Sequence

import msgspec
import pytest
import trio

from p2p import Reachability, Stream, StreamFailed, limits, reach
from p2p.addresses import TcpAddress
from p2p.network import Libp2pNetwork
from p2p.reach import AddressResult, DialBackRate, ReachAnswer, ReachRequest, conclude, dial_back_targets
from tests.unit.p2p.worlds import Libp2pWorld, connected, until


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REACH_FIRST_S", 0.05)


@pytest.fixture
def on_demand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the test asks: a node is answered seldom, so its own question would take the turn."""
    monkeypatch.setattr(limits, "REACH_FIRST_S", 600.0)


def reached(*results: tuple[str, str]) -> ReachAnswer:
    return ReachAnswer(tuple(AddressResult(address, problem) for address, problem in results))


async def ask(asker: Libp2pNetwork, server: Libp2pNetwork, addresses: Sequence[str]) -> ReachAnswer:
    raw = await asker.request(
        server.peer_id, reach.PROTOCOL, msgspec.json.encode(ReachRequest(tuple(addresses))), max_bytes=1 << 16
    )
    return msgspec.json.decode(raw, type=ReachAnswer)


async def test_a_node_that_can_be_dialled_learns_that_it_is_direct(libp2p_world: Libp2pWorld) -> None:
    first = await libp2p_world.open("first")
    second = await libp2p_world.open("second", bootstrap=first.addresses)
    await until(lambda: second.reachability().state == "direct" and first.reachability().state == "direct")
    [address] = second.reachability().addresses
    assert f"{address.address}/p2p/{second.peer_id}" in second.addresses
    assert address.is_direct
    assert len(first.host.connections(second.peer_id)) == 1  # the proof leaves no connection behind


async def test_a_node_behind_a_closed_port_learns_that_and_what_to_open(libp2p_world: Libp2pWorld) -> None:
    first = await libp2p_world.open("first")
    second = await libp2p_world.open("second")
    port = second.listeners[0].bound.port
    await second.listeners[0].close()
    await second.dial(first.addresses[0])
    await until(lambda: second.reachability().state == "unreachable")
    assert f"TCP port {port}" in second.reachability().reason
    assert "refused" in second.reachability().addresses[0].problem
    assert second.peers()  # and it goes on over the connection it made itself


async def test_somebody_else_at_the_address_does_not_count(on_demand: None, libp2p_world: Libp2pWorld) -> None:
    server, asker, other = [await libp2p_world.open(name, target_peers=0) for name in ("server", "asker", "other")]
    await asker.dial(server.addresses[0])
    answer = await ask(asker, server, [str(other.listeners[0].bound)])
    assert [bool(result.problem) for result in answer.results] == [True]
    assert "somebody else" in answer.results[0].problem


async def test_a_node_that_listens_nowhere_says_so_and_asks_nobody(libp2p_world: Libp2pWorld) -> None:
    first = await libp2p_world.open("first")
    second = await libp2p_world.open("second", listen=(), bootstrap=first.addresses)
    await connected(first, second)
    assert second.reachability() == Reachability("not_listening")
    assert second.addresses == ()
    asked = first.counters().get("reach.served", 0)
    await until(lambda: second.counters().get("reach.served", 0) == 1)  # it answers others all the same
    assert first.counters().get("reach.served", 0) == asked == 0


@pytest.mark.parametrize(
    "address",
    ["/ip4/192.0.2.1/tcp/80", "/ip4/10.0.0.1/tcp/22", "/dns4/victim.example/tcp/443", "/ip6/2001:db8::1/tcp/1"],
)
def test_only_the_host_the_question_comes_from_is_dialled(address: str) -> None:
    assert {target.host for target in dial_back_targets((address,), "198.51.100.7")} == {"198.51.100.7"}


def test_few_addresses_are_dialled_and_nonsense_is_left_out() -> None:
    many = ["nonsense", "/ip4/1.2.3.4/tcp/0", "", *[f"/ip4/1.2.3.4/tcp/{port}" for port in range(1, 1000)]]
    targets = dial_back_targets(many, "2001:db8::5")
    assert targets == tuple(TcpAddress("ip6", "2001:db8::5", port) for port in range(1, 1 + limits.REACH_DIALS_MAX))


async def test_a_peer_that_asks_again_at_once_is_refused(on_demand: None, libp2p_world: Libp2pWorld) -> None:
    server = await libp2p_world.open("server", target_peers=0)
    asker = await libp2p_world.open("asker", target_peers=0, listen=())
    await asker.dial(server.addresses[0])
    first = await ask(asker, server, ["/ip4/127.0.0.1/tcp/1"])
    assert len(first.results) == 1
    with pytest.raises(StreamFailed):
        await ask(asker, server, ["/ip4/127.0.0.1/tcp/1"])
    assert server.counters()["reach.refused"] == 1


def test_a_crowd_of_askers_cannot_make_a_node_dial_without_end() -> None:
    rate = DialBackRate()
    served = sum(rate.admit(f"peer {number}", 1.0) for number in range(10_000))
    assert served == limits.REACH_SERVED_PER_MINUTE
    assert rate.admit("later", 1.0 + 60.0 / limits.REACH_SERVED_PER_MINUTE)


@pytest.mark.parametrize("raw", [b"", b"{}", b"[1]", b'{"addresses": 7}', b"\xff" * 100])
async def test_a_malformed_question_fails_its_stream_only(libp2p_world: Libp2pWorld, raw: bytes) -> None:
    server = await libp2p_world.open("server", target_peers=0)
    asker = await libp2p_world.open("asker", target_peers=0, listen=())
    await asker.dial(server.addresses[0])
    with pytest.raises(StreamFailed):
        await asker.request(server.peer_id, reach.PROTOCOL, raw, max_bytes=1 << 16)
    assert await asker.ping(server.peer_id) >= 0.0


async def test_a_peer_cannot_speak_of_addresses_that_are_not_ours(libp2p_world: Libp2pWorld) -> None:
    liar = await libp2p_world.open("liar", target_peers=0, listen=("/ip4/127.0.0.1/tcp/0",))
    results = reached(("/ip4/203.0.113.1/tcp/1", ""), ("nonsense", ""))

    lied = trio.Event()

    async def lie(stream: Stream) -> None:
        await stream.receive(1 << 16)
        await stream.send(msgspec.json.encode(results))
        lied.set()

    liar.services._services[reach.PROTOCOL].handler = lie
    node = await libp2p_world.open("node", bootstrap=liar.addresses)
    with trio.fail_after(5.0):
        await lied.wait()
    assert await node.ping(liar.peer_id) >= 0.0  # whatever the lie did is done by now
    assert node.reachability().state == "unknown"


def test_one_liar_among_three_does_not_decide() -> None:
    address = "/ip4/198.51.100.7/tcp/4001"
    refused = reached((address, "refused"))
    assert conclude([reached((address, "")), refused, refused], 5.0).state == "unreachable"
    assert conclude([reached((address, "")), reached((address, "")), refused], 5.0).state == "direct"


def test_one_peer_counts_once_for_an_address() -> None:
    address = "/ip4/198.51.100.7/tcp/4001"
    shouting = reached(*[(address, "")] * 8)
    found = conclude([shouting, reached((address, "x")), reached((address, "x"))], 5.0)
    assert found.addresses[0].asked == 3
    assert found.state == "unreachable"
