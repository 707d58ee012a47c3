"""Promises of hole punching: only who came through a relay may ask for it, and nobody has to knock at near doors."""

from contextlib import suppress
from functools import partial

import pytest
import trio
from libp2p.relay.circuit_v2.pb.dcutr_pb2 import HolePunch
from multiaddr import Multiaddr

from p2p import StreamFailed, limits
from p2p.addresses import TcpAddress
from p2p.counters import Counters
from p2p.hardened.transport import ExclusiveListener, accept_on, connect_from
from p2p.identity import Identity
from p2p.network import Libp2pNetwork
from p2p.punch import PROTOCOL, Door, Punch
from p2p.relay.messages import read_message, send_message
from p2p.wellknown import with_length
from tests.unit.p2p.test_relay import no_holes, relay_and_hidden, soon
from tests.unit.p2p.worlds import Libp2pWorld

__all__ = ["no_holes", "soon"]


async def behind_a_relay(world: Libp2pWorld) -> tuple[Libp2pNetwork, Libp2pNetwork]:
    """A node, and another that came to it through a relay."""
    _, hidden = await relay_and_hidden(world)
    other = await world.open("other", target_peers=0, listen=())
    await other.dial(hidden.addresses[0])
    return hidden, other


async def ask(asker: Libp2pNetwork, asked: Libp2pNetwork) -> HolePunch:
    """Begin a hole punching, and leave it when it is answered."""
    stream, reader, _ = await asker.host.open(asked.peer_id, (PROTOCOL,))
    try:
        await send_message(stream, HolePunch(type=HolePunch.CONNECT))
        return await read_message(reader, HolePunch)
    finally:
        await stream.reset()


async def test_a_direct_peer_has_nothing_to_punch(libp2p_world: Libp2pWorld) -> None:
    first = await libp2p_world.open("first", target_peers=0)
    second = await libp2p_world.open("second", target_peers=0)
    await second.dial(first.addresses[0])
    with pytest.raises(StreamFailed):
        await ask(second, first)
    assert first.counters()["punch.refused"] == 1


@pytest.mark.parametrize(
    "raw",
    [b"\xff" * 40, with_length(b"\xff\xff"), with_length(b"\x08\x01"), with_length(b"\x08\xac\x02" * 2)],
)
async def test_malformed_questions_fail_their_stream_only(
    libp2p_world: Libp2pWorld, no_holes: None, raw: bytes
) -> None:
    hidden, other = await behind_a_relay(libp2p_world)
    stream, reader, _ = await hidden.host.open(other.peer_id, (PROTOCOL,))
    await stream.write(raw)
    await stream.close_write()
    with pytest.raises(StreamFailed):
        await reader.exactly(1 << 16)
    assert await other.ping(hidden.peer_id) >= 0.0


async def test_a_peer_that_asks_without_end_is_refused(libp2p_world: Libp2pWorld, no_holes: None) -> None:
    hidden, other = await behind_a_relay(libp2p_world)
    answered = 0
    for _ in range(limits.PUNCHES_PER_MINUTE + 2):
        with suppress(StreamFailed):
            answered += (await ask(hidden, other)).type == HolePunch.CONNECT
    assert answered == limits.PUNCHES_PER_MINUTE
    assert other.counters()["punch.refused"] == 2


async def test_doors_nearer_than_the_relay_and_crowds_of_doors_are_left_alone(
    libp2p_world: Libp2pWorld, no_holes: None
) -> None:
    hidden, other = await behind_a_relay(libp2p_world)
    other.connected[hidden.peer_id].scope = 2  # as if the relay were on the internet
    told = ["/ip4/127.0.0.1/tcp/22", "/ip4/192.168.1.1/tcp/80", "/dns4/victim.example/tcp/80", "/ip4/5.5.5.5/tcp/4001"]
    message = HolePunch(type=HolePunch.CONNECT, ObsAddrs=[Multiaddr(text).to_bytes() for text in told])
    found = Punch(other)._usable(hidden.peer_id, message)
    assert [address.host for address in found] == ["5.5.5.5"]
    crowd = [Multiaddr(f"/ip4/5.5.5.5/tcp/{port}").to_bytes() for port in range(1, 100)]
    message = HolePunch(type=HolePunch.CONNECT, ObsAddrs=[*crowd, b"\xff\xff"])
    assert len(Punch(other)._usable(hidden.peer_id, message)) == limits.RELAY_ADDRESSES_MAX


async def test_the_listener_of_a_node_shares_its_port_with_nobody() -> None:
    listener = await ExclusiveListener.bind(TcpAddress("ip4", "127.0.0.1", 0))
    source = ("127.0.0.1", listener.bound.port)
    with pytest.raises(OSError, match="in use"):
        await accept_on(source, {"127.0.0.1"}, Counters())
    with trio.move_on_after(0.3) as waited:
        await connect_from(source, "127.0.0.1", listener.bound.port, Counters())
    assert waited.cancelled_caught
    await listener.close()


@pytest.mark.parametrize(("port", "keeps"), [(4001, True), (4002, False)])
def test_a_door_knows_whether_its_port_was_changed_on_the_way(port: int, keeps: bool) -> None:
    assert Door(("192.168.1.2", 4001), TcpAddress("ip4", "5.5.5.1", port)).keeps_port is keeps


async def test_a_crowd_that_came_through_a_relay_cannot_have_a_third_party_knocked_at(
    libp2p_world: Libp2pWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PUNCH_S", 0.3)
    node = await libp2p_world.open("node", target_peers=0)
    punch, door = Punch(node), Door(("127.0.0.1", 0), TcpAddress("ip4", "127.0.0.1", 4001))
    knocks = 0

    async def knocked(stream: trio.SocketStream) -> None:
        nonlocal knocks
        knocks += 1
        await stream.aclose()

    async with trio.open_nursery() as nursery:
        [listener] = await nursery.start(partial(trio.serve_tcp, knocked, 0, host="127.0.0.1"))
        third = TcpAddress("ip4", "127.0.0.1", listener.socket.getsockname()[1])
        async with trio.open_nursery() as crowd:
            for number in range(60):
                stranger = Identity.from_seed(bytes([number]) * 32).peer_id
                crowd.start_soon(partial(punch._meet, stranger, [third], door, is_client=True))
        nursery.cancel_scope.cancel()
    assert 0 < knocks <= limits.HEARSAY_FAILURES_PER_HOST
