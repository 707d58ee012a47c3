"""Promises of the hash table among real hosts on loopback: peers are found by their id, and liars harm nobody."""

from collections.abc import Awaitable, Callable

import pytest
import trio
from libp2p.kad_dht.pb.kademlia_pb2 import Message
from multiaddr import Multiaddr

from p2p import AddressError, P2PError, base58, limits
from p2p.framing import BufferedReader
from p2p.hardened.streams import Libp2pStream
from p2p.identity import Identity
from p2p.kad import messages, serving
from p2p.kad.service import protocol_name
from p2p.network import Libp2pNetwork
from p2p.upkeep import Upkeep
from tests.unit.p2p.worlds import Libp2pWorld, World, connected, until

TAG = "0123456789abcdef"
PROTOCOL = protocol_name(TAG)
NOBODY = Identity.from_seed(b"n" * 32).peer_id


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Quick rounds, and patience with peers: many hosts share this process."""
    for name, value in {
        "KAD_FIRST_S": 0.5,
        "KAD_SEEK_S": 5.0,
        "KAD_GREET_S": 0.05,
        "KAD_GUEST_S": 2.0,
        "KAD_QUERY_TIMEOUT_S": 10.0,
        "KAD_DIAL_TIMEOUT_S": 10.0,
        "REACH_FIRST_S": 600.0,
        "HEALTH_TIMEOUT_S": 60.0,
        "UPGRADE_TIMEOUT_S": 20.0,
    }.items():
        monkeypatch.setattr(limits, name, value)


async def comes_true(condition: Callable[[], object]) -> None:
    """Wait for long: a dozen hosts in one process are slow on a busy machine."""
    await until(condition, within_s=120.0)


async def open_node(world: Libp2pWorld, name: str, *boot: Libp2pNetwork, target_peers: int = 3) -> Libp2pNetwork:
    addresses = tuple(address for node in boot for address in node.addresses)
    network = await world.open(name, bootstrap=addresses, target_peers=target_peers)
    network.take_part(TAG)
    return network


async def open_pair(world: Libp2pWorld) -> tuple[Libp2pNetwork, Libp2pNetwork]:
    """A victim, and a hostile node it has dialled; neither seeks others by itself."""
    victim, hostile = [await open_node(world, name, target_peers=0) for name in ("victim", "hostile")]
    await victim.dial(hostile.addresses[0])
    await connected(victim, hostile)
    return victim, hostile


def forget(seeker: Libp2pNetwork, target: Libp2pNetwork) -> None:
    """Whatever the seeker knows of the target by itself."""
    seeker.book.forget(target.peer_id)
    seeker.kad.table.remove(target.peer_id)
    seeker.kad.contacts._contacts.pop(target.peer_id, None)


def count(network: Libp2pNetwork, name: str) -> int:
    return network.counters().get(name, 0)


def score(network: Libp2pNetwork, other: Libp2pNetwork) -> float:
    return network.reputation.score(other.peer_id, trio.current_time())


async def found_by_all(nodes: list[Libp2pNetwork]) -> None:
    """Each is found by one of the others, which loses its connection to it and whatever it knew of it."""
    for number, target in enumerate(nodes):
        seeker = nodes[number - 1]
        await seeker.drop(target.peer_id)
        forget(seeker, target)
        assert target.addresses[0] in await seeker.find(target.peer_id, timeout_s=60.0)


async def test_twelve_nodes_that_know_one_are_all_found_by_id_also_once_that_one_is_gone(
    libp2p_world: Libp2pWorld,
) -> None:
    boot = await open_node(libp2p_world, "boot")
    nodes = [await open_node(libp2p_world, str(number), boot) for number in range(12)]
    await comes_true(lambda: all(len(node.kad.table) >= 4 for node in nodes))
    await found_by_all(nodes)
    searches = sum(count(node, "kad.found") for node in nodes)
    assert searches > 0
    await libp2p_world.stop("boot")
    await found_by_all(nodes)
    assert sum(count(node, "kad.found") for node in nodes) > searches
    await comes_true(lambda: all(n.discovery().table_peers >= 4 and not n.discovery().problem for n in nodes))


async def test_who_is_short_of_peers_meets_more_through_the_table_alone(
    libp2p_world: Libp2pWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(_self: Upkeep, _peer_id: str) -> None:
        """No peer exchange."""

    monkeypatch.setattr(Upkeep, "_ask_for_peers", silent)
    boot = await open_node(libp2p_world, "boot", target_peers=0)
    nodes = [await open_node(libp2p_world, str(number), boot, target_peers=4) for number in range(6)]
    await comes_true(lambda: all(len(node.connected) >= 4 for node in nodes))


async def test_connections_of_a_search_are_closed_after_it_unless_somebody_uses_them(libp2p_world: Libp2pWorld) -> None:
    boot = await open_node(libp2p_world, "boot", target_peers=0)
    target = await open_node(libp2p_world, "target", target_peers=0)
    await boot.dial(target.addresses[0])
    await comes_true(lambda: target.peer_id in boot.kad.table)
    seeker = await open_node(libp2p_world, "seeker", boot, target_peers=1)
    await comes_true(lambda: boot.peer_id in seeker.kad.table)
    assert target.addresses[0] in await seeker.find(target.peer_id, timeout_s=60.0)
    await comes_true(lambda: count(seeker, "kad.guests_left") and target.peer_id not in seeker.connected)
    [address, *_] = await seeker.find(target.peer_id, timeout_s=60.0)
    await seeker.dial(address)
    await comes_true(lambda: not seeker.kad._asker.guests)
    assert target.peer_id in seeker.connected


async def test_who_cannot_be_dialled_back_enters_no_table_and_is_still_told_to_who_looks_for_it(
    libp2p_world: Libp2pWorld,
) -> None:
    boot = await open_node(libp2p_world, "boot", target_peers=0)
    hidden = await open_node(libp2p_world, "hidden", target_peers=0)
    await hidden.listeners[0].close()
    await hidden.dial(boot.addresses[0])
    seeker = await open_node(libp2p_world, "seeker", boot, target_peers=1)
    await comes_true(lambda: boot.kad.contacts.addresses(hidden.peer_id, trio.current_time()))
    await comes_true(lambda: seeker.peer_id in boot.kad.table)
    assert hidden.addresses[0] in await seeker.find(hidden.peer_id, timeout_s=60.0)
    assert hidden.peer_id not in boot.kad.table


async def test_who_says_that_it_is_behind_a_relay_leaves_the_table_and_its_way_is_told(
    libp2p_world: Libp2pWorld,
) -> None:
    boot, relayed, seeker = [
        await open_node(libp2p_world, name, target_peers=0) for name in ("boot", "relayed", "seek")
    ]
    await boot.dial(relayed.addresses[0])
    await comes_true(lambda: relayed.peer_id in boot.kad.table)
    way = boot.listen_addresses()[0].through(boot.peer_id).with_peer(relayed.peer_id)
    boot.kad.met(relayed.peer_id, [way])
    assert relayed.peer_id not in boot.kad.table
    await seeker.dial(boot.addresses[0])
    answer = await ask_raw(seeker, boot, messages.find_node(base58.decode(relayed.peer_id)))
    assert messages.read_answer(answer or b"", messages.FIND_NODE, 0)[relayed.peer_id] == (way,)


async def test_a_dead_bootstrap_neither_delays_the_start_nor_breaks_a_search(libp2p_world: Libp2pWorld) -> None:
    with trio.fail_after(5.0):
        node = await libp2p_world.open("node", bootstrap=(f"/ip4/127.0.0.1/tcp/1/p2p/{NOBODY}",))
        node.take_part(TAG)
        assert await node.find(Identity.from_seed(b"x" * 32).peer_id) == ()
    assert node.discovery().table_peers == 0
    assert "no peer" in node.discovery().problem


async def test_networks_of_different_names_stay_apart(libp2p_world: Libp2pWorld) -> None:
    ours = await libp2p_world.open("ours", target_peers=0)
    theirs = await libp2p_world.open("theirs", target_peers=0)
    ours.take_part(TAG)
    theirs.take_part("fedcba9876543210")
    await ours.dial(theirs.addresses[0])
    await comes_true(lambda: count(ours, "kad.not_entered") and count(theirs, "kad.not_entered"))
    assert len(ours.kad.table) == len(theirs.kad.table) == 0


# Hostile answers


def framed(message: Message, *, raw: bytes | None = None) -> bytes:
    body = message.SerializeToString() if raw is None else raw
    size = len(body)
    length = bytearray()
    while size >= 0x80:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([*length, size]) + body


def named(*peers: tuple[str, str]) -> bytes:
    message = Message(type=messages.FIND_NODE)
    for peer_id, address in peers:
        message.closerPeers.add(id=base58.decode(peer_id), addrs=[Multiaddr(address).to_bytes()])
    return framed(message)


def answer_with(network: Libp2pNetwork, make: Callable[[], bytes | None]) -> None:
    """Let a node answer every question with these bytes, or never when there are none."""

    async def handler(stream: Libp2pStream, reader: BufferedReader) -> None:
        await reader.varint_frame(limits.KAD_QUERY_MAX_BYTES)
        raw = make()
        if raw is None:
            await trio.sleep(3600.0)
        await stream.write(raw or b"")
        await stream.aclose()

    network.handle_raw(PROTOCOL, handler)


@pytest.mark.parametrize(
    "raw",
    [
        framed(Message(), raw=b"\xff" * 40),
        b"\xff\xff\xff\x7f" + b"x" * 1000,
        b"\xff" * 10,
        framed(Message(type=messages.PING)),
        named(*[(NOBODY, "/ip4/127.0.0.1/tcp/1")] * 65),
    ],
    ids=["not_protobuf", "claims_256_MB", "endless_length", "another_kind", "too_many_peers"],
)
async def test_a_malformed_answer_costs_its_sender_and_the_search_goes_on(
    libp2p_world: Libp2pWorld, raw: bytes
) -> None:
    victim, hostile = await open_pair(libp2p_world)
    honest = await open_node(libp2p_world, "honest", target_peers=0)
    target = await open_node(libp2p_world, "target", target_peers=0)
    await victim.dial(honest.addresses[0])
    await honest.dial(target.addresses[0])
    await comes_true(lambda: target.peer_id in honest.kad.table)
    answer_with(hostile, lambda: raw)
    assert target.addresses[0] in await victim.find(target.peer_id, timeout_s=60.0)
    await victim.find(NOBODY, timeout_s=5.0)
    assert victim.is_banned(hostile.peer_id) or score(victim, hostile) <= -limits.MALFORMED_POINTS * 0.9
    assert hostile.peer_id not in victim.kad.table
    assert count(victim, "kad.malformed") >= 1


async def test_who_names_peers_that_do_not_exist_loses_points_and_leaves_no_trace_in_the_table(
    libp2p_world: Libp2pWorld,
) -> None:
    victim, hostile = await open_pair(libp2p_world)
    honest = await open_node(libp2p_world, "honest", target_peers=0)
    await victim.dial(honest.addresses[0])
    await comes_true(lambda: honest.peer_id in victim.kad.table)
    invented = [Identity.from_seed(bytes([number]) * 32).peer_id for number in range(60)]
    answer_with(hostile, lambda: named(*[(peer, "/ip4/127.0.0.1/tcp/1") for peer in invented]))
    assert await victim.find(NOBODY, timeout_s=60.0) == ()
    assert count(victim, "kad.false_answers") >= 1
    assert score(victim, hostile) < 0.0 <= score(victim, honest)
    assert not any(peer in victim.kad.table for peer in invented)


async def test_a_false_address_of_a_peer_is_outvoted_by_dialling(libp2p_world: Libp2pWorld) -> None:
    victim, hostile = await open_pair(libp2p_world)
    honest = await open_node(libp2p_world, "honest", target_peers=0)
    target = await open_node(libp2p_world, "target", target_peers=0)
    await victim.dial(honest.addresses[0])
    await honest.dial(target.addresses[0])
    await comes_true(lambda: target.peer_id in honest.kad.table)
    port = honest.listeners[0].bound.port  # where somebody else answers
    answer_with(hostile, lambda: named((target.peer_id, f"/ip4/127.0.0.1/tcp/{port}")))
    found = await victim.find(target.peer_id, timeout_s=60.0)
    assert found[0] == target.addresses[0]


async def test_a_flood_of_real_nodes_on_one_host_cannot_fill_the_table(
    libp2p_world: Libp2pWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "KAD_HOST_PER_TABLE", 3)
    victim = await open_node(libp2p_world, "victim", target_peers=0)
    crowd = []
    for number in range(7):
        node = await libp2p_world.open(f"sybil{number}", listen=("/ip4/127.0.0.2/tcp/0",), target_peers=0)
        node.take_part(TAG)
        await victim.dial(node.addresses[0])
        crowd.append(node)
    await comes_true(lambda: len(victim.kad.table) == 3)
    honest = await open_node(libp2p_world, "honest", target_peers=0)
    await victim.dial(honest.addresses[0])
    await comes_true(lambda: honest.peer_id in victim.kad.table)
    await victim.find(NOBODY, timeout_s=60.0)
    assert sum(node.peer_id in victim.kad.table for node in crowd) == 3


async def test_a_search_ends_at_its_deadline_when_everybody_is_frozen(
    libp2p_world: Libp2pWorld,
) -> None:
    victim, hostile = await open_pair(libp2p_world)
    others = [await open_node(libp2p_world, str(number), target_peers=0) for number in range(2)]
    for other in others:
        await victim.dial(other.addresses[0])
    await comes_true(lambda: len(victim.kad.table) == 3)
    for frozen in (hostile, *others):
        answer_with(frozen, lambda: None)
    started_s = trio.current_time()
    assert await victim.find(NOBODY, timeout_s=1.0) == ()
    assert 0.9 <= trio.current_time() - started_s <= 8.0


# Hostile questions


async def ask_raw(asker: Libp2pNetwork, other: Libp2pNetwork, raw: bytes) -> bytes | None:
    stream, reader, _ = await asker.host.open(other.peer_id, (PROTOCOL,))
    try:
        await stream.write(raw)
        await stream.close_write()
        return await reader.varint_frame(limits.KAD_ANSWER_MAX_BYTES)
    finally:
        await stream.reset()


async def until_refused(action: Callable[[], Awaitable[object]]) -> None:
    async def for_ever() -> None:
        while True:
            await action()

    with trio.fail_after(20.0), pytest.raises(P2PError):
        await for_ever()


@pytest.mark.parametrize(
    "raw", [b"\x05\xff\xff\xff\xff\xff", b"\xff\xff\xff\x7f", framed(Message(type=messages.FIND_NODE))]
)
async def test_who_asks_malformed_questions_is_banned_and_others_are_answered(
    libp2p_world: Libp2pWorld, raw: bytes
) -> None:
    victim, hostile = await open_pair(libp2p_world)
    honest = await open_node(libp2p_world, "honest", target_peers=0)
    await honest.dial(victim.addresses[0])
    await connected(victim, honest)
    for _ in range(3):
        await until_refused(lambda: ask_raw(hostile, victim, raw))
    await comes_true(lambda: victim.is_banned(hostile.peer_id))
    assert count(victim, "kad.malformed") == 3
    assert await ask_raw(honest, victim, messages.find_node(base58.decode(NOBODY))) is not None


async def test_a_flood_of_questions_is_refused_and_another_peer_is_still_answered(libp2p_world: Libp2pWorld) -> None:
    victim, hostile = await open_pair(libp2p_world)
    honest = await open_node(libp2p_world, "honest", target_peers=0)
    await honest.dial(victim.addresses[0])
    await connected(victim, honest)
    question = messages.find_node(base58.decode(NOBODY))
    await until_refused(lambda: ask_raw(hostile, victim, question))
    assert count(victim, "kad.refused") >= 1
    assert await ask_raw(honest, victim, question) is not None


async def test_values_and_providers_are_not_stored_here(libp2p_world: Libp2pWorld) -> None:
    victim, hostile = await open_pair(libp2p_world)
    for kind in (Message.MessageType.PUT_VALUE, Message.MessageType.ADD_PROVIDER):
        with pytest.raises(P2PError):
            await ask_raw(hostile, victim, framed(Message(type=kind, key=b"k" * 32)))
    assert not victim.is_banned(hostile.peer_id)  # other implementations may ask that honestly


async def test_an_asker_from_the_internet_is_told_no_address_of_this_network(
    libp2p_world: Libp2pWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await open_pair(libp2p_world)
    third = await open_node(libp2p_world, "third", target_peers=0)
    await first.dial(third.addresses[0])
    await comes_true(lambda: third.peer_id in first.kad.table)
    question = messages.find_node(base58.decode(third.peer_id))
    here = messages.read_answer(await ask_raw(second, first, question) or b"", messages.FIND_NODE, 0)
    assert str(here[third.peer_id][0]) == third.addresses[0]
    monkeypatch.setattr(serving, "scope_of", lambda _network, _peer_id: 2)
    assert messages.read_answer(await ask_raw(second, first, question) or b"", messages.FIND_NODE, 0) == {}


# Both implementations of the network


async def test_a_peer_is_found_by_its_id_and_a_stranger_is_not(world: World) -> None:
    first = await world.start("first")
    second = await world.start("second", first)
    for node in (first, second):
        node.take_part(TAG)
    await connected(first, second)
    assert second.addresses[0] in await first.find(second.peer_id)
    assert await first.find(NOBODY, timeout_s=5.0) == ()
    with pytest.raises(AddressError):
        await first.find("nonsense")
    assert first.discovery().table_peers >= 0
