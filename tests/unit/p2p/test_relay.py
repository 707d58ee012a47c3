"""Promises of relays: who cannot be dialled is reached through a peer that can, at bounded cost."""

import math
from contextlib import suppress

import pytest
import trio
import trio.testing
from libp2p.relay.circuit_v2.pb.circuit_pb2 import HopMessage, Reservation, Status, StopMessage
from multiaddr import Multiaddr

from p2p import AddressError, ListenError, Stream, StreamFailed, UnreachableError, limits
from p2p.addresses import TcpAddress, parse_address
from p2p.counters import Counters
from p2p.framing import BufferedReader
from p2p.hardened.circuit import is_relayed, socket_of
from p2p.hardened.doors import asks
from p2p.identity import Identity
from p2p.network import Libp2pNetwork
from p2p.pipe import open_pipe
from p2p.relay.carrying import Budget, carry
from p2p.relay.client import relay_addresses, time_left_s
from p2p.relay.messages import HOP, STOP, id_bytes, read_message, send_message
from p2p.relay.seats import Circuit, Seats
from p2p.wellknown import with_length
from tests.unit.p2p.worlds import Libp2pWorld, until

ECHO = "/test/echo/1"
SECRET = b"a sentence that no relay may read " * 3
IDS = [Identity.from_seed(bytes([number]) * 32).peer_id for number in range(3)]


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REACH_FIRST_S", 0.05)
    monkeypatch.setattr(limits, "RELAY_CHECK_S", 0.05)
    monkeypatch.setattr(limits, "RELAY_RETRY_S", 0.2)


@pytest.fixture
def no_holes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Circuits stay circuits: nobody looks for a direct way."""
    monkeypatch.setattr(limits, "PUNCH_ATTEMPTS", 0)


async def echo(stream: Stream) -> None:
    await stream.send(await stream.receive(1 << 22))


async def open_relay(world: Libp2pWorld) -> Libp2pNetwork:
    """A node that knows from another that it can be dialled."""
    relay = await world.open("relay", target_peers=0)
    helper = await world.open("helper", target_peers=0, listen=())
    await helper.dial(relay.addresses[0])
    await until(lambda: relay.reachability().state == "direct")
    await world.stop("helper")
    return relay


async def relay_and_hidden(world: Libp2pWorld) -> tuple[Libp2pNetwork, Libp2pNetwork]:
    """A relay, and a node that listens nowhere and has a place there."""
    relay = await open_relay(world)
    hidden = await world.open("hidden", listen=(), bootstrap=relay.addresses, target_peers=1)
    hidden.serve(ECHO, echo)
    await until(lambda: hidden.reachability().state == "relayed")
    return relay, hidden


async def ask_hop(asker: Libp2pNetwork, relay: Libp2pNetwork, message: HopMessage) -> HopMessage:
    stream, reader, _ = await asker.host.open(relay.peer_id, (HOP,))
    await send_message(stream, message)
    return await read_message(reader, HopMessage)


def connect_to(peer_id: str) -> HopMessage:
    message = HopMessage(type=HopMessage.CONNECT)
    message.peer.id = id_bytes(peer_id)
    return message


# Being reached


async def test_a_node_that_listens_nowhere_is_reached_through_a_relay(
    libp2p_world: Libp2pWorld, no_holes: None
) -> None:
    relay, hidden = await relay_and_hidden(libp2p_world)
    [address] = hidden.addresses
    assert address == f"{relay.addresses[0]}/p2p-circuit/p2p/{hidden.peer_id}"
    assert "listens nowhere" in hidden.reachability().reason
    other = await libp2p_world.open("other", target_peers=0, listen=())
    assert await other.dial(address) == hidden.peer_id
    assert await other.request(hidden.peer_id, ECHO, b"hello", max_bytes=100) == b"hello"
    for node, peer_id in ((other, hidden.peer_id), (hidden, other.peer_id)):
        [view] = [peer for peer in node.peers() if peer.peer_id == peer_id]
        assert view.route == "relayed"
        assert view.route_reason
    assert hidden.counters()["relay.circuits.taken"] == 1
    assert relay.counters()["relay.circuits.opened"] == 1


async def test_a_megabyte_passes_a_relay_whole(libp2p_world: Libp2pWorld, no_holes: None) -> None:
    _, hidden = await relay_and_hidden(libp2p_world)
    other = await libp2p_world.open("other", target_peers=0, listen=())
    await other.dial(hidden.addresses[0])
    payload = bytes(range(256)) * 4096
    assert await other.request(hidden.peer_id, ECHO, payload, max_bytes=1 << 22, timeout_s=30.0) == payload


async def test_the_relay_sees_ciphertext_only(
    libp2p_world: Libp2pWorld, no_holes: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = bytearray()
    some = BufferedReader.some

    async def watched(self: BufferedReader, max_bytes: int) -> bytes:  # only circuits are read this way
        data = await some(self, max_bytes)
        seen.extend(data)
        return data

    _, hidden = await relay_and_hidden(libp2p_world)
    monkeypatch.setattr(BufferedReader, "some", watched)
    other = await libp2p_world.open("other", target_peers=0, listen=())
    await other.dial(hidden.addresses[0])
    assert await other.request(hidden.peer_id, ECHO, SECRET, max_bytes=1000) == SECRET
    assert len(seen) > 2 * len(SECRET)
    assert SECRET[:16] not in seen


async def test_peers_of_the_relay_hear_of_the_hidden_node_and_connect(libp2p_world: Libp2pWorld) -> None:
    relay, hidden = await relay_and_hidden(libp2p_world)
    other = await libp2p_world.open("other", bootstrap=relay.addresses)
    await until(lambda: hidden.peer_id in {peer.peer_id for peer in other.peers()}, within_s=10.0)


async def test_a_node_whose_relay_dies_finds_another(libp2p_world: Libp2pWorld) -> None:
    _, hidden = await relay_and_hidden(libp2p_world)
    second = await libp2p_world.open("second", target_peers=0)
    await hidden.dial(second.addresses[0])
    await libp2p_world.stop("relay")
    await until(lambda: any(second.peer_id in address for address in hidden.addresses), within_s=10.0)
    assert hidden.reachability().state == "relayed"


async def test_a_direct_way_takes_the_place_of_the_circuit(libp2p_world: Libp2pWorld) -> None:
    _, hidden = await relay_and_hidden(libp2p_world)
    other = await libp2p_world.open("other", target_peers=0, listen=())
    await other.dial(hidden.addresses[0])

    def is_direct() -> bool:
        views = [peer for node in (hidden, other) for peer in node.peers()]
        return all(view.route == "direct" and not view.route_reason for view in views) and len(views) >= 2

    await until(is_direct, within_s=15.0)
    assert await other.request(hidden.peer_id, ECHO, b"hello", max_bytes=100) == b"hello"
    connections = other.host.connections(hidden.peer_id)
    assert not is_relayed(connections[0])
    await until(lambda: not any(map(is_relayed, other.host.connections(hidden.peer_id))), within_s=10.0)


# What a relay refuses


async def test_a_node_that_nobody_found_reachable_serves_no_relay(libp2p_world: Libp2pWorld) -> None:
    node = await libp2p_world.open("node", target_peers=0)
    assert HOP not in node.protocols()


async def test_nobody_is_connected_to_a_peer_that_asked_for_no_place(
    libp2p_world: Libp2pWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "RELAYS_WANTED", 0)
    relay = await open_relay(libp2p_world)
    bystander = await libp2p_world.open("bystander", target_peers=0, listen=())
    asker = await libp2p_world.open("asker", target_peers=0, listen=())
    for node in (bystander, asker):
        await node.dial(relay.addresses[0])
    answer = await ask_hop(asker, relay, connect_to(bystander.peer_id))
    assert answer.status == Status.NO_RESERVATION
    with pytest.raises(UnreachableError, match="no place"):
        await asker.dial(f"{relay.addresses[0]}/p2p-circuit/p2p/{bystander.peer_id}")


async def test_no_circuit_is_built_on_a_circuit(libp2p_world: Libp2pWorld, no_holes: None) -> None:
    _, hidden = await relay_and_hidden(libp2p_world)
    other = await libp2p_world.open("other", target_peers=0, listen=())
    await other.dial(hidden.addresses[0])
    hidden._raw_handlers[HOP] = next(
        handler for name, handler in libp2p_world.running["relay"].network._raw_handlers.items() if name == HOP
    )
    answer = await ask_hop(other, hidden, HopMessage(type=HopMessage.RESERVE))
    assert answer.status == Status.PERMISSION_DENIED


async def test_a_peer_that_asks_without_end_is_refused(libp2p_world: Libp2pWorld) -> None:
    relay = await open_relay(libp2p_world)
    asker = await libp2p_world.open("asker", target_peers=0, listen=())
    await asker.dial(relay.addresses[0])
    statuses = [
        (await ask_hop(asker, relay, connect_to(IDS[0]))).status for _ in range(limits.RELAY_ASKS_PER_MINUTE + 1)
    ]
    assert statuses[0] == Status.NO_RESERVATION
    assert statuses[-1] == Status.RESOURCE_LIMIT_EXCEEDED


@pytest.mark.parametrize(
    "raw",
    [b"\xff" * 40, with_length(b"\xff\xff\xff"), with_length(b"\x08\x01"), with_length(b"\x08\x01\x12\x02\x0a\x00"),
     b"\xff\xff\xff\x7f", with_length(bytes(limits.RELAY_MESSAGE_MAX_BYTES + 1))],
)  # fmt: skip
async def test_malformed_questions_fail_their_stream_only(libp2p_world: Libp2pWorld, raw: bytes) -> None:
    relay, hidden = await relay_and_hidden(libp2p_world)
    asker = await libp2p_world.open("asker", target_peers=0, listen=())
    await asker.dial(relay.addresses[0])
    for target, protocol in ((relay, HOP), (relay, STOP)):
        stream, reader, _ = await asker.host.open(target.peer_id, (protocol,))
        await stream.write(raw)
        await stream.close_write()
        with pytest.raises(StreamFailed):
            await reader.exactly(1 << 16)
    assert await asker.ping(relay.peer_id) >= 0.0
    assert hidden.reachability().state == "relayed"


async def test_only_a_relay_that_was_asked_may_bring_circuits(libp2p_world: Libp2pWorld) -> None:
    _, hidden = await relay_and_hidden(libp2p_world)
    stranger = await libp2p_world.open("stranger", target_peers=0)
    await hidden.dial(stranger.addresses[0])
    await until(lambda: stranger.peers())
    hidden.circuits._places.pop(stranger.peer_id, None)  # type: ignore[attr-defined]  # the very state under test
    stream, reader, _ = await stranger.host.open(hidden.peer_id, (STOP,))
    message = StopMessage(type=StopMessage.CONNECT)
    message.peer.id = id_bytes(IDS[0])
    await send_message(stream, message)
    assert (await read_message(reader, StopMessage)).status == Status.PERMISSION_DENIED


async def test_a_relay_brings_no_more_peers_than_an_honest_one_carries(
    libp2p_world: Libp2pWorld, no_holes: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, hidden = await relay_and_hidden(libp2p_world)
    monkeypatch.setattr(limits, "RELAY_CIRCUITS_PER_PEER", 2)
    monkeypatch.setattr(Seats, "enter", lambda _seats, _circuit: True)  # a relay that keeps to no bounds
    for number in range(4):
        other = await libp2p_world.open(f"other{number}", target_peers=0, listen=())
        with suppress(UnreachableError):
            await other.dial(hidden.addresses[0])
    assert sum(peer.route == "relayed" for peer in hidden.peers()) == 2
    assert hidden.counters()["relay.circuits.refused"] >= 2


# Bookkeeping


def always(_peer_id: str) -> bool:
    return True


def test_places_are_bounded_in_all_and_by_address() -> None:
    seats = Seats()
    given = [seats.reserve(f"peer {n}", f"ip {n}", 0.0, always) for n in range(limits.RELAY_RESERVATIONS_MAX + 1)]
    assert given == [True] * limits.RELAY_RESERVATIONS_MAX + [False]
    assert seats.reserve("peer 0", "ip 0", 1.0, always)  # renewing takes no second place
    seats = Seats()
    crowd = [seats.reserve(f"peer {n}", "one ip", 0.0, always) for n in range(limits.RELAY_RESERVATIONS_PER_IP + 1)]
    assert crowd == [True] * limits.RELAY_RESERVATIONS_PER_IP + [False]


def test_places_end_with_their_time_and_are_free_again_when_their_peers_are_gone() -> None:
    seats = Seats()
    for n in range(limits.RELAY_RESERVATIONS_MAX):
        assert seats.reserve(f"peer {n}", f"ip {n}", 0.0, always)
    assert seats.has_place("peer 0", limits.RELAY_RESERVATION_S - 1.0)
    assert not seats.has_place("peer 0", limits.RELAY_RESERVATION_S)
    assert seats.reserve("late", "ip", 1.0, lambda peer_id: peer_id != "peer 0")
    assert not seats.has_place("peer 0", 1.0)


def test_circuits_are_bounded_by_source_target_address_and_in_all() -> None:
    def room(circuits: list[Circuit]) -> int:
        seats = Seats()
        return sum(map(seats.enter, circuits))

    many = range(100)
    assert room([Circuit("s", f"ip {n}", f"t {n}") for n in many]) == limits.RELAY_CIRCUITS_PER_PEER
    assert room([Circuit(f"s {n}", f"ip {n}", "t") for n in many]) == limits.RELAY_CIRCUITS_PER_PEER
    assert room([Circuit(f"s {n}", "ip", f"t {n}") for n in many]) == limits.RELAY_CIRCUITS_PER_IP
    assert room([Circuit(f"s {n}", f"ip {n}", f"t {n}") for n in many]) == limits.RELAY_CIRCUITS_MAX


def test_a_circuit_that_ends_gives_its_room_back() -> None:
    seats, circuit = Seats(), Circuit("s", "ip", "t")
    for _ in range(3 * limits.RELAY_CIRCUITS_MAX):
        assert seats.enter(circuit)
        seats.leave(circuit)


def test_the_budget_of_a_circuit_ends_and_its_pace_is_kept() -> None:
    budget, now_s, total = Budget(0.0), 0.0, 0
    while (pause_s := budget.spend(1 << 16, now_s)) is not None:
        now_s += pause_s
        total += 1 << 16
    assert total == limits.RELAY_CIRCUIT_BYTES
    expected_s = (limits.RELAY_CIRCUIT_BYTES - limits.RELAY_CIRCUIT_BURST_BYTES) / limits.RELAY_CIRCUIT_BYTES_PER_S
    assert math.isclose(now_s, expected_s, rel_tol=0.01)


async def test_a_circuit_is_cut_when_its_bytes_or_its_time_are_used_up(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock
) -> None:
    monkeypatch.setattr(limits, "RELAY_CIRCUIT_BYTES", 10)
    counters = Counters()
    source, near = open_pipe("a", "relay")
    far, target = open_pipe("relay", "b")
    await source.write(b"12345678901")
    await carry((near, BufferedReader(near)), (far, BufferedReader(far)), counters)
    with pytest.raises(StreamFailed):
        await target.read(100)
    source, near = open_pipe("a", "relay")
    far, target = open_pipe("relay", "b")
    before_s = trio.current_time()
    await carry((near, BufferedReader(near)), (far, BufferedReader(far)), counters)
    assert trio.current_time() - before_s == pytest.approx(limits.RELAY_CIRCUIT_S)
    assert counters.snapshot() == {"relay.circuits.cut": 2}


def test_questions_are_counted_for_each_peer_and_come_back_with_time() -> None:
    pace = asks(30)
    assert sum(pace.take("a", 0.0) for _ in range(100)) == 30
    assert pace.take("b", 0.0)
    assert not pace.take("a", 1.0)
    assert pace.take("a", 2.0)


# Addresses


def test_an_address_through_a_relay_reads_back_as_it_was_written() -> None:
    text = f"/ip4/198.51.100.7/tcp/4001/p2p/{IDS[0]}/p2p-circuit/p2p/{IDS[1]}"
    address = parse_address(text)
    assert (str(address), address.peer_id, address.relay_id) == (text, IDS[1], IDS[0])
    assert str(address.relay) == f"/ip4/198.51.100.7/tcp/4001/p2p/{IDS[0]}"
    assert str(Multiaddr(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        f"/ip4/198.51.100.7/tcp/4001/p2p-circuit/p2p/{IDS[1]}",
        f"/ip4/198.51.100.7/tcp/4001/p2p/{IDS[0]}/p2p-circuit/p2p/{IDS[0]}",
        f"/ip4/198.51.100.7/tcp/4001/p2p/{IDS[0]}/p2p-circuit/p2p/nonsense",
        f"/ip4/198.51.100.7/tcp/4001/p2p/nonsense/p2p-circuit/p2p/{IDS[1]}",
        f"/ip4/198.51.100.7/tcp/4001/p2p/{IDS[0]}/p2p-other/p2p/{IDS[1]}",
        f"/ip4/198.51.100.7/udp/4001/p2p/{IDS[0]}/p2p-circuit/p2p/{IDS[1]}",
        f"/p2p/{IDS[0]}/p2p-circuit/p2p/{IDS[1]}",
    ],
)
def test_malformed_addresses_through_relays_are_refused(text: str) -> None:
    with pytest.raises(AddressError):
        parse_address(text)


async def test_a_relay_is_nothing_to_listen_on(libp2p_world: Libp2pWorld) -> None:
    with pytest.RaisesGroup(ListenError, flatten_subgroups=True, allow_unwrapped=True):
        await libp2p_world.open("node", listen=(f"/ip4/127.0.0.1/tcp/0/p2p/{IDS[0]}/p2p-circuit",))


def test_a_relay_speaks_for_the_host_it_is_seen_at_and_no_other() -> None:
    seen = TcpAddress("ip4", "198.51.100.7", 4001)
    told = ["/ip4/198.51.100.7/tcp/4002", "/ip4/203.0.113.9/tcp/443", f"/ip4/198.51.100.7/tcp/1/p2p/{IDS[1]}"]
    reservation = Reservation(addrs=[*(Multiaddr(text).to_bytes() for text in told), b"\xff\xff"])
    found = relay_addresses(reservation, seen, IDS[0])
    assert [address.port for address in found] == [4001, 4002]
    assert {address.host for address in found} == {"198.51.100.7"}
    assert relay_addresses(reservation, None, IDS[0]) == ()


@pytest.mark.parametrize("expire", [0, 1, 1 << 62])
def test_a_relay_with_a_wrong_clock_cannot_make_us_ask_without_end_or_never(expire: int) -> None:
    assert limits.RELAY_RENEW_MIN_S <= time_left_s(expire, 1e9) <= limits.RELAY_RESERVATION_S


async def test_the_socket_under_a_connection_is_found(libp2p_world: Libp2pWorld) -> None:
    relay, hidden = await relay_and_hidden(libp2p_world)
    [connection] = hidden.host.connections(relay.peer_id)
    assert socket_of(connection).share_port() is not None  # type: ignore[attr-defined]  # the library's layers are opaque
