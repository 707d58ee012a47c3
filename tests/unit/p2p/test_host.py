"""Promises of the libp2p host alone: its keys, ports, memory of peers, redialling, start and end."""

import json
import socket
from pathlib import Path
from typing import cast

import pytest
import trio

from p2p import (
    AddressError,
    HostConfig,
    HostFailedError,
    IdentityError,
    ListenError,
    P2PError,
    StreamFailed,
    UnreachableError,
    limits,
    load_or_create_identity,
    open_host,
    wellknown,
)
from p2p.addresses import TcpAddress
from p2p.hardened.host import is_sound
from p2p.network import Libp2pNetwork
from tests.unit.p2p.test_network import TOPIC, receive
from tests.unit.p2p.worlds import Libp2pWorld, accept, connected, until


async def test_the_peer_id_is_known_without_a_host_and_stays_the_same(
    libp2p_world: Libp2pWorld, tmp_path: Path
) -> None:
    identity = load_or_create_identity(tmp_path / "node" / "peer.key")
    first = await libp2p_world.open("node")
    assert first.peer_id == identity.peer_id == str(first.host.id)
    assert first.addresses[0].endswith(f"/p2p/{identity.peer_id}")


async def test_a_taken_port_is_refused_with_the_address_and_advice(libp2p_world: Libp2pWorld, tmp_path: Path) -> None:
    first = await libp2p_world.open("first")
    taken = f"/ip4/127.0.0.1/tcp/{first.listeners[0].bound.port}"
    with pytest.raises(ListenError, match=rf"{taken}.*choose another port"):
        async with open_host(HostConfig(tmp_path / "second.key", listen=(taken,))):
            pass


async def test_a_foreign_listen_address_and_a_nameless_bootstrap_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ListenError, match=r"192\.0\.2\.7"):
        async with open_host(HostConfig(tmp_path / "key", listen=("/ip4/192.0.2.7/tcp/0",))):
            pass
    with pytest.raises(AddressError, match="/p2p/"):
        async with open_host(HostConfig(tmp_path / "key", bootstrap=("/ip4/127.0.0.1/tcp/1",))):
            pass


async def test_a_port_is_free_again_when_its_host_could_not_start(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    good, bad = f"/ip4/127.0.0.1/tcp/{port}", "/ip4/192.0.2.7/tcp/0"
    with pytest.raises(ListenError):
        async with open_host(HostConfig(tmp_path / "key", listen=(good, bad))):
            pass
    async with open_host(HostConfig(tmp_path / "key", listen=(good,))) as network:
        assert network.addresses[0].startswith(good)


async def test_listening_everywhere_shows_concrete_addresses(tmp_path: Path) -> None:
    async with open_host(HostConfig(tmp_path / "key", listen=("/ip4/0.0.0.0/tcp/0",))) as network:
        assert any(address.startswith("/ip4/127.0.0.1/tcp/") for address in network.addresses)
        assert not any("0.0.0.0" in address or "/tcp/0/" in address for address in network.addresses)


async def test_a_damaged_identity_stops_the_host_before_it_listens(tmp_path: Path) -> None:
    path = tmp_path / "key"
    load_or_create_identity(path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(IdentityError):
        async with open_host(HostConfig(path)):
            pass


async def test_a_late_node_finds_everybody_through_one_bootstrap(libp2p_world: Libp2pWorld) -> None:
    first = await libp2p_world.open("first")
    others = [await libp2p_world.open(str(number), bootstrap=first.addresses) for number in range(3)]
    await connected(first, *others)
    late = await libp2p_world.open("late", bootstrap=first.addresses)
    inbox = late.subscribe(TOPIC, accept)
    await connected(first, *others, late)
    await others[0].publish(TOPIC, b"for the late one")
    assert (await receive(inbox)).data == b"for the late one"


async def test_a_message_published_just_before_a_neighbour_came_still_reaches_it(libp2p_world: Libp2pWorld) -> None:
    first = await libp2p_world.open("first")
    await first.publish(TOPIC, b"just now")
    second = await libp2p_world.open("second")
    inbox = second.subscribe(TOPIC, accept)
    await second.dial(first.addresses[0])
    assert (await receive(inbox)).data == b"just now"


async def test_a_peer_that_restarts_with_its_key_and_port_is_redialled(
    libp2p_world: Libp2pWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "REDIAL_FIRST_S", 0.05)
    first = await libp2p_world.open("first")
    second = await libp2p_world.open("second", bootstrap=first.addresses)
    inbox = second.subscribe(TOPIC, accept)
    await connected(first, second)
    listen = (str(first.listeners[0].bound),)
    await libp2p_world.stop("first")
    await until(lambda: not second.peers())
    again = await libp2p_world.open("first", listen=listen)
    await connected(again, second)
    assert again.peer_id == first.peer_id
    await again.publish(TOPIC, b"back")
    assert (await receive(inbox)).data == b"back"


async def test_peers_and_bans_are_remembered_over_a_restart(libp2p_world: Libp2pWorld, tmp_path: Path) -> None:
    path = tmp_path / "peers.json"
    friend, enemy = await libp2p_world.open("friend"), await libp2p_world.open("enemy")
    node = await libp2p_world.open("node", peers_path=path)
    await node.dial(friend.addresses[0])
    await node.dial(enemy.addresses[0])
    node.report(enemy.peer_id, 200.0, "test")
    await libp2p_world.stop("node")
    stored = json.loads(path.read_text())
    assert friend.addresses[0] in stored["peers"]
    assert [(ban["peer_id"], ban["reason"]) for ban in stored["bans"]] == [(enemy.peer_id, "test")]
    assert path.stat().st_mode & 0o077 == 0
    node = await libp2p_world.open("node", peers_path=path)
    await connected(node, friend)
    with pytest.raises(P2PError, match="banned"):
        await node.dial(enemy.addresses[0])


async def test_a_ban_by_hand_keeps_its_length_and_reason_over_a_restart(
    libp2p_world: Libp2pWorld, tmp_path: Path
) -> None:
    path = tmp_path / "peers.json"
    enemy = await libp2p_world.open("enemy")
    node = await libp2p_world.open("node", peers_path=path)
    await node.ban(enemy.peer_id, "known liar", duration_s=30 * 86_400.0)
    await libp2p_world.stop("node")
    node = await libp2p_world.open("node", peers_path=path)
    [ban] = node.bans()
    assert (ban.peer_id, ban.reason) == (enemy.peer_id, "known liar")
    assert 29 * 86_400.0 < ban.remaining_s <= 30 * 86_400.0
    assert node.unban(enemy.peer_id)
    await libp2p_world.stop("node")
    node = await libp2p_world.open("node", peers_path=path)
    assert node.bans() == ()


async def test_bans_of_a_file_without_reasons_are_still_read(libp2p_world: Libp2pWorld, tmp_path: Path) -> None:
    path = tmp_path / "peers.json"
    ban = {"peer_id": "12D3KooWGRUErhVLRfBpQ6kgFyMtFMBCgFvkLRNqfFZPn8NgZPCc", "until_s": 4e9}
    path.write_text(json.dumps({"version": 1, "peers": [], "bans": [ban]}))
    node = await libp2p_world.open("node", peers_path=path)
    assert [(each.peer_id, each.reason) for each in node.bans()] == [(ban["peer_id"], "")]


async def test_damaged_remembered_peers_do_not_stop_a_node(libp2p_world: Libp2pWorld, tmp_path: Path) -> None:
    path = tmp_path / "peers.json"
    path.write_text('{"version": 1, "peers": [')
    node = await libp2p_world.open("node", peers_path=path)
    assert node.counters()["peers_file.damaged"] == 1


@pytest.mark.parametrize("lost", [0, 1])
async def test_gossip_survives_the_loss_of_one_of_two_connections(
    libp2p_world: Libp2pWorld, monkeypatch: pytest.MonkeyPatch, lost: int
) -> None:
    """Two peers that dial each other at once have two connections, and their gossip streams may be on either."""
    first = await libp2p_world.open("first", target_peers=0)
    second = await libp2p_world.open("second", target_peers=0)
    inboxes = [node.subscribe(TOPIC, accept) for node in (first, second)]
    await second.dial(first.addresses[0])
    await second.host.swarm.dial(first.listeners[0].bound, first.host.id)
    await until(lambda: len(first.host.connections(second.peer_id)) == 2)
    older, newer = second.host.connections(first.peer_id)
    monkeypatch.setattr(second.host, "connections", lambda _peer_id: [c for c in (newer, older) if is_sound(c)])
    second.host.pubsub._handle_dead_peer(first.host.id)  # reopens on the newer connection; the first stays on the older
    await until(lambda: second.host.pubsub.peers.get(first.host.id) in newer.get_streams())
    await (older, newer)[lost].close()
    for publisher, inbox in ((first, inboxes[1]), (second, inboxes[0])):
        await publisher.publish(TOPIC, b"right after from " + publisher.peer_id.encode())
        assert (await receive(inbox)).data.startswith(b"right after")


# Start and end


async def test_an_error_of_the_block_comes_out_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        async with open_host(HostConfig(tmp_path / "key")):
            raise ZeroDivisionError


async def test_a_cancelled_block_frees_the_port_quickly_with_peers_and_streams_open(
    libp2p_world: Libp2pWorld, tmp_path: Path
) -> None:
    other = await libp2p_world.open("other")

    async def hold(_stream: object) -> None:
        await trio.sleep_forever()

    port = 0
    with trio.CancelScope() as scope:
        async with open_host(HostConfig(tmp_path / "key")) as network:
            network.serve("/test/hold/1", hold)
            await network.dial(other.addresses[0])
            stream = await other.open(network.peer_id, "/test/hold/1")
            port = cast(Libp2pNetwork, network).listeners[0].bound.port
            scope.cancel()
            started_s = trio.current_time()
            await trio.sleep_forever()
    assert trio.current_time() - started_s < limits.STOP_S + 0.2
    with trio.fail_after(2.0), pytest.raises(StreamFailed):
        await stream.receive(1)
    async with open_host(HostConfig(tmp_path / "key", listen=(f"/ip4/127.0.0.1/tcp/{port}",))):
        pass


async def test_no_task_is_left_behind(tmp_path: Path) -> None:
    async def tasks() -> int:
        return trio.lowlevel.current_statistics().tasks_living

    before = await tasks()
    async with open_host(HostConfig(tmp_path / "a")) as first:
        async with open_host(HostConfig(tmp_path / "b", bootstrap=first.addresses)) as second:
            await until(lambda: second.peers() and first.peers())
        assert await tasks() > before
    assert await tasks() == before


async def test_a_service_of_the_host_that_dies_surfaces_as_one_error(tmp_path: Path) -> None:
    with pytest.raises(HostFailedError, match="open it again"):
        await _run_until_the_swarm_dies(tmp_path / "key")


async def _run_until_the_swarm_dies(key: Path) -> None:
    async with open_host(HostConfig(key)) as network:
        cast(Libp2pNetwork, network).host.swarm.manager._task_nursery.start_soon(_die)
        await trio.sleep_forever()


async def _die() -> None:
    raise RuntimeError("the library fell over")


async def test_whoever_answers_instead_is_named(libp2p_world: Libp2pWorld, tmp_path: Path) -> None:
    ours, theirs = await libp2p_world.open("ours"), await libp2p_world.open("theirs")
    wanted = load_or_create_identity(tmp_path / "wanted.key").peer_id
    with pytest.raises(UnreachableError, match=rf"somebody else answers there, {theirs.peer_id}$"):
        await ours.dial(theirs.addresses[0].replace(theirs.peer_id, wanted))


async def test_a_peer_cannot_have_us_resolve_names(libp2p_world: Libp2pWorld) -> None:
    server, teller = [await libp2p_world.open(name, target_peers=0) for name in ("server", "teller")]
    await teller.dial(server.addresses[0])
    stream = await teller.open(server.peer_id, wellknown.EXCHANGE)
    told = [TcpAddress("dns4", "localhost", 22, teller.peer_id), TcpAddress("ip4", "127.0.0.9", 23, teller.peer_id)]
    await wellknown.ask_for_peers(stream, told, 0)
    assert {each.host for each in server.book.addresses(teller.peer_id)} >= {"127.0.0.9"}
    assert not [each for each in server.book.addresses(teller.peer_id) if each.kind == "dns4"]


async def test_every_byte_that_comes_and_goes_is_counted(libp2p_world: Libp2pWorld) -> None:
    first, second = await libp2p_world.open("first"), await libp2p_world.open("second")
    await second.dial(first.addresses[0])
    await connected(first, second)
    inbox = second.subscribe(TOPIC, accept)
    first.subscribe(TOPIC, accept)
    data = bytes(range(256)) * 400
    await until(lambda: second.counters()["bytes.in"] > 0)
    before = second.counters()["bytes.in"]
    await first.publish(TOPIC, data)
    assert (await receive(inbox)).data == data
    assert len(data) <= second.counters()["bytes.in"] - before <= 2 * len(data)
    await until(lambda: first.counters()["bytes.out"] >= second.counters()["bytes.in"])
